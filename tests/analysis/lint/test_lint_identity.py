"""What is wrong with identifiers, names and opt-ins."""

import pytest
from small_workspaces import (
    FIRST,
    SUBSCRIPTIONS,
    make_condition,
    make_mapped_workspace,
    make_path,
    make_subscription,
    make_workspace,
    run_rule,
)

from segment_insider_emulator.analysis.lint import LintRule, payload_rules
from segment_insider_emulator.types import JSONObject


def map_names_from(trait: str) -> JSONObject:
    """Return a mapping that reads the first name only from *trait*, and the last name from both."""
    either = make_condition(
        "traits.lastName",
        then=make_path("traits.lastName"),
        **{"else": make_path("traits.last_name")},
    )
    settings = {"firstName": make_path(trait), "lastName": either}
    return make_workspace(make_subscription("updateUserProfile", settings=settings))


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            payload_rules.find_subscriptions_without_identifier,
            make_workspace(
                make_subscription(
                    settings={"attributes": {"email": make_path("context.traits.email")}}
                ),
                make_subscription(settings={"segment_anonymous_id": make_path("anonymousId")}),
                make_subscription(
                    settings={"custom_identifiers": {"card": make_path("context.card")}}
                ),
                insider={"identifiers": ["card"]},
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "'S' sends no identifier; Insider One cannot identify its users",
                    "Map uuid, segment_anonymous_id or custom_identifiers.",
                ),
                (
                    "error",
                    f"{SUBSCRIPTIONS}[1].settings",
                    "'S' sends segment_anonymous_id, none of which the account lists",
                    "List one of them under insider.identifiers.",
                ),
            ],
            id="no identifier",
        ),
        pytest.param(
            payload_rules.find_unconfigured_identifiers,
            make_workspace(
                make_subscription(), insider={"identifiers": ["uuid", "segment_anonymous_Id"]}
            ),
            [
                (
                    "warning",
                    "insider.identifiers",
                    "segment_anonymous_id is sent as an identifier but not listed; it "
                    "identifies no profile",
                    "Write segment_anonymous_id for segment_anonymous_Id.",
                ),
                *(
                    (
                        "warning",
                        "insider.identifiers",
                        f"{name} is sent as an identifier but not listed; it identifies no profile",
                        f"Add {name}, if the account has it.",
                    )
                    for name in ("email", "phone_number")
                ),
            ],
            id="unlisted identifiers",
        ),
        pytest.param(
            payload_rules.find_unsent_identifiers,
            make_mapped_workspace() | {"insider": {"identifiers": ["uuid", "uid"]}},
            [
                (
                    "note",
                    "insider.identifiers[1]",
                    "no subscription sends the identifier 'uid'",
                    "Did you mean 'uuid'?",
                )
            ],
            id="identifier that nothing sends",
        ),
        pytest.param(
            payload_rules.find_unread_name_traits,
            map_names_from("traits.first_name"),
            [
                (
                    "warning",
                    f"{FIRST}.settings.firstName",
                    "the trait firstName is not read; its value is lost",
                    "Read $.traits.firstName, else $.traits.first_name, with @if.",
                )
            ],
            id="one spelling of a name",
        ),
        pytest.param(
            payload_rules.find_unread_name_traits,
            map_names_from("traits.name"),
            [
                (
                    "warning",
                    f"{FIRST}.settings.firstName",
                    "the traits firstName and first_name are not read; their values are lost",
                    "Read $.traits.firstName, else $.traits.first_name, with @if.",
                )
            ],
            id="neither spelling of a name",
        ),
        pytest.param(
            payload_rules.find_unmapped_opt_ins,
            make_workspace(
                make_subscription(
                    "updateUserProfile",
                    settings={"emailOptin": True, "gdprOptin": True, "smsOptin": True},
                )
            ),
            [
                (
                    "warning",
                    f"{FIRST}.settings",
                    "nothing is mapped to whatsappOptin, so people cannot be reached",
                    'Map them, such as whatsappOptin: {"@path": "$.traits.whatsapp_optin"}.',
                )
            ],
            id="opt-ins without a mapping",
        ),
        pytest.param(
            payload_rules.find_default_attributes_sent_as_custom,
            make_mapped_workspace(attributes={"email_optin": True, "phone_number": "+1"}),
            [
                (
                    "warning",
                    f"{FIRST}.settings.attributes.email_optin",
                    "on an event action, 'email_optin' becomes a custom attribute",
                    "Map it on updateUserProfile.",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.attributes.phone_number",
                    "on an event action, 'phone_number' becomes a custom attribute",
                    "Map it on updateUserProfile, or write phone.",
                ),
            ],
            id="opt-in on an event",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
