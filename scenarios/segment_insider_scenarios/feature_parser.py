"""Parser of feature files: reads, checks and converts them to pytest-bdd features.

pytest-bdd's own parser rejects `*` at the start of a scenario, needs unique scenario names, and
ignores mistakes in placeholders and descriptions.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gherkin.dialect import DIALECTS
from gherkin.errors import CompositeParserException
from gherkin.parser import Parser
from pytest_bdd.gherkin_parser import DataTable, GherkinDocument
from pytest_bdd.gherkin_parser import Scenario as ParsedScenario
from pytest_bdd.gherkin_parser import Step as ParsedStep
from pytest_bdd.parser import (
    Feature,
    FeatureParser,
    Rule,
    Scenario,
    ScenarioTemplate,
    Step,
    render_string,
)
from pytest_bdd.types import STEP_TYPE_BY_PARSER_KEYWORD

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import feature_checks
from segment_insider_scenarios.feature_checks import (
    FeatureProblem,
    explain_parser_error,
    mark_escaped_brackets,
    restore_escaped_brackets,
)
from segment_insider_scenarios.step_catalogue import STEP_KINDS, find_matching_patterns


class FeatureFileError(Exception):
    """Error of a feature file that cannot run: one line, with its location, for each problem."""


def read_feature_text(path: Path) -> str:
    """Read the text of a feature file.

    Raises: EmulatorError, when it cannot be read as text.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = f"it cannot be read ({error.strerror})"
        raise EmulatorError(what, path.name, "Name a .feature file.") from error
    return decode_utf8(raw, path.name).replace("\r\n", "\n").replace("\r", "\n")


def read_feature(path: Path, name: str) -> Feature:
    """Read, check and parse a feature file.

    Args:
        name: Of the file, for messages.
    Raises: FeatureFault.
    """
    try:
        text = read_feature_text(path)
    except EmulatorError as error:
        raise FeatureFileError(f"{name}: {error.what}. {error.remedy}") from error
    return parse_feature(text, path, name)


def parse_feature(text: str, path: Path, name: str) -> Feature:
    """Check and parse the text of a feature file.

    Raises: FeatureFault.
    """
    document = _parse_gherkin_document(text, name)
    feature = document.get("feature")
    if not feature:
        raise FeatureFileError(f"{name}: it has no feature. Write one.")
    if found := sorted(set(_find_feature_problems(feature, text.split("\n")))):
        raise FeatureFileError("\n".join(_format_feature_problem(name, fault) for fault in found))
    if not any(_list_scenarios_with_rules(feature)):
        raise FeatureFileError(f"{name}: it has no scenarios. Write one.")
    _make_scenario_names_unique(feature)
    _remove_tags_without_marker(feature)
    return _DocumentFeatureParser(path, document).parse()


def _format_feature_problem(name: str, fault: FeatureProblem) -> str:
    line, what, remedy = fault
    return f"{name}:{line}: {what}. {remedy}"


def _parse_gherkin_document(text: str, name: str) -> Any:
    try:
        return Parser().parse(text)
    except CompositeParserException as error:
        raise FeatureFileError(
            _format_feature_problem(name, explain_parser_error(error, text))
        ) from error


def _find_feature_problems(feature: JSONObject, lines: list[str]) -> Iterator[FeatureProblem]:
    language = feature["language"]
    outlines = set(DIALECTS[language]["scenarioOutline"]) - set(DIALECTS[language]["scenario"])
    for node, kind in _list_described_nodes(feature):
        steps = kind not in ("feature", "rule")
        yield from feature_checks.find_steps_in_description(
            node, lines, language, allows_steps=steps
        )
        if kind == "scenario":
            yield from feature_checks.find_placeholder_problems(
                node, is_outline=node["keyword"] in outlines
            )
        if kind == "background":
            yield from feature_checks.find_background_placeholders(node)
    yield from _find_duplicate_scenario_names(feature)


def _list_described_nodes(feature: JSONObject) -> Iterator[tuple[JSONObject, str]]:
    """Yield all Gherkin nodes of a feature that may have a description, and their kind."""
    yield feature, "feature"
    for child in feature["children"]:
        for kind, node in child.items():
            if kind == "rule":
                yield from (
                    (inner_node, inner_kind if inner_kind != "feature" else "rule")
                    for inner_node, inner_kind in _list_described_nodes(node)
                )
            else:
                yield node, kind
                yield from ((examples, "examples") for examples in node.get("examples", ()))


def _list_scenarios_with_rules(feature: JSONObject) -> Iterator[tuple[JSONObject, str]]:
    """Yield each scenario of a feature and the name of its rule, or ""."""
    for child in feature["children"]:
        if "scenario" in child:
            yield child["scenario"], ""
        for inner in child.get("rule", {}).get("children", ()):
            if "scenario" in inner:
                yield inner["scenario"], child["rule"]["name"]


def _find_duplicate_scenario_names(feature: JSONObject) -> Iterator[FeatureProblem]:
    """Yield a problem for each further scenario with the same name in a feature."""
    for inside in [feature, *(child["rule"] for child in feature["children"] if "rule" in child)]:
        first_line_by_name: dict[str, int] = {}
        for child in inside["children"]:
            if scenario := child.get("scenario"):
                name, line = scenario["name"], scenario["location"]["line"]
                if name in first_line_by_name:
                    first_line = first_line_by_name[name]
                    what = (
                        f"the scenario {name!r} has the same name as the one in line {first_line}"
                    )
                    yield line, what, "Give it another name."
                first_line_by_name[name] = line


def _make_scenario_names_unique(feature: JSONObject) -> None:
    """Add the rule, and if needed the line, to a feature's scenario names that are not unique."""
    scenarios = list(_list_scenarios_with_rules(feature))
    names = Counter(scenario["name"] for scenario, _ in scenarios)
    for scenario, rule in scenarios:
        if names[scenario["name"]] > 1 and rule:
            scenario["name"] = f"{rule}: {scenario['name']}"
    names = Counter(scenario["name"] for scenario, _ in scenarios)
    for scenario, _ in scenarios:
        if names[scenario["name"]] > 1:
            scenario["name"] += f" (line {scenario['location']['line']})"


# Tags that would be markers of pytest that need arguments; `skip` has an option of its own.
_TAGS_OF_PYTEST = ("skip", "skipif", "parametrize", "usefixtures", "filterwarnings")


def can_be_marker(tag: str) -> bool:
    """Return whether pytest-bdd can make a registered marker of a tag, which has no @."""
    return not (tag.startswith("_") or ":" in tag or "(" in tag or tag in _TAGS_OF_PYTEST)


def _remove_tags_without_marker(feature: JSONObject) -> None:
    """Remove the tags that pytest-bdd cannot make markers of; see `FeatureFile`."""
    for node, _ in _list_described_nodes(feature):
        if "tags" in node:
            node["tags"] = [tag for tag in node["tags"] if can_be_marker(tag["name"][1:])]


class _EscapedScenarioTemplate(ScenarioTemplate):
    """Scenario template of pytest-bdd that restores escaped brackets after filling placeholders."""

    def render(self, context: Mapping[str, object]) -> Scenario:
        """Fill the placeholders of a scenario outline from an Examples row, restoring brackets."""
        scenario = super().render(context)
        scenario.name = restore_escaped_brackets(scenario.name)
        for step in scenario.steps:
            step.name = restore_escaped_brackets(step.name)
            if step.docstring is not None:
                step.docstring = restore_escaped_brackets(step.docstring)
            for row in step.datatable.rows if step.datatable else ():
                for cell in row.cells:
                    cell.value = restore_escaped_brackets(cell.value)
        return scenario


class _StepTemplate(Step):
    """Step of pytest-bdd whose table is filled without a deep copy of what stays as it is."""

    @staticmethod
    def render_datatable(datatable: DataTable, context: Mapping[str, object]) -> DataTable:
        """Fill the placeholders of a step's table from an Examples row."""
        rows = [
            replace(
                row,
                cells=[
                    replace(cell, value=render_string(cell.value, context)) for cell in row.cells
                ],
            )
            for row in datatable.rows
        ]
        return replace(datatable, rows=rows)


class _DocumentFeatureParser(FeatureParser):
    """Converter of a checked Gherkin document to a pytest-bdd feature."""

    def __init__(self, path: Path, document: JSONObject) -> None:
        super().__init__(str(path.parent), path.name)
        self._document = document
        self._first_example_row: dict[str, str] = {}  # the first of the Examples

    def _parse_feature_file(self) -> GherkinDocument:
        return GherkinDocument.from_dict(self._document)

    def parse_scenario(
        self, scenario_data: ParsedScenario, feature: Feature, rule: Rule | None = None
    ) -> ScenarioTemplate:
        """Convert a scenario of a Gherkin document to pytest-bdd.

        Its name is changed if another scenario has the same name.
        """
        self._first_example_row = _read_first_example_row(scenario_data)
        scenario_data.name = mark_escaped_brackets(scenario_data.name)
        template = super().parse_scenario(scenario_data, feature, rule)
        template.__class__ = _EscapedScenarioTemplate
        self._first_example_row = {}
        return template

    def parse_steps(self, steps_data: list[ParsedStep]) -> list[Step]:
        """Convert the steps of a Gherkin scenario or background, with their keywords as written."""
        kind: str | None = None
        steps: list[Step] = []
        for data in steps_data:
            kind = self._find_step_type(data, kind)
            for row in data.datatable.rows if data.datatable else ():
                for cell in row.cells:
                    cell.value = mark_escaped_brackets(cell.value)
            steps.append(
                _StepTemplate(
                    name=mark_escaped_brackets(data.text),
                    type=kind,
                    indent=data.location.column - 1,
                    line_number=data.location.line,
                    keyword=data.keyword,
                    datatable=data.datatable,
                    docstring=mark_escaped_brackets(data.docstring.content)
                    if data.docstring
                    else None,
                )
            )
        return steps

    def _find_step_type(self, step: ParsedStep, previous_type: str | None) -> str:
        """Return a step's type (given, when, then) by keyword, previous step or function.

        Cucumber matches steps by text alone, so a scenario may use only `*`.
        """
        if known := STEP_TYPE_BY_PARSER_KEYWORD.get(step.keyword_type):
            return known
        if previous_type and step.keyword_type == "Conjunction":
            return previous_type
        text = render_string(step.text, self._first_example_row)
        kinds = sorted(STEP_KINDS, key=lambda kind: (kind != previous_type, STEP_KINDS.index(kind)))
        return next(
            (kind for kind in kinds if find_matching_patterns(text, kind)), previous_type or "given"
        )


def _read_first_example_row(scenario: ParsedScenario) -> dict[str, str]:
    for examples in scenario.examples:
        if examples.table_header and examples.table_body:
            names = [cell.value for cell in examples.table_header.cells]
            return dict(
                zip(names, (cell.value for cell in examples.table_body[0].cells), strict=True)
            )
    return {}
