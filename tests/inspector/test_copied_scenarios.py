"""A message copied as a scenario reads back as the same call, with any characters."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_bdd.gherkin_parser import get_gherkin_document

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.tables import parse_pairs

LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
CHARACTERS = st.sampled_from([*LINE_ENDS, *"ab |\\\"'#@<>{}`*\t\0\xa0\u3000\ufeff\u200b1é💥"])
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12)
VALUES = TEXTS | st.lists(TEXTS, max_size=2) | st.dictionaries(TEXTS, TEXTS, max_size=2)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide")).test_client()


def copy_scenario(client: FlaskClient, call: JSONObject) -> str:
    """Send *call* and return the scenario to copy from its page."""
    client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": [call]})
    id = client.get("/emulator/v1/messages/newest").get_json()["id"]
    answer = client.get(f"/scenarios/new.feature?message={id}")
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def read_name_and_properties(feature: str, file: Path) -> tuple[JSON, JSON]:
    """Return the name and the properties of the call in the scenario."""
    file.write_bytes(feature.encode())
    [child] = get_gherkin_document(str(file)).feature.children
    scenario = child.scenario
    assert scenario
    when = next(step for step in scenario.steps if step.keyword.strip() == "When")
    if when.docstring:
        body = json.loads(when.docstring.content)
        [call] = body.get("batch", [body])
        return call["event"], call["properties"]
    name = re.fullmatch(r'\w+ does "(.*)"(?: with:)?', when.text)
    assert name
    assert when.datatable
    table = [[cell.value for cell in row.cells] for row in when.datatable.rows]
    return name[1], parse_pairs(table, "property")


@pytest.mark.extended
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(name=TEXTS, properties=st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_a_copied_scenario_sends_the_captured_call(
    client: FlaskClient, tmp_path_factory: pytest.TempPathFactory, name: str, properties: JSONObject
) -> None:
    call = {"type": "track", "userId": "ada", "event": name, "properties": properties}
    file = tmp_path_factory.mktemp("copied") / "copied.feature"
    assert read_name_and_properties(copy_scenario(client, call), file) == (name, properties)


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_cell_can_contain_every_line_end(client: FlaskClient, tmp_path: Path, end: str) -> None:
    properties = {"note": f"a{end}b", "list": [f"{end}c"]}
    call = {"type": "track", "userId": "ada", "event": "Seen", "properties": properties}
    assert read_name_and_properties(copy_scenario(client, call), tmp_path / "copied.feature") == (
        "Seen",
        properties,
    )


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_line_end_in_a_name_does_not_break_the_table(
    client: FlaskClient, tmp_path: Path, end: str
) -> None:
    properties = {f"a{end}b": "x", "list": "y"}
    call = {"type": "track", "userId": "ada", "event": "Seen", "properties": properties}
    assert read_name_and_properties(copy_scenario(client, call), tmp_path / "copied.feature") == (
        "Seen",
        properties,
    )


@pytest.mark.parametrize(
    ("event", "name"),
    [
        pytest.param("order_completed", "list", id="an event in small letters"),
        pytest.param("Wish Listed", "pirce", id="a property with a slip"),
    ],
)
def test_a_name_that_steps_reject_is_copied_as_json(
    client: FlaskClient, tmp_path: Path, event: str, name: str
) -> None:
    call = {"type": "track", "userId": "ada", "event": event, "properties": {name: "mine"}}
    feature = copy_scenario(client, call)
    assert "When an app posts to" in feature
    assert read_name_and_properties(feature, tmp_path / "copied.feature") == (event, {name: "mine"})


def test_a_number_with_a_comma_is_copied_in_quotes(client: FlaskClient) -> None:
    properties = {"product_id": "mug", "price": "8,50"}
    call = {"type": "track", "userId": "ada", "event": "Wish Listed", "properties": properties}
    assert re.search(r'\| price +\| "8,50" +\|', copy_scenario(client, call))
