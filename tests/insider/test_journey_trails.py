"""Trails of journeys: each element, exit and goal leaves one entry."""

from typing import Any

import pytest
from sandbox import ADA, ADDED, REACHABLE, Sandbox, build_email, build_journey, build_wait

from segment_insider_emulator.insider import journey_engine
from segment_insider_emulator.insider.journey_definition import JourneyDefinition as Definition
from segment_insider_emulator.insider.journey_engine import ElementVisitContext
from segment_insider_emulator.insider.journey_runner import RUNS_PER_TRANSACTION
from segment_insider_emulator.storage.records import JourneyRun, TrailEntry
from segment_insider_emulator.types import JSONObject

WAIT = build_wait("45 minutes")
BOUGHT = {"events": ["purchase"]}
ENTERED = ("12:00", "entered because of item_added_to_cart at 2026-11-23T12:00:00Z")
WAITS = ("12:00", "waits 45 minutes, until 2026-11-23T12:45:00.000Z")
COMPLETED = ("12:45", "completed: reached the end of the journey")
NO_EMAIL = "dropped: email cannot reach this person"


@pytest.mark.parametrize(
    ("attributes", "rest"),
    [
        pytest.param(
            REACHABLE,
            [("12:45", "would send email to ada@x.io: Your cart"), COMPLETED],
            id="reachable",
        ),
        pytest.param(
            {"email": "ada@x.io"},
            [("12:45", "email is not sent: email_optin is absent"), ("12:45", NO_EMAIL)],
            id="no consent",
        ),
        pytest.param(
            REACHABLE | {"gdpr_optin": False},
            [("12:45", "email is not sent: gdpr_optin is false"), ("12:45", NO_EMAIL)],
            id="no data processing",
        ),
        pytest.param(
            {"custom": {"plan": "gold"}},
            [("12:45", "email is not sent: no email, email_optin is absent"), ("12:45", NO_EMAIL)],
            id="no address",
        ),
    ],
)
@pytest.mark.documented
def test_a_channel_drops_unreachable_people(
    attributes: JSONObject, rest: list[tuple[str, str]]
) -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email()))
    sandbox.send(ADDED, attributes=attributes)
    sandbox.advance_clock("45 minutes")
    assert sandbox.get_trail() == [ENTERED, WAITS, *rest]


@pytest.mark.documented
def test_reachability_is_evaluated_when_the_run_reaches_the_channel() -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email()))
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock("44 minutes")
    sandbox.send(attributes={"email_optin": False})
    sandbox.advance_clock("1 minute")
    assert sandbox.get_trail()[-2:] == [
        ("12:45", "email is not sent: email_optin is false"),
        ("12:45", NO_EMAIL),
    ]


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        pytest.param("sms", "no phone_number, sms_optin is absent", id="sms"),
        pytest.param("whatsapp", "no phone_number, whatsapp_optin is absent", id="whatsapp"),
        pytest.param(
            "web_push",
            "web push needs a browser token and a permission, which an upsert cannot contain",
            id="web push",
        ),
    ],
)
def test_each_channel_has_its_own_reasons_against_sending(channel: str, why: str) -> None:
    sandbox = Sandbox(build_journey({"channel": channel, "message": "Hi"}))
    sandbox.send(ADDED)
    assert sandbox.get_trail()[1] == ("12:00", f"{channel} is not sent: {why}")


@pytest.mark.documented
def test_an_exit_takes_effect_at_once_at_every_step() -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email(), exits=[BOUGHT]))
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock("20 minutes")
    sandbox.send("purchase")
    sandbox.advance_clock("1 day")
    what = "purchase at 2026-11-23T12:20:00Z"
    assert sandbox.get_trail() == [
        ENTERED,
        WAITS,
        ("12:20", f"reached the goal Purchase: {what}"),
        ("12:20", f"exited: {what}"),
    ]


def test_an_exit_comes_before_later_events_of_the_same_request() -> None:
    sandbox = Sandbox(build_journey(build_email(), exits=[BOUGHT]))
    sandbox.send(ADDED, "purchase", attributes=REACHABLE)
    assert sandbox.list_trail_kinds() == [["entered", "goal", "exited"]]


@pytest.mark.parametrize(
    ("condition", "trail"),
    [
        pytest.param(
            {"did": {"events": ["purchase"]}},
            ["purchase at 2026-11-23T12:20:00Z, after entry, so matching", "would send"],
            id="did",
        ),
        pytest.param(
            {"did_not": {"events": ["confirmation_page_view"]}},
            ["purchase at 2026-11-23T12:20:00Z, after entry, so not matching"],
            id="did not, by the other name",
        ),
        pytest.param(
            {"did": {"events": ["purchase"], "parameters": {"unit_sale_price": {"more_than": 10}}}},
            [
                "no confirmation_page_view with unit_sale_price more than 10 since entry, "
                "so not matching"
            ],
            id="did, with other parameters",
        ),
        pytest.param(
            {"did": {"events": [ADDED]}},
            ["no item_added_to_cart since entry, so not matching"],
            id="what came before entry, or started it, is not since entry",
        ),
        pytest.param(
            {"attribute": "custom.plan", "is": "gold"},
            [
                'custom.plan is "gold"; condition: custom.plan is "gold", so matching',
                "would send",
            ],
            id="attribute",
        ),
        pytest.param(
            {"attribute": "age", "more_than": 17},
            ["age is absent; condition: age more than 17, so not matching"],
            id="absent attribute",
        ),
    ],
)
def test_a_check_records_its_result_and_reason(condition: JSONObject, trail: list[str]) -> None:
    sandbox = Sandbox(build_journey(WAIT, {"check": condition, "matching": [build_email()]}))
    sandbox.send(attributes=REACHABLE | {"custom": {"plan": "gold"}})
    sandbox.send(
        sandbox.build_event(ADDED, product_id="mug"), sandbox.build_event(ADDED, product_id="tray")
    )
    sandbox.advance_clock("20 minutes")
    sandbox.send("purchase")
    sandbox.advance_clock("25 minutes")
    checked, *rest = [what for at, what in sandbox.get_trail() if at == "12:45"]
    assert [checked, *[text[:10] for text in rest[:-1]]] == [f"checked: {trail[0]}", *trail[1:]]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("step", "status"),
    [
        pytest.param({"check_reachability": "email"}, "dropped", id="empty not-reachable path"),
        pytest.param(
            {"check": {"did": {"events": ["never"]}}, "matching": [build_email()]},
            "completed",
            id="any other empty path",
        ),
    ],
)
def test_only_an_empty_not_reachable_path_drops_the_run(step: JSONObject, status: str) -> None:
    sandbox = Sandbox(build_journey(step))
    sandbox.send(ADDED)
    assert [run["status"] for run in sandbox.list_runs()] == [status]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("between", "kinds"),
    [
        pytest.param("29 minutes", ["entered", "skipped", "completed"], id="within 30 minutes"),
        pytest.param("30 minutes", ["entered", "would_send", "completed"], id="30 minutes later"),
    ],
)
def test_the_same_email_is_skipped_for_half_an_hour(between: str, kinds: list[str]) -> None:
    sandbox = Sandbox(
        build_journey(build_email(), eligibility={"times": "multiple", "period": "1 minute"})
    )
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock(between)
    sandbox.send(ADDED)
    assert sandbox.list_trail_kinds()[1] == kinds


def test_each_element_is_recorded_at_its_own_time() -> None:
    sandbox = Sandbox(
        build_journey(
            build_wait("10 minutes"), build_email("One"), build_wait("1 hour"), build_email("Two")
        )
    )
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock("3 days")
    assert [
        (at, what) for at, what in sandbox.get_trail() if "would" in what or "completed" in what
    ] == [
        ("12:10", "would send email to ada@x.io: One"),
        ("13:10", "would send email to ada@x.io: Two"),
        ("13:10", "completed: reached the end of the journey"),
    ]


@pytest.mark.documented
def test_an_entry_is_stored_as_an_event_of_the_profile() -> None:
    sandbox = Sandbox(build_journey(WAIT))
    sandbox.send(ADDED)
    profile = sandbox.profiles.get_with_events("p1")
    assert profile
    assert [(event.name, event.params) for event in profile.events][1:] == [
        ("journey_entered", {"journey_id": 1, "journey_campaign_name": "Cart"})
    ]


@pytest.mark.parametrize(
    ("days", "goals"),
    [
        pytest.param("1 day", ["Purchase"], id="within the attribution"),
        pytest.param("8 days", [], id="after it"),
    ],
)
def test_a_goal_counts_for_a_time_after_the_last_message(days: str, goals: list[str]) -> None:
    sandbox = Sandbox(build_journey(build_email()))
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.advance_clock(days)
    sandbox.send("purchase")
    sandbox.send(sandbox.build_event("purchase", event_group_id="o2"))
    (run,) = sandbox.list_runs()
    assert (run["status"], run["goals"]) == ("completed", goals)


def test_a_deleted_profile_is_dropped_when_it_is_due() -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email()))
    sandbox.send(ADDED, attributes=REACHABLE)
    sandbox.post("delete", {"identifiers": ADA})
    sandbox.advance_clock("1 hour")
    assert sandbox.get_trail()[-1] == ("12:45", "dropped: the profile was deleted")


@pytest.mark.documented
def test_a_journey_removed_from_the_workspace_drops_its_runs(tmp_path: Any) -> None:
    url = str(tmp_path / "journeys.db")
    Sandbox(build_journey(WAIT), url=url).send(ADDED)
    sandbox = Sandbox(url=url)
    sandbox.advance_clock("1 hour")
    assert sandbox.get_trail()[-1] == (
        "12:45",
        "dropped: the workspace no longer has the next step",
    )


def test_more_runs_than_fit_into_one_transaction_are_all_advanced() -> None:
    sandbox = Sandbox(build_journey(WAIT))
    people = [
        {"identifiers": {"uuid": f"u{number}"}, "events": [sandbox.build_event(ADDED)]}
        for number in range(2 * RUNS_PER_TRANSACTION + 1)
    ]
    sandbox.post("upsert", {"users": people})
    sandbox.advance_clock("45 minutes")
    assert sandbox.get_counters()["counters"]["completed"] == len(people)


@pytest.mark.documented
def test_counters_are_those_of_architect() -> None:
    sandbox = Sandbox(build_journey(WAIT, build_email(), exits=[BOUGHT]))
    for name in ("ann", "ben", "cat", "dan"):
        sandbox.send(ADDED, identifiers={"uuid": name}, attributes={"name": name})
    sandbox.send("purchase", identifiers={"uuid": "ben"})
    sandbox.send(identifiers={"uuid": "cat"}, attributes=REACHABLE)
    sandbox.advance_clock("45 minutes")
    sandbox.send(ADDED, identifiers={"uuid": "eve"})
    counters = sandbox.get_counters()
    assert (counters["counters"], counters["goals"], counters["elements"]) == (
        {"entered": 5, "in_progress": 1, "dropped": 2, "completed": 1, "exited": 1},
        {"Purchase": 1},
        [
            {"element": "steps[0]", "kind": "wait", "arrived": 5},
            {
                "element": "steps[1]",
                "kind": "channel",
                "arrived": 3,
                "channel": "email",
                "reachable": 1,
                "dropped": 2,
                "skipped": 0,
            },
        ],
    )


def test_a_run_with_an_internal_error_is_dropped_and_does_not_stop_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_for_journey_1(
        journey: Definition, run: JourneyRun, facts: ElementVisitContext
    ) -> tuple[JourneyRun, list[TrailEntry]]:
        if journey.id == 1:
            raise ZeroDivisionError
        return original(journey, run, facts)

    original = journey_engine.advance_journey_run
    sandbox = Sandbox(
        build_journey(build_wait("1 hour"), build_email()),
        build_journey(build_wait("1 hour"), build_email(), id=2),
    )
    sandbox.send(ADDED, attributes=REACHABLE)
    monkeypatch.setattr(journey_engine, "advance_journey_run", fail_for_journey_1)
    sandbox.advance_clock("2 hours")
    assert sandbox.list_runs()[0]["status"] == "dropped"
    assert "internal error of the emulator: ZeroDivisionError" in sandbox.get_trail()[-1][1]
    assert sandbox.list_runs(2)[0]["status"] == "completed"
    assert [record.exc_info is not None for record in caplog.records] == [True]
