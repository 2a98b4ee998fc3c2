"""What is wrong with the account, its destination, and the list of subscriptions."""

import pytest
from small_workspaces import SUBSCRIPTIONS, make_subscription, make_workspace, run_rule

from segment_insider_emulator.analysis.lint import LintRule, destination_rules
from segment_insider_emulator.types import JSONObject

CONSENT = {"consentSettings": {"allCategories": ["Advertising", "Analytics"]}}


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            destination_rules.find_inactive_destination,
            make_workspace(destination={"enabled": False}),
            [
                (
                    "warning",
                    "destination.enabled",
                    "the destination is disabled, so nothing is sent",
                    "Write true.",
                ),
                (
                    "warning",
                    SUBSCRIPTIONS,
                    "no subscription is enabled, so nothing is sent",
                    "Enable one, or start from the preset guide.",
                ),
            ],
            id="nothing enabled",
        ),
        pytest.param(
            destination_rules.find_unmapped_consent_categories,
            make_workspace() | CONSENT,
            [
                (
                    "warning",
                    "destination.consentSettings",
                    "the destination belongs to no consent category, so it receives every event, "
                    "whatever people refuse",
                    "Name those that it needs as {categories: […]}. Known: Advertising, Analytics.",
                )
            ],
            id="no consent category",
        ),
        pytest.param(
            destination_rules.find_unknown_consent_categories,
            make_workspace(destination={"consentSettings": {"categories": ["Advertsing", "1st"]}})
            | CONSENT,
            [
                (
                    "warning",
                    "destination.consentSettings.categories[0]",
                    "consentSettings.allCategories has no category 'Advertsing'",
                    "Did you mean 'Advertising'?",
                ),
                (
                    "warning",
                    "destination.consentSettings.categories[1]",
                    "consentSettings.allCategories has no category '1st'",
                    "Known: Advertising, Analytics.",
                ),
                (
                    "error",
                    "destination.consentSettings.categories[1]",
                    "Segment takes no category '1st', as its id begins with a digit",
                    "Write the id that Segment shows.",
                ),
            ],
            id="unknown consent categories",
        ),
        pytest.param(
            destination_rules.find_too_many_subscriptions,
            make_workspace(*[make_subscription()] * 51),
            [("error", SUBSCRIPTIONS, "51 subscriptions; Segment allows 50", "Join some of them.")],
            id="51 subscriptions",
        ),
        pytest.param(
            destination_rules.find_wrong_credentials,
            make_workspace(insider={"account": {"name": "mybrand", "key": "other"}}),
            [
                (
                    "error",
                    "destination.settings.ucd_key",
                    "ucd_key is not that of insider.account, so every request is refused",
                    "Write the same in both places.",
                )
            ],
            id="wrong key",
        ),
        pytest.param(
            destination_rules.find_wrong_credentials,
            make_workspace(destination={"settings": {"account_name": "a", "ucd_key": "k\n"}}),
            [
                (
                    "error",
                    "destination.settings.ucd_key",
                    "ucd_key has a character that no header may have, so nothing is sent",
                    "Copy it again, without line breaks.",
                )
            ],
            id="line break in the key",
        ),
        pytest.param(
            destination_rules.find_unknown_settings,
            make_workspace(
                destination={"settings": {"account_name": "a", "ucd_key": "k", "ucdKey": "k"}}
            ),
            [
                (
                    "warning",
                    "destination.settings.ucdKey",
                    "the destination has no setting 'ucdKey', so it does nothing",
                    "Did you mean 'ucd_key'?",
                )
            ],
            id="unknown setting",
        ),
        pytest.param(
            destination_rules.find_duplicate_subscription_names,
            make_workspace(
                make_subscription(), make_subscription(name="T"), make_subscription(enabled=False)
            ),
            [
                (
                    "warning",
                    f"{SUBSCRIPTIONS}[2].name",
                    "subscriptions[0] also has the name 'S'",
                    "Give each subscription its own name.",
                )
            ],
            id="two subscriptions of one name",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
