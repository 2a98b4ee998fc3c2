"""What the comparison installs: whole trees, each of the day that its version was published."""

import json
import re
from pathlib import Path

import published
import pytest
from published import PACKAGE, RECORDED, installed, installed_evaluator

from segment_insider_emulator.errors import EmulatorError

PACKAGES = sorted((Path(__file__).parent / "packages").iterdir())
FAKE_NPM = """#!/bin/sh
echo "$@" >> "{log}"
[ "$1" = view ] && echo '{{"3.387.0": "2026-04-04T19:05:36.488Z"}}'
exit 0
"""


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_a_lock_pins_the_whole_tree_and_names_no_host(folder: Path) -> None:
    wanted = json.loads((folder / "package.json").read_text())
    text = (folder / "package-lock.json").read_text()
    root, *tree = json.loads(text)["packages"].values()
    assert root["dependencies"] == wanted["dependencies"]
    assert len(tree) > 50
    assert all(package["version"] and package["integrity"] for package in tree)
    assert re.findall(r"https?://", text) == []


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of what npm is called with; it installs nothing."""
    log = tmp_path / "npm.log"
    for name in ("npm", "node"):
        (tmp_path / name).write_text(FAKE_NPM.format(log=log))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return log


def commands(log: Path) -> list[str]:
    return [line.partition(" --ignore-scripts")[0] for line in log.read_text().splitlines()]


def test_the_recorded_version_is_installed_from_its_lock(npm: Path) -> None:
    folder = installed(RECORDED)
    installed(RECORDED)
    assert commands(npm) == ["ci"]
    lock = published.HERE / "packages" / "destination" / "package-lock.json"
    assert (folder / "package-lock.json").read_text() == lock.read_text()


def test_another_version_gets_the_tree_of_its_own_day(npm: Path) -> None:
    folder = installed("3.387.0")
    assert commands(npm) == [
        f"view {PACKAGE} time --json",
        "install --before=2026-04-04T20:05:36.488000+00:00",
    ]
    wanted = json.loads((folder / "package.json").read_text())
    assert wanted["dependencies"] == {PACKAGE: "3.387.0"}
    assert not (folder / "package-lock.json").exists()


def test_the_evaluator_of_filters_is_installed_from_its_lock(npm: Path) -> None:
    installed_evaluator()
    assert commands(npm) == ["ci"]


def test_a_version_that_does_not_exist_is_said(npm: Path) -> None:
    with pytest.raises(EmulatorError) as raised:
        installed("1.0.0")
    assert "npm knows no such version" in str(raised.value)
