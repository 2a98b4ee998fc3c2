"""Entry into journeys: starters, eligibility, segments and merged profiles."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sandbox import ADA, ADDED, NOON, REACHABLE, Sandbox, build_email, build_journey, build_wait

from segment_insider_emulator.types import JSON, JSONObject

WAIT = build_wait("45 minutes")
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
    sandbox = Sandbox(build_journey(WAIT, starter={"events": [ADDED], **starter}))
    sandbox.send(sandbox.build_event(ADDED, **event), attributes={"country": "SG"})
    assert len(sandbox.list_runs()) == enters


def test_a_starter_that_ignores_dates_has_a_note() -> None:
    starter = {"events": [ADDED], "parameters": {"custom.due": "2020-01-01T00:00:00Z"}}
    sandbox = Sandbox(build_journey(starter=starter))
    sandbox.send(ADDED)
    assert sandbox.get_trail()[0][1] == (
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
    definition = build_journey(
        starter={"attribute": "custom.tier", **starter},
        eligibility={"times": "multiple", "period": "1 second"},
    )
    sandbox = Sandbox(definition)
    for value in values:
        sandbox.send(attributes={"custom": {"tier": value}}, append=False)
        sandbox.advance_clock("1 minute")
    assert len(sandbox.list_runs()) == entries


@pytest.mark.documented
def test_deleting_an_attribute_starts_nothing() -> None:
    sandbox = Sandbox(
        build_journey(starter={"attribute": "name", "changes": True}, eligibility=ONCE)
    )
    sandbox.send(attributes={"name": "Ada"}, skip_hook=True)
    sandbox.post("attribute/delete", {"users": [{"identifiers": ADA, "whole": ["name"]}]})
    assert sandbox.list_runs() == []


@pytest.mark.assumed
def test_a_changed_identifier_counts_as_an_attribute_change() -> None:
    starter = {"attribute": "email", "changes_to": "new@x.io"}
    sandbox = Sandbox(build_journey(starter=starter, eligibility=ONCE))
    sandbox.send(attributes={"name": "Ada"}, identifiers={"email": "ada@x.io"})
    identity = {"old_identifier": {"email": "ada@x.io"}, "new_identifier": {"email": "new@x.io"}}
    sandbox.post("identity", identity, "PATCH")
    assert (
        sandbox.get_trail()[0][1]
        == 'entered because of email changed from "ada@x.io" to "new@x.io"'
    )


@pytest.mark.assumed
def test_an_attribute_added_by_a_merge_counts_as_an_attribute_change() -> None:
    sandbox = Sandbox(
        build_journey(starter={"attribute": "name", "changes": True}, eligibility=ONCE)
    )
    sandbox.send(identifiers={"uuid": "ada"})
    sandbox.send(attributes={"name": "Ada"}, identifiers={"email": "ada@x.io"}, skip_hook=True)
    sandbox.send(identifiers={"uuid": "ada", "email": "ada@x.io"})
    assert sandbox.get_trail()[0][1] == 'entered because of name set to "Ada"'


@pytest.mark.documented
@pytest.mark.parametrize("starter", [{"events": [ADDED]}, OPTED_IN], ids=["event", "attribute"])
def test_skip_hook_starts_nothing(starter: JSONObject) -> None:
    sandbox = Sandbox(build_journey(WAIT, starter=starter))
    sandbox.send(ADDED, attributes=REACHABLE, skip_hook=True)
    assert sandbox.list_runs() == []


@pytest.mark.assumed
def test_skip_hook_still_ends_a_run() -> None:
    sandbox = Sandbox(build_journey(WAIT, exits=[{"events": ["purchase"]}]))
    sandbox.send(ADDED)
    sandbox.send("purchase", skip_hook=True)
    assert [run["status"] for run in sandbox.list_runs()] == ["exited"]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("timestamp", "entries"),
    [
        pytest.param("2025-11-24T12:00:00Z", 1, id="a purchase of last year starts"),
        pytest.param("2024-11-01T12:00:00Z", 0, id="one past its retention does not"),
    ],
)
def test_historical_events_start_journeys(timestamp: str, entries: int) -> None:
    sandbox = Sandbox(build_journey(starter={"events": ["purchase"]}))
    sandbox.send(sandbox.build_event("purchase", timestamp))
    assert len(sandbox.list_runs()) == entries


def test_a_repeated_event_starts_nothing() -> None:
    sandbox = Sandbox(build_journey(eligibility={"times": "multiple", "period": "1 second"}))
    same = sandbox.build_event(ADDED)
    sandbox.send(same)
    sandbox.advance_clock("1 hour")
    sandbox.send(same)
    assert len(sandbox.list_runs()) == 1


@pytest.mark.documented
@pytest.mark.parametrize(
    ("eligibility", "steps", "gap", "entries"),
    [
        pytest.param(ONCE, [], "30 days", 1, id="once"),
        pytest.param(MULTIPLE, [], "23 hours", 1, id="within the period"),
        pytest.param(MULTIPLE, [], "1 day", 2, id="after the period"),
        pytest.param(
            MULTIPLE, [build_wait("9 days")], "2 days", 1, id="a person inside cannot enter"
        ),
    ],
)
def test_eligibility_limits_entries(
    eligibility: JSONObject, steps: list[JSONObject], gap: str, entries: int
) -> None:
    sandbox = Sandbox(build_journey(*steps, eligibility=eligibility))
    sandbox.send(ADDED)
    sandbox.advance_clock(gap)
    sandbox.send(ADDED)
    assert len(sandbox.list_runs()) == entries


def test_one_call_with_several_products_is_one_entry() -> None:
    sandbox = Sandbox(build_journey())
    sandbox.send(
        *[sandbox.build_event(ADDED, product_id=product) for product in ("mug", "tray", "lamp")]
    )
    assert len(sandbox.list_runs()) == 1


def test_one_event_starts_every_journey_that_waits_for_it() -> None:
    sandbox = Sandbox(build_journey(WAIT), build_journey(id=2, name="Other"))
    sandbox.send(ADDED)
    assert (sandbox.list_trail_kinds(1), sandbox.list_trail_kinds(2)) == (
        [["entered", "waiting"]],
        [["entered", "completed"]],
    )


def test_a_run_moves_to_the_profile_that_survives_a_merge() -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email(), exits=[{"events": ["purchase"]}]))
    sandbox.send(ADDED, identifiers={"custom": {"segment_anonymous_id": "phone"}})
    sandbox.send(identifiers=ADA, attributes=REACHABLE)
    sandbox.send(
        identifiers={**ADA, "custom": {"segment_anonymous_id": "phone"}}, attributes={"name": "Ada"}
    )
    sandbox.advance_clock("45 minutes")
    assert [(run["profile_id"], run["status"]) for run in sandbox.list_runs()] == [
        ("p2", "completed")
    ]
    assert sandbox.get_trail()[2:4] == [
        ("12:00", "p1 was merged into p2, which continues the run"),
        ("12:45", "would send email to ada@x.io: Your cart"),
    ]


def test_a_purchase_on_another_device_counts_after_a_merge() -> None:
    bought = {"check": {"did": {"events": ["purchase"]}}, "matching": [build_email("Thanks")]}
    sandbox = Sandbox(build_journey(WAIT, bought))
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock("10 minutes")
    sandbox.send("purchase", identifiers={"custom": {"segment_anonymous_id": "laptop"}})
    sandbox.advance_clock("10 minutes")
    sandbox.send(
        identifiers={**ADA, "custom": {"segment_anonymous_id": "laptop"}},
        attributes={"name": "Ada"},
    )
    sandbox.advance_clock("25 minutes")
    assert sandbox.list_trail_kinds() == [
        ["entered", "waiting", "checked", "would_send", "completed"]
    ]


@pytest.mark.assumed
def test_the_earlier_of_two_runs_continues_after_a_merge() -> None:
    sandbox = Sandbox(build_journey(WAIT))
    laptop: JSONObject = {"custom": {"segment_anonymous_id": "laptop"}}
    sandbox.send(ADDED, identifiers=laptop)
    sandbox.advance_clock("1 minute")
    sandbox.send(ADDED)
    sandbox.advance_clock("1 minute")
    sandbox.send(identifiers={**ADA, **laptop}, attributes={"name": "Ada"})
    assert sandbox.list_trail_kinds() == [
        ["entered", "waiting", "merged"],
        ["entered", "waiting", "exited"],
    ]
    assert {run["profile_id"] for run in sandbox.list_runs()} == {"p2"}


def test_reset_deletes_every_run() -> None:
    sandbox = Sandbox(build_journey(WAIT))
    sandbox.send(ADDED)
    sandbox.journeys.delete_all_runs()
    sandbox.clock.reset(NOON)
    assert sandbox.list_runs() == []
    assert sandbox.get_counters()["counters"]["entered"] == 0


def test_a_retry_starts_a_journey_that_a_fault_prevented(tmp_path: Path) -> None:
    file = tmp_path / "journeys.db"
    sandbox = Sandbox(build_journey(build_wait("1 hour")), url=str(file))
    added = sandbox.build_event(ADDED)
    fault = "BEFORE INSERT ON journey_runs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    with closing(sqlite3.connect(file)) as another:
        another.execute(f"CREATE TRIGGER fault {fault}")
        with pytest.raises(Exception, match="the disk is full"):
            sandbox.send(added)
        another.execute("DROP TRIGGER fault")
    sandbox.send(added)
    (profile,), _ = sandbox.profiles.list_profiles_with_events()
    assert [event.name for event in profile.events] == [ADDED, "journey_entered"]
    assert sandbox.list_trail_kinds() == [["entered", "waiting"]]


@pytest.mark.assumed
def test_a_subscription_by_the_contact_api_starts_and_ends_runs() -> None:
    opted_out = {"attribute": "email_optin", "changes_to": False}
    sandbox = Sandbox(build_journey(WAIT, starter=OPTED_IN, exits=[opted_out]))
    ada = {"emails": ["ada@x.io"]}
    sandbox.call_contact_api("/email/v2/unsubscribe", ada)
    assert sandbox.list_runs() == []
    sandbox.call_contact_api("/email/v2/subscribe", ada)
    assert [run["status"] for run in sandbox.list_runs()] == ["in_progress"]
    sandbox.call_contact_api("/email/v1/unsubscribe", {"email": "ada@x.io"})
    assert [run["status"] for run in sandbox.list_runs()] == ["exited"]
