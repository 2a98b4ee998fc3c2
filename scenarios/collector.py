"""A pytest plugin that collects feature files themselves, so that no Python file need bind them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.gherkin_parser import GherkinDocument, get_gherkin_document
from pytest_bdd.scenario import scenario_wrapper_template_registry

from scenarios.catalogue import reads

WHICH = "emulator_features"
KNOWN = ("ours", "all", "none")
LEFT = pytest.StashKey[list[str]]()  # the files that are somebody else's
# Beside or above features, behave and Cucumber have their steps here: they run them, not pytest.
FOREIGN = ("steps", "step_definitions")
# What the parser says of a line, below a heading of its own -> what people are told.
DETAIL = re.compile(r"^\(\d+:\d+\): (.+)", re.MULTILINE)
DETAILS = {
    "inconsistent cell count within the table": "This row has more or fewer cells than the first "
    "row of its table.",
}
BINDING = "from pytest_bdd import scenarios\nscenarios({path!r})\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which feature files are taken."""
    about = "Feature files to run that no module binds: ours (with steps of ours), all, none."
    parser.addini(WHICH, about, default="ours")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a word that is not known."""
    if config.getini(WHICH) not in KNOWN:
        told = f"{WHICH}: {config.getini(WHICH)!r} is not known. Known: {', '.join(KNOWN)}."
        raise pytest.UsageError(told)
    config.stash[LEFT] = []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "FeatureFile | None":
    """Take a feature file that is asked for by name, or is ours."""
    which = parent.config.getini(WHICH)
    if file_path.suffix != ".feature" or which == "none":
        return None
    if which == "ours" and not (parent.session.isinitpath(file_path) or _ours(file_path)):
        parent.config.stash[LEFT].append(os.path.relpath(file_path, parent.config.rootpath))
        return None
    collected: FeatureFile = FeatureFile.from_parent(parent, path=file_path)
    return collected


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out each scenario that a test module binds: it runs there."""
    bound = {_scenario_of(item) for item in items if not isinstance(item.parent, FeatureFile)}
    twins = [
        item
        for item in items
        if isinstance(item.parent, FeatureFile) and _scenario_of(item) in bound
    ]
    if twins:
        config.hook.pytest_deselected(items=twins)
        items[:] = [item for item in items if item not in twins]


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Name the features that nothing runs, as far as this plugin knows."""
    bound = {found[0] for item in items if (found := _scenario_of(item))}
    left = [name for name in config.stash[LEFT] if (config.rootpath / name).resolve() not in bound]
    if not left:
        return []
    more = f" and {len(left) - 1} more" if left[1:] else ""
    return [f"no step of the emulator's, so left alone: {left[0]}{more} (see {WHICH})"]


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


def _ours(feature: Path) -> bool:
    """Whether one of its lines is a step of the library, and no other tool has its steps nearby.

    It is read as lines, since a feature of ours that has a mistake must not go unseen.
    """
    near = [feature.parent, feature.parent.parent]
    if any((folder / name).is_dir() for folder in near for name in FOREIGN):
        return False
    lines = feature.read_text("utf-8", errors="replace").splitlines()
    return any(reads(line.strip().partition(" ")[2]) for line in lines)


def _scenario_of(item: pytest.Item) -> tuple[Path, str] | None:
    """File and name of the scenario that a test runs; None for any other test."""
    if not isinstance(item, pytest.Function):
        return None
    template = scenario_wrapper_template_registry.get(item.function)
    return (Path(template.feature.filename).resolve(), template.name) if template else None


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
