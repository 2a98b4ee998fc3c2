"""Feature files: read, checked, and handed to pytest-bdd as it keeps them.

pytest-bdd's own reader knows no `*` at the beginning of a scenario, keeps scenarios by their names
alone, and takes what is wrong with placeholders and descriptions without a word.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gherkin.dialect import DIALECTS
from gherkin.errors import CompositeParserException
from gherkin.parser import Parser
from pytest_bdd.gherkin_parser import GherkinDocument
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

from segment_insider_emulator.encoding import decode
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import descriptions, placeholders
from segment_insider_scenarios.catalogue import KINDS, reading
from segment_insider_scenarios.parse_errors import fault_of_parser
from segment_insider_scenarios.placeholders import Fault, protect, reveal


class FeatureFault(Exception):
    """What keeps a feature file from being run: each fault in a line with its place."""


def read_text(path: Path) -> str:
    """Return the text of a feature file. Raises: EmulatorError, when it cannot be read as text."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        what = f"it cannot be read ({error.strerror})"
        raise EmulatorError(what, path.name, "Name a .feature file.") from error
    return decode(raw, path.name).replace("\r\n", "\n").replace("\r", "\n")


def read_feature(path: Path, name: str) -> Feature:
    """Return the feature of a file.

    Args:
        name: Of the file, for messages.
    Raises: FeatureFault.
    """
    try:
        text = read_text(path)
    except EmulatorError as error:
        raise FeatureFault(f"{name}: {error.what}. {error.remedy}") from error
    return feature_of(text, path, name)


def feature_of(text: str, path: Path, name: str) -> Feature:
    """Return the feature that the text of a file is. Raises: FeatureFault."""
    document = _parsed(text, name)
    feature = document.get("feature")
    if not feature:
        raise FeatureFault(f"{name}: it has no feature. Write one.")
    if found := sorted(set(_faults(feature, text.split("\n")))):
        raise FeatureFault("\n".join(_line(name, fault) for fault in found))
    if not any(_scenarios(feature)):
        raise FeatureFault(f"{name}: it has no scenarios. Write one.")
    _tell_apart(feature)
    return _Reader(path, document).parse()


def _line(name: str, fault: Fault) -> str:
    line, what, remedy = fault
    return f"{name}:{line}: {what}. {remedy}"


def _parsed(text: str, name: str) -> Any:
    try:
        return Parser().parse(text)
    except CompositeParserException as error:
        raise FeatureFault(_line(name, fault_of_parser(error, text))) from error


def _faults(feature: JSONObject, lines: list[str]) -> Iterator[Fault]:
    language = feature["language"]
    outlines = set(DIALECTS[language]["scenarioOutline"]) - set(DIALECTS[language]["scenario"])
    for node, kind in _nodes(feature):
        steps = kind not in ("feature", "rule")
        yield from descriptions.faults(node, lines, language, steps=steps)
        if kind == "scenario":
            yield from placeholders.faults(node, outline=node["keyword"] in outlines)
        if kind == "background":
            yield from placeholders.of_background(node)
    yield from _twins(feature)


def _nodes(feature: JSONObject) -> Iterator[tuple[JSONObject, str]]:
    """Everything that may have a description, and what it is."""
    yield feature, "feature"
    for child in feature["children"]:
        for kind, node in child.items():
            if kind == "rule":
                yield from ((each, of if of != "feature" else "rule") for each, of in _nodes(node))
            else:
                yield node, kind
                yield from ((each, "examples") for each in node.get("examples", ()))


def _scenarios(feature: JSONObject) -> Iterator[tuple[JSONObject, str]]:
    """Each scenario, and the name of its rule or ""."""
    for child in feature["children"]:
        if "scenario" in child:
            yield child["scenario"], ""
        for inner in child.get("rule", {}).get("children", ()):
            if "scenario" in inner:
                yield inner["scenario"], child["rule"]["name"]


def _twins(feature: JSONObject) -> Iterator[Fault]:
    """Scenarios of one name in one place: nobody could tell in a report which of them failed."""
    for inside in [feature, *(each["rule"] for each in feature["children"] if "rule" in each)]:
        seen: dict[str, int] = {}
        for child in inside["children"]:
            if scenario := child.get("scenario"):
                name, line = scenario["name"], scenario["location"]["line"]
                if name in seen:
                    what = f"the scenario {name!r} has the name of the one in line {seen[name]}"
                    yield line, what, "Give it another name."
                seen[name] = line


def _tell_apart(feature: JSONObject) -> None:
    """Name scenarios of one name after their rules, too, and after their lines where that is not
    enough."""
    found = list(_scenarios(feature))
    names = Counter(scenario["name"] for scenario, _ in found)
    for scenario, rule in found:
        if names[scenario["name"]] > 1 and rule:
            scenario["name"] = f"{rule}: {scenario['name']}"
    names = Counter(scenario["name"] for scenario, _ in found)
    for scenario, _ in found:
        if names[scenario["name"]] > 1:
            scenario["name"] += f" (line {scenario['location']['line']})"


class _Template(ScenarioTemplate):
    """A scenario in which escaped brackets stay what they are."""

    def render(self, context: Mapping[str, object]) -> Scenario:
        scenario = super().render(context)
        scenario.name = reveal(scenario.name)
        for step in scenario.steps:
            step.name = reveal(step.name)
            if step.docstring is not None:
                step.docstring = reveal(step.docstring)
            for row in step.datatable.rows if step.datatable else ():
                for cell in row.cells:
                    cell.value = reveal(cell.value)
        return scenario


class _Reader(FeatureParser):
    """Makes pytest-bdd's feature of a document that is parsed and checked."""

    def __init__(self, path: Path, document: JSONObject) -> None:
        super().__init__(str(path.parent), path.name)
        self._document = document
        self._row: dict[str, str] = {}  # the first of the Examples

    def _parse_feature_file(self) -> GherkinDocument:
        return GherkinDocument.from_dict(self._document)

    def parse_scenario(
        self, scenario_data: ParsedScenario, feature: Feature, rule: Rule | None = None
    ) -> ScenarioTemplate:
        """Make a scenario. Its name is changed where it has to be told from another's."""
        self._row = _first_row(scenario_data)
        scenario_data.name = protect(scenario_data.name)
        made = super().parse_scenario(scenario_data, feature, rule)
        made.__class__ = _Template
        for examples in made.examples:
            examples.tags = {tag for tag in examples.tags if not tag.startswith("_")}
        self._row = {}
        return made

    def parse_steps(self, steps_data: list[ParsedStep]) -> list[Step]:
        """Make the steps of a scenario or a background, with their keywords as they are written."""
        kind: str | None = None
        steps = []
        for data in steps_data:
            kind = self._kind(data, kind)
            for row in data.datatable.rows if data.datatable else ():
                for cell in row.cells:
                    cell.value = protect(cell.value)
            steps.append(
                Step(
                    name=protect(data.text),
                    type=kind,
                    indent=data.location.column - 1,
                    line_number=data.location.line,
                    keyword=data.keyword,
                    datatable=data.datatable,
                    docstring=protect(data.docstring.content) if data.docstring else None,
                )
            )
        return steps

    def _kind(self, step: ParsedStep, before: str | None) -> str:
        """Given, when or then: by its keyword, else as the step before, or by what reads it.

        Cucumber tells steps apart by their texts alone, so a scenario may consist of `*`.
        """
        if known := STEP_TYPE_BY_PARSER_KEYWORD.get(step.keyword_type):
            return known
        if before and step.keyword_type == "Conjunction":
            return before
        text = render_string(step.text, self._row)
        kinds = sorted(KINDS, key=lambda kind: (kind != before, KINDS.index(kind)))
        return next((kind for kind in kinds if reading(text, kind)), before or "given")


def _first_row(scenario: ParsedScenario) -> dict[str, str]:
    for examples in scenario.examples:
        if examples.table_header and examples.table_body:
            names = [cell.value for cell in examples.table_header.cells]
            return dict(
                zip(names, (cell.value for cell in examples.table_body[0].cells), strict=True)
            )
    return {}
