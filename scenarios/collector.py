"""A pytest plugin that collects feature files themselves, so that no Python file need bind them.

It is apart from the step library: in a project whose test modules bind its features, it would
collect each of them twice.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import GherkinDocument, get_gherkin_document

# What the parser says of a line, below a heading of its own -> what people are told.
DETAIL = re.compile(r"^\(\d+:\d+\): (.+)", re.MULTILINE)
DETAILS = {
    "inconsistent cell count within the table": "This row has more or fewer cells than the first "
    "row of its table.",
}
BINDING = "from pytest_bdd import scenarios\nscenarios({path!r})\n"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "FeatureFile | None":
    """Take feature files."""
    if file_path.suffix != ".feature":
        return None
    collected: FeatureFile = FeatureFile.from_parent(parent, path=file_path)
    return collected


class FeatureFile(pytest.Module):
    """A feature file, in place of the test module that would bind it."""

    def _getobj(self) -> ModuleType:
        path = str(self.path)
        try:
            self._check(get_gherkin_document(path))
        except GherkinParseError as error:
            raise self.CollectError(f"{self.nodeid}:{error.line}: {_told(error)}") from error
        except KeyError as error:
            # How the library below puts that a file has no feature at all.
            raise self.CollectError(f"{self.nodeid}: it has no feature. Write one.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise self.CollectError(
                f"{self.nodeid}: it cannot be read as text ({error})."
            ) from error
        module = ModuleType(self.path.stem)
        exec(compile(BINDING.format(path=path), path, "exec"), module.__dict__)
        return module

    def _check(self, document: GherkinDocument) -> None:
        seen: dict[str, int] = {}
        for name, line in _scenarios(document):
            if name in seen:
                # The library below keeps scenarios by name, so the first would never run.
                what = f"the scenario {name!r} has the name of the one in line {seen[name]}"
                raise self.CollectError(f"{self.nodeid}:{line}: {what}. Give it another name.")
            seen[name] = line
        if not seen:
            raise self.CollectError(f"{self.nodeid}: it has no scenarios. Write one.")


def _told(error: GherkinParseError) -> str:
    """What is wrong, and the line."""
    detail = DETAIL.search(error.message)
    known = detail and DETAILS.get(detail[1])
    what = known or (f"{detail[1]}." if detail else error.message)
    return f"{what} It reads: {error.line_content.strip()}"


def _scenarios(document: GherkinDocument) -> Iterator[tuple[str, int]]:
    """Name and line of each scenario, those inside rules among them."""
    children = list(document.feature.children) if document.feature else []
    for child in children:
        for each in [child, *(child.rule.children if child.rule else [])]:
            if each.scenario:
                yield each.scenario.name, each.scenario.location.line
