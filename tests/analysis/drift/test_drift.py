"""Drift: deviations of a workspace, the edits to write, and what Insider One would then receive."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_insider_emulator.analysis.drift import DriftReport, find_drift
from segment_insider_emulator.analysis.drift.deviations import PreviewedDeviation
from segment_insider_emulator.cli import main
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_resources import merge_imported_resources
from segment_insider_emulator.interchange.import_workspace import build_imported_workspace
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import read_preset_document
from segment_insider_emulator.workspace.validation import WorkspaceFinding

IMPORTS = Path("fixtures/imports")
FIRST = "destination.subscriptions[0]"
AT = "2026-05-06T07:08:09.123Z"


def make_path(place: str) -> JSONObject:
    return {"@path": f"$.{place}"}


PERSON: JSONObject = {"uuid": make_path("userId"), "segment_anonymous_id": make_path("anonymousId")}
EVENT: JSONObject = PERSON | {"timestamp": make_path("timestamp")}


def make_workspace(slug: str, trigger: str, **mapping: Any) -> JSONObject:
    subscription = {"name": "Own", "actionSlug": slug, "trigger": trigger, "settings": mapping}
    settings_ = {"account_name": "mybrand", "ucd_key": "test-key"}
    return {
        "source": {"name": "Shop", "writeKey": "wk"},
        "destination": {"settings": settings_, "subscriptions": [subscription]},
    }


def make_track_call(name: str, **properties: Any) -> JSONObject:
    common = {"messageId": "m", "userId": "u1", "timestamp": AT, "type": "track", "context": {}}
    return common | {"event": name, "properties": properties}


def make_identify_call(**traits: Any) -> JSONObject:
    return {"messageId": "m", "userId": "u1", "timestamp": AT, "type": "identify", "traits": traits}


def find_report(document: JSONObject, *traffic: JSONObject) -> DriftReport:
    result = find_drift(document, traffic)
    assert isinstance(result, DriftReport)
    return result


def find_deviation(document: JSONObject, what: str, *traffic: JSONObject) -> PreviewedDeviation:
    """Return the one deviation with the sentence *what*."""
    deviations = find_report(document, *traffic).deviations
    matches = [deviation for deviation in deviations if deviation.what == what]
    assert len(matches) == 1, "\n".join(deviation.what for deviation in deviations)
    return matches[0]


def summarise(deviation: PreviewedDeviation) -> tuple[Any, ...]:
    receives = [
        (receipt.path, receipt.before, receipt.after) for receipt in deviation.value_changes
    ]
    change = deviation.edit
    return (
        deviation.difference_id,
        deviation.effect,
        deviation.references,
        change and (change.path, change.value),
        receives,
    )


ORDERS = make_workspace(
    "orderCompletedEvent",
    'type = "track" and event = "Order Completed"',
    **EVENT,
    parameters={
        "event_group_id": make_path("properties.order_id"),
        "gift": make_path("properties.gift"),
    },
    products={"@arrayPath": ["$.properties.products", {"product_id": {"@path": "product_id"}}]},
)
PROFILE = make_workspace(
    "updateUserProfile",
    'type = "identify"',
    **PERSON,
    firstName=make_path("traits.first_name"),
    custom={"tier": make_path("traits.tier")},
)
EITHER = {
    "@if": {
        "exists": make_path("traits.firstName"),
        "then": make_path("traits.firstName"),
        "else": make_path("traits.first_name"),
    }
}


@pytest.mark.parametrize(
    ("document", "what", "traffic", "expected"),
    [
        pytest.param(
            ORDERS,
            "parameters.tax is not mapped; the guide reads properties.tax",
            [],
            (
                "D16", "loses", ("guide",),
                (f"{FIRST}.settings.parameters.tax", make_path("properties.tax")),
                [("events[0].event_params.custom.tax", None, 4.2)],
            ),
            id="what the guide maps",
        ),
        pytest.param(
            ORDERS,
            "parameters.currency is not mapped; the guide reads properties.currency",
            [],
            (
                "D41", "loses", ("guide", "catalogue"),
                (f"{FIRST}.settings.parameters.currency", make_path("properties.currency")),
                [("events[0].event_params.currency", None, "EUR")],
            ),
            id="a property that both map is reported once",
        ),
        pytest.param(
            PROFILE,
            "firstName does not read traits.firstName; the guide does",
            [],
            (
                "D1", "loses", ("guide",), (f"{FIRST}.settings.firstName", EITHER),
                [("attributes.name", None, "Ada")],
            ),
            id="a name in the other spelling",
        ),
        pytest.param(
            PROFILE,
            "traits.firstName was sent 2 times, but firstName reads traits.first_name, which was "
            "never sent",
            [make_identify_call(firstName="Eve"), make_identify_call(firstName="Bo")],
            (
                "D1", "loses", ("traffic", "guide"), (f"{FIRST}.settings.firstName", EITHER),
                [("attributes.name", None, "Eve")],
            ),
            id="firstName sent where first_name is read",
        ),
        pytest.param(
            PROFILE,
            "traits.shoeSize was sent once, but no mapping reads it",
            [make_identify_call(shoeSize=41)],
            (
                "D38", "loses", ("traffic",),
                (f"{FIRST}.settings.custom.shoe_size", make_path("traits.shoeSize")),
                [("attributes.custom.shoe_size", None, 41)],
            ),
            id="a trait that no mapping reads, under a key that keeps its value",
        ),
        pytest.param(
            PROFILE,
            "traits.emailOptin was sent once, but no mapping reads it",
            [make_identify_call(emailOptin=True)],
            None,
            id="an opt-in that is not mapped at all",
        ),
        pytest.param(
            PROFILE,
            "custom.tier reads traits.tier, which was never sent in 1 event",
            [make_identify_call(plan="pro")],
            ("D38", "note", ("traffic",), None, []),
            id="a field mapped from a path that never arrives",
        ),
        pytest.param(
            ORDERS,
            "properties.products[].brand was sent once, but no mapping reads it",
            [make_track_call("Order Completed", products=[{"product_id": "p1", "brand": "Rain"}])],
            (
                "D17", "loses", ("traffic", "guide"),
                (f"{FIRST}.settings.products.@arrayPath[1].brand", {"@path": "brand"}),
                [("events[0].event_params.custom.brand", None, "Rain")],
            ),
            id="a property of products that no mapping reads",
        ),
        pytest.param(
            ORDERS,
            "no subscription accepts 'Cart Reviewed', which was sent 2 times",
            [make_track_call("Cart Reviewed"), make_track_call("Cart Reviewed")],
            None,
            id="an event without a subscription",
        ),
        pytest.param(
            make_workspace(
                "cartViewedEvent",
                'type = "track" and event = "Cart Viewed"',
                **EVENT,
                parameters={"giftWrap": make_path("properties.giftWrap")},
            ),
            "the key 'giftWrap' arrives as 'giftwrap', without its value",
            [make_track_call("Cart Viewed", giftWrap=True)],
            (
                "D31", "loses", ("guide",),
                (f"{FIRST}.settings.parameters.gift_wrap", make_path("properties.giftWrap")),
                [("events[0].event_params.custom.gift_wrap", None, True)],
            ),
            id="a key with a capital",
        ),
        pytest.param(
            make_workspace(
                "cartViewedEvent",
                'type = "track" and event = "Cart Viewed"',
                **EVENT,
                parameters={"event_group_id": make_path("properties.cart_id")},
            ),
            "Insider One refuses 1 of 1 users it is sent: currency parameter is required on "
            "cart_page_view event",
            [make_track_call("Cart Viewed", cart_id="c1")],
            ("D41", "loses", ("traffic",), None, []),
            id="a required parameter that stays empty",
        ),
        pytest.param(
            make_workspace(
                "productViewedEvent",
                'type = "track" and event = "Product Viewed"',
                **EVENT,
                parameters={"quantity": make_path("properties.quantity")},
            ),
            "Segment refuses 1 of 1 events: Quantity must be an integer but it was a number",
            [make_track_call("Product Viewed", quantity=1.5)],
            ("D21", "loses", ("traffic",), None, []),
            id="an event that Segment refuses",
        ),
        pytest.param(
            make_workspace("userRegisteredEvent", 'type = "track"', **EVENT,
                      attributes={"email_optin": make_path("context.traits.email_optin")}),
            "on an event action, 'email_optin' becomes a custom attribute",
            [],
            ("D4", "loses", ("guide",), None, []),
            id="an opt-in on an event action",
        ),
    ],
)  # fmt: skip
def test_a_deviation_has_its_edit_and_preview(
    document: JSONObject, what: str, traffic: list[JSONObject], expected: tuple[Any, ...] | None
) -> None:
    deviation = find_deviation(document, what, *traffic)
    if expected is not None:
        assert summarise(deviation) == expected


def test_two_subscriptions_that_accept_one_event_get_a_trigger_edit() -> None:
    document = read_preset_document("segment-defaults")
    what = "'Order Completed' was sent once; 'Track Event' and 'Order Completed Event' each send it"
    deviation = find_deviation(document, what, make_track_call("Order Completed", order_id="o1"))
    left_out = [
        "Order Completed", "Product List Viewed", "Product Viewed", "Product Added",
        "Product Removed", "Cart Viewed", "Checkout Started", "Checkout Step Viewed",
        "User Registered",
    ]  # fmt: skip
    trigger = 'type = "track"' + "".join(f' and event != "{name}"' for name in left_out)
    assert summarise(deviation) == (
        "D24",
        "differs",
        ("traffic",),
        ("destination.subscriptions[1].trigger", trigger),
        [("the request of 'Track Event'", "order_completed", None)],
    )


def test_a_missing_action_is_added_with_the_guide_s_mapping() -> None:
    deviation = find_deviation(PROFILE, "no enabled subscription has the action Cart Viewed Event")
    assert deviation.edit is not None
    assert deviation.edit.path == "destination.subscriptions[1]"
    assert [
        (value_change.before, value_change.after) for value_change in deviation.value_changes
    ] == [(None, "cart_page_view")]


# Every row that the guide and the catalogue's defaults differ in, or that holds with both.
DEPART = {"D1", "D2", "D3", "D10", "D12", "D13", "D16", "D17", "D21", "D23", "D24", "D26"}
HOLD = {"D6", "D7", "D8", "D11", "D19", "D20", "D22", "D27", "D28", "D29", "D30", "D38", "D41"}


def test_the_known_differences_all_appear_for_the_defaults() -> None:
    checks = {
        known_difference.difference_id: known_difference.state
        for known_difference in find_report(
            read_preset_document("segment-defaults")
        ).known_differences
    }
    assert list(checks) == [f"D{number}" for number in range(1, 43)]
    assert {id for id, state in checks.items() if state == "departs"} == DEPART
    assert {id for id, state in checks.items() if state == "holds"} == {*HOLD, "D42"}


def test_the_guide_loses_nothing() -> None:
    report = find_report(read_preset_document("guide"))
    assert not report.loses_data
    known = {*HOLD, "D5", "D21", "D26", "D42", ""}
    documented = [deviation for deviation in report.deviations if "guide" in deviation.references]
    assert {deviation.difference_id for deviation in documented} <= known


def test_an_invalid_document_gets_its_validation_errors() -> None:
    assert find_drift({"source": {}}) == [
        WorkspaceFinding(
            "error", "", "'destination' is missing", "Begin with source and destination."
        ),
        WorkspaceFinding(
            "error", "source", "'name' is missing", "Give the source a name and a writeKey."
        ),
        WorkspaceFinding(
            "error", "source", "'writeKey' is missing", "Give the source a name and a writeKey."
        ),
    ]


NAMES = st.sampled_from(["a", "tax", "giftWrap", "price", "email", "products", "quantity"])
PLACES = st.sampled_from(["$.properties.a", "$.traits.email", "$.userId", "", "a", "$."])
MAPPINGS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3)
    | st.builds(lambda place: {"@path": place}, PLACES),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(NAMES, inner, max_size=2)
    | st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["@if", "@arrayPath", "@merge", "@template", "@nope", "@transform"]),
        inner,
    )
    | st.builds(lambda a, b: {"@if": {"exists": a, "then": b}}, inner, inner)
    | st.builds(lambda a, b: {"@arrayPath": [a, {"tax": b}]}, inner, inner)
    | st.builds(lambda a, b: {"@merge": {"objects": [a, b]}}, inner, inner),
    max_leaves=4,
)  # fmt: skip
FIELDS = st.sampled_from(["uuid", "parameters", "products", "attributes", "custom", "timestamp"])


@pytest.mark.extended
@given(
    st.sampled_from(sorted(ACTIONS)),
    st.sampled_from(['type = "track"', 'type = "identify"', "nonsense", "()"]),
    st.dictionaries(FIELDS, MAPPINGS, max_size=3),
)
@settings(max_examples=60)
def test_drift_handles_any_mapping(slug: str, trigger: str, mapping: JSONObject) -> None:
    traffic = [
        make_track_call("Order Completed", tax=1, products=[{"sku": "s"}]),
        make_identify_call(email="e"),
    ]
    json.dumps(
        [
            known_difference.what
            for known_difference in find_report(
                make_workspace(slug, trigger, **mapping), *traffic
            ).known_differences
        ]
    )


def run_drift(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["drift", *arguments])


@pytest.mark.parametrize(
    ("arguments", "exit_code", "last_line"),
    [
        pytest.param(
            ["--preset", "guide"],
            0,
            "preset guide: 0 departures lose data, 26 differ, 30 notes",
            id="nothing is lost",
        ),
        pytest.param(
            ["--preset", "segment-defaults", "--traffic", "none.ndjson"],
            2,
            "emulator: none.ndjson: the traffic cannot be read (No such file or directory). Give "
            "the address of a running emulator, a database that `emulator serve --db` wrote, or "
            "events as JSON, one a line.",
            id="no traffic there",
        ),
        pytest.param(
            ["--preset", "segment-defaults", "--traffic", "http://127.0.0.1:9"],
            2,
            "emulator: http://127.0.0.1:9: no emulator answers. Start one with `emulator serve`, "
            "or correct the address.",
            id="no emulator there",
        ),
        pytest.param([], 2, "Error: Give a FILE, or --preset NAME.", id="nothing to look at"),
        pytest.param(
            ["--traffic", "127.0.0.1:8282"],
            2,
            "Error: Give a FILE, or --preset NAME, or the http:// address of an emulator as "
            "traffic.",
            id="traffic of no workspace",
        ),
    ],
)
def test_the_exit_code_is_the_result(arguments: list[str], exit_code: int, last_line: str) -> None:
    result = run_drift(*arguments)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (exit_code, last_line)


def test_the_text_has_the_lines_to_write_and_the_preview() -> None:
    result = run_drift("--preset", "segment-defaults")
    lines = result.stdout.splitlines()
    place = "destination.subscriptions[9].settings"
    at = lines.index(
        "  D16  loses   guide           7 values are not mapped; the guide maps them. "
        f"Write under {place}:"
    )
    assert result.exit_code == 1
    assert lines[at + 1 : at + 3] == [
        '         parameters.tax: {"@path": "$.properties.tax"}  '
        "then events[0].event_params.custom.tax: nothing -> 4.2",
        '         parameters.affiliation: {"@path": "$.properties.affiliation"}  '
        'then events[0].event_params.custom.affiliation: nothing -> "affiliation-1"',
    ]


def test_a_mapping_is_printed_in_full_or_only_named() -> None:
    place = "destination.subscriptions[1].settings.parameters"
    short = run_drift("--preset", "segment-defaults").stdout
    full_output = run_drift("--preset", "segment-defaults", "--whole").stdout
    cut = f"{place}: the guide's mapping, 1,428 characters; --whole prints them"
    assert cut in short
    assert cut not in full_output
    edit_line = next(line for line in full_output.splitlines() if f"write  {place}: " in line)
    assert len(json.dumps(json.loads(edit_line.partition(": ")[2]))) == 1428


def test_a_repeated_mapping_refers_to_its_first_path() -> None:
    lines = run_drift("--preset", "segment-defaults").stdout.splitlines()
    first = "destination.subscriptions[1].settings.attributes.name"
    reference = f'attributes.name: the same as {first}  then attributes.name: nothing -> "Ada"'
    assert lines.count(f"         {reference}") == 8


def test_events_that_are_sent_twice_get_one_trigger_edit() -> None:
    lines = run_drift("--preset", "segment-defaults").stdout.splitlines()
    at = lines.index(
        "  D24  differs guide           9 events are sent by more than one subscription."
    )
    assert lines[at + 10].startswith(
        '       write  destination.subscriptions[1].trigger: "type = \\"track\\" and event != '
    )
    assert lines[at + 10].count("event != ") == 9


def test_a_trigger_excludes_an_event_by_its_full_name() -> None:
    document = make_workspace("trackEvent", 'type = "track"', **EVENT)
    other = {"name": "Mails", "actionSlug": "trackEvent"}
    other["trigger"] = 'type = "track" and event = "Mail is sent out"'
    document["destination"]["subscriptions"].append(other)
    what = "\"Mail is sent out\" is sent 2 times: by 'Own' and 'Mails'"
    change = find_deviation(document, what).edit
    assert change is not None
    assert change.value == 'type = "track" and event != "Mail is sent out"'


def test_json_has_the_same_content() -> None:
    report = json.loads(run_drift("--preset", "segment-defaults", "--json").stdout)
    assert report["losesData"] is True
    assert [subscription["name"] for subscription in report["subscriptions"]][:2] == [
        None,
        "Create or Update a User Profile",
    ]
    assert report["checklist"][0]["id"] == "D1"
    assert report["subscriptions"][1]["departures"][0]["write"]["where"] == (
        f"{FIRST}.settings.firstName"
    )


def test_a_known_cause_is_left_out_and_counted(tmp_path: Path) -> None:
    shop = tmp_path / "shop.json"
    document = read_preset_document("segment-defaults")

    def drift_with(*entries: JSONObject) -> JSONObject:
        shop.write_text(json.dumps({**document, "knownCauses": entries}))
        report: JSONObject = json.loads(run_drift(str(shop), "--json").stdout)
        return report

    def get_user_table(report: JSONObject) -> JSONObject:
        table: JSONObject = report["subscriptions"][1]
        return table

    found = get_user_table(drift_with())["departures"]
    known = {"cause": found[0]["cause"], "mapping": "Create or Update a User Profile"}
    table = get_user_table(drift_with(known))
    assert (table["departures"], table["known"]) == (found[1:], found[:1])
    assert run_drift(str(shop)).stderr.endswith("notes; 1 known cause left out\n")
    elsewhere = {**known, "mapping": "Order Completed Event"}
    assert get_user_table(drift_with(elsewhere))["departures"] == found
    causes = {
        departure["cause"]
        for subscription in drift_with()["subscriptions"]
        for departure in subscription["departures"]
        if departure["effect"] == "loses"
    }
    report = drift_with(*({"cause": cause} for cause in causes))
    assert (report["losesData"], run_drift(str(shop)).exit_code) == (False, 0)
    assert "known" in {check["state"] for check in report["checklist"]}


def test_an_imported_workspace_with_its_traffic(tmp_path: Path) -> None:
    files = sorted((IMPORTS / "public-api").glob("*.json"))
    document = build_imported_workspace(
        merge_imported_resources(read_import_file(file.read_bytes(), str(file)) for file in files)
    ).document
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(document))
    result = run_drift(str(file), "--traffic", str(IMPORTS / "traffic.ndjson"), "--json")
    subscriptions = json.loads(result.stdout)["subscriptions"]
    seen_ids = {departure["id"] for table in subscriptions for departure in table["departures"]
            if "traffic" in departure["against"] and departure["effect"] != "note"}  # fmt: skip
    assert seen_ids == {"D1", "D3", "D7", "D16", "D17", "D21", "D24", "D26", "D30", "D41"}


def test_traffic_can_come_from_a_database(tmp_path: Path) -> None:
    database = tmp_path / "emulator.db"
    store = MessageStore(open_database(str(database)))
    event = make_identify_call(shoeSize=41)
    store.record_messages(
        [
            MessageRecord(
                message_id="m", type="identify", event=None, user_id="u1", anonymous_id=None,
                received_at=AT, verdict="accepted", reason=None, sent=event, normalised=event,
            )
        ]
    )  # fmt: skip
    store.close()
    result = run_drift("--preset", "guide", "--traffic", str(database))
    assert "traits.shoeSize was sent once, but no mapping reads it." in result.stdout
    assert result.exit_code == 1


def test_a_property_sent_as_null_does_not_count_as_never_sent() -> None:
    subject = make_workspace(
        "trackEvent", 'type = "track"', parameters={"taxonomy": make_path("properties.c")}
    )

    sentences = [
        finding.what for finding in find_report(subject, make_track_call("Sent", c=None)).deviations
    ]

    assert (
        "parameters.taxonomy reads properties.c, which was only sent as null or empty in 1 event"
        in sentences
    )
    assert not [line for line in sentences if line.startswith("properties.c came")]


def test_lists_of_objects_that_no_mapping_reads_are_listed_with_the_others(tmp_path: Path) -> None:
    events = tmp_path / "events.ndjson"
    order = make_track_call(
        "Order Completed", order_id="1", discount_codes=[{"code": "BF", "amount": "10"}]
    )
    events.write_text(json.dumps(order))

    result = CliRunner().invoke(main, ["drift", "--preset", "guide", "--traffic", str(events)])

    assert result.exit_code == 1
    for key in ("code", "amount"):
        assert (
            f"properties.discount_codes[].{key} was sent once, but no mapping reads it."
            in result.stdout
        )
