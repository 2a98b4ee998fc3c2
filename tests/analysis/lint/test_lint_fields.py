"""What is wrong with the fields of an action."""

import pytest
from small_workspaces import (
    FIRST,
    make_condition,
    make_mapped_workspace,
    make_path,
    make_subscription,
    make_triggered_workspace,
    make_workspace,
    run_rule,
)

from segment_insider_emulator.analysis.lint import LintRule, mapping_rules
from segment_insider_emulator.types import JSONObject


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            mapping_rules.find_invalid_directives,
            make_mapped_workspace(parameters={"tax": {"@paht": "$.properties.tax"}}),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax.@paht",
                    "unknown directive '@paht'",
                    "Did you mean '@path'?",
                )
            ],
            id="unknown directive",
        ),
        pytest.param(
            mapping_rules.find_invalid_directives,
            make_mapped_workspace(uuid={"@path": 5}),
            [
                (
                    "error",
                    f"{FIRST}.settings.uuid.@path",
                    "/uuid/@path should be a string or a mapping directive but it is a number",
                    "Correct the mapping; until then every event fails.",
                )
            ],
            id="directive used wrongly",
        ),
        pytest.param(
            mapping_rules.find_unknown_fields,
            make_mapped_workspace(
                "userRegisteredEvent", parameters={}, atributes={}, enable_batching=True
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.event_name",
                    "userRegisteredEvent has no field 'event_name', so it is dropped",
                    "Known: email_as_identifier, phone_number_as_identifier, append_arrays, uuid, "
                    "segment_anonymous_id, custom_identifiers, timestamp, attributes.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.parameters",
                    "userRegisteredEvent has no field 'parameters', so it is dropped",
                    "Known: email_as_identifier, phone_number_as_identifier, append_arrays, uuid, "
                    "segment_anonymous_id, custom_identifiers, timestamp, attributes.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.atributes",
                    "userRegisteredEvent has no field 'atributes', so it is dropped",
                    "Did you mean 'attributes'?",
                ),
            ],
            id="fields the action does not have",
        ),
        pytest.param(
            mapping_rules.find_unmapped_required_fields,
            make_workspace(make_subscription(settings={"timestamp": make_path("timestamp")})),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "event_name is required and not mapped, so every event fails",
                    "Map it, or leave settings out to get the action's own mapping.",
                )
            ],
            id="required field",
        ),
        pytest.param(
            mapping_rules.find_paths_without_value,
            make_mapped_workspace(
                parameters={
                    "tax": make_path("propertes.tax"),
                    "plan": make_path("traits.plan"),
                    "tier": make_condition(
                        "traits.tier", then=make_path("traits.tier"), **{"else": "none"}
                    ),
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax",
                    "no event has 'propertes'",
                    "Did you mean 'properties'?",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.parameters.plan",
                    "only identify, group calls have traits, but the trigger accepts track",
                    "Read $.context.traits.",
                ),
            ],
            id="paths that no event has",
        ),
        pytest.param(
            mapping_rules.find_calls_without_event_name,
            make_triggered_workspace('type = "page"'),
            [
                (
                    "error",
                    f"{FIRST}.settings.event_name",
                    "page calls have no event name, so each of them fails",
                    "Map event_name to a text, such as other_page_view.",
                )
            ],
            id="page calls without a name",
        ),
        pytest.param(
            mapping_rules.find_batched_subscriptions,
            make_mapped_workspace(enable_batching=True),
            [
                (
                    "note",
                    f"{FIRST}.settings.enable_batching",
                    "a batch keeps empty texts, and one event's directive error fails all of it",
                    "Try both, single and batched, or leave batching off.",
                )
            ],
            id="batching",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
