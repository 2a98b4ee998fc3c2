"""Steps of the set-up: what they refuse because it cannot be meant."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.running_emulator import SandboxProvider
from segment_insider_scenarios.steps import setup


@pytest.fixture
def scene(emulators: SandboxProvider) -> Iterator[ScenarioContext]:
    with ScenarioContext(emulators, Path()) as own:
        yield own


def test_a_role_has_to_be_said(scene: ScenarioContext) -> None:
    told = "no step sets the role of Grace. Add first: Given Grace has the role "
    with pytest.raises(EmulatorError, match=told):
        setup.creates_integration(scene, "Grace", "Web shop", "Source")


def test_an_integration_has_to_be_created_before_its_key_is_entered(scene: ScenarioContext) -> None:
    told = r"no step has created the integration 'Web shop'\. Known: none\."
    with pytest.raises(EmulatorError, match=told):
        setup.enters_integration_key(scene, "Grace", "Web shop")


def test_a_setting_has_the_guide_s_name(scene: ScenarioContext) -> None:
    told = r"Segment has no setting 'Key'\. Known: Segment Integration Key, Account Name\."
    with pytest.raises(EmulatorError, match=told):
        setup.enters_destination_settings(scene, "Grace", [["setting", "value"], ["Key", "k"]])


def test_a_mapping_that_does_not_exist_is_said(scene: ScenarioContext) -> None:
    told = r"there is no mapping 'Orders'\. Known: Create or Update a User Profile, "
    with pytest.raises(EmulatorError, match=told):
        setup.disables_mapping(scene, "Grace", "Orders")


def test_a_refusal_that_nobody_expects_is_an_error(scene: ScenarioContext) -> None:
    setup.sets_person_role(scene, "Grace", "Editor")
    with pytest.raises(EmulatorError, match="cannot make changes"):
        setup.creates_integration(scene, "Grace", "Web shop", "Source")


def test_a_column_that_inone_does_not_have_is_said(scene: ScenarioContext) -> None:
    told = r"there is no column 'Integration Nam'\. Did you mean 'Integration Name'\?"
    with pytest.raises(EmulatorError, match=told):
        setup.check_integrations_in_inone_panel(scene, [["Integration Nam"], [""]])
