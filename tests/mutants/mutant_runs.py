"""Runs of mutants with pytest in one process, each until its first failure."""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mutations import Mutant
from shipped_features import ROOT

ARGUMENTS = (
    *("-c", os.devnull),
    *("-p", "no:terminal"),
    *("-p", "no:cacheprovider"),
    *("-p", "no:xdist"),
    *("-o", "python_files="),
    *("-o", "emulator_features=all"),
    *("-W", "ignore::pytest.PytestUnknownMarkWarning"),
    "--continue-on-collection-errors",
)
# Other files in the folders of the features that scenarios name.
REFERENCED_FILES = ("*.yaml", "*.ndjson", "*.json")


class FailedFiles:
    """Pytest plugin that collects the feature files with a failure."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Skip the other rows of an outline that has failed."""
        return True if item.path.name in self.files else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a failed scenario."""
        if report.failed:
            self._add_failure(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be parsed."""
        if report.failed:
            self._add_failure(report)

    def _add_failure(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        self.files.add(Path(report.nodeid.partition("::")[0]).name)


def find_survivors(mutants: list[Mutant], jobs: int = 1) -> list[Mutant]:
    """Return the mutants that pass."""
    parts = [mutants[start::jobs] for start in range(jobs)]
    if jobs == 1:
        passed = [_find_passing(part) for part in parts]
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            passed = list(pool.map(_find_passing, parts))
    alive = {str(mutant) for part in passed for mutant in part}
    return [mutant for mutant in mutants if str(mutant) in alive]


def _find_passing(mutants: list[Mutant]) -> list[Mutant]:
    failures = _run_features(mutants)
    return [
        mutant
        for number, mutant in enumerate(mutants)
        if _feature_name(number) not in failures.files
    ]


def _feature_name(number: int) -> str:
    return f"m{number}.feature"


def _run_features(mutants: list[Mutant]) -> FailedFiles:
    failures = FailedFiles()
    with TemporaryDirectory() as temporary_folder, redirect_stdout(StringIO()):
        root = Path(temporary_folder)
        _copy_referenced_files(root)
        for number, mutant in enumerate(mutants):
            folder = (root / mutant.scenario.path).parent
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _feature_name(number)).write_text(mutant.text(), "utf-8")
        pytest.main([*ARGUMENTS, f"--rootdir={root}", str(root)], plugins=[failures])
    return failures


def _copy_referenced_files(root: Path) -> None:
    """Copy the workspaces and recorded events that features name to *root*."""
    shutil.copytree(ROOT / "fixtures" / "events", root / "fixtures" / "events")
    for path in (file for glob in REFERENCED_FILES for file in (ROOT / "features").rglob(glob)):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
