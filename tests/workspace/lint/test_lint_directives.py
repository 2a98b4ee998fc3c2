"""What is wrong with directives, templates and Liquid."""

import pytest
from small_workspaces import FIRST, found, mapped, path, when

from segment_insider_emulator.analysis.lint import LintRule, mapping_rules
from segment_insider_emulator.types import JSONObject


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            mapping_rules.find_unknown_directive_options,
            mapped(parameters={"tax": when("properties.tax", thn=path("properties.tax"))}),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax.@if.thn",
                    "@if has no option 'thn', so that it is dropped",
                    "Did you mean 'then'?",
                )
            ],
            id="unknown option",
        ),
        pytest.param(
            mapping_rules.find_ineffective_if_directives,
            mapped(
                parameters={
                    "a": when("properties.a"),
                    "b": when("properties.b", **{"else": "none"}),
                    "c": {"@if": {"then": "c"}},
                    "d": when("properties.d", then="d"),
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.a.@if",
                    "@if has no then, so that it never gives a value",
                    "Say under then what it gives.",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.parameters.b.@if",
                    "@if has no then, so that it gives nothing where it finds what it tests",
                    "Say under then what it gives.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.parameters.c.@if",
                    "@if tests nothing, so that every event fails",
                    'Say what to test, such as exists: {"@path": ...}.',
                ),
            ],
            id="conditions that lead nowhere",
        ),
        pytest.param(
            mapping_rules.find_ineffective_if_directives,
            mapped(
                parameters={
                    "@merge": {
                        "direction": "right",
                        "objects": [path("properties"), {"price": when("properties.price")}],
                    }
                }
            ),
            [],
            id="a condition that takes a key out of a merge",
        ),
        pytest.param(
            mapping_rules.find_unpaired_braces,
            mapped(
                parameters={
                    "color": {"@template": "{{properties.color"},
                    "list": {"@arrayPath": ["$.properties.list", {"k": {"@template": "{{{k}}"}}]},
                    "size": {"@template": "size}}"},
                    "fine": {"@template": '{"a": {"b": {{userId}}}} {{{event}}}'},
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.{field}.@template",
                    f"the braces of {template!r} do not pair, so that no value is put in",
                    remedy,
                )
                for field, template, remedy in [
                    ("color", "{{properties.color", "Write {{properties.color}}."),
                    ("list.@arrayPath[1].k", "{{{k}}", "Write {{k}}."),
                    ("size", "size}}", "Write {{properties.color}}."),
                ]
            ],
            id="unclosed braces",
        ),
        pytest.param(
            mapping_rules.find_invalid_liquid,
            mapped(
                parameters={
                    "color": {"@liquid": "{{properties.color"},
                    "fine": {"@liquid": "{{properties.color | upcase}}"},
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.color.@liquid",
                    "this Liquid does not parse, so that every event fails: output "
                    '"{{properties.color" not closed, line:1, col:1',
                    "Correct it there, or before.",
                )
            ],
            id="unclosed Liquid",
        ),
    ],
)
def test_a_rule_says_what_where_and_what_instead(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert found(rule, document) == findings
