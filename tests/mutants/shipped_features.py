"""The shipped features, split into scenarios, with the places where a typo can be made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FEATURE_FOLDERS = ("features", "docs/examples/features")
DOCS_PAGES = ("docs/scenarios.md",)
GHERKIN_BLOCK = re.compile(r"^```gherkin\n(.*?)^```$", re.MULTILINE | re.DOTALL)

STEP = re.compile(r"(\s*)(Given|When|Then|And|But)\b ?(.*)")
TITLE = re.compile(r"(\s*)(Feature|Rule|Background|Scenario Outline|Scenario|Examples):")
CELL = re.compile(r"[^|\s](?:[^|]*[^|\s])?")
QUOTED = re.compile(r'"([^"]*)"')
PLACEHOLDER = re.compile(r"<([^<>]+)>")
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
WORD = re.compile(r"[A-Za-z]{2,}")
NEGATIVE_STEP = re.compile(r'receives no "|never enters|would not write|takes no call')

# Tables with names in the first column.
NAME_COLUMN = re.compile(
    r"\s*\| (?:property|trait|detail|setting|field|attribute|identifier|place|what) "
)

KEYWORD = "keyword"
STEP_WORD = "word of a step"
HEADER = "table header before the Then"
THEN_HEADER = "table header of a Then"
EXPECTED = "expected value"
TEXT = "quoted text of a Given or a When"
THEN_TEXT = "quoted text of a Then"
NEGATIVE_TEXT = "quoted text of a negative Then"
COUNT = "number"
REMOVED_WHEN = "When taken out"
PLACEHOLDER_KIND = "placeholder"
EXAMPLES_HEADER = "header of Examples"
KINDS = (
    *(KEYWORD, STEP_WORD, HEADER, THEN_HEADER, EXPECTED, TEXT, THEN_TEXT, NEGATIVE_TEXT),
    *(COUNT, REMOVED_WHEN, PLACEHOLDER_KIND, EXAMPLES_HEADER),
)


@dataclass(frozen=True, slots=True)
class MutationSite:
    """Characters of a line where a typo of one kind can be made.

    Args:
        line: Counted from 0.
        until: The line behind the last one, where whole lines are taken out.
    """

    kind: str
    line: int
    start: int = 0
    end: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class ShippedScenario:
    """One scenario with its backgrounds; the other lines of its file are empty.

    Args:
        path: Of the file, below the project's root.
    """

    path: str
    line: int
    lines: tuple[str, ...]

    def list_sites(self) -> list[MutationSite]:
        """Return all places where a typo can be made."""
        return list(_iter_sites(self.lines))


def iter_shipped_scenarios() -> Iterator[ShippedScenario]:
    """Yield the scenarios of every feature file and of docs/scenarios.md."""
    for folder in FEATURE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.feature")):
            yield from split_into_scenarios(
                path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
            )
    for page in DOCS_PAGES:
        text = (ROOT / page).read_text("utf-8")
        for block in GHERKIN_BLOCK.finditer(text):
            before = "\n" * text.count("\n", 0, block.start(1))
            yield from split_into_scenarios(page, before + block[1])


def split_into_scenarios(path: str, text: str) -> Iterator[ShippedScenario]:
    """Split *text* into scenarios, each with its titles and backgrounds."""
    lines = text.splitlines()
    blocks = [(at, match[2]) for at, line in enumerate(lines) if (match := TITLE.match(line))]
    ends = [*(at for at, _ in blocks[1:]), len(lines)]
    spans = [(at, end, title) for (at, title), end in zip(blocks, ends, strict=True)]
    around: list[tuple[int, int]] = []  # the feature, its background; the rule, its background
    outer = 0
    for number, (at, end, title) in enumerate(spans):
        if title == "Rule":
            around, outer = around[: outer or len(around)], outer or len(around)
        if not title.startswith("Scenario"):
            if title != "Examples":
                around.append((at, end))
            continue
        ranges = [(at, end)]
        for start, stop, later in spans[number + 1 :]:
            if later != "Examples":
                break
            ranges.append((start, stop))
        wanted_lines = {line for start, stop in [*around, *ranges] for line in range(start, stop)}
        scenario_lines = [
            line if at in wanted_lines and not line.strip().startswith("@") else ""
            for at, line in enumerate(lines)
        ]
        yield ShippedScenario(path, at, tuple(scenario_lines))


def _iter_sites(lines: tuple[str, ...]) -> Iterator[MutationSite]:
    """Yield the sites of all lines, each table with the step above it."""
    step, header, text = "", "", False
    for at, line in enumerate(lines):
        text = text != line.strip().startswith('"""')
        if text:
            yield from _iter_placeholder_sites(at, line)
        elif title := TITLE.match(line):
            step, header = title[2], ""
            if title[2] != "Feature":
                yield MutationSite(KEYWORD, at, *title.span(2))
        elif line.strip().startswith("|"):
            yield from _iter_row_sites(at, line, step, header)
            header = header or line
        elif match := STEP.match(line):
            step = match[2] if match[2] in ("Given", "When", "Then") else step
            header = ""
            yield from _iter_step_sites(at, line, match, step)
            if match[2] == "When":
                yield MutationSite(REMOVED_WHEN, at, until=_find_step_end(lines, at))


def _find_step_end(lines: tuple[str, ...], at: int) -> int:
    for later in range(at + 1, len(lines)):
        if STEP.match(lines[later]) or TITLE.match(lines[later]):
            return later
    return len(lines)


def _iter_step_sites(
    at: int, line: str, step_match: re.Match[str], step: str
) -> Iterator[MutationSite]:
    yield MutationSite(KEYWORD, at, *step_match.span(2))
    yield from _iter_placeholder_sites(at, line)
    then = step == "Then"
    quoted = [match.span(1) for match in QUOTED.finditer(line) if "<" not in match[1]]
    holes = [match.span() for match in PLACEHOLDER.finditer(line)]
    whole = [match.span() for match in QUOTED.finditer(line)] + holes
    kind = (NEGATIVE_TEXT if NEGATIVE_STEP.search(line) else THEN_TEXT) if then else TEXT
    for span in quoted:
        if span[0] < span[1]:
            yield MutationSite(kind, at, *span)
    for pattern, sort in ((WORD, STEP_WORD), (NUMBER, COUNT)):
        for word in pattern.finditer(line, step_match.start(3)):
            if not any(start <= word.start() < end for start, end in whole):
                yield MutationSite(sort, at, *word.span())


def _iter_row_sites(at: int, line: str, step: str, header: str) -> Iterator[MutationSite]:
    """The cells of a row; *header* is the first row of its table, empty for that row itself."""
    cells = [match.span() for match in CELL.finditer(line)]
    if step == "Examples":
        yield from (MutationSite(EXAMPLES_HEADER, at, *cell) for cell in cells if not header)
        return
    yield from _iter_placeholder_sites(at, line)
    then = step == "Then"
    for number, (start, end) in enumerate(cells):
        if "<" in line[start:end]:
            continue
        if not header or (number == 0 and NAME_COLUMN.match(header)):
            yield MutationSite(THEN_HEADER if then else HEADER, at, start, end)
        elif then:
            yield MutationSite(EXPECTED, at, start, end)


def _iter_placeholder_sites(at: int, line: str) -> Iterator[MutationSite]:
    for match in PLACEHOLDER.finditer(line):
        if not match[0].startswith("<http"):
            yield MutationSite(PLACEHOLDER_KIND, at, *match.span())
