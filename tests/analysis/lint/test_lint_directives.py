"""What is wrong with directives, templates and Liquid."""

import pytest
from small_workspaces import FIRST, make_condition, make_mapped_workspace, make_path, run_rule

from segment_insider_emulator.analysis.lint import LintRule, mapping_rules
from segment_insider_emulator.types import JSONObject


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            mapping_rules.find_unknown_directive_options,
            make_mapped_workspace(
                parameters={
                    "tax": make_condition("properties.tax", thn=make_path("properties.tax"))
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax.@if.thn",
                    "@if has no option 'thn', so it is dropped",
                    "Did you mean 'then'?",
                )
            ],
            id="unknown option",
        ),
        pytest.param(
            mapping_rules.find_ineffective_if_directives,
            make_mapped_workspace(
                parameters={
                    "a": make_condition("properties.a"),
                    "b": make_condition("properties.b", **{"else": "none"}),
                    "c": {"@if": {"then": "c"}},
                    "d": make_condition("properties.d", then="d"),
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.a.@if",
                    "@if has no then, so it never gives a value",
                    "Write its value under then.",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.parameters.b.@if",
                    "@if has no then, so it gives no value when its test is true",
                    "Write its value under then.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.parameters.c.@if",
                    "@if tests nothing, so every event fails",
                    'Add a test, such as exists: {"@path": ...}.',
                ),
            ],
            id="conditions that lead nowhere",
        ),
        pytest.param(
            mapping_rules.find_ineffective_if_directives,
            make_mapped_workspace(
                parameters={
                    "@merge": {
                        "direction": "right",
                        "objects": [
                            make_path("properties"),
                            {"price": make_condition("properties.price")},
                        ],
                    }
                }
            ),
            [],
            id="a condition that takes a key out of a merge",
        ),
        pytest.param(
            mapping_rules.find_unpaired_braces,
            make_mapped_workspace(
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
                    f"the braces of {template!r} do not pair, so no value is inserted",
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
            make_mapped_workspace(
                parameters={
                    "color": {"@liquid": "{{properties.color"},
                    "fine": {"@liquid": "{{properties.color | upcase}}"},
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.color.@liquid",
                    "this Liquid does not parse, so every event fails: output "
                    '"{{properties.color" not closed, line:1, col:1',
                    "Correct it at this place, or just before it.",
                )
            ],
            id="unclosed Liquid",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
