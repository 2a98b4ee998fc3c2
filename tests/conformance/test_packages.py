"""Packages of the comparison: whole trees, each of the day of its release."""

import json
import re
from pathlib import Path

import published
import pytest
from published import PACKAGE, RECORDED_VERSION, install_destination, install_evaluator

from segment_insider_emulator.errors import EmulatorError

PACKAGES = sorted((Path(__file__).parent / "packages").iterdir())
FAKE_NPM = """#!/bin/sh
echo "$@" >> "{log}"
[ "$1" = view ] && echo '{{"3.387.0": "2026-04-04T19:05:36.488Z"}}'
exit 0
"""


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_lock_pins_the_whole_tree_without_hosts(folder: Path) -> None:
    package_json = json.loads((folder / "package.json").read_text())
    text = (folder / "package-lock.json").read_text()
    root, *tree = json.loads(text)["packages"].values()
    assert root["dependencies"] == package_json["dependencies"]
    assert len(tree) > 50
    assert all(package["version"] and package["integrity"] for package in tree)
    assert re.findall(r"https?://", text) == []


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the log of npm calls; nothing is installed."""
    log = tmp_path / "npm.log"
    for name in ("npm", "node"):
        (tmp_path / name).write_text(FAKE_NPM.format(log=log))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return log


def read_commands(log: Path) -> list[str]:
    return [line.partition(" --ignore-scripts")[0] for line in log.read_text().splitlines()]


def test_recorded_version_is_installed_from_its_lock(npm: Path) -> None:
    folder = install_destination(RECORDED_VERSION)
    install_destination(RECORDED_VERSION)
    assert read_commands(npm) == ["ci"]
    lock = published.FOLDER / "packages" / "destination" / "package-lock.json"
    assert (folder / "package-lock.json").read_text() == lock.read_text()


def test_other_version_gets_the_tree_of_its_release_day(npm: Path) -> None:
    folder = install_destination("3.387.0")
    assert read_commands(npm) == [
        f"view {PACKAGE} time --json",
        "install --before=2026-04-04T20:05:36.488000+00:00",
    ]
    package_json = json.loads((folder / "package.json").read_text())
    assert package_json["dependencies"] == {PACKAGE: "3.387.0"}
    assert not (folder / "package-lock.json").exists()


def test_evaluator_is_installed_from_its_lock(npm: Path) -> None:
    install_evaluator()
    assert read_commands(npm) == ["ci"]


def test_unknown_version_is_reported(npm: Path) -> None:
    with pytest.raises(EmulatorError) as raised:
        install_destination("1.0.0")
    assert "npm has no such version" in str(raised.value)
