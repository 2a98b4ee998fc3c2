"""`emulator plan infer` makes a tracking plan that its own traffic obeys."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.analysis.plan_inference import MAX_EVENT_NAMES
from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject

CALLS: list[JSONObject] = [
    {"type": "track", "event": "Order Completed", "userId": "ada",
     "properties": {"order_id": "o-1", "total": 5, "products": [{"sku": "a"}]}},
    {"type": "track", "event": "Order Completed", "userId": "can",
     "properties": {"order_id": "o-2", "total": 5.5, "coupon": None}},
    {"type": "track", "event": "Logged Out", "userId": "ada"},
    {"type": "identify", "userId": "ada", "traits": {"email": "ada@example.com"}},
    {"type": "page", "userId": "ada", "name": "Home", "properties": {"path": "/"}},
    {"type": "alias", "userId": "ada", "previousId": "anon"},
]  # fmt: skip


def infer(folder: Path, calls: list[JSONObject], *arguments: str) -> Result:
    (folder / "events.ndjson").write_text("\n".join(map(json.dumps, calls)))
    return CliRunner().invoke(
        main, ["plan", "infer", str(folder / "events.ndjson"), *arguments], catch_exceptions=False
    )


def test_each_name_has_a_rule_with_the_types_that_were_seen(tmp_path: Path) -> None:
    plan = json.loads(infer(tmp_path, CALLS).stdout)["data"]
    rules = {(rule["type"], rule.get("key", "")): rule["jsonSchema"] for rule in plan["rules"]}
    assert rules.keys() == {
        ("TRACK", "Order Completed"), ("TRACK", "Logged Out"), ("IDENTIFY", ""), ("PAGE", ""),
    }  # fmt: skip
    order = rules["TRACK", "Order Completed"]["properties"]["properties"]
    assert order["required"] == ["order_id", "total"]
    assert order["properties"]["total"] == {"type": "number"}
    assert order["properties"]["products"]["items"]["properties"] == {"sku": {"type": "string"}}
    assert "required" not in rules["TRACK", "Logged Out"]


def test_the_traffic_obeys_its_plan_and_other_traffic_does_not(tmp_path: Path) -> None:
    infer(tmp_path, CALLS, "--output", str(tmp_path / "plan.json"))
    (tmp_path / "shop.yaml").write_text(
        "source: {name: Shop, writeKey: wk_demo}\n"
        "destination:\n"
        "  settings: {account_name: mybrand, ucd_key: test-key}\n"
        "  subscriptions: [{name: Order, actionSlug: orderCompletedEvent}]\n"
        "trackingPlan: plan.json\n"
    )
    violations = check_events(tmp_path, CALLS)
    assert violations == []
    wrong = {**CALLS[0], "properties": {"order_id": 7, "total": 5}}
    assert [violation["field"] for violation in check_events(tmp_path, [wrong])] == [
        "properties.order_id"
    ]


def check_events(folder: Path, calls: list[JSONObject]) -> list[JSONObject]:
    """Return the violations of calls that run through the workspace of a folder."""
    from segment_insider_emulator.filtering.tracking_plan import parse_tracking_plan

    plan = parse_tracking_plan(json.loads((folder / "plan.json").read_text()), "plan.json")
    assert plan.problems == ()
    return [
        {"field": violation.field}
        for call in calls
        if (rule := plan.find_rule(call) if call["type"] != "alias" else None)
        for violation in rule.find_violations(call)
    ]


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        ([CALLS[-1]], "no event can be in a tracking plan"),
        ([{"type": "track", "event": f"Viewed {number}", "userId": "a"}
          for number in range(MAX_EVENT_NAMES + 1)], "more than 1,000 event names"),
    ],
)  # fmt: skip
def test_traffic_that_makes_no_plan_is_refused(
    tmp_path: Path, calls: list[JSONObject], text: str
) -> None:
    result = infer(tmp_path, calls)
    assert (result.exit_code, text in result.output) == (2, True)
    assert "Traceback" not in result.output


@pytest.mark.parametrize("traffic", ["missing.ndjson", "http://127.0.0.1:1"])
def test_traffic_that_cannot_be_read_is_one_line(traffic: str) -> None:
    result = CliRunner().invoke(main, ["plan", "infer", traffic])
    assert (result.exit_code, "Traceback" in result.output) == (2, False)
