"""`emulator map`: requests of events, and explanations of their mapping."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import parse_document

AT = "2026-11-27T09:15:00Z"
ORDER: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m1",
    "userId": "u1",
    "timestamp": "2026-01-01T00:00:00Z",
    "properties": {"order_id": "o-17", "gift": "yes", "products": [{"product_id": "mug"}]},
}

NAIVE = """
source: {name: Web shop, writeKey: wk_demo}
destination:
  settings: {account_name: mybrand, ucd_key: test-key}
  subscriptions:
    - name: Profile
      actionSlug: updateUserProfile
      settings: {firstName: {"@path": $.traits.firstName}}
"""


def run_map(*events: JSONObject | str, options: tuple[str, ...] = ()) -> Result:
    lines = "\n".join(event if isinstance(event, str) else json.dumps(event) for event in events)
    return CliRunner().invoke(main, ["map", *options], input=lines)


def write_workspace(folder: Path, parameters: JSONObject) -> str:
    """Write a workspace that maps every track call with *parameters*; return its file."""
    settings = {"event_name": "sent", "timestamp": {"@path": "$.timestamp"}}
    subscription = {
        "name": "Parcel", "actionSlug": "trackEvent", "trigger": 'type = "track"',
        "settings": {**settings, "parameters": parameters},
    }  # fmt: skip
    account = {"account_name": "shop", "ucd_key": "key"}
    destination = {"name": "Insider", "settings": account, "subscriptions": [subscription]}
    workspace = folder / "shop.json"
    source = {"name": "Shop", "writeKey": "wk"}
    workspace.write_text(json.dumps({"source": source, "destination": destination}))
    return str(workspace)


def test_each_request_is_printed_as_one_line() -> None:
    result = run_map(ORDER, options=("--preset", "segment-defaults"))

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["messageId"], line["actionSlug"]) for line in lines] == [
        ("m1", "trackEvent"),
        ("m1", "orderCompletedEvent"),
    ]
    assert lines[1]["request"]["json"]["users"][0]["events"] == [
        {
            "event_name": "confirmation_page_view",
            "timestamp": "2026-01-01T00:00:00Z",
            "event_params": {"product_id": "mug", "event_group_id": "o-17", "custom": {}},
        }
    ]


def test_a_failing_event_has_an_error_instead_of_a_request() -> None:
    event = {**ORDER, "timestamp": None}

    result = run_map(event)

    line = json.loads(result.stdout)
    assert line["error"] == {
        "code": 400,
        "name": "AggregateAjvError",
        "message": "The root value is missing the required field 'timestamp'.",
    }
    assert "request" not in line


def test_an_event_without_a_subscription_has_no_line() -> None:
    assert run_map({"type": "group"}).stdout == ""


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param("{broken", "not JSON", id="not JSON"),
        pytest.param("[]", "an event is a JSON object", id="no object"),
        pytest.param('{"a":' * 101 + "1" + "}" * 101, "nested deeper than 100", id="too deep"),
    ],
)
def test_an_invalid_line_is_reported_and_the_others_are_mapped(line: str, complaint: str) -> None:
    result = run_map(line, ORDER)

    assert result.exit_code == 2
    assert result.stderr.startswith("emulator: stdin:1: ")
    assert complaint in result.stderr
    assert json.loads(result.stdout)["messageId"] == "m1"


@pytest.mark.parametrize("name", ["naive.yaml", "naive.json"])
def test_a_workspace_instead_of_events_is_reported_once(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    document = json.dumps(parse_document(NAIVE.encode(), name), indent=2)
    file.write_text(document if file.suffix == ".json" else NAIVE)

    result = CliRunner().invoke(main, ["map", str(file), "--explain"])

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"emulator: {file}: this is a workspace file. "
        f"Give it as --workspace {file}, and a file of events.\n"
    )


def test_an_explanation_shows_origins_and_lost_properties() -> None:
    result = run_map(ORDER, options=("--preset", "segment-defaults", "--explain"))

    lines = result.stdout.splitlines()
    assert lines[0] == "track 'Order Completed'  m1"
    assert '    users[0].events[0].event_params.event_group_id = "o-17"' in lines
    assert "        from properties.order_id, by parameters.event_group_id" in lines
    assert lines[-6:] == [
        '  not matched  8 others, which require type = "identify" or event = "Product List Viewed" '
        'or event = "Product Viewed" or 5 more, see --json',
        "  dropped: no matching subscription reads",
        "    properties.gift was sent once, but no mapping reads it. Map it under parameters.",
        "      write at destination.subscriptions[9].settings.parameters.gift: "
        '{"@path":"$.properties.gift"}',
        "      this subscription leaves out `settings`, and a single line of it would replace the "
        "action's whole mapping: first run `emulator export segment-defaults --format workspace "
        "--output whole.yaml`, then write the line there",
        "",
    ]


def test_an_explanation_names_the_path_that_is_read_instead() -> None:
    event = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}

    result = run_map(event, options=("--preset", "segment-defaults", "--explain"))

    assert result.stdout.splitlines() == [
        "identify  ",
        "  matched      Create or Update a User Profile (updateUserProfile)",
        '    users[0].identifiers.uuid = "ada"',
        "        from userId, by uuid",
        '  not matched  9 others, which require type = "track"',
        "  dropped: no matching subscription reads",
        "    traits.firstName was sent once, but firstName reads traits.first_name, which "
        "was never sent. "
        "Read $.traits.firstName as well.",
        "      write at destination.subscriptions[0].settings.firstName: "
        '{"@if":{"exists":{"@path":"$.traits.firstName"},"then":{"@path":"$.traits.firstName"},'
        '"else":{"@path":"$.traits.first_name"}}}',
        "      this subscription leaves out `settings`, and a single line of it would replace the "
        "action's whole mapping: first run `emulator export segment-defaults --format workspace "
        "--output whole.yaml`, then write the line there",
        "",
    ]


def test_an_explanation_of_a_written_out_mapping_is_one_line() -> None:
    event = {"type": "identify", "userId": "ada", "traits": {"shoeSize": 41}}

    result = run_map(event, options=("--explain",))

    assert result.stdout.splitlines()[-2:] == [
        "      write at destination.subscriptions[0].settings.custom: "
        '{"shoe_size":{"@path":"$.traits.shoeSize"}}',
        "",
    ]


def test_an_explanation_says_why_insider_one_would_reject_the_request(tmp_path: Path) -> None:
    file = tmp_path / "naive.yaml"
    file.write_text(NAIVE)
    event = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}

    text = run_map(event, options=("--workspace", str(file), "--explain"))
    json_result = run_map(event, options=("--workspace", str(file), "--explain", "--json"))

    remedy = "Send uuid, email, phone_number, a custom identifier or insider_id."
    assert text.stdout.splitlines() == [
        "identify  ",
        "  matched      Profile (updateUserProfile)",
        '    users[0].attributes.name = "Ada"',
        "        from traits.firstName, by firstName",
        '    Insider One answers 200 and refuses it: "either insider_id or idenifiers must be '
        f'specified". {remedy}',
        "",
    ]
    assert json.loads(json_result.stdout)["refused"] == [
        {
            "subscription": "Profile",
            "where": "identifiers",
            "what": "either insider_id or idenifiers must be specified",
            "remedy": remedy,
        }
    ]


def test_an_explanation_has_a_reason_for_each_subscription_that_does_not_match() -> None:
    result = run_map({"type": "group", "traits": {"name": "Ada & Co"}}, options=("--explain",))

    lines = result.stdout.splitlines()
    assert len([line for line in lines if line.startswith("  not matched  ")]) == 12
    assert lines[-2:] == ["    traits.name", ""]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        pytest.param({"type": "foo"}, 'of the type "foo"', id="another"),
        pytest.param({"userId": "ada"}, "without a type", id="none"),
    ],
)
def test_an_explanation_names_an_unknown_call_type(event: JSONObject, name: str) -> None:
    result = run_map(event, options=("--explain",))

    assert result.stdout.splitlines()[1:] == [
        f"  Segment accepts no call {name}, only track, identify, page, screen, group and alias",
        "",
    ]


def test_an_explanation_can_be_printed_as_json() -> None:
    result = run_map(ORDER, options=("--preset", "segment-defaults", "--explain", "--json"))

    explanation = json.loads(result.stdout)
    assert explanation["message_id"] == "m1"
    assert explanation["dropped"] == ["properties.gift"]


def test_a_missing_file_is_an_error() -> None:
    result = CliRunner().invoke(main, ["map", str(Path("nowhere.ndjson"))])

    assert result.exit_code == 2
    assert result.stderr == (
        "emulator: nowhere.ndjson: cannot be read (No such file or directory). "
        "Name a file of events.\n"
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        pytest.param(
            {"category": None},
            "    properties.category was sent as null, so Product Viewed Event sends no "
            "parameters.taxonomy.",
            id="null",
        ),
        pytest.param(
            {"price": ""},
            "    properties.price was sent as an empty text, so Product Viewed Event sends no "
            "parameters.unit_price or parameters.unit_sale_price.",
            id="an empty text where a number belongs",
        ),
    ],
)
def test_an_explanation_names_the_empty_value_that_mapped_to_nothing(
    properties: JSONObject, expected: str
) -> None:
    event = {"type": "track", "event": "Product Viewed", "timestamp": "2026-11-27T09:15:00Z"}

    lines = run_map({**event, "properties": properties}, options=("--explain",)).stdout.splitlines()

    assert [line for line in lines if " was sent as " in line] == [expected]
    assert "  dropped: no matching subscription reads" not in lines


def test_an_explanation_says_that_an_empty_product_list_sends_no_events() -> None:
    event = {
        "type": "track", "event": "Order Completed", "timestamp": "2026-11-27T09:15:00Z",
        "properties": {"order_id": "o-1", "products": []},
    }  # fmt: skip

    lines = run_map(event, options=("--explain",)).stdout.splitlines()

    assert (
        "    properties.products was sent as an empty list, so Order Completed Event sends no "
        "events." in lines
    )
    assert not [line for line in lines if "dropped" in line or "lost" in line]


def test_an_explanation_says_how_to_map_a_key_with_a_capital() -> None:
    event = {
        "type": "track", "event": "Parcel Sent", "timestamp": "2026-11-27T09:15:00Z",
        "properties": {"giftWrap": True},
    }  # fmt: skip

    lines = run_map(event, options=("--explain",)).stdout.splitlines()

    assert (
        "    lost: parameters.giftWrap = true from properties.giftWrap. A key with a capital or a "
        "space loses its value: map it to gift_wrap" in lines
    )


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"carrier": "DHL"}, id="no zone"),
        pytest.param({"carrier": "DHL", "zone": None}, id="a zone that is null"),
        pytest.param({"carrier": "DHL", "products": [{"sku": "s1"}]}, id="and a list of objects"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        pytest.param(lambda inner: inner, id="an object"),
        pytest.param(
            lambda inner: {"@merge": {"direction": "right", "objects": [inner]}}, id="@merge"
        ),
    ],
)
def test_an_explanation_shows_null_for_a_missing_value_in_an_object(
    tmp_path: Path, properties: JSONObject, around: Callable[[JSONObject], JSONObject]
) -> None:
    inner = {"carrier": {name: {"@path": f"$.properties.{name}"} for name in ("carrier", "zone")}}
    parameters = {"delivery": around(inner), "items": {"@path": "$.properties.products"}}
    workspace = write_workspace(tmp_path, parameters)
    event = {"type": "track", "event": "Sent", "timestamp": AT, "properties": properties}

    result = run_map(event, options=("--explain", "--workspace", workspace))

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    place = "users[0].events[0].event_params.custom.delivery.carrier.carrier"
    made_from = lines[lines.index(f'    {place} = "DHL"') + 1]
    assert made_from == "        from properties.carrier, by parameters.delivery.carrier.carrier"
    zones = [line.strip() for line in lines if ".carrier.zone = " in line]
    null = f"{place.removesuffix('carrier')}zone = null"
    assert zones == ([null] if "zone" in properties else [])


def test_a_mapping_that_uses_part_of_a_value_loses_nothing(tmp_path: Path) -> None:
    flat = {"@flatten": {"value": {"@path": "$.properties.deep"}, "separator": "_"}}
    workspace = write_workspace(tmp_path, {"flat": flat})
    event = {"type": "track", "event": "Sent", "timestamp": AT}
    deep = {"a": {"b": 1}, "list": [], "none": {}}

    nested_event = {**event, "properties": {"deep": deep}}
    result = run_map(nested_event, options=("--explain", "--workspace", workspace))

    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "users[0].events[0].event_params.custom.flat.a_b = 1" in lines
    assert not [line for line in lines if line.startswith("lost")]


def test_an_explanation_names_a_property_that_only_a_trigger_reads(tmp_path: Path) -> None:
    workspace = tmp_path / "shop.json"
    settings = {"event_name": "sale", "timestamp": {"@path": "$.timestamp"}}
    subscription = {
        "name": "VIP", "actionSlug": "trackEvent", "trigger": "properties.vip = true",
        "settings": settings,
    }  # fmt: skip
    workspace.write_text(
        json.dumps(
            {
                "source": {"name": "Shop", "writeKey": "wk"},
                "destination": {
                    "settings": {"account_name": "shop", "ucd_key": "key"},
                    "subscriptions": [subscription],
                },
            }
        )
    )
    event = {"type": "track", "timestamp": "2026-11-27T09:15:00Z", "properties": {"vip": True}}

    result = run_map(event, options=("--explain", "--workspace", str(workspace)))

    assert (
        "  properties.vip decides the trigger of VIP; it is not sent itself."
        in result.stdout.splitlines()
    )


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that fails when it is read")
def test_a_read_error_is_reported_in_one_line() -> None:
    result = CliRunner().invoke(main, ["map", "/proc/self/mem"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == (
        "emulator: /proc/self/mem: cannot be read (Input/output error). Name a file of events."
    )


STAGES = """
source: {name: Web shop, writeKey: wk_demo}
destination:
  consentSettings: {categories: [Advertising]}
  settings: {account_name: mybrand, ucd_key: test-key}
  subscriptions:
    - name: Profile
      actionSlug: updateUserProfile
      settings: {uuid: {"@path": $.userId}, firstName: {"@path": $.traits.firstName}, city: {"@path": $.traits.town}}
transformations:
  - {name: Names, if: type = 'identify', propertyRenames: [{oldName: firstName, newName: given}, {oldName: city, newName: town}]}
"""  # noqa: E501  (YAML)
ADA: JSONObject = {
    "type": "identify",
    "messageId": "m2",
    "userId": "ada",
    "timestamp": AT,
    "traits": {"firstName": "Ada", "city": "London"},
}


@pytest.fixture
def stages(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "stages.yaml").write_text(STAGES)
    return "--workspace", str(tmp_path / "stages.yaml")


def test_an_event_is_transformed_before_it_is_mapped(stages: tuple[str, str]) -> None:
    refusal = {"context": {"consent": {"categoryPreferences": {"Advertising": False}}}}
    result = run_map(ADA, {**ADA, **refusal}, '{"type": "track"}', options=stages)
    (line,) = map(json.loads, result.stdout.splitlines())
    assert line["request"]["json"]["users"][0]["attributes"] == {"city": "London"}
    assert result.stderr == "events: 3, requests: 1, failed: 0, filtered: 1\n"


def test_an_explanation_names_the_transformation_that_moved_a_value(
    stages: tuple[str, str],
) -> None:
    result = run_map(ADA, options=("--explain", *stages))
    lines = result.stdout.splitlines()
    by = "transformation 'Names'"
    assert lines[1:3] == [
        f"  changed      {by}: traits.firstName becomes traits.given",
        f"  changed      {by}: traits.city becomes traits.town",
    ]
    assert "        from traits.town (sent as traits.city), by city" in lines
    nothing = "firstName reads traits.firstName and finds nothing"
    assert f"  Profile: {nothing}: {by} moved it to traits.given." in lines
    dropped = [line for line in lines if line.startswith("    traits.given")]
    assert [line[:45] for line in dropped] == [
        "    traits.given (sent as traits.firstName) wa"[:45]
    ]


def test_an_explanation_says_why_an_event_is_filtered(stages: tuple[str, str]) -> None:
    event = {**ADA, "context": {"consent": {"categoryPreferences": {}}}}
    reason = "context.consent does not name 'Advertising', which counts as refused"
    result = run_map(event, options=("--explain", *stages))
    assert f"  filtered     FILTERED_BY_END_USER_CONSENT: {reason}" in result.stdout.splitlines()
    as_json = run_map(event, options=("--explain", "--json", *stages))
    assert json.loads(as_json.stdout)["filtered_by"]["detail"] == reason
