"""What is wrong with transformations: statements, conflicts, order, and what mappings miss."""

from typing import Any

import pytest
from small_workspaces import make_subscription, make_workspace, run_rule

from segment_insider_emulator.analysis.lint import LintRule, transformation_rules
from segment_insider_emulator.filtering.transformations import EFFECT_KEYS
from segment_insider_emulator.types import JSONObject

WHERE = "transformations[0]"
ORDER = "event = 'order'"
KEEP_ONE = "Keep one of them."


def transform(*documents: JSONObject, **more: Any) -> JSONObject:
    """Make a workspace with transformations, by default named and of the event `order`."""
    named = [{"name": f"T{n}", "if": ORDER, **entry} for n, entry in enumerate(documents)]
    return make_workspace(*more.pop("subscriptions", ()), **more) | {"transformations": named}


def move(*names: str) -> JSONObject:
    pairs = zip(names[::2], names[1::2], strict=True)
    return {"propertyRenames": [{"oldName": old, "newName": new} for old, new in pairs]}


def write(*paths: str) -> JSONObject:
    return {"propertyValueTransformations": [{"propertyPaths": list(paths), "propertyValue": "x"}]}


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            transformation_rules.find_unparsable_transformations,
            transform({"if": "event = 'x", "newEventName": "Y"}),
            [
                (
                    "error",
                    f"{WHERE}.if",
                    "Segment cannot read this statement and drops every event: the text that "
                    "begins at character 9 has no closing '",
                    "Correct it, or switch the transformation off with enabled: false.",
                )
            ],
            id="a statement that cannot be read",
        ),
        pytest.param(
            transformation_rules.find_constant_transformation_conditions,
            transform({"if": "type = 'trak'", "newEventName": "Y"}),
            [
                (
                    "warning",
                    f"{WHERE}.if",
                    "`type = 'trak'` never holds: the type of an event is track, identify, page, "
                    "screen, group or alias",
                    "Correct this part or remove it.",
                )
            ],
            id="a condition that never holds",
        ),
        pytest.param(
            transformation_rules.find_transformations_without_effect,
            transform({}, {"destinationMetadataId": "other", "drop": True}, {"enabled": False}),
            [
                (
                    "warning",
                    WHERE,
                    "this transformation changes nothing",
                    f"Give one of {', '.join(EFFECT_KEYS)}.",
                ),
                (
                    "note",
                    "transformations[1]",
                    "this transformation is of another source or destination and does nothing here",
                    "Correct sourceId or destinationMetadataId, or remove it.",
                ),
            ],
            id="no effect",
        ),
        pytest.param(
            transformation_rules.find_conflicting_transformations,
            transform(move("a", "b"), move("c", "d")),
            [
                (
                    "warning",
                    "transformations[1]",
                    f"{WHERE} has propertyRenames for the same condition and scope",
                    "Join them: Segment takes one transformation of a kind for an event.",
                )
            ],
            id="two of one event",
        ),
        pytest.param(
            transformation_rules.find_conflicting_transformations,
            transform(move("a", "b", "a", "c", "b", "d") | write("properties.d", "properties.d")),
            [
                (
                    "error",
                    WHERE,
                    "properties.a is renamed 2 times; Segment refuses that",
                    KEEP_ONE,
                ),
                ("error", WHERE, "properties.d gets 2 values; Segment refuses that", KEEP_ONE),
                (
                    "error",
                    WHERE,
                    "properties.d is renamed and gets a value; Segment refuses that",
                    KEEP_ONE,
                ),
                (
                    "warning",
                    WHERE,
                    "properties.b is a new name and is renamed, so one value is lost",
                    "Keep one.",
                ),
            ],
            id="names that conflict",
        ),
        pytest.param(
            transformation_rules.find_unsupported_transformation_paths,
            transform(move("products.$.id", "id", "a.b.c.d.e", "context.e") | write("context")),
            [
                (
                    "warning",
                    f"{WHERE}.propertyRenames[0].oldName",
                    "products.$.id leads into a list, which Segment's transformations do not "
                    "follow",
                    "Map the list instead.",
                ),
                (
                    "warning",
                    f"{WHERE}.propertyRenames[1].oldName",
                    "a.b.c.d.e has more than 4 levels; Segment selects no deeper ones",
                    "Map it instead.",
                ),
                (
                    "warning",
                    f"{WHERE}.propertyRenames[1].newName",
                    "context.e is outside of properties and traits, where nothing is renamed",
                    "Name a property or a trait.",
                ),
                (
                    "warning",
                    f"{WHERE}.propertyValueTransformations[0].propertyPaths[0]",
                    "this replaces all of context by a text",
                    "Write the whole path, such as context.currency.",
                ),
            ],
            id="paths",
        ),
        pytest.param(
            transformation_rules.find_unreachable_transformations,
            transform({"newEventName": "purchase"}, write("properties.x"), {"if": "event = 'a'"}),
            [
                (
                    "warning",
                    "transformations[1].if",
                    "no event 'order' is left: 'T0' comes before",
                    "Put it first, or name the event as it is by then.",
                )
            ],
            id="order",
        ),
        pytest.param(
            transformation_rules.find_misspelled_new_event_names,
            transform(
                {"newEventName": "Order Complted"}, {"if": "type = 'page'", "newEventName": "X"}
            ),
            [
                (
                    "warning",
                    f"{WHERE}.newEventName",
                    "the name 'Order Complted' is not 'Order Completed'",
                    "Did you mean 'Order Completed'?",
                ),
                (
                    "warning",
                    "transformations[1].newEventName",
                    "newEventName works only for track events",
                    "Remove it.",
                ),
            ],
            id="a misspelled new name",
        ),
        pytest.param(
            transformation_rules.find_mappings_of_moved_values,
            transform(
                {"if": "type = 'identify'"} | move("firstName", "given"),
                subscriptions=[
                    make_subscription(
                        "updateUserProfile",
                        "Users",
                        trigger='type = "identify"',
                        settings={"firstName": {"@path": "$.traits.firstName"}},
                    )
                ],
            ),
            [
                (
                    "warning",
                    WHERE,
                    "firstName of 'Users' reads traits.firstName, which this renames",
                    "Map the new name as well, or leave the property as it is.",
                )
            ],
            id="a mapping that reads the old name",
        ),
    ],
)
def test_transformations(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, ...]]
) -> None:
    assert run_rule(rule, document) == findings
