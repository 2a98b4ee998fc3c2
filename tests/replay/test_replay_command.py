"""`emulator replay`: reports of dry runs of an archive."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from archives import DAY, make_track_event, write_archive
from click.testing import CliRunner, Result
from pyarrow import parquet  # type: ignore[import-untyped]  # the package ships no types

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset

REFUSED = "unit_sale_price parameter is required on cart_page_view event"
CART = {"cart_id": "c", "currency": "EUR", "products": [{"product_id": "mug"}]}


def run_replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", "--workers", "1", *map(str, arguments)])


def make_report(*arguments: str | Path) -> JSONObject:
    result = run_replay("--json", *arguments)
    assert result.exception is None or result.exit_code in (1, 2), result.output
    document: JSONObject = json.loads(result.stdout)
    return document


def remove_samples(rows: list[JSONObject]) -> list[JSONObject]:
    return [{name: row[name] for name in row if name != "samples"} for row in rows]


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """Write an archive of two days: two orders, an invalid cart, an order without a user."""
    write_archive(
        tmp_path / "month" / "1.gz",
        [make_track_event(1), make_track_event(2, "Cart Viewed", properties=CART)],
    )
    anonymous = make_track_event(4, userId=None, receivedAt="2026-03-15T08:00:00.000Z")
    write_archive(tmp_path / "month" / "2.ndjson", [make_track_event(3), anonymous])
    return tmp_path / "month"


def test_the_report_shows_what_arrives_and_what_is_lost(month: Path) -> None:
    report = make_report(month)

    assert (report["archive"]["events"], report["archive"]["losing"]) == (4, 2)
    assert report["verdicts"] == [
        {"verdict": "accepted", "count": 2},
        {"verdict": "dropped", "count": 1},
        {"verdict": "rejected", "count": 1},
    ]
    assert report["received"] == [{"eventName": "confirmation_page_view", "count": 4}]
    assert report["days"] == [
        {"day": DAY, "verdict": "accepted", "count": 2},
        {"day": DAY, "verdict": "dropped", "count": 1},
        {"day": "2026-03-15", "verdict": "rejected", "count": 1},
    ]
    assert report["deliveries"] == [
        {
            "type": "track",
            "event": event,
            "subscription": subscription,
            "actionSlug": slug,
            "verdict": verdict,
            "count": count,
        }
        for event, subscription, slug, verdict, count in (
            ("Order Completed", "Order Completed Event", "orderCompletedEvent", "accepted", 2),
            ("Cart Viewed", "Cart Viewed Event", "cartViewedEvent", "dropped", 1),
        )
    ]
    assert remove_samples(report["reasons"]) == [
        {
            "type": "track",
            "event": "Order Completed",
            "subscription": "",
            "verdict": "rejected",
            "lost": True,
            "where": "",
            "what": "no_user_anon_id: It has no userId and no anonymousId",
            "remedy": "Send one of them.",
            "value": {"EUR": 29.5},
            "count": 1,
        },
        {
            "type": "track",
            "event": "Cart Viewed",
            "subscription": "Cart Viewed Event",
            "verdict": "dropped",
            "lost": True,
            "where": "events[].event_params.unit_sale_price",
            "what": REFUSED,
            "remedy": "Send unit_sale_price in event_params.",
            "value": {},
            "count": 1,
        },
    ]
    assert report["comparison"] is None


def test_reasons_have_their_first_events_as_samples(month: Path) -> None:
    (sample,) = make_report(month)["reasons"][0]["samples"]

    assert sample["at"] == f"{month / '2.ndjson'}:2"
    assert sample["event"]["messageId"] == "m4"


def test_samples_are_short_and_hide_secrets(tmp_path: Path) -> None:
    traits = {"password": "hunter2", "note": "x" * 5_000, "email": "no-email", "many": [*range(99)]}
    archive = write_archive(
        tmp_path / "a.gz", [{**make_track_event(1), "type": "identify", "traits": traits}]
    )

    (sample, *_) = make_report(archive)["reasons"][0]["samples"]

    assert sample["event"]["traits"] == {
        "password": "[redacted]",
        "note": "x" * 200 + "…",
        "email": "no-email",
        "many": [*range(30), "…"],
    }


@pytest.mark.parametrize(
    ("events", "exit_code"),
    [
        pytest.param([make_track_event(1)], 0, id="all arrive"),
        pytest.param(
            [{**make_track_event(1), "type": "group", "groupId": "g"}], 0, id="no subscription"
        ),
        pytest.param([make_track_event(1, userId=None)], 1, id="one is lost"),
        pytest.param(
            [make_track_event(1, timestamp="2019-01-01T00:00:00Z")], 1, id="one is outdated"
        ),
    ],
)
def test_the_exit_code_says_whether_events_are_lost(
    tmp_path: Path, events: list[JSONObject], exit_code: int
) -> None:
    assert run_replay(write_archive(tmp_path / "a.ndjson", events)).exit_code == exit_code


def test_unreadable_lines_are_reported_and_the_others_are_counted(tmp_path: Path) -> None:
    broken, damaged = tmp_path / "a.ndjson", tmp_path / "b.gz"
    broken.write_bytes(b'{"type":\n\n[]\n{}x\n')
    damaged.write_bytes(gzip.compress(b"{}\n" * 9)[:-4])

    result = run_replay("--json", tmp_path)

    report = json.loads(result.stdout)
    assert result.exit_code == 2
    assert report["archive"]["events"] == 9
    assert [
        (row["kind"], row["what"], row["count"], [sample["at"] for sample in row["samples"]])
        for row in report["unread"]
    ] == [
        ("line", "not JSON", 2, [f"{broken}:1", f"{broken}:4"]),
        ("file", "the gzip file ends too early", 1, [f"{damaged}:9"]),
        ("line", "an event is a JSON object", 1, [f"{broken}:3"]),
    ]
    assert result.stderr.splitlines() == [
        f"emulator: 2 x not JSON, at {broken}:1, {broken}:4",
        f"emulator: 1 x the gzip file ends too early, at {damaged}:9",
        f"emulator: 1 x an event is a JSON object, at {broken}:3",
    ]


def test_another_workspace_can_be_compared(tmp_path: Path, month: Path) -> None:
    document = json.loads(
        json.dumps(load_workspace_or_preset("guide").document)
    )  # mappings share parts
    for subscription in document["destination"]["subscriptions"]:
        if subscription["actionSlug"] == "cartViewedEvent":
            price = {"unit_sale_price": {"@literal": 1}}
            subscription["settings"]["parameters"] |= price
            subscription["settings"]["products"]["@arrayPath"][1] |= price
    fixed = tmp_path / "fixed.yaml"
    fixed.write_text(yaml.safe_dump(document))

    comparison = make_report(month, "--against", fixed)["comparison"]

    assert comparison["differing"] == 1
    (change,) = remove_samples(comparison["changes"])
    assert change == {
        "type": "track",
        "event": "Cart Viewed",
        "subscription": "Cart Viewed Event",
        "field": "users[].events[].event_params.unit_sale_price",
        "change": "new",
        "count": 1,
    }
    assert comparison["turned"] == [
        {
            "type": "track",
            "event": "Cart Viewed",
            "before": "dropped",
            "after": "accepted",
            "count": 1,
        }
    ]
    (sample,) = comparison["changes"][0]["samples"]
    prices = [
        sample[side][0]["events"][0]["event_params"].get("unit_sale_price")
        for side in ("before", "after")
    ]
    assert prices == [None, 1]


def test_a_workspace_against_itself_changes_nothing(month: Path) -> None:
    comparison = make_report(month, "--against", "guide")["comparison"]

    assert comparison == {"differing": 0, "changes": [], "turned": []}


def test_the_parquet_file_has_a_row_for_each_figure(tmp_path: Path, month: Path) -> None:
    file = tmp_path / "report.parquet"
    run_replay(month, "--parquet", file)

    rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    assert [
        (row["event"], row["verdict"], row["lost"], row["value"], row["count"])
        for row in rows
        if row["section"] == "reasons"
    ] == [
        ("Order Completed", "rejected", True, "29.50 EUR", 1),
        ("Cart Viewed", "dropped", True, None, 1),
    ]
    assert {row["section"] for row in rows} == {
        "verdicts", "events", "received", "deliveries", "reasons", "days",
    }  # fmt: skip


def test_the_text_output_has_tables_without_control_characters(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.gz", [make_track_event(1, "\x1b[2Jgone", userId=None)])

    result = run_replay(archive)

    assert "\x1b" not in result.stdout
    assert "What would be lost, the most expensive first" in result.stdout
    assert "�[2Jgone" in result.stdout


def test_a_warning_is_shown_once_with_its_events_and_subscriptions(tmp_path: Path) -> None:
    added = {"product_id": "mug", "name": "Mug", "price": 8.5, "quantity": 1, "currency": "euro"}
    events = [
        make_track_event(1, "Product Added", properties=added),
        make_track_event(2, "Product Added", properties=added),
        make_track_event(3, "Wish Listed", properties={"currency": "euro"}),
        {**make_track_event(4), "type": "group", "groupId": "g"},
        {**make_track_event(5), "type": "alias"},
    ]
    archive = write_archive(tmp_path / "a.gz", events)

    result = run_replay(archive, "--preset", "segment-defaults")

    assert result.stdout.splitlines()[-6:] == [
        "",
        "Warnings, and events that are not sent",
        "  count  verdict         event                     subscription                    "
        "what is to know",
        "      5  warning         Product Added and 1 more  Product Added Event and 1 more  "
        "events[].event_params.currency: currency does not have the format Insider One expects",
        "      1  not_subscribed  alias                                                     "
        "no enabled subscription matches this event",
        "      1  not_subscribed  group                                                     "
        "no enabled subscription matches this event",
    ]
    rows = make_report(archive, "--preset", "segment-defaults")["reasons"]
    assert [(row["event"], row["subscription"], row["count"]) for row in rows] == [
        ("Product Added", "Product Added Event", 2),
        ("Product Added", "Track Event", 2),
        ("", "", 1),
        ("", "", 1),
        ("Wish Listed", "Track Event", 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["none.gz"], "none.gz: no file found.", id="no archive"),
        pytest.param([".", "--at", "noon"], "--at: 'noon' is not an ISO 8601 time.", id="no time"),
        pytest.param([".", "--against", "none.yaml"], "none.yaml: ", id="no workspace"),
        pytest.param(
            [".", "--html", "no/such/page.html"], "page.html: there is no such folder", id="page"
        ),
    ],
)
def test_misuse_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_archive(tmp_path / "a.gz", [make_track_event(1)])

    result = run_replay(*arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
