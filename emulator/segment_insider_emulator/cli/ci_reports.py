"""Reports for pipelines: SARIF of findings, and annotations and a summary on GitHub Actions."""

import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import orjson
import yaml

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import print_lines
from segment_insider_emulator.types import JSONObject

if TYPE_CHECKING:
    from segment_insider_scenarios.reports import RunResults, ScenarioResult

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA_URL = "https://json.schemastore.org/sarif-2.1.0.json"
SarifLevel: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class SarifFinding:
    """One result of a SARIF report.

    Args:
        rule: Name of the kind of problem, which stays the same, e.g. "unknown-attribute".
        place: Dotted path in the workspace file, e.g. "destination.subscriptions[3].trigger".
        is_known: Whether the workspace marks its cause as known.
        rule_text: What the rule is about; "" to read its name.
    """

    rule: str
    level: SarifLevel
    place: str
    text: str
    is_known: bool = False
    rule_text: str = ""


def write_sarif(path: Path, file: str | None, findings: Sequence[SarifFinding]) -> None:
    """Write findings about a workspace file as SARIF.

    Args:
        file: The workspace file; None for a preset or a running emulator, which has no lines.
    Raises: EmulatorError, when the report cannot be written.
    """
    try:
        document = build_sarif_document(file, findings)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        what = f"the report cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file that you may write.") from error


def build_sarif_document(file: str | None, findings: Sequence[SarifFinding]) -> JSONObject:
    """Return findings about a workspace file as a SARIF document."""
    texts = {finding.rule: finding.rule_text for finding in findings}
    rules = list(texts)
    locate = _LineFinder(file) if file else None
    driver = {
        "name": "segment-insider-emulator",
        "version": __version__,
        "rules": [
            {"id": rule, "shortDescription": {"text": text or rule.replace("-", " ")}}
            for rule, text in texts.items()
        ],
    }
    results = [_build_sarif_result(finding, rules, file, locate) for finding in findings]
    return {
        "$schema": SARIF_SCHEMA_URL,
        "version": SARIF_VERSION,
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
        ],
    }


def _build_sarif_result(
    finding: SarifFinding, rules: list[str], file: str | None, lines: "_LineFinder | None"
) -> JSONObject:
    location: JSONObject = {"logicalLocations": [{"fullyQualifiedName": finding.place or "file"}]}
    if file and lines:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _format_uri(file)},
            "region": {"startLine": lines.find_line(finding.place)},
        }
    result: JSONObject = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.level,
        "message": {"text": finding.text},
        "locations": [location],
    }
    if finding.is_known:
        result["suppressions"] = [{"kind": "external", "justification": "a known cause"}]
    return result


def _format_uri(file: str) -> str:
    """Return the path of a file as GitHub wants it: from the root of the repository."""
    from urllib.parse import quote

    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).absolute()
    path = Path(file).absolute()
    if path.is_relative_to(root):
        return quote(path.relative_to(root).as_posix())
    return path.as_uri()


_PATH_PART = re.compile(r"""\[(\d+)\](?: '(?:[^'\\]|\\.)*'| "(?:[^"\\]|\\.)*")?|([^.\[\]]+)""")


class _LineFinder:
    """Finds the lines of dotted paths in a JSON or YAML file."""

    def __init__(self, file: str) -> None:
        self._root: yaml.Node | None = None
        with suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
            text = Path(file).read_text("utf-8-sig")
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)

    def find_line(self, place: str) -> int:
        """Return the line of a path, or of the part of it that the file has, from 1."""
        node, line = self._root, 1
        for index, key in _PATH_PART.findall(place):
            found = _find_child(node, index, key)
            if found is None:
                break
            mark, node = found
            line = mark.line + 1
        return line


def _find_child(node: yaml.Node | None, index: str, key: str) -> tuple[yaml.Mark, yaml.Node] | None:
    """Return where a member of a mapping, or an item of a list, begins, and its value."""
    if index and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
        item = node.value[int(index)]
        return item.start_mark, item
    if key and isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark, value
    return None


MAX_ANNOTATIONS = 10  # of one kind; GitHub shows no more of a step
MAX_SUMMARY_BYTES = 900_000  # GitHub refuses more than 1 MiB
MAX_SUMMARY_FAILURE = 4000  # characters


def is_github_actions(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the command runs in a job of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


@contextmanager
def stop_github_commands(*, is_active: bool) -> Iterator[None]:
    """Keep GitHub from obeying captured texts that look like commands, such as `::error::`.

    Args:
        is_active: Whether the output of the block consists of lines for people.
    """
    token = secrets.token_hex(16) if is_active and is_github_actions() else ""
    if not token:
        yield
        return
    print_lines([f"::stop-commands::{token}"])
    try:
        yield
    finally:
        print_lines([f"::{token}::"])


class Annotation(NamedTuple):
    """A problem that GitHub shows at a line of a file.

    Args:
        file: From the current folder; None for a problem of no file.
    """

    level: Literal["error", "warning"]
    title: str
    text: str
    file: str | None = None
    line: int | None = None


def print_annotations(annotations: Iterable[Annotation]) -> None:
    """Show problems at the lines of their files, in a job of GitHub Actions only."""
    if not is_github_actions():
        return
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    if lines := list(format_annotations(annotations, root)):
        print_lines(lines, err=True)


def format_annotations(annotations: Iterable[Annotation], root: Path) -> Iterator[str]:
    """Yield a GitHub command for each annotation, as many of a kind as GitHub shows.

    Args:
        root: Of the repository, from which GitHub names files.
    """
    counts: Counter[str] = Counter()
    for level, title, text, file, line in annotations:
        counts[level] += 1
        if counts[level] <= MAX_ANNOTATIONS:
            properties = [f"title={_escape_property(title)}"]
            if file:
                path = os.path.relpath(Path.cwd() / file, root).replace(os.sep, "/")
                place = f",line={line}" if line else ""
                properties.insert(0, f"file={_escape_property(path)}{place}")
            yield f"::{level} {','.join(properties)}::{_escape_data(text)}"


def annotate_scenarios(results: "RunResults") -> Iterator[Annotation]:
    """Yield an annotation for each failed scenario and each file that cannot be read."""
    for file in results.unreadable:
        line = _find_first_line(file.message)
        yield Annotation("error", "This file cannot be run", file.message, file.where, line)
    for scenario in results.scenarios:
        if scenario.verdict == "failed":
            title, failure = scenario.title or scenario.scenario, scenario.failure or ""
            line = _find_failed_line(scenario)
            yield Annotation("error", title, failure, scenario.where, line)


def annotate_findings(file: str | None, findings: Iterable[SarifFinding]) -> Iterator[Annotation]:
    """Yield an annotation for each error and warning about a workspace file, unless it is known.

    Args:
        file: None for a preset or a running emulator, which has no lines.
    """
    lines = _LineFinder(file) if file else None
    for finding in findings:
        if finding.level != "note" and not finding.is_known:
            line = lines.find_line(finding.place) if lines else None
            title = finding.place or "the file"
            yield Annotation(finding.level, title, finding.text, file, line)


def annotate_places(problems: Iterable[tuple[str, str, Sequence[str]]]) -> Iterator[Annotation]:
    """Yield an annotation for each problem at a place.

    Args:
        problems: (place such as "cases.ndjson:3", name, lines of text).
    """
    for where, name, lines in problems:
        match = re.fullmatch(r"(.+?):(\d+)", where)
        file, line = (match[1], int(match[2])) if match else (where, None)
        is_file = Path(file).is_file()
        text = "\n".join(lines if is_file else [where, *lines])
        yield Annotation("error", name, text, file if is_file else None, line if is_file else None)


def _find_first_line(message: str) -> int | None:
    """Return the line that a message about a file begins with, as in "cart.feature:4: …"."""
    match = re.match(r"[^\n]*?:(\d+): ", message)
    return int(match[1]) if match else None


def _find_failed_line(scenario: "ScenarioResult") -> int | None:
    failed = (step.line for step in scenario.steps if step.failure)
    return next(failed, scenario.row_line or scenario.line)


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def append_step_summary(text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Append Markdown to the summary of the job's step; a failure to write is ignored."""
    if file := environment.get("GITHUB_STEP_SUMMARY"):
        data = text.encode("utf-8", "replace")[:MAX_SUMMARY_BYTES].decode("utf-8", "ignore")
        with suppress(OSError), Path(file).open("a", encoding="utf-8") as summary:
            summary.write(data)


def format_step_summary(results: "RunResults", counts: str, coverages: Iterable[str]) -> str:
    """Return the results of scenarios as Markdown, with each failure below its scenario.

    Args:
        counts: The numbers in one line.
        coverages: A line for each workspace that was covered.
    """
    parts = ["### Scenarios\n", f"{_escape_markdown(counts)}\n"]
    parts += [f"{_escape_markdown(line)}\n" for line in coverages]
    for file in results.unreadable:
        parts.append(_format_details(f"{file.where}: cannot be run", file.message))
    for scenario in results.scenarios:
        if scenario.verdict == "failed":
            name = f"{scenario.title or scenario.scenario} ({scenario.place})"
            parts.append(_format_details(f"❌ {name}", scenario.failure or ""))
    return "\n".join(parts) + "\n"


def _format_details(title: str, text: str) -> str:
    from html import escape

    shortened = text if len(text) <= MAX_SUMMARY_FAILURE else f"{text[:MAX_SUMMARY_FAILURE]} …"
    # In <pre>, only the tags have to be escaped; an empty line would end the HTML for Markdown.
    body = re.sub(r"\n(?=\n)", "\n&#8203;", escape(shortened))
    return f"<details><summary>{escape(title)}</summary>\n<pre>{body}</pre>\n</details>\n"


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#!@])", r"\\\1", text)
