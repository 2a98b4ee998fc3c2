"""Choice of scenarios by tags, words, lines and earlier failures.

It asserts nothing, so pytest need not rewrite it: PYTEST_DONT_REWRITE
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

import pytest
from cucumber_tag_expressions import TagExpressionError, parse
from pytest_bdd.scenario import scenario_wrapper_template_registry

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_scenarios.feature_index import (
    FeatureIndex,
    IndexedScenario,
    find_feature_index,
)

FILE_WITH_LINES = re.compile(r"(.+\.feature)((?::\d+)+)")
CACHE_FOLDER = ".emulator_cache"
# Of Cucumber before version 3, and behave before 1.3: "~@slow" is "not @slow", a comma is "or".
_OLD_TAGS = re.compile(r"(?<![^\s(,])~(?=@?\w)|,")
_OPERATORS = ("and", "or", "not")
_WIDE_PARTS = ("feature", "rule")  # whose lines choose several scenarios


@dataclass(frozen=True, slots=True)
class TagExpression:
    """A tag expression of Cucumber, e.g. "@smoke and not @slow"; a tag may lack its @."""

    text: str

    def matches(self, tags: Iterable[str]) -> bool:
        """Return whether a scenario with these tags meets the expression."""
        named = set(tags)
        return _evaluate(self.text, {*named, *(tag.removeprefix("@") for tag in named)})

    @property
    def tags(self) -> list[str]:
        """Return the tags that the expression names, each with its @."""
        words = re.findall(r"[^\s()]+", self.text)
        return ["@" + word.removeprefix("@") for word in words if word not in _OPERATORS]


def check_tag_expression(option: str, text: str) -> TagExpression:
    """Return a tag expression.

    Args:
        option: That it is the value of, e.g. "--tags".
    Raises: EmulatorError, when it is not valid.
    """
    if old := _OLD_TAGS.search(text):
        names = re.sub(r"~@?", "not @", text.replace(",", " or "))
        remedy = f'Write "{" ".join(names.split())}".'
        raise EmulatorError(f"{old[0]!r} is the form of earlier versions", option, remedy)
    try:
        _evaluate(text, set())
    except TagExpressionError as error:
        reason = str(error).strip().split("\n")[0].rstrip(".:")
        what = f"this is not a tag expression: {text} ({reason})"
        remedy = 'Write tags with and, or, not and brackets, e.g. "@smoke and not @slow".'
        raise EmulatorError(what, option, remedy) from error
    return TagExpression(text)


def _evaluate(expression: str, names: set[str]) -> bool:
    result: bool = parse(expression)(names)
    return result


@dataclass(frozen=True, slots=True)
class WordExpression:
    """Words of a scenario, e.g. "order of two and not refund"; letter case does not count."""

    text: str

    def matches(self, text: str) -> bool:
        """Return whether a text meets the expression."""
        expression, phrases = self._compile()
        folded = _fold_letters(text)
        found = {phrase for phrase in phrases if _fold_letters(phrase) in folded}
        return _evaluate(expression, found)

    def _compile(self) -> tuple[str, list[str]]:
        """Return a tag expression, whose tags are the phrases between the operators."""
        parts, phrases, words = list[str](), list[str](), list[str]()
        for token in [*re.findall(r"[()]|[^\s()]+", self.text), ""]:
            if token and token not in (*_OPERATORS, "(", ")"):
                words.append(token)
                continue
            if words:
                phrases.append(" ".join(words))
                escaped = re.sub(r"([\\\s])", r"\\\1", phrases[-1])
                parts.append(escaped)
                words.clear()
            parts.append(token)
        return " ".join(filter(None, parts)), phrases


def _fold_letters(text: str) -> str:
    """Return a text without letter case, in which i and I, with a dot or without, are one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.replace("\N{COMBINING DOT ABOVE}", "").replace(
        "\N{LATIN SMALL LETTER DOTLESS I}", "i"
    )


def check_word_expression(option: str, text: str) -> WordExpression:
    """Return an expression of words.

    Raises: EmulatorError, when it is not valid.
    """
    words = WordExpression(text)
    try:
        if not text.strip():
            raise TagExpressionError("it is empty")
        words.matches("")
    except TagExpressionError as error:
        remedy = 'Write words with and, or, not and brackets, e.g. "order and not refund".'
        raise EmulatorError(f"this is not an expression: {text}", option, remedy) from error
    return words


@dataclass(frozen=True, slots=True)
class ScenarioSelection:
    """What is chosen from the scenarios of a run.

    Args:
        tags: Tag expressions, which all have to be met.
        words: Expressions of words in the names of a scenario, its rule, feature and file.
        lines: Absolute path of a feature file -> lines of its chosen scenarios.
        failed: Scenarios that failed earlier, from `read_failed_scenarios`; None chooses all.
    """

    tags: tuple[TagExpression, ...] = ()
    words: tuple[WordExpression, ...] = ()
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    failed: frozenset[str] | None = None

    @property
    def is_everything(self) -> bool:
        """Return whether nothing is left out."""
        return not (self.tags or self.words or self.lines) and self.failed is None

    def includes(self, path: Path, index: FeatureIndex, scenario: IndexedScenario) -> bool:
        """Return whether a scenario is chosen."""
        names = f"{path.name}\n{index.name}\n{scenario.rule}\n{scenario.title}"
        lines = self.lines.get(str(path))
        return (
            all(expression.matches(scenario.tag_names) for expression in self.tags)
            and all(expression.matches(names) for expression in self.words)
            and (lines is None or any(scenario in index.list_scenarios_at(n) for n in lines))
            and (self.failed is None or get_scenario_key(path, scenario) in self.failed)
        )

    def list_named_tags(
        self, path: Path, index: FeatureIndex, scenario: IndexedScenario
    ) -> Iterable[str]:
        """Return the tags by which a scenario was chosen; they do not skip it.

        A scenario that is chosen by one of its own lines is not skipped at all.
        """
        parts = (index.find_part(line) for line in self.lines.get(str(path), ()))
        if any(part and part[0] not in _WIDE_PARTS and scenario.is_in(*part) for part in parts):
            return scenario.tag_names
        return [tag for expression in self.tags for tag in expression.tags]

    def describe(self) -> str:
        """Describe the choice, e.g. "the tags @smoke"."""
        parts = [f"the tags {expression.text}" for expression in self.tags]
        parts += [f"the words {expression.text}" for expression in self.words]
        parts += [f"the lines of {Path(path).name}" for path in self.lines]
        parts += ["the last failures"] if self.failed is not None else []
        return " and ".join(parts)

    def to_pytest_arguments(self) -> list[str]:
        """Return the choice as options of the plugin, for all processes of a run."""
        if self.is_everything:
            return []
        choice = {
            "tags": [expression.text for expression in self.tags],
            "words": [expression.text for expression in self.words],
            "lines": {path: list(lines) for path, lines in self.lines.items()},
            "failed": None if self.failed is None else sorted(self.failed),
        }
        return [f"--emulator-choice={json.dumps(choice)}"]

    @classmethod
    def from_option(cls, text: str) -> "ScenarioSelection":
        """Return the choice in the value of the plugin's option."""
        choice = json.loads(text)
        return cls(
            tuple(map(TagExpression, choice["tags"])),
            tuple(map(WordExpression, choice["words"])),
            {path: tuple(lines) for path, lines in choice["lines"].items()},
            None if choice["failed"] is None else frozenset(choice["failed"]),
        )


def split_file_and_lines(argument: str) -> tuple[Path, tuple[int, ...]]:
    """Split an argument such as "cart.feature:12:30" into the path and its lines."""
    match = FILE_WITH_LINES.fullmatch(argument)
    if match is None or Path(argument).exists():
        return Path(argument), ()
    return Path(match[1]), tuple(map(int, match[2].split(":")[1:]))


def resolve_lines(arguments: Sequence[str]) -> tuple[list[Path], dict[str, tuple[int, ...]]]:
    """Return the paths of arguments, each once, and the chosen lines of files.

    A file that is named without lines, or whose folder is named, is chosen as a whole.

    Raises: EmulatorError, when a line is not a line of a scenario.
    """
    named = [
        split_file_and_lines(name) for argument in arguments for name in _expand_glob(argument)
    ]
    whole = {path.absolute() for path, lines in named if not lines}
    chosen: dict[str, tuple[int, ...]] = {}
    for path, lines in named:
        absolute = path.absolute()
        if lines and whole.isdisjoint({absolute, *absolute.parents}):
            _check_lines(path, lines)
            chosen[str(absolute)] = (*chosen.get(str(absolute), ()), *lines)
    return list(dict.fromkeys(path for path, _ in named)), chosen


def _expand_glob(argument: str) -> list[str]:
    """Return the files that match an argument with wildcards, or the argument itself."""
    if not has_magic(argument) or Path(argument).exists():
        return [argument]
    return sorted(glob(argument, recursive=True)) or [argument]


def _check_lines(path: Path, lines: Sequence[int]) -> None:
    index = find_feature_index(path)
    for line in lines if index else ():
        if index and not index.list_scenarios_at(line):
            last = f"the file has {index.line_count} lines"
            what = "no scenario is at this line"
            first = next(iter(index.scenarios), None)
            example = f"Name one of a scenario, e.g. {first.line}" if first else "Write one"
            raise EmulatorError(f"{what}; {last}", f"{path}:{line}", f"{example}.")


def find_scenario_of_item(item: pytest.Item) -> tuple[Path, FeatureIndex, IndexedScenario] | None:
    """Return the scenario that a pytest item runs; None for other tests."""
    if not isinstance(item, pytest.Function):
        return None
    template = scenario_wrapper_template_registry.get(item.function)
    if template is None:
        return None
    path = Path(template.feature.filename).absolute()
    index = find_feature_index(path)
    callspec = getattr(item, "callspec", None)
    row = callspec.indices.get("_pytest_bdd_example", 0) if callspec else 0
    scenario = index.find_scenario(template.line_number, row) if index else None
    return (path, index, scenario) if index and scenario else None


class ScenarioSelector:
    """Pytest plugin that leaves out the scenarios of a run that are not chosen."""

    def __init__(self, selection: ScenarioSelection) -> None:
        self._selection = selection

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Pytest hook: deselect what is not chosen."""
        left_out = [item for item in items if not self._is_chosen(item)]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]

    def _is_chosen(self, item: pytest.Item) -> bool:
        found = find_scenario_of_item(item)
        return found is not None and self._selection.includes(*found)


def explain_empty_selection(selection: ScenarioSelection, paths: Iterable[Path]) -> EmulatorError:
    """Return the error of a choice that matches no scenario, with the tags that exist."""
    what = f"no scenario matches {selection.describe()}"
    if not selection.tags:
        return EmulatorError(what, "", "Choose by other words or lines.")
    known = list_tags(paths)
    if not known:
        return EmulatorError(what, "", "These features have no tags.")
    return EmulatorError(what, "", f"Known tags: {', '.join(known)}.")


def find_misspelt_tags(selection: ScenarioSelection, paths: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each tag of a choice that nothing has, but that is like another."""
    named = [tag for expression in selection.tags for tag in expression.tags]
    known = list_tags(paths) if named else []
    for tag in dict.fromkeys(named):
        if tag not in known and (near := find_similar_name(tag, known)):
            yield f"no scenario has the tag {tag}. Did you mean {near}?"


def list_tags(paths: Iterable[Path]) -> list[str]:
    """Return all tags in feature files and folders, sorted."""
    tags = set[str]()
    for path in paths:
        for file in sorted(path.rglob("*.feature")) if path.is_dir() else [path]:
            if index := find_feature_index(file):
                tags.update(tag for scenario in index.scenarios for tag in scenario.tag_names)
    return sorted(tags)


def get_scenario_key(path: Path, scenario: IndexedScenario) -> str:
    """Return what identifies a scenario in the record of failures; its line may change."""
    return f"{path}::{scenario.rule}::{scenario.title}"


def read_failed_scenarios(folder: Path) -> frozenset[str]:
    """Read which scenarios failed when they ran last in a folder."""
    with suppress(OSError, ValueError):
        listed = json.loads((folder / CACHE_FOLDER / "last-failed.json").read_text("utf-8"))
        if isinstance(listed, list):
            return frozenset(map(str, listed))
    return frozenset()


def write_failed_scenarios(folder: Path, verdicts: Mapping[str, str]) -> None:
    """Record which scenarios failed; those that did not run keep their last verdict.

    Args:
        verdicts: Key of a scenario -> its verdict.
    """
    before = read_failed_scenarios(folder)
    failed = {key for key in before if key not in verdicts}
    failed |= {key for key, verdict in verdicts.items() if verdict == "failed"}
    if failed == before:
        return
    cache = folder / CACHE_FOLDER
    with suppress(OSError):  # a folder that cannot be written only lacks --last-failed
        cache.mkdir(exist_ok=True)
        (cache / ".gitignore").write_text("*\n", "utf-8")
        (cache / "last-failed.json").write_text(json.dumps(sorted(failed), indent=1), "utf-8")
