"""What is loaded by the pytest plugin before a scenario is collected, and by `emulator verify`."""

import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = ("--disable-plugin-autoload", "-p", "segment_insider_scenarios.plugin")
WATCHED = (
    "faker",
    "flask",
    "pytest_bdd",
    "segment",
    "sqlalchemy",
    "segment_insider_scenarios.steps.setup",
)
TEST_WITHOUT_EMULATOR = f"""\
import sys

def test_nothing_is_loaded():
    assert [name for name in {WATCHED} if name in sys.modules] == []
"""
# What pytest does by itself for a package that is installed from an archive.
REWRITING_CONFTEST = """\
import pytest

pytest.register_assert_rewrite("segment_insider_scenarios")
"""
TEST_OF_IMPORTS = """\
from segment_insider_scenarios import context

def test_assertions_are_not_rewritten():
    assert type(context.__loader__).__name__ == "SourceFileLoader"
"""
FEATURE = """\
Feature: Wishes
  Scenario: A wish
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
# Lists the plugins that are neither pytest's own nor this project's.
LISTING_CONFTEST = """\
from pathlib import Path

def pytest_collection_finish(session):
    names = [name for name, plugin in session.config.pluginmanager.list_name_plugin() if plugin]
    others = [name for name in names if name.partition(".")[0] in ("hypothesis", "stars", "xdist")]
    Path("plugins.txt").write_text(" ".join(others))
"""


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        pytest.param(TEST_WITHOUT_EMULATOR, PLUGIN, id="heavy modules wait for a scenario"),
        pytest.param(TEST_OF_IMPORTS, (), id="own modules are imported as they are"),
    ],
)
def test_plain_pytest_pays_little_for_the_plugin(
    text: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(REWRITING_CONFTEST)
    (tmp_path / "test_shop.py").write_text(text)
    done = run_python(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "plugins"),
    [
        pytest.param((), "", id="none of the surrounding project"),
        pytest.param(("-p", "stars"), "stars", id="the named ones", marks=pytest.mark.extended),
    ],
)
def test_verify_loads_these_plugins_of_others(
    arguments: tuple[str, ...], plugins: str, tmp_path: Path
) -> None:
    for name, text in {
        "conftest.py": LISTING_CONFTEST,
        "stars.py": "",
        "wish.feature": FEATURE,
    }.items():
        (tmp_path / name).write_text(text)
    done = run_python(tmp_path, "segment_insider_emulator", "verify", *arguments, ".")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plugins.txt").read_text() == plugins


@pytest.mark.extended
def test_an_unknown_plugin_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wish.feature").write_text(FEATURE)
    done = run_python(tmp_path, "segment_insider_emulator", "verify", "-p", "stars", ".")
    assert done.returncode == 2
    assert done.stderr.startswith("emulator: pytest could not run (")
    assert 'Error importing plugin "stars"' in done.stderr
