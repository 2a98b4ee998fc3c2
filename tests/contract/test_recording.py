"""Cases recorded from traffic: stable, sorted, without values that change between runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.contract.recording import parse_normalisation_rules, record_cases
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import build_workspace
from segment_insider_scenarios.running_emulator import RunningEmulator, SandboxProvider
from segment_insider_scenarios.shopper import make_shopper, track_call

EVENTS = Path(__file__).parents[2] / "fixtures" / "events" / "shop.ndjson"
GUIDE = load_preset_workspace("guide")


def run_contract(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["contract", *map(str, arguments)])


def make_order(run: int) -> JSONObject:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m-{run}",
        "anonymousId": f"a-{run}",
        "userId": "ada",
        "timestamp": f"2026-0{run}-01T00:00:00Z",
        "properties": {"order_id": f"o-{run}", "currency": "EUR", "products": []},
        "context": {"ip": f"198.51.100.{run}"},
    }


def test_two_runs_of_one_app_record_the_same() -> None:
    rules = parse_normalisation_rules(["properties.order_id=order"])
    first, second = (record_cases([make_order(run)], GUIDE, rules).cases for run in (1, 2))
    assert first == second
    [case] = first
    assert case["events"] == [
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": "message-1",
            "anonymousId": "anonymous-1",
            "userId": "ada",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "properties": {"order_id": "order-1", "currency": "EUR", "products": []},
            "context": {"ip": "192.0.2.1"},
        }
    ]
    assert case["normalised"] == {
        "messageId": "message",
        "anonymousId": "anonymous",
        "timestamp": "time",
        "context.ip": "ip",
        "properties.order_id": "order",
    }


def test_events_that_differ_only_in_ids_are_one_case() -> None:
    rules = parse_normalisation_rules(["properties.order_id=order"])
    assert len(record_cases([make_order(1), make_order(2)], GUIDE, rules).cases) == 1


def test_no_account_key_is_written() -> None:
    [case] = record_cases([make_order(1)], GUIDE, parse_normalisation_rules([])).cases
    assert case["destination"]["settings"] == {"account_name": "account", "ucd_key": "key"}
    assert "test-key" not in json.dumps(case)


def test_cases_are_sorted_and_pass(tmp_path: Path) -> None:
    file = tmp_path / "cases.ndjson"
    assert run_contract("record", "--from", EVENTS, file).exit_code == 0
    names = [json.loads(line)["name"] for line in file.read_text().splitlines()]
    assert names == sorted(names)
    assert names[:2] == ["cart-viewed-by-cart-viewed-event", "home-by-homepage-view"]
    assert run_contract("check", file).exit_code == 0
    first_bytes = file.read_bytes()
    run_contract("record", "--from", EVENTS, file)
    assert file.read_bytes() == first_bytes


def test_a_folder_has_a_file_for_each_case(tmp_path: Path) -> None:
    run_contract("record", "--from", EVENTS, tmp_path / "cases")
    files = sorted(path.name for path in (tmp_path / "cases").iterdir())
    assert "order-completed-by-order-completed-event.json" in files
    assert run_contract("check", tmp_path / "cases").stdout.startswith(
        f"{len(files)} passed, 0 failed"
    )


@pytest.mark.parametrize(
    ("events", "message"),
    [
        pytest.param(
            [], "there are no events. Use the app first, or name other traffic.", id="none"
        ),
        pytest.param(
            [{"type": "group", "groupId": "g"}],
            "no mapping accepts these events. Name their workspace with --workspace; "
            "`emulator map --explain` shows which conditions are not met.",
            id="none that a mapping takes",
        ),
    ],
)
def test_traffic_without_cases_is_reported_and_the_file_is_unchanged(
    events: list[Any], message: str, tmp_path: Path
) -> None:
    traffic, cases = tmp_path / "traffic.ndjson", tmp_path / "cases.ndjson"
    traffic.write_text("".join(json.dumps(event) + "\n" for event in events))
    cases.write_text("unchanged\n")
    result = run_contract("record", "--from", traffic, cases)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{cases}: nothing is recorded: {message}\n"
    assert cases.read_text() == "unchanged\n"


def test_traffic_of_a_running_emulator_can_be_recorded(
    served_emulator: RunningEmulator, tmp_path: Path
) -> None:
    served_emulator.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
    file = tmp_path / "cases.ndjson"
    assert run_contract("record", "--from", served_emulator.url, file).exit_code == 0
    [case] = [json.loads(line) for line in file.read_text().splitlines()]
    assert case["name"] == "wish-listed-by-track-event"
    assert run_contract("check", file).exit_code == 0


def test_cases_come_from_the_running_workspace(
    served_emulators: SandboxProvider, tmp_path: Path
) -> None:
    document: Any = json.loads(json.dumps(GUIDE.document))
    track = document["destination"]["subscriptions"][-1] | {
        "name": "Wishes",
        "actionSlug": "trackEvent",
        "trigger": 'event = "Wish Listed"',
    }
    document["destination"]["subscriptions"] = [track]
    drop = {"title": "No tests", "if": 'event = "Tested"', "actions": [{"type": "DROP"}]}
    document["destination"]["filters"] = [drop]
    file = tmp_path / "cases.ndjson"
    with served_emulators.open_sandbox(build_workspace(document)) as emulator:
        for name in ("Wish Listed", "Tested", "Order Completed"):
            emulator.shop.send(make_shopper("Ada"), track_call(name))
        result = run_contract("record", "--from", emulator.url, file)
    assert result.exit_code == 0, result.output
    [case] = [json.loads(line) for line in file.read_text().splitlines()]
    assert (case["name"], case["subscription"]["name"]) == ("wish-listed-by-wishes", "Wishes")
    assert "keyDigest" not in case["reference"]  # a running emulator does not reveal its key
    assert result.stderr.splitlines()[1:] == [
        "note: 1 event filtered before any mapping: FILTERED_BY_RULES: "
        "destination filter 'No tests' drops it (1)."
    ]


def test_cases_of_a_running_emulator_can_come_from_a_named_workspace(
    served_emulator: RunningEmulator, tmp_path: Path
) -> None:
    served_emulator.shop.send(make_shopper("Ada"), track_call("Wish Listed"))
    file = tmp_path / "cases.ndjson"
    named = ("--preset", "segment-defaults", "--from", served_emulator.url)
    assert run_contract("record", *named, file).exit_code == 0
    [case] = [json.loads(line) for line in file.read_text().splitlines()]
    assert "settings" not in case["subscription"]  # the preset leaves them to the catalogue


@pytest.fixture
def recorded_twice(tmp_path: Path) -> Path:
    """Return a folder of cases, one of which traffic.ndjson no longer produces."""
    cases, traffic = tmp_path / "cases", tmp_path / "traffic.ndjson"
    wish = {"type": "track", "event": "Wish Listed", "userId": "ada", "timestamp": "2026-01-01"}
    traffic.write_text(f"{json.dumps(make_order(1))}\n{json.dumps(wish)}\n")
    assert run_contract("record", "--from", traffic, cases).exit_code == 0
    case = json.loads((cases / "wish-listed-by-track-event.json").read_text())
    del case["normalised"]
    (cases / "by-hand.json").write_text(json.dumps(case | {"name": "by hand"}))
    traffic.write_text(json.dumps(make_order(1)))
    return cases


@pytest.mark.parametrize(
    ("options", "line", "files_left"),
    [
        pytest.param(
            [],
            "note: 1 case not made by this traffic and still there: wish-listed-by-track-event. "
            "--prune removes them.",
            ["by-hand", "order-completed-by-order-completed-event", "wish-listed-by-track-event"],
            id="named",
        ),
        pytest.param(
            ["--prune"],
            "note: 1 case not made by this traffic and removed: wish-listed-by-track-event.",
            ["by-hand", "order-completed-by-order-completed-event"],
            id="removed",
        ),
    ],
)
def test_cases_that_the_traffic_no_longer_produces_are_named(
    options: list[str], line: str, files_left: list[str], recorded_twice: Path
) -> None:
    traffic = recorded_twice.parent / "traffic.ndjson"
    named = ("--preset", "guide", "--from", traffic)
    result = run_contract("record", *options, *named, recorded_twice)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[1:] == [line]
    assert sorted(path.stem for path in recorded_twice.iterdir()) == files_left


def test_a_case_removed_from_a_file_is_reported(tmp_path: Path) -> None:
    file, traffic = tmp_path / "cases.ndjson", tmp_path / "traffic.ndjson"
    run_contract("record", "--preset", "guide", "--from", EVENTS, file)
    traffic.write_text(json.dumps(make_order(1)))
    result = run_contract("record", "--preset", "guide", "--from", traffic, file)
    assert (
        " not made by this traffic and removed: cart-viewed-by-cart-viewed-event, " in result.stderr
    )


def test_an_event_of_an_sdk_gets_the_timestamps_of_segment(tmp_path: Path) -> None:
    traffic, file = tmp_path / "traffic.ndjson", tmp_path / "cases.ndjson"
    event = {key: value for key, value in make_order(1).items() if key != "timestamp"}
    traffic.write_text(json.dumps(event))
    run_contract("record", "--from", traffic, file)
    case = json.loads(file.read_text())
    assert case["events"][0]["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert case["expect"]["results"] == [{"status": "delivered"}]


def test_a_case_in_which_a_mapping_fails_is_named(tmp_path: Path) -> None:
    traffic, file = tmp_path / "traffic.ndjson", tmp_path / "cases.ndjson"
    bad = {"properties": {"products": [{"quantity": "many"}]}}
    traffic.write_text(json.dumps(make_order(1) | bad))
    result = run_contract("record", "--preset", "guide", "--from", traffic, file)
    assert result.stderr.splitlines()[1:] == [
        "note: 1 case in which the mapping fails, so that nothing is sent: "
        "order-completed-by-order-completed-event."
    ]


def test_cases_with_similar_names_have_separate_files() -> None:
    names = ["Wish", "Wish", "Wish 2", "Wish!", "W" * 400]
    events = [
        {"type": "track", "event": name, "userId": f"u{at}", "timestamp": "2026-01-01"}
        for at, name in enumerate(names)
    ]
    case_names = [
        case["name"] for case in record_cases(events, GUIDE, parse_normalisation_rules([])).cases
    ]
    assert len(set(case_names)) == len(names)
    assert max(map(len, case_names)) < 250


def test_traffic_in_a_database_can_be_recorded(tmp_path: Path) -> None:
    app = create_app(Config(db=str(tmp_path / "own.db")), GUIDE)
    call = {"event": "Wish Listed", "userId": "ada", "writeKey": "wk_demo"}
    app.test_client().post("/v1/track", json=call)
    app.extensions["sandboxes"].close()
    file = tmp_path / "cases.ndjson"
    assert run_contract("record", "--from", tmp_path / "own.db", file).exit_code == 0
    assert json.loads(file.read_text())["events"][0]["messageId"] == "message-1"


@pytest.mark.parametrize("rule", ["order_id", "=order", "properties.order_id=Order 1"])
def test_an_invalid_rule_is_rejected(rule: str) -> None:
    with pytest.raises(EmulatorError, match="is not a rule"):
        parse_normalisation_rules([rule])


def test_update_writes_only_differing_cases(tmp_path: Path) -> None:
    file = tmp_path / "cases.ndjson"
    run_contract("record", "--from", EVENTS, file)
    lines = file.read_bytes().splitlines(keepends=True)
    changed: Any = json.loads(lines[1])
    changed["expect"]["requests"] = []
    mistaken = json.dumps(changed, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    file.write_bytes(b"".join([lines[0], mistaken, *lines[2:]]))
    report = tmp_path / "report.xml"
    assert run_contract("check", "--junit", report, file).exit_code == 1
    assert report.read_text().count("<failure ") == 1
    updated = run_contract("check", "--update", file)
    assert updated.exit_code == 0
    assert (updated.output.count("differs  "), "FAILED" in updated.output) == (1, False)
    assert file.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("event", "code", "message"),
    [
        pytest.param(
            {"type": "identify", "userId": "ada", "traits": {"email": "ada@shop.example"}},
            0, "1 passed, 0 failed\n",
            id="fine",
        ),
        pytest.param(
            {"type": "track", "event": "Cart Viewed", "userId": "ada"},
            1, "FAILED  Cart Viewed: dropped  events.ndjson:1\n",
            id="what Insider One refuses",
        ),
        pytest.param(
            {"type": "track", "event": "Wish Listed"},
            1, "FAILED  Wish Listed: rejected  events.ndjson:1\n",
            id="what Segment throws away",
        ),
        pytest.param(
            {"type": "group", "userId": "ada", "groupId": "g"}, 0, "1 passed, 0 failed\n",
            id="without a subscription",
        ),
    ],
)  # fmt: skip
def test_events_of_an_app_are_checked(
    event: JSONObject, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("events.ndjson").write_text(json.dumps(event))
    result = run_contract("events", "events.ndjson")
    assert (result.exit_code, result.stdout[: len(message)]) == (code, message)


def test_strict_rejects_an_event_without_a_subscription(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text('{"type": "group", "userId": "ada", "groupId": "g"}')
    assert run_contract("events", "--strict", file).exit_code == 1


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            '{"type": "track", "userId": "ada", "event": "Wish", "timestamp": 1763632800000}',
            "timestamp 1763632800000 is not ISO 8601: the time of receipt replaces it.",
        ),
        (
            '{"type": "track", "userId": "ada", "event": "order completed"}',
            "event 'order completed' is not 'Order Completed'",
        ),
        (
            '{"type": "track", "userId": "ada", "event": "Order Completed", "sentAt": "soon"}',
            "sentAt 'soon' is not ISO 8601: clock skew is not corrected.",
        ),
    ],
)
def test_strict_rejects_an_event_that_segment_changes_or_misunderstands(
    tmp_path: Path, event: str, message: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(event)
    result = run_contract("events", "--strict", file)
    assert result.exit_code == 1
    assert result.stdout.count(message) == 1
