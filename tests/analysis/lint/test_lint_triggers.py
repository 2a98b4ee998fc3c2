"""What is wrong with the conditions of a subscription."""

import pytest
from small_workspaces import FIRST, TRACK, make_triggered_workspace, run_rule

from segment_insider_emulator.analysis.lint import LintRule, trigger_rules
from segment_insider_emulator.types import JSONObject


@pytest.mark.parametrize(
    ("trigger", "findings"),
    [
        pytest.param(f'{TRACK} and event = "A"', [], id="plain"),
        pytest.param(f'{TRACK} and (event = "A" or event = "B")', [], id="group"),
        pytest.param(f'{TRACK} and match(event, "A*")', [], id="function"),
        pytest.param(f'{TRACK} and (event = "A" or contains(event, "B"))', [], id="function last"),
        pytest.param(
            "",
            [
                (
                    "error",
                    "the trigger is empty, so it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                )
            ],
            id="empty",
        ),
        pytest.param(
            "and",
            [
                (
                    "error",
                    "the trigger has no condition, so it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                )
            ],
            id="no condition",
        ),
        pytest.param(
            f'{TRACK} and event = "A" or event = "B"',
            [
                (
                    "error",
                    '"and" and "or" are mixed: Segment reads each of them as "or", the last',
                    "Put the conditions that belong together in parentheses.",
                )
            ],
            id="and next to or",
        ),
        pytest.param(
            f'{TRACK} and (contains(event, "A") or event = "B")',
            [
                (
                    "error",
                    "contains() ends its group, so the rest of the group counts outside",
                    "Put the function last in its group.",
                )
            ],
            id="function in a group",
        ),
        *(
            pytest.param(
                f"{TRACK} {rest}",
                [("error", f"the trigger is invalid at character {what}", remedy)],
                id=f"malformed: {rest}",
            )
            for rest, what, remedy in [
                (
                    '& event = "A"',
                    "16: a trigger cannot contain '&', so it never matches",
                    "Write and.",
                ),
                (
                    'and event# = "A"',
                    "25: '#' cannot follow 'event', so it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                ),
                (
                    'and event = "A',
                    "28: this quote is never closed, so it never matches",
                    "Close the text with another quote.",
                ),
                (
                    'and (event = "A" or event = "("',
                    "20: this parenthesis is never closed, so it never matches",
                    "Close it after its last condition.",
                ),
            ]
        ),
        *(
            pytest.param(f"{TRACK} and {rest}", [("error", what, remedy)], id=rest)
            for rest, what, remedy in [
                ('event "A"', "no operator follows 'event'", 'Write event = "...".'),
                ("event =", "no value follows 'event ='", 'Write event = "...".'),
                ('event == "A"', "no value follows 'event ='", 'Write event = "...".'),
                (
                    'contains "A"',
                    "no parenthesis follows 'contains'",
                    'Write contains(event, "Order").',
                ),
                (
                    "contains(event)",
                    "contains() needs a field and a text",
                    'Write contains(event, "Order").',
                ),
                (
                    '"A"',
                    '"A" is not part of a comparison; it is ignored',
                    "Put a field before it, or remove it.",
                ),
            ]
        ),
        pytest.param(
            f'{TRACK} and (event = "A" or (event = "B" and userId = "u"))',
            [
                (
                    "error",
                    "a group inside a group is invalid, so the trigger never matches",
                    "Use one level of groups, or two subscriptions.",
                )
            ],
            id="nested groups",
        ),
        pytest.param(
            f'{TRACK} and !(event = "A")',
            [
                (
                    "error",
                    "! before a group is ignored; the group is not negated",
                    "Negate each condition in it, with != for =.",
                )
            ],
            id="negated group",
        ),
        pytest.param(
            f'{TRACK} AND event = "A"',
            [
                (
                    "warning",
                    "AND in capitals is ignored, so another word may join the conditions",
                    "Write and in lower case.",
                )
            ],
            id="AND",
        ),
        pytest.param(
            'event = "A" OR event = "B"',
            [
                (
                    "error",
                    "OR in capitals is ignored, so all conditions must be true",
                    "Write or in lower case.",
                )
            ],
            id="OR",
        ),
        pytest.param(
            "type = 'track'",
            [
                (
                    "error",
                    "'track' keeps its single quotes, and no event has them",
                    'Write "track".',
                )
            ],
            id="single quotes",
        ),
        pytest.param(
            'type = "track"and event = "A"',
            [
                (
                    "error",
                    'no space follows "track", so the next condition is lost',
                    "Put a space after the closing quote.",
                )
            ],
            id="no blank behind a quote",
        ),
        pytest.param(
            f'{TRACK}\r\nand event = "A"',
            [
                (
                    "error",
                    "a carriage return breaks the trigger",
                    "End its lines with line feeds only.",
                )
            ],
            id="carriage return",
        ),
        pytest.param(
            f'{TRACK} and anonymousId != "a"',
            [
                (
                    "error",
                    "the condition on 'anonymousId' is ignored",
                    "Known: type, event, name, userId, properties, traits, context.",
                )
            ],
            id="anonymousId",
        ),
        pytest.param(
            f'{TRACK} and contains(messageId, "a")',
            [
                (
                    "error",
                    "the condition on 'messageId' is ignored",
                    "Known: event, name, userId, properties, traits, context.",
                )
            ],
            id="function on messageId",
        ),
        pytest.param(
            f'{TRACK} and propertes.tax = "1"',
            [
                (
                    "error",
                    "the condition on 'propertes.tax' is ignored",
                    "Did you mean 'properties'?",
                )
            ],
            id="misspelt root",
        ),
        pytest.param(
            f'{TRACK} and match(event, "Order")',
            [
                (
                    "error",
                    'match() without a wildcard drops the first character of "Order"',
                    "Compare with =, or end the text in *.",
                )
            ],
            id="no wildcard",
        ),
        pytest.param(
            f'{TRACK} and match(event, "*rder*")',
            [
                (
                    "error",
                    'match() understands one wildcard only, not "*rder*"',
                    'Write contains(event, "rder").',
                )
            ],
            id="two wildcards",
        ),
        pytest.param(
            f'{TRACK} and properties.list[0].k = "A"',
            [("error", "a trigger cannot read list items", "Compare another property.")],
            id="bracket",
        ),
        pytest.param(
            f"{TRACK} and properties.vip != true",
            [
                (
                    "error",
                    "!= true compares with text: it is also true for true",
                    "Write = false.",
                )
            ],
            id="not true",
        ),
        pytest.param(
            f"{TRACK} and event != null",
            [
                (
                    "warning",
                    'event is compared with the text "null"',
                    "Leave the condition out: a track call always has both.",
                )
            ],
            id="event is not null",
        ),
    ],
)
def test_a_trigger_is_read_as_segment_reads_it(
    trigger: str, findings: list[tuple[str, str, str]]
) -> None:
    assert run_rule(trigger_rules.find_misread_triggers, make_triggered_workspace(trigger)) == [
        (severity, f"{FIRST}.trigger", what, remedy) for severity, what, remedy in findings
    ]


@pytest.mark.parametrize(
    ("trigger", "impossible"),
    [
        (f'{TRACK} and event = "A"', False),
        (f'{TRACK} and event = "A" and event = "B"', True),
        (f'{TRACK} and event = "A" and event != "A"', True),
        (f'{TRACK} and (event = "A" or event = "B")', False),
        ('type = "Track"', True),
        ('type = "identify" and event = "A"', True),
        ('type = "identify" and event != "A"', False),
        (f'{TRACK} and traits.vip = "yes"', True),
        (f"{TRACK} and properties.vip = true and properties.vip = false", True),
        (f"{TRACK} and userId != null and userId = null", True),
        ('type = "page" and (name = "Home" or properties.path = "/")', False),
        ('event = "A"', False),
        ('event > "A"', True),
    ],
)
def test_a_trigger_that_cannot_match_is_an_error(trigger: str, impossible: bool) -> None:
    finding = (
        "error",
        f"{FIRST}.trigger",
        "no event can match the trigger of 'S'",
        "Use one call type of identify, track, page, screen, group, alias, one event name, and "
        "fields that such a call has.",
    )
    assert (
        run_rule(trigger_rules.find_impossible_triggers, make_triggered_workspace(trigger))
        == [finding] * impossible
    )


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            trigger_rules.find_misspelled_event_names,
            make_triggered_workspace(f'{TRACK} and event = "order completed"'),
            [
                (
                    "warning",
                    f"{FIRST}.trigger",
                    "'order completed' does not match 'Order Completed': capitals count",
                    'Write "Order Completed".',
                )
            ],
            id="capitals of an event",
        ),
        pytest.param(
            trigger_rules.find_negations_of_missing_values,
            make_triggered_workspace(f'{TRACK} and properties.size != 3 and properties.tag != "x"'),
            [
                (
                    "warning",
                    f"{FIRST}.trigger",
                    "the negated condition on properties.size is false when properties.size is "
                    "missing",
                    "Add `or properties.size = null` if those events count.",
                ),
                (
                    "note",
                    f"{FIRST}.trigger",
                    "properties.tag != 'x' is also true when properties.tag is missing",
                    "Add `and properties.tag != null` if those events do not count.",
                ),
            ],
            id="negations and missing values",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
