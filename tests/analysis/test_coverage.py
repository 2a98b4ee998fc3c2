"""Coverage: what of a workspace and the guide some traffic has used, lost or never seen."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inspector.running_emulator import run_emulator

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.coverage import (
    DEFAULT_OPTIONS,
    CoverageOptions,
    find_coverage,
)
from segment_insider_emulator.analysis.coverage_rows import (
    CoverageReport,
    CoverageRow,
    TrafficMessage,
)
from segment_insider_emulator.cli import main
from segment_insider_emulator.filtering.tracking_plan import TrackingPlan, parse_tracking_plan
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.loading import read_preset_document

AT = "2026-05-06T07:08:09.123Z"
ORDER: JSONObject = {
    "order_id": "o-1",
    "currency": "EUR",
    "products": [{"product_id": "mug", "price": 8.5, "name": "Mug", "quantity": 1}],
}


def make_call(kind: str, **members: Any) -> JSONObject:
    common = {"messageId": "m", "userId": "u1", "anonymousId": "a1", "timestamp": AT, "context": {}}
    return common | {"type": kind} | members


def find_rows(preset: str, *traffic: TrafficMessage | JSONObject) -> dict[str, CoverageRow]:
    """Return the rows of a preset and some traffic by their names."""
    report = find_report(read_preset_document(preset), *traffic)
    return {row.name: row for row in report.counted_rows}


def find_report(
    document: JSONObject,
    *traffic: TrafficMessage | JSONObject,
    options: CoverageOptions = DEFAULT_OPTIONS,
) -> CoverageReport:
    messages = [
        call if isinstance(call, TrafficMessage) else TrafficMessage(call) for call in traffic
    ]
    return find_coverage(build_context(document), messages, options)


def test_without_traffic_every_row_is_never_seen_and_says_what_to_send() -> None:
    rows = find_rows("guide")
    assert {row.state for row in rows.values()} == {"never seen"}
    assert all(row.what_to_send for row in rows.values())
    order = rows["Order Completed Event"]
    assert order.what_to_send == "Send a track call 'Order Completed'."
    assert (order.sample_call["type"], order.sample_call["event"]) == ("track", "Order Completed")
    assert rows["gdpr_optin"].what_to_send == "Send traits.gdpr_optin in an identify call."
    assert rows["age"].what_to_send == "Send traits.age in an identify call."


def test_the_rows_are_all_that_the_guide_has() -> None:
    groups: dict[str, list[str]] = {}
    for row in find_report(read_preset_document("segment-defaults")).counted_rows:
        groups.setdefault(row.group, []).append(row.name)
    assert list(groups) == ["Events", "Attributes", "Identifiers", "Opt-ins"]
    assert len(groups["Events"]) == 12
    assert {"age", "birthday", "name", "surname", "gender", "country", "city"} < {
        *groups["Attributes"]
    }
    assert sorted(groups["Identifiers"]) == [
        "custom.segment_anonymous_id", "email", "phone_number", "uuid",
    ]  # fmt: skip
    assert sorted(groups["Opt-ins"]) == [
        "email_optin", "gdpr_optin", "sms_optin", "whatsapp_optin",
    ]  # fmt: skip


def test_what_arrives_is_right() -> None:
    traits = {"firstName": "Ada", "age": 34, "email": "ada@shop.example", "email_optin": True}
    rows = find_rows("guide", make_call("identify", traits=traits))
    right = {name for name, row in rows.items() if row.state == "seen and right"}
    assert right == {
        "Create or Update a User Profile", "name", "age", "email", "email_optin", "uuid",
        "custom.segment_anonymous_id",
    }  # fmt: skip
    assert not any(rows[name].problems or rows[name].what_to_send for name in right)


@pytest.mark.parametrize(
    ("name", "call", "problem"),
    [
        pytest.param(
            "name",
            make_call("identify", traits={"firstName": "Ada"}),
            "traits.firstName was sent, but no mapping carries it (1 event)",
            id="a trait that the guide reads and the workspace does not",
        ),
        pytest.param(
            "Homepage View",
            make_call("page", name="Home", properties={}),
            "No enabled mapping sends it. (1 event)",
            id="an event of the guide without a mapping",
        ),
        pytest.param(
            "Create or Update a User Profile",
            make_call("identify", traits={"age": "old"}),
            "Segment refuses it: Age must be a number but it was a string. (1 event)",
            id="a value that fails the mapping",
        ),
        pytest.param(
            "age",
            make_call("identify", traits={"age": "old"}),
            "It was only sent in events of which nothing arrived (1 event)",
            id="an attribute of an event that fails",
        ),
    ],
)
def test_what_is_lost_has_its_reason(name: str, call: JSONObject, problem: str) -> None:
    row = find_rows("segment-defaults", call)[name]
    assert (row.state, row.problems) == ("seen and losing something", (problem,))
    assert row.what_to_send
    assert row.example
    assert row.example.event == call


def test_mapped_fields_that_no_event_filled_are_named() -> None:
    call = make_call("track", event="Product List Viewed", properties={"category": "Mugs"})
    row = find_rows("segment-defaults", call)["Product List Viewed Event"]
    unfilled = "Never filled: parameters.url, parameters.referrer"
    assert (row.state, row.problems) == ("seen and right", (unfilled,))
    assert row.what_to_send == "Send properties.url, properties.referrer with at least one event."


def test_one_event_that_fills_a_field_is_enough() -> None:
    half, rest = dict(ORDER), dict(ORDER)
    product = {"category": "Kitchen", "variant": 1, "url": "https://s.example/mug"}
    image = {"image_url": "https://s.example/mug.png"}
    rest["products"] = [ORDER["products"][0] | product | image]
    rows = find_rows(
        "segment-defaults",
        *(make_call("track", event="Order Completed", properties=order) for order in (half, rest)),
    )
    assert rows["Order Completed Event"].problems == ()
    assert rows["Order Completed Event"].event_count == 2


def test_an_event_that_fails_does_not_hide_an_attribute_that_arrives() -> None:
    traits = {"gender": "F"}
    rows = find_rows(
        "guide",
        make_call("identify", traits=traits | {"age": "old"}),
        make_call("identify", traits=traits),
    )
    assert rows["gender"].state == "seen and right"
    assert rows["age"].state == "seen and losing something"


@pytest.mark.parametrize("verdict", ["failed", "dropped", "warning"])
def test_a_bad_verdict_of_the_emulator_counts(verdict: str) -> None:
    call = make_call("identify", traits={"age": 34})
    row = find_rows("guide", TrafficMessage(call, 7, verdict, "Insider One answered 500"))[
        "Create or Update a User Profile"
    ]
    assert row.problems == (f"{verdict.capitalize()}: Insider One answered 500 (1 event)",)
    assert row.example
    assert row.example.id == 7


@pytest.mark.parametrize("verdict", ["filtered", "disabled", "rejected"])
def test_what_was_not_to_be_sent_is_left_out(verdict: str) -> None:
    call = make_call("identify", traits={"age": 34})
    report = find_report(read_preset_document("guide"), TrafficMessage(call, 7, verdict, ""))
    assert (report.event_count, report.unsent_count, report.right_count) == (0, 1, 0)


def test_nothing_arrives_at_a_disabled_destination() -> None:
    document = read_preset_document("guide")
    document = {**document, "destination": {**document["destination"], "enabled": False}}
    report = find_report(document, make_call("identify", traits={"age": 34}))
    assert report.right_count == 0
    profile = next(row for row in report.rows if row.name == "Create or Update a User Profile")
    assert profile.problems == ("The destination is disabled. (1 event)",)
    assert profile.what_to_send == "Enable the destination."


def make_document(mapping: JSONObject, **insider: Any) -> JSONObject:
    subscription = {
        "name": "Wishes",
        "actionSlug": "trackEvent",
        "enabled": True,
        "trigger": 'type = "track" and event = "Wish"',
        "settings": {
            "uuid": {"@path": "$.userId"},
            "event_name": "wish",
            "timestamp": {"@path": "$.timestamp"},
            **mapping,
        },
    }
    settings = {"account_name": "mybrand", "ucd_key": "test-key"}
    return {
        "source": {"name": "Shop", "writeKey": "wk_demo"},
        "destination": {"settings": settings, "subscriptions": [subscription]},
        "insider": {"account": {"name": "mybrand", "key": "test-key"}, **insider},
    }


def make_wish(**properties: Any) -> JSONObject:
    return make_call("track", event="Wish", properties=properties)


EXISTS: JSONObject = {
    "exists": {"@path": "$.properties.a"},
    "then": {"@path": "$.properties.a"},
    "else": {"@path": "$.properties.b"},
}
BLANK = {"blank": EXISTS["exists"], "then": "x"}
BOTH = ["with properties.a", "without properties.a"]


@pytest.mark.parametrize(
    ("value", "calls", "taken"),
    [
        pytest.param({"@if": EXISTS}, [], [], id="no event"),
        pytest.param({"@if": EXISTS}, [{"a": ""}], BOTH[:1], id="an empty text exists"),
        pytest.param({"@if": EXISTS}, [{}], BOTH[1:], id="absent"),
        pytest.param({"@if": EXISTS}, [{"a": 1}, {"a": None}], BOTH, id="both"),
        pytest.param({"@if": BLANK}, [{"a": ""}], BOTH[1:], id="blank"),
        pytest.param(
            {"@if": {**EXISTS, "else": {"@if": {**EXISTS, "exists": {"@path": "$.userId"}}}}},
            [{"a": 1}],
            BOTH[:1],
            id="an inner @if that is not reached",
        ),
        pytest.param(
            {"@case": {"operator": "lower", "value": {"@if": EXISTS}}},
            [{"a": "x"}],
            BOTH[:1],
            id="inside another directive",
        ),
    ],
)
def test_branches_of_a_mapping_are_found(
    value: JSON, calls: list[JSONObject], taken: list[str]
) -> None:
    document = make_document({"parameters": {"p": value}})
    report = find_report(document, *(make_wish(**call) for call in calls))
    rows = [row for row in report.rows if row.group == "Branches"]
    names = [row.name.removeprefix("parameters.p ") for row in rows if row.event_count]
    assert names == taken
    assert all(row.what_to_send for row in rows if not row.event_count)


def test_branches_of_each_product_are_found() -> None:
    inner = {"exists": {"@path": "$.sku"}, "then": {"@path": "$.sku"}, "else": {"@path": "$.id"}}
    products = {"@arrayPath": ["$.properties.products", {"product_id": {"@if": inner}}]}
    report = find_report(
        make_document({"products": products}), make_wish(products=[{"sku": "a"}, {"id": "b"}])
    )
    assert [row.name for row in report.rows if row.group == "Branches" and row.event_count] == [
        "products.product_id with properties.products[].sku",
        "products.product_id without properties.products[].sku",
    ]


def test_branches_count_only_on_demand() -> None:
    document = make_document({"parameters": {"p": {"@if": EXISTS}}})
    without, with_branches = (
        find_report(document, make_wish(a=1), options=CoverageOptions(counts_branches=counts))
        for counts in (False, True)
    )
    assert len(with_branches.counted_rows) - len(without.counted_rows) == 2
    assert with_branches.right_count - without.right_count == 1


def test_a_required_parameter_that_no_event_fills_is_a_loss() -> None:
    document = make_document({"event_name": "cart_page_view", "parameters": {"currency": "EUR"}})
    (cart,) = [row for row in find_report(document, make_wish()).rows if row.name == "Wishes"]
    assert cart.state == "seen and losing something"
    assert cart.problems[0] == (
        "Insider One needs event_group_id, unit_sale_price with cart_page_view; no event fills it"
    )


def test_a_recommended_parameter_that_no_event_fills_is_a_loss_once() -> None:
    order = {key: value for key, value in ORDER.items() if key != "currency"}
    call = make_call("track", event="Order Completed", properties=order)
    row = find_rows("guide", call)["Order Completed Event"]
    assert row.state == "seen and losing something"
    assert [problem for problem in row.problems if " currency" in problem] == [
        "confirmation_page_view has no currency; Insider One requires it for purchase. "
        "Send it with each purchased product. (1 event)"
    ]


def read_plan() -> TrackingPlan:
    properties = {"required": ["size"], "type": "object"}
    rules = [
        {"type": "TRACK", "key": name, "jsonSchema": {"properties": {"properties": properties}}}
        for name in ("Wish", "Other")
    ]
    return parse_tracking_plan({"rules": rules}, "plan.json")


def test_events_of_the_tracking_plan_are_rows() -> None:
    options = CoverageOptions(read_plan())
    document = make_document({})
    report = find_report(document, make_wish(), options=options)
    wish, other = (row for row in report.rows if row.group == "Plan events")
    assert (wish.name, other.name) == ("TRACK Wish, version 1", "TRACK Other, version 1")
    assert (wish.state, other.state) == ("seen and losing something", "never seen")
    assert wish.problems == ("It violates the plan: properties.size is required (1 event)",)
    assert other.what_to_send == "Send a track call 'Other'."
    right = find_report(document, make_wish(size=1), options=options)
    assert next(row.state for row in right.rows if row.group == "Plan events") == "seen and right"


def test_steps_of_journeys_are_rows() -> None:
    journey = {
        "id": 1,
        "name": "Wish list",
        "starter": {"events": ["wish"]},
        "eligibility": {"times": "once"},
        "steps": [{"wait": "1 day"}, {"channel": "email", "message": "Still there"}],
    }
    options = CoverageOptions(journey_arrivals={("Wish list", ""): 2, ("Wish list", "steps[0]"): 2})
    report = find_report(make_document({}, journeys=[journey]), make_wish(), options=options)
    rows = [row for row in report.rows if row.group == "Journey steps"]
    remedy = "Let a person come to this email message 'Still there'."
    assert [(row.name, row.state, row.usage, row.what_to_send) for row in rows] == [
        ("Wish list: entry", "seen and right", "2 arrivals", ""),
        ("Wish list: wait (steps[0])", "seen and right", "2 arrivals", ""),
        ("Wish list: email message 'Still there' (steps[1])", "never seen", "", remedy),
    ]


@pytest.mark.parametrize(
    ("is_test_run", "state"), [(False, "seen and losing something"), (True, "seen and right")]
)
def test_one_event_without_a_loss_is_enough_in_a_test_run(is_test_run: bool, state: str) -> None:
    calls = [make_call("identify", traits={"age": age}) for age in ("old", 34)]
    options = CoverageOptions(is_test_run=is_test_run)
    report = find_report(read_preset_document("guide"), *calls, options=options)
    name = "Create or Update a User Profile"
    assert [row.state for row in report.rows if row.name == name] == [state]


def write_events(folder: Path, *calls: JSONObject) -> str:
    file = folder / "events.ndjson"
    file.write_text("".join(f"{json.dumps(call)}\n" for call in calls))
    return str(file)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["coverage", *arguments])


@pytest.mark.parametrize(
    ("fail_under", "exit_code"), [([], 0), (["--fail-under", "2"], 0), (["--fail-under", "50"], 1)]
)
def test_fail_under_sets_the_exit_code(
    tmp_path: Path, fail_under: list[str], exit_code: int
) -> None:
    file = write_events(tmp_path, make_call("identify", traits={"age": 34}))
    result = run("--traffic", file, *fail_under)
    assert result.exit_code == exit_code
    assert "  ✓ age: seen and right, 1 event" in result.stdout.splitlines()
    assert result.stderr == (
        "11.1 % right: 0 seen and losing something, 32 never seen, 4 seen and right, in 1 event\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no traffic"),
        pytest.param(["--url", "http://127.0.0.1:1", "--traffic", "x"], id="two sources"),
        pytest.param(["--url", "emulator.db"], id="no url"),
        pytest.param(["--traffic", "x", "--fail-under", "101"], id="more than all"),
    ],
)
def test_misuse_exits_with_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_no_events_are_no_success(tmp_path: Path) -> None:
    result = run("--traffic", write_events(tmp_path), "--fail-under", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nothing was checked: there are no events. Use the app first" in result.stderr


def test_the_page_shows_hostile_names_as_text(tmp_path: Path) -> None:
    file = write_events(
        tmp_path, make_call("identify", userId="<script>alert(1)</script>", traits={"age": "<b>"})
    )
    page = tmp_path / "coverage.html"
    assert run("--traffic", file, "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert "✗ seen and losing something" in text
    assert "<script" not in text
    assert run("--traffic", file, "--html", str(tmp_path)).exit_code == 2


def test_a_running_emulator_is_checked_with_its_own_workspace() -> None:
    with run_emulator() as emulator:
        empty = run("--url", emulator.url)
        emulator.send({"type": "identify", "userId": "ada", "traits": {"age": 34}})
        result = run("--url", emulator.url, "--json")
    assert (empty.exit_code, result.exit_code) == (2, 0)
    document = json.loads(result.stdout)
    (age,) = [row for row in document["rows"] if row["name"] == "age"]
    assert (age["state"], age["events"]) == ("seen and right", 1)
    assert age["example"]["id"] == 1
    assert document["counts"]["seen and right"] == 3
