"""Entry into journeys: starters, eligibility, segments and merged profiles."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sandbox import ADA, ADDED, NOON, REACHABLE, Sandbox, email, journey, wait

from segment_insider_emulator.types import JSON, JSONObject

WAIT = wait("45 minutes")
ONCE = {"times": "once"}
MULTIPLE = {"times": "multiple", "period": "1 day"}
OPTED_IN = {"attribute": "email_optin", "changes_to": True}


@pytest.mark.parametrize(
    ("starter", "event", "enters"),
    [
        pytest.param({}, {}, True, id="no condition"),
        pytest.param({"parameters": {"currency": "EUR"}}, {"currency": "EUR"}, True, id="equal"),
        pytest.param({"parameters": {"currency": "EUR"}}, {"currency": "USD"}, False, id="other"),
        pytest.param({"parameters": {"currency": "EUR"}}, {}, False, id="absent"),
        pytest.param(
            {"parameters": {"unit_price": {"more_than": 10}}},
            {"unit_price": 10.5},
            True,
            id="more than",
        ),
        pytest.param(
            {"parameters": {"taxonomy": {"contains": "Shoes"}}},
            {"taxonomy": ["Sale", "Shoes"]},
            True,
            id="member of a list",
        ),
        pytest.param(
            {"parameters": {"custom.gift": {"exists": True}}},
            {"custom": {"gift": False}},
            True,
            id="custom parameter",
        ),
        pytest.param(
            {"parameters": {"custom.gift": True}}, {"custom": {"gift": 1}}, False, id="1 is no true"
        ),
        pytest.param(
            {"parameters": {"custom.due": {"is_not": "2020-01-01T00:00:00Z"}}},
            {"custom": {"due": "2020-01-01T00:00:00Z"}},
            True,
            id="dates are ignored",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            {"segment": [{"attribute": "country", "is": "SG"}]}, {}, True, id="in the segment"
        ),
        pytest.param(
            {"segment": [{"attribute": "country", "is_not": "SG"}]}, {}, False, id="outside of it"
        ),
    ],
)
def test_an_event_starts_a_journey_by_its_conditions(
    starter: JSONObject, event: JSONObject, enters: bool
) -> None:
    box = Sandbox(journey(WAIT, starter={"events": [ADDED], **starter}))
    box.send(box.event(ADDED, **event), attributes={"country": "SG"})
    assert len(box.runs()) == enters


def test_a_starter_that_ignores_dates_says_so() -> None:
    starter = {"events": [ADDED], "parameters": {"custom.due": "2020-01-01T00:00:00Z"}}
    box = Sandbox(journey(starter=starter))
    box.send(ADDED)
    assert box.trail()[0][1] == (
        "entered because of item_added_to_cart at 2026-11-23T12:00:00Z; "
        "a starter ignores date parameters: custom.due"
    )


@pytest.mark.documented
@pytest.mark.parametrize(
    ("starter", "values", "entries"),
    [
        pytest.param({"changes": True}, [1, 1, 2], 2, id="changes"),
        pytest.param({"changes_to": 2}, [1, 2, 1], 1, id="changes to"),
        pytest.param({"changes_to": 1}, [1], 1, id="changes to, on the first insert"),
        pytest.param({"changes_from": 1}, [1, 2, 3], 1, id="changes from"),
        pytest.param({"changes_to": True}, ["true", 2, True], 1, id="of its very type"),
        pytest.param({"changes": True}, [["a"], ["b"]], 0, id="lists start nothing"),
    ],
)
def test_an_attribute_change_starts_a_journey(
    starter: JSONObject, values: list[JSON], entries: int
) -> None:
    definition = journey(
        starter={"attribute": "custom.tier", **starter},
        eligibility={"times": "multiple", "period": "1 second"},
    )
    box = Sandbox(definition)
    for value in values:
        box.send(attributes={"custom": {"tier": value}}, append=False)
        box.later("1 minute")
    assert len(box.runs()) == entries


@pytest.mark.documented
def test_deleting_an_attribute_starts_nothing() -> None:
    box = Sandbox(journey(starter={"attribute": "name", "changes": True}, eligibility=ONCE))
    box.send(attributes={"name": "Ada"}, skip_hook=True)
    box.post("attribute/delete", {"users": [{"identifiers": ADA, "whole": ["name"]}]})
    assert box.runs() == []


@pytest.mark.assumed
def test_a_changed_identifier_is_an_attribute_that_changes() -> None:
    moved = {"attribute": "email", "changes_to": "new@x.io"}
    box = Sandbox(journey(starter=moved, eligibility=ONCE))
    box.send(attributes={"name": "Ada"}, who={"email": "ada@x.io"})
    identity = {"old_identifier": {"email": "ada@x.io"}, "new_identifier": {"email": "new@x.io"}}
    box.post("identity", identity, "PATCH")
    assert box.trail()[0][1] == 'entered because of email changed from "ada@x.io" to "new@x.io"'


@pytest.mark.assumed
def test_an_attribute_that_a_merge_brings_is_one_that_changes() -> None:
    box = Sandbox(journey(starter={"attribute": "name", "changes": True}, eligibility=ONCE))
    box.send(who={"uuid": "ada"})
    box.send(attributes={"name": "Ada"}, who={"email": "ada@x.io"}, skip_hook=True)
    box.send(who={"uuid": "ada", "email": "ada@x.io"})
    assert box.trail()[0][1] == 'entered because of name set to "Ada"'


@pytest.mark.documented
@pytest.mark.parametrize("starter", [{"events": [ADDED]}, OPTED_IN], ids=["event", "attribute"])
def test_skip_hook_starts_nothing(starter: JSONObject) -> None:
    box = Sandbox(journey(WAIT, starter=starter))
    box.send(ADDED, attributes=REACHABLE, skip_hook=True)
    assert box.runs() == []


@pytest.mark.assumed
def test_skip_hook_still_ends_a_run() -> None:
    box = Sandbox(journey(WAIT, exits=[{"events": ["purchase"]}]))
    box.send(ADDED)
    box.send("purchase", skip_hook=True)
    assert [run["status"] for run in box.runs()] == ["exited"]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("timestamp", "entries"),
    [
        pytest.param("2025-11-24T12:00:00Z", 1, id="a purchase of last year starts"),
        pytest.param("2024-11-01T12:00:00Z", 0, id="one that is kept no longer does not"),
    ],
)
def test_historical_events_start_journeys(timestamp: str, entries: int) -> None:
    box = Sandbox(journey(starter={"events": ["purchase"]}))
    box.send(box.event("purchase", timestamp))
    assert len(box.runs()) == entries


def test_an_event_sent_again_starts_nothing() -> None:
    box = Sandbox(journey(eligibility={"times": "multiple", "period": "1 second"}))
    same = box.event(ADDED)
    box.send(same)
    box.later("1 hour")
    box.send(same)
    assert len(box.runs()) == 1


@pytest.mark.documented
@pytest.mark.parametrize(
    ("eligibility", "steps", "gap", "entries"),
    [
        pytest.param(ONCE, [], "30 days", 1, id="once"),
        pytest.param(MULTIPLE, [], "23 hours", 1, id="within the period"),
        pytest.param(MULTIPLE, [], "1 day", 2, id="after the period"),
        pytest.param(MULTIPLE, [wait("9 days")], "2 days", 1, id="a person inside cannot enter"),
    ],
)
def test_eligibility(
    eligibility: JSONObject, steps: list[JSONObject], gap: str, entries: int
) -> None:
    box = Sandbox(journey(*steps, eligibility=eligibility))
    box.send(ADDED)
    box.later(gap)
    box.send(ADDED)
    assert len(box.runs()) == entries


def test_one_call_with_several_products_is_one_entry() -> None:
    box = Sandbox(journey())
    box.send(*[box.event(ADDED, product_id=each) for each in ("mug", "tray", "lamp")])
    assert len(box.runs()) == 1


def test_one_event_starts_every_journey_that_waits_for_it() -> None:
    box = Sandbox(journey(WAIT), journey(id=2, name="Other"))
    box.send(ADDED)
    assert (box.trails(1), box.trails(2)) == ([["entered", "waiting"]], [["entered", "completed"]])


def test_a_run_follows_the_profile_that_a_merge_keeps() -> None:
    box = Sandbox(journey(WAIT, email(), exits=[{"events": ["purchase"]}]))
    box.send(ADDED, who={"custom": {"segment_anonymous_id": "phone"}})
    box.send(who=ADA, attributes=REACHABLE)
    box.send(who={**ADA, "custom": {"segment_anonymous_id": "phone"}}, attributes={"name": "Ada"})
    box.later("45 minutes")
    assert [(run["profile_id"], run["status"]) for run in box.runs()] == [("p2", "completed")]
    assert box.trail()[2:4] == [
        ("12:00", "p1 was merged into p2, which continues the run"),
        ("12:45", "would send email to ada@x.io: Your cart"),
    ]


def test_a_purchase_on_another_device_counts_once_both_are_one_person() -> None:
    bought = {"check": {"did": {"events": ["purchase"]}}, "matching": [email("Thanks")]}
    box = Sandbox(journey(WAIT, bought))
    box.send(ADDED, attributes=REACHABLE)
    box.later("10 minutes")
    box.send("purchase", who={"custom": {"segment_anonymous_id": "laptop"}})
    box.later("10 minutes")
    box.send(who={**ADA, "custom": {"segment_anonymous_id": "laptop"}}, attributes={"name": "Ada"})
    box.later("25 minutes")
    assert box.trails() == [["entered", "waiting", "checked", "would_send", "completed"]]


@pytest.mark.assumed
def test_of_two_runs_that_a_merge_brings_together_the_earlier_goes_on() -> None:
    box = Sandbox(journey(WAIT))
    laptop: JSONObject = {"custom": {"segment_anonymous_id": "laptop"}}
    box.send(ADDED, who=laptop)
    box.later("1 minute")
    box.send(ADDED)
    box.later("1 minute")
    box.send(who={**ADA, **laptop}, attributes={"name": "Ada"})
    assert box.trails() == [
        ["entered", "waiting", "merged"],
        ["entered", "waiting", "exited"],
    ]
    assert {run["profile_id"] for run in box.runs()} == {"p2"}


def test_reset_forgets_every_run() -> None:
    box = Sandbox(journey(WAIT))
    box.send(ADDED)
    box.journeys.delete_all_runs()
    box.clock.reset(NOON)
    assert box.runs() == []
    assert box.counted()["counters"]["entered"] == 0


def test_a_retry_starts_a_journey_that_a_fault_prevented(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    sandbox = Sandbox(journey(wait("1 hour")), url=str(file))
    added = sandbox.event(ADDED)
    fault = "BEFORE INSERT ON journey_runs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    with closing(sqlite3.connect(file)) as another:
        another.execute(f"CREATE TRIGGER fault {fault}")
        with pytest.raises(Exception, match="the disk is full"):
            sandbox.send(added)
        another.execute("DROP TRIGGER fault")
    sandbox.send(added)
    (profile,), _ = sandbox.profiles.list_profiles_with_events()
    assert [event.name for event in profile.events] == [ADDED, "journey_entered"]
    assert sandbox.trails() == [["entered", "waiting"]]
