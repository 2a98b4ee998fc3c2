"""`emulator verify --workspace`: the workspace of scenarios without one."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main

SHOP = """\
source: {name: Shop, writeKey: wk_shop}
destination:
  settings: {account_name: shop, ucd_key: key}
  subscriptions:
    - name: Wishes
      actionSlug: trackEvent
      trigger: event = "Wish Listed"
      settings:
        uuid: {"@path": $.userId}
        timestamp: {"@path": $.timestamp}
        event_name: wished
"""
WISHES = """\
Feature: Wishes
  Scenario: A mug
    When Ada does "Wish Listed"
    Then Insider One receives 1 "{name}" for Ada
"""
NAMED_WORKSPACE = """\
Feature: Wishes
  Scenario: A mug
    Given the workspace "guide"
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a project with shop.yaml in the current folder, and features in a subfolder."""
    monkeypatch.chdir(tmp_path)
    Path("features").mkdir()
    Path("shop.yaml").write_text(SHOP)


def run_verify(feature: str, *options: str) -> Result:
    Path("features/wishes.feature").write_text(feature)
    return CliRunner().invoke(main, ["verify", *options, "features"])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        pytest.param([], "wish_listed", id="guide by default"),
        pytest.param(["--workspace", "shop.yaml"], "wished", id="file in the current folder"),
        pytest.param(
            ["--workspace", "shop.yaml", "-n", "2"],
            "wished",
            id="in workers",
            marks=pytest.mark.extended,
        ),
        pytest.param(["--preset", "guide"], "wish_listed", id="preset"),
    ],
)
def test_a_scenario_without_a_workspace_gets_that_of_the_command_line(
    options: list[str], name: str
) -> None:
    result = run_verify(WISHES.format(name=name), *options)
    assert result.exit_code == 0, result.output


def test_a_scenario_with_a_workspace_uses_its_own() -> None:
    assert run_verify(NAMED_WORKSPACE, "--workspace", "shop.yaml").exit_code == 0


def test_a_broken_workspace_is_reported_once() -> None:
    Path("shop.yaml").write_text(SHOP.replace("trackEvent", "trackEvnt"))
    result = run_verify(WISHES.format(name="wished"), "--workspace", "shop.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "emulator: shop.yaml: destination.subscriptions[0] 'Wishes'.actionSlug: "
        "unknown action 'trackEvnt'. Did you mean 'trackEvent'?"
    ]
