"""Pytest plugin that collects feature files directly, without a Python module binding them."""

import codecs
import os
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pytest_bdd.exceptions import GherkinParseError
from pytest_bdd.feature import features as parsed_features
from pytest_bdd.parser import Feature, Scenario
from pytest_bdd.scenario import scenario_wrapper_template_registry

from segment_insider_scenarios.feature_checks import mark_escaped_brackets
from segment_insider_scenarios.feature_index import (
    FeatureIndex,
    IndexedScenario,
    find_feature_index,
)
from segment_insider_scenarios.feature_parser import (
    FeatureFileError,
    can_be_marker,
    read_feature,
)
from segment_insider_scenarios.gherkin_keywords import list_texts_after_step_keywords
from segment_insider_scenarios.plugin import FEATURES_OPTION, SKIP_TAGS_OPTION
from segment_insider_scenarios.scenario_selection import (
    ScenarioSelection,
    check_tag_expression,
    find_scenario_of_item,
)
from segment_insider_scenarios.step_catalogue import is_library_step
from segment_insider_scenarios.step_errors import get_relative_path

SKIPPED_FILES = pytest.StashKey[dict[str, str]]()  # file of another tool -> reason
REGISTERED_TAGS = pytest.StashKey[set[str]]()
NO_LIBRARY_STEP = "no step of this library"
# Folders next to or above features in which other tools have their steps.
FOREIGN_STEP_FOLDERS = ("steps", "step_definitions")
# What such a folder has when another tool runs the features: steps in its language, or behave's.
FOREIGN_STEP_SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".rb", ".java", ".kt", ".cs", ".go", ".php")
BEHAVE_IMPORT = re.compile(rb"^\s*(?:from|import)\s+behave\b", re.MULTILINE)
# What to do instead of binding a feature.
COLLECTED_HINT = "Without `scenarios(...)` in the module, pytest collects and runs the file itself."
BINDING_MODULE_SOURCE = "from pytest_bdd import scenarios\nscenarios({path!r})\n"


def collect_feature_file(
    file_path: Path, parent: pytest.Collector, which: str
) -> "FeatureFile | None":
    """Collect a feature file.

    Args:
        which: "all" files, or "ours": those with a library step or named on the command line.
    """
    name = get_relative_path(str(file_path), parent.config.rootpath)
    asked = which == "all" or parent.session.isinitpath(file_path)
    if why := None if asked else _find_skip_reason(file_path):
        parent.config.stash.setdefault(SKIPPED_FILES, {})[name] = why
        return None
    collected: FeatureFile = FeatureFile.from_parent(parent, path=file_path, nodeid=name)
    return collected


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pytest hook: prepare collected scenarios; deselect those that a test module binds."""
    for item in items:
        if isinstance(item.parent, FeatureFile) and (found := find_scenario_of_item(item)):
            _add_tags_and_names(item, *found)
    bound = {
        _find_scenario_location(item) for item in items if not isinstance(item.parent, FeatureFile)
    }
    twins = [
        item
        for item in items
        if isinstance(item.parent, FeatureFile) and _find_scenario_location(item) in bound
    ]
    if twins:
        config.hook.pytest_deselected(items=twins)
        items[:] = [item for item in items if item not in twins]


def _add_tags_and_names(
    item: pytest.Item, path: Path, index: FeatureIndex, scenario: IndexedScenario
) -> None:
    """Add what -m and -k of pytest find a scenario by, and skip it if its tags say so."""
    item.extra_keyword_matches.update({index.name, scenario.rule, scenario.title} - {""})
    for tag in scenario.tag_names:
        if not can_be_marker(tag[1:]) and tag != "@skip":
            mark = pytest.Mark(tag[1:], (), {}, _ispytest=True)
            item.add_marker(pytest.MarkDecorator(mark, _ispytest=True))
    text = str(item.config.getini(SKIP_TAGS_OPTION)).strip()
    chosen = item.config.getoption("emulator_choice", None)
    selection = ScenarioSelection.from_option(chosen) if chosen else ScenarioSelection()
    named = selection.list_named_tags(path, index, scenario)
    remaining = [tag for tag in scenario.tag_names if tag not in named]
    if text and check_tag_expression(SKIP_TAGS_OPTION, text).matches(remaining):
        reason = f"its tags ({' '.join(scenario.tag_names)}) meet {SKIP_TAGS_OPTION} ({text})"
        item.add_marker(pytest.mark.skip(reason=reason))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Pytest hook: report which feature files were skipped, and why."""
    bound = {found[0] for item in items if (found := _find_scenario_location(item))}
    left: dict[str, list[str]] = {}
    for name, why in config.stash.get(SKIPPED_FILES, {}).items():
        if (config.rootpath / name).resolve() not in bound:
            left.setdefault(why, []).append(name)
    return [
        f"{why}, so not collected: {_abbreviate_file_names(names)} (see {FEATURES_OPTION})"
        for why, names in left.items()
    ]


def _abbreviate_file_names(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")


class FeatureFile(pytest.Module):
    """Pytest collector of one feature file, in place of a test module that binds it."""

    def _getobj(self) -> ModuleType:
        path = str(self.path)
        try:
            feature = read_feature(self.path, self.nodeid)
        except FeatureFileError as error:
            raise self.CollectError(str(error)) from error
        self._register_tags()
        parsed_features[os.path.abspath(path)] = feature  # where pytest-bdd looks before it reads
        module = ModuleType(self.path.stem)
        exec(compile(BINDING_MODULE_SOURCE.format(path=path), path, "exec"), module.__dict__)
        return module

    def _register_tags(self) -> None:
        """Register the tags of the file as markers, which --strict-markers asks for."""
        known = self.config.stash.setdefault(REGISTERED_TAGS, set())
        index = find_feature_index(self.path)
        for scenario in index.scenarios if index else ():
            for tag in scenario.tag_names:
                if tag not in known and can_be_marker(tag[1:]):
                    known.add(tag)
                    line = f"{tag[1:]}: a tag of {self.path.name}"
                    self.config.addinivalue_line("markers", line)


def _find_skip_reason(feature: Path) -> str | None:
    """Return why a feature file is not collected; None when it has a library step.

    The file is read line by line, so that a feature with a mistake is not missed.
    """
    if not has_library_step(feature):
        return NO_LIBRARY_STEP
    foreign_folder = find_foreign_step_folder(feature)
    return f"another tool's steps in the folder {foreign_folder.name}" if foreign_folder else None


def find_foreign_step_folder(feature: Path) -> Path | None:
    """Return the folder next to or above a feature that has steps of behave or Cucumber."""
    near = [feature.parent, feature.parent.parent]
    folders = (folder / name for folder in near for name in FOREIGN_STEP_FOLDERS)
    return next((folder for folder in folders if _folder_has_other_framework_steps(folder)), None)


def has_library_step(feature: Path) -> bool:
    """Return whether any line of a feature file is a library step, whatever its keyword."""
    raw = feature.read_bytes()
    wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    lines = raw.decode("utf-16" if wide else "utf-8-sig", errors="replace").splitlines()
    return any(
        is_library_step(text)
        for line in lines
        for text in (line.strip().partition(" ")[2], *list_texts_after_step_keywords(line))
    )


def find_bound_scenario_errors(feature: Feature, scenario: Scenario) -> str | None:
    """Return the problems that pytest-bdd ignores in a scenario bound by a test module.

    Returns: None where nothing is wrong, and for a feature without a step of the library.
    """
    path = Path(feature.filename)
    names, faults = _read_library_feature(path)
    if faults or names is None:
        return faults
    bound = (
        name
        for name, template in feature.scenarios.items()
        if template.line_number == scenario.line_number
    )
    twin = next((name for name in bound if mark_escaped_brackets(name) not in names), None)
    if twin is None:
        return None
    what = f"several scenarios are called {twin!r}, and the module runs only the last"
    return f"{path.name}:{scenario.line_number}: {what}. Rename them. {COLLECTED_HINT}"


@cache
def _read_library_feature(path: Path) -> tuple[frozenset[str] | None, str | None]:
    """Return the scenario names of a feature file, or its errors; neither without library steps."""
    if not has_library_step(path):
        return None, None
    try:
        return frozenset(read_feature(path, path.name).scenarios), None
    except FeatureFileError as error:
        return None, str(error)


def explain_unreadable_feature(error: GherkinParseError) -> str | None:
    """Return what is wrong in a feature file that a module binds; None for a foreign file."""
    path = Path(error.filename)
    names, faults = _read_library_feature(path)
    if names is None:
        return faults
    lead = f"{path.name}:{error.line}: pytest-bdd cannot read this file, which the module binds"
    return f"{lead}. {error.message} {COLLECTED_HINT}"


def _folder_has_other_framework_steps(folder: Path) -> bool:
    """Return whether a folder has step files of behave or Cucumber."""
    for file in folder.rglob("*") if folder.is_dir() else ():
        if file.suffix in FOREIGN_STEP_SUFFIXES:
            return True
        if file.suffix == ".py" and BEHAVE_IMPORT.search(file.read_bytes()):
            return True
    return False


def _find_scenario_location(item: pytest.Item) -> tuple[Path, int] | None:
    """Return file and line of the scenario that a pytest item runs; None for other tests."""
    if not isinstance(item, pytest.Function):
        return None
    template = scenario_wrapper_template_registry.get(item.function)
    if template is None:
        return None
    return Path(template.feature.filename).resolve(), template.line_number
