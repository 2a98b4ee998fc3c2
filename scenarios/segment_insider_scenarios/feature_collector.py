"""A pytest plugin that collects feature files themselves, so that no Python file need bind them."""

import codecs
import os
import re
from collections.abc import Generator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.feature import features as parsed_features
from pytest_bdd.parser import Feature, Scenario
from pytest_bdd.scenario import scenario_wrapper_template_registry

from segment_insider_scenarios.feature_checks import mark_escaped_brackets
from segment_insider_scenarios.feature_parser import FeatureFileError, read_feature
from segment_insider_scenarios.gherkin_keywords import texts_after_keywords
from segment_insider_scenarios.step_catalogue import is_library_step
from segment_insider_scenarios.step_errors import relative_path

FEATURES_OPTION = "emulator_features"
FEATURES_OPTION_VALUES = ("ours", "all", "none")
SKIPPED_FILES = pytest.StashKey[dict[str, str]]()  # the files that are somebody else's -> why
NO_LIBRARY_STEP = "no step of the emulator's"
# Folders beside or above features in which other tools have their steps.
FOREIGN_STEP_FOLDERS = ("steps", "step_definitions")
# What such a folder has when another tool runs the features: steps in its language, or behave's.
FOREIGN_STEP_SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".rb", ".java", ".kt", ".cs", ".go", ".php")
BEHAVE_IMPORT = re.compile(rb"^\s*(?:from|import)\s+behave\b", re.MULTILINE)
# What to do instead of binding a feature.
COLLECTED_HINT = (
    "Without `scenarios(...)` in the module pytest collects and runs the file by itself."
)
BINDING_MODULE_SOURCE = "from pytest_bdd import scenarios\nscenarios({path!r})\n"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which feature files are taken."""
    about = "Feature files to run that no module binds: ours (with steps of ours), all, none."
    parser.addini(FEATURES_OPTION, about, default="ours")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a word that is not known."""
    if config.getini(FEATURES_OPTION) not in FEATURES_OPTION_VALUES:
        message = f"{FEATURES_OPTION}: {config.getini(FEATURES_OPTION)!r} is not known. Known: {', '.join(FEATURES_OPTION_VALUES)}."
        raise pytest.UsageError(message)
    config.stash[SKIPPED_FILES] = {}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "FeatureFile | None":
    """Take a feature file that is asked for by name, or is ours."""
    which = parent.config.getini(FEATURES_OPTION)
    if file_path.suffix != ".feature" or which == "none":
        return None
    name = relative_path(str(file_path), parent.config.rootpath)
    asked = which == "all" or parent.session.isinitpath(file_path)
    if why := None if asked else _skip_reason(file_path):
        parent.config.stash[SKIPPED_FILES][name] = why
        return None
    collected: FeatureFile = FeatureFile.from_parent(parent, path=file_path, nodeid=name)
    return collected


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out each scenario that a test module binds: it runs there."""
    bound = {_scenario_location(item) for item in items if not isinstance(item.parent, FeatureFile)}
    twins = [
        item
        for item in items
        if isinstance(item.parent, FeatureFile) and _scenario_location(item) in bound
    ]
    if twins:
        config.hook.pytest_deselected(items=twins)
        items[:] = [item for item in items if item not in twins]


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Name the features that nothing runs, as far as this plugin knows, and say why."""
    bound = {found[0] for item in items if (found := _scenario_location(item))}
    left: dict[str, list[str]] = {}
    for name, why in config.stash[SKIPPED_FILES].items():
        if (config.rootpath / name).resolve() not in bound:
            left.setdefault(why, []).append(name)
    return [
        f"{why}, so left alone: {_format_file_names(names)} (see {FEATURES_OPTION})"
        for why, names in left.items()
    ]


def _format_file_names(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")


class FeatureFile(pytest.Module):
    """A feature file, in place of the test module that would bind it."""

    def _getobj(self) -> ModuleType:
        path = str(self.path)
        try:
            feature = read_feature(self.path, self.nodeid)
        except FeatureFileError as error:
            raise self.CollectError(str(error)) from error
        parsed_features[os.path.abspath(path)] = feature  # where pytest-bdd looks before it reads
        module = ModuleType(self.path.stem)
        exec(compile(BINDING_MODULE_SOURCE.format(path=path), path, "exec"), module.__dict__)
        return module


def _skip_reason(feature: Path) -> str | None:
    """Say why a feature is somebody else's; None when one of its lines is a step of the library.

    It is read as lines, since a feature of ours that has a mistake must not go unseen.
    """
    if not has_library_step(feature):
        return NO_LIBRARY_STEP
    near = [feature.parent, feature.parent.parent]
    folders = (folder / name for folder in near for name in FOREIGN_STEP_FOLDERS)
    foreign_folder = next((folder for folder in folders if _has_foreign_steps(folder)), None)
    return f"another tool's steps in the folder {foreign_folder.name}" if foreign_folder else None


def has_library_step(feature: Path) -> bool:
    """Check whether a line of the file is a step of the library, with whatever keyword."""
    raw = feature.read_bytes()
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    lines = raw.decode("utf-16" if wide else "utf-8-sig", errors="replace").splitlines()
    return any(
        is_library_step(text)
        for line in lines
        for text in (line.strip().partition(" ")[2], *texts_after_keywords(line))
    )


def find_bound_scenario_errors(feature: Feature, scenario: Scenario) -> str | None:
    """Say what pytest-bdd, which has read a file for a module, would not run as it is written.

    Returns: None where nothing is wrong, and for a feature without a step of the library.
    """
    path = Path(feature.filename)
    names, faults = _read_library_feature(path)
    if faults or names is None:
        return faults
    bound = (
        name for name, each in feature.scenarios.items() if each.line_number == scenario.line_number
    )
    twin = next((name for name in bound if mark_escaped_brackets(name) not in names), None)
    if twin is None:
        return None
    what = f"several scenarios are called {twin!r}, and the module runs only the last"
    return f"{path.name}:{scenario.line_number}: {what}. Rename them. {COLLECTED_HINT}"


@cache
def _read_library_feature(path: Path) -> tuple[frozenset[str] | None, str | None]:
    """The names of the scenarios that the library reads of a file of its own, or its faults."""
    if not has_library_step(path):
        return None, None
    try:
        return frozenset(read_feature(path, path.name).scenarios), None
    except FeatureFileError as error:
        return None, str(error)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Say plainly which feature a module binds that pytest-bdd cannot read."""
    report = yield
    call: pytest.CallInfo[None] | None = getattr(report, "call", None)
    error = call.excinfo.value if call and call.excinfo else None
    if isinstance(error, GherkinParseError) and (told := _explain_unreadable_feature(error)):
        report.longrepr = told
    return report


def _explain_unreadable_feature(error: GherkinParseError) -> str | None:
    path = Path(error.filename)
    names, faults = _read_library_feature(path)
    if names is None:
        return faults
    lead = f"{path.name}:{error.line}: pytest-bdd cannot read this file, which the module binds"
    return f"{lead}. {error.message} {COLLECTED_HINT}"


def _has_foreign_steps(folder: Path) -> bool:
    """Whether behave's or Cucumber's steps are in *folder*."""
    for file in folder.rglob("*") if folder.is_dir() else ():
        if file.suffix in FOREIGN_STEP_SUFFIXES:
            return True
        if file.suffix == ".py" and BEHAVE_IMPORT.search(file.read_bytes()):
            return True
    return False


def _scenario_location(item: pytest.Item) -> tuple[Path, int] | None:
    """File and line of the scenario that a test runs; None for any other test."""
    if not isinstance(item, pytest.Function):
        return None
    template = scenario_wrapper_template_registry.get(item.function)
    if template is None:
        return None
    return Path(template.feature.filename).resolve(), template.line_number
