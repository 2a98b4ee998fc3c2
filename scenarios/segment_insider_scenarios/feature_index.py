"""Index of a feature file: its scenarios and rows, with tags and lines, for choices and reports.

It asserts nothing, so pytest need not rewrite it: PYTEST_DONT_REWRITE
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from gherkin.ast_builder import AstBuilder
from gherkin.errors import ParserError
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler
from gherkin.stream.id_generator import IdGenerator

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.feature_parser import read_feature_text

PartKind: TypeAlias = Literal["feature", "rule", "scenario", "examples", "row"]


class FeatureTag(NamedTuple):
    """A tag as written, e.g. "@smoke", and its place."""

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class IndexedScenario:
    """A scenario, or one row of a scenario outline.

    Args:
        name: With the values of its row.
        title: The name, with the row's number where several rows have the same name.
        tags: Its own and those of its feature, rule and examples.
        line: Of the scenario.
        row: Number of the row in all examples of the outline, from 0.
        row_line, examples_line: None without examples.
        rule, rule_line: "" and None without a rule.
        pickle: As Gherkin's compiler makes it, for Cucumber messages.
    """

    name: str
    title: str
    keyword: str
    description: str
    tags: tuple[FeatureTag, ...]
    line: int
    row: int
    row_line: int | None
    examples_line: int | None
    rule: str
    rule_line: int | None
    pickle: JSONObject = field(repr=False)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Return the names of its tags, each once."""
        return tuple(dict.fromkeys(tag.name for tag in self.tags))

    def is_in(self, kind: PartKind, line: int) -> bool:
        """Return whether it belongs to the part whose keyword is at *line*."""
        lines: dict[PartKind, int | None] = {
            "feature": line,
            "rule": self.rule_line,
            "scenario": self.line,
            "examples": self.examples_line,
            "row": self.row_line,
        }
        return lines[kind] == line


@dataclass(frozen=True, slots=True)
class FeatureIndex:
    """The scenarios of a feature file, and where its parts begin.

    Args:
        document: As Gherkin's parser makes it.
        parts: (first line with its tags, kind, line of the keyword), in the order of the file.
    """

    name: str
    keyword: str
    description: str
    line: int
    tags: tuple[FeatureTag, ...]
    line_count: int
    scenarios: tuple[IndexedScenario, ...]
    parts: tuple[tuple[int, PartKind, int], ...]
    document: JSONObject = field(repr=False)
    text: str = field(repr=False)

    def find_scenario(self, line: int | None, row: int) -> IndexedScenario | None:
        """Return the scenario at a line, or the row with that number of an outline."""
        found = (entry for entry in self.scenarios if (entry.line, entry.row) == (line, row))
        return next(found, None)

    def list_scenarios_at(self, line: int) -> list[IndexedScenario]:
        """Return the scenarios that a line of the file belongs to.

        A line of a rule or of a background is a line of all its scenarios, a row's line is one of
        that row alone.
        """
        if (part := self.find_part(line)) is None:
            return []
        return [scenario for scenario in self.scenarios if scenario.is_in(*part)]

    def find_part(self, line: int) -> tuple[PartKind, int] | None:
        """Return the kind of the innermost part that a line belongs to, and its keyword's line."""
        at = bisect_right(self.parts, line, key=lambda part: part[0]) - 1
        return self.parts[at][1:] if at >= 0 and line <= self.line_count else None


class UnreadableFeature(Exception):
    """Error of a text that is no feature; the message is the parser's."""


def build_feature_index(text: str, uri: str, ids: IdGenerator) -> FeatureIndex:
    """Build the index of the text of a feature file.

    Args:
        ids: Generator of the ids in the document and in its pickles.
    Raises: UnreadableFeature.
    """
    try:
        document: Any = Parser(AstBuilder(ids)).parse(text)
    except ParserError as error:
        raise UnreadableFeature(str(error)) from error
    document["uri"] = uri
    feature = document.get("feature")
    if not feature:
        raise UnreadableFeature(f"{uri}: it has no feature")
    compiled: Any = Compiler(ids).compile(document)
    return FeatureIndex(
        feature["name"],
        feature["keyword"],
        _clean_description(feature),
        feature["location"]["line"],
        _read_tags(feature),
        len(text.splitlines()),
        _index_scenarios(feature, compiled),
        tuple(sorted(_iterate_parts(feature, "feature"))),
        document,
        text,
    )


def read_feature_index(path: Path) -> FeatureIndex:
    """Read the index of a feature file.

    Raises: EmulatorError, when it cannot be read; UnreadableFeature.
    """
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError:
        changed_ns = 0
    return _read_feature_index(path, changed_ns)


@cache
def _read_feature_index(path: Path, _changed_ns: int) -> FeatureIndex:
    return build_feature_index(read_feature_text(path), path.name, IdGenerator())


def find_feature_index(path: Path) -> FeatureIndex | None:
    """Read the index of a feature file; None when it is not readable."""
    try:
        return read_feature_index(path)
    except (EmulatorError, UnreadableFeature):
        return None


class _ScenarioNode(NamedTuple):
    scenario: JSONObject
    rule: JSONObject | None
    inherited_tags: tuple[FeatureTag, ...]


def _index_scenarios(feature: JSONObject, pickles: list[JSONObject]) -> tuple[IndexedScenario, ...]:
    nodes = {node.scenario["id"]: node for node in _iterate_scenarios(feature)}
    names = Counter(pickle["name"] for pickle in pickles)
    rows: Counter[str] = Counter()
    scenarios = []
    for pickle in pickles:
        scenario_id = pickle["astNodeIds"][0]
        scenario = _index_scenario(nodes[scenario_id], pickle, rows[scenario_id])
        rows[scenario_id] += 1
        if scenario.row_line and names[scenario.name] > 1:
            scenario = replace(scenario, title=f"{scenario.name} (row {scenario.row + 1})")
        scenarios.append(scenario)
    return tuple(scenarios)


def _index_scenario(node: _ScenarioNode, pickle: JSONObject, row: int) -> IndexedScenario:
    scenario, rule = node.scenario, node.rule
    examples, row_line = _find_examples_row(scenario, pickle["astNodeIds"][1:])
    return IndexedScenario(
        name=pickle["name"],
        title=pickle["name"],
        keyword=scenario["keyword"],
        description=_clean_description(scenario),
        tags=(*node.inherited_tags, *_read_tags(scenario), *_read_tags(examples or {})),
        line=scenario["location"]["line"],
        row=row,
        row_line=row_line,
        examples_line=examples["location"]["line"] if examples else None,
        rule=rule["name"] if rule else "",
        rule_line=rule["location"]["line"] if rule else None,
        pickle=pickle,
    )


def _find_examples_row(
    scenario: JSONObject, row_ids: list[str]
) -> tuple[JSONObject | None, int | None]:
    for examples in scenario["examples"] if row_ids else ():
        for row in examples.get("tableBody", ()):
            if row["id"] == row_ids[0]:
                return examples, row["location"]["line"]
    return None, None


def _iterate_scenarios(feature: JSONObject) -> Iterator[_ScenarioNode]:
    tags = _read_tags(feature)
    for child in feature["children"]:
        if scenario := child.get("scenario"):
            yield _ScenarioNode(scenario, None, tags)
        if rule := child.get("rule"):
            for inner in rule["children"]:
                if scenario := inner.get("scenario"):
                    yield _ScenarioNode(scenario, rule, (*tags, *_read_tags(rule)))


def _iterate_parts(node: JSONObject, kind: PartKind) -> Iterator[tuple[int, PartKind, int]]:
    """Yield where a feature or rule and all parts inside begin; a background is a part of it."""
    line = node["location"]["line"]
    yield _get_first_line(node), kind, line
    for child in node["children"]:
        if background := child.get("background"):
            yield background["location"]["line"], kind, line
        if scenario := child.get("scenario"):
            yield from _iterate_scenario_parts(scenario)
        if rule := child.get("rule"):
            yield from _iterate_parts(rule, "rule")


def _iterate_scenario_parts(scenario: JSONObject) -> Iterator[tuple[int, PartKind, int]]:
    yield _get_first_line(scenario), "scenario", scenario["location"]["line"]
    for examples in scenario["examples"]:
        yield _get_first_line(examples), "examples", examples["location"]["line"]
        for row in examples.get("tableBody", ()):
            yield row["location"]["line"], "row", row["location"]["line"]


def _get_first_line(node: JSONObject) -> int:
    first_line: int = min([node["location"]["line"], *(tag.line for tag in _read_tags(node))])
    return first_line


def _read_tags(node: JSONObject) -> tuple[FeatureTag, ...]:
    return tuple(
        FeatureTag(tag["name"], tag["location"]["line"], tag["location"]["column"])
        for tag in node.get("tags", ())
    )


def _clean_description(node: JSONObject) -> str:
    lines = str(node.get("description") or "").strip("\n").split("\n")
    return "\n".join(line.strip() for line in lines)
