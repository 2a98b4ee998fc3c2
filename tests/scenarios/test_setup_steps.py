"""Set-up steps reject unknown roles, integrations, settings, mappings and columns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.running_emulator import SandboxProvider
from segment_insider_scenarios.steps import setup


@pytest.fixture
def scene(emulators: SandboxProvider) -> Iterator[ScenarioContext]:
    with ScenarioContext(emulators, Path()) as context:
        yield context


def test_a_missing_role_is_reported(scene: ScenarioContext) -> None:
    message = "no step sets the role of Grace. Add first: Given Grace has the role "
    with pytest.raises(EmulatorError, match=message):
        setup.creates_integration(scene, "Grace", "Web shop", "Source")


def test_entering_the_key_of_an_unknown_integration_is_an_error(scene: ScenarioContext) -> None:
    message = r"no step has created the integration 'Web shop'\. Known: none\."
    with pytest.raises(EmulatorError, match=message):
        setup.enters_integration_key(scene, "Grace", "Web shop")


def test_an_unknown_setting_is_rejected(scene: ScenarioContext) -> None:
    message = r"Segment has no setting 'Key'\. Known: Segment Integration Key, Account Name\."
    with pytest.raises(EmulatorError, match=message):
        setup.enters_destination_settings(scene, "Grace", [["setting", "value"], ["Key", "k"]])


def test_an_unknown_mapping_is_reported(scene: ScenarioContext) -> None:
    message = r"there is no mapping 'Orders'\. Known: Create or Update a User Profile, "
    with pytest.raises(EmulatorError, match=message):
        setup.disables_mapping(scene, "Grace", "Orders")


def test_an_unexpected_rejection_is_an_error(scene: ScenarioContext) -> None:
    setup.sets_person_role(scene, "Grace", "Editor")
    with pytest.raises(EmulatorError, match="cannot make changes"):
        setup.creates_integration(scene, "Grace", "Web shop", "Source")


def test_an_unknown_column_of_inone_is_reported(scene: ScenarioContext) -> None:
    message = r"there is no column 'Integration Nam'\. Did you mean 'Integration Name'\?"
    with pytest.raises(EmulatorError, match=message):
        setup.check_integrations_in_inone_panel(scene, [["Integration Nam"], [""]])
