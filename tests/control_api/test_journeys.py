"""Journeys over HTTP: events to the Segment endpoints, trails from the control API."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.insider.journey_runner import SIMULATION_NOTICE
from segment_insider_emulator.workspace import load_preset_workspace

NOON = "2026-11-23T12:00:00Z"
MUG = {"product_id": "mug", "price": 8.5, "quantity": 1}
CONSENT = {"email": "ada@x.io", "email_optin": True}
CART, THANKS, WELCOME = 1, 2, 3


@pytest.fixture
def shop() -> Iterator[FlaskClient]:
    """An emulator of the guide, at noon; its clock does not move by itself."""
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    client = app.test_client()
    client.post("/emulator/v1/reset", json={"now": NOON})
    yield client
    app.extensions["emulator"].store.close()


def send_event(shop: FlaskClient, event: str, who: Any = None, **properties: Any) -> None:
    call = {"writeKey": "wk_demo", **(who or {"userId": "ada"}), "event": event}
    shop.post("/v1/track", json={**call, "properties": {"currency": "EUR", **properties}})


def send_identify(shop: FlaskClient, **traits: Any) -> None:
    shop.post("/v1/identify", json={"writeKey": "wk_demo", "userId": "ada", "traits": traits})


def advance_clock(shop: FlaskClient, length: str) -> None:
    shop.post("/emulator/v1/clock", json={"advance": length})


def get_json(shop: FlaskClient, path: str) -> Any:
    response = shop.get(f"/emulator/v1/{path}")
    assert response.status_code == 200, response.text
    return response.json


def get_trail(shop: FlaskClient, journey: int) -> list[str]:
    (run,) = get_json(shop, f"journeys/{journey}/runs?identifier=uuid:ada")["runs"]
    return [entry["what"] for entry in run["trail"]][1:]


def test_an_email_about_an_abandoned_cart_is_sent_after_45_minutes(shop: FlaskClient) -> None:
    send_identify(shop, **CONSENT)
    send_event(shop, "Product Added", **MUG)
    advance_clock(shop, "45 minutes")
    assert get_trail(shop, CART) == [
        "waits 45 minutes, until 2026-11-23T12:45:00.000Z",
        "checked: email is reachable",
        "would send email to ada@x.io: You left something in your cart",
        "completed: reached the end of the journey",
    ]


def test_no_email_is_sent_about_a_cart_that_was_bought(shop: FlaskClient) -> None:
    send_identify(shop, **CONSENT)
    send_event(shop, "Product Added", **MUG)
    advance_clock(shop, "30 minutes")
    send_event(shop, "Order Completed", order_id="o1", products=[MUG])
    advance_clock(shop, "1 day")
    what = "confirmation_page_view at 2026-11-23T12:30:00.000Z"
    assert get_trail(shop, CART)[1:] == [
        f"reached the goal Purchase: {what}",
        f"exited: {what}",
    ]
    assert get_trail(shop, THANKS)[1:] == [
        "would send email to ada@x.io: Thank you for your order",
        "completed: reached the end of the journey",
    ]


def test_an_unreachable_profile_is_shown_with_every_reason(shop: FlaskClient) -> None:
    send_event(shop, "Product Added", **MUG)
    advance_clock(shop, "45 minutes")
    assert get_trail(shop, CART)[1:] == [
        "checked: email is not reachable: no email, email_optin is absent",
        "checked: sms is not reachable: no phone_number, sms_optin is absent",
        "dropped: sms cannot reach this person",
    ]


def test_two_devices_of_one_person_have_one_run(shop: FlaskClient) -> None:
    send_event(shop, "Product Added", {"anonymousId": "phone"}, **MUG)
    send_identify(shop, **CONSENT)
    send_event(shop, "Product Added", {"userId": "ada", "anonymousId": "phone"}, product_id="tray")
    advance_clock(shop, "45 minutes")
    waits, merged, *rest = get_trail(shop, CART)
    assert (waits, merged[36:53], rest) == (
        "waits 45 minutes, until 2026-11-23T12:45:00.000Z",
        " was merged into ",
        [
            "checked: email is reachable",
            "would send email to ada@x.io: You left something in your cart",
            "completed: reached the end of the journey",
        ],
    )


def test_a_registered_person_gets_a_welcome_email(shop: FlaskClient) -> None:
    send_identify(shop, **CONSENT)
    send_event(shop, "User Registered")
    advance_clock(shop, "1 day")
    send_event(shop, "Product Viewed", **MUG)
    advance_clock(shop, "3 days")
    assert get_trail(shop, WELCOME)[1:] == [
        "would send email to ada@x.io: Welcome",
        "waits 3 days, until 2026-11-26T12:05:00.000Z",
        "reached the goal First product seen: product_detail_page_view at 2026-11-24T12:00:00.000Z",
        "checked: product_detail_page_view at 2026-11-24T12:00:00.000Z, after entry, "
        "so not matching",
        "completed: reached the end of the journey",
    ]


def test_journeys_are_listed_with_their_counters(shop: FlaskClient) -> None:
    send_event(shop, "User Registered")
    listed = get_json(shop, "journeys")
    assert (listed["simulated"], listed["next"]) == (SIMULATION_NOTICE, None)
    assert [
        (journey["id"], journey["name"], journey["counters"]["in_progress"])
        for journey in listed["journeys"]
    ] == [(1, "Cart abandonment", 0), (2, "Purchase thank-you", 0), (3, "Welcome", 1)]
    assert get_json(shop, "journeys/3") == {"simulated": SIMULATION_NOTICE, **listed["journeys"][2]}


def test_a_run_is_shown(shop: FlaskClient) -> None:
    send_event(shop, "User Registered")
    listed = get_json(shop, "journeys/3/runs")
    profile = get_json(shop, "profiles")["profiles"][0]["id"]
    assert listed == {
        "simulated": SIMULATION_NOTICE,
        "runs": [
            {
                "id": 1,
                "journey_id": 3,
                "profile_id": profile,
                "status": "in_progress",
                "entered_at": "2026-11-23T12:00:00.000Z",
                "waits_until": "2026-11-23T12:05:00.000Z",
                "ended_at": None,
                "goals": [],
                "trail": [
                    {
                        "at": "2026-11-23T12:00:00.000Z",
                        "kind": "entered",
                        "what": "entered because of sign_up_confirmation at "
                        "2026-11-23T12:00:00.000Z",
                        "element": None,
                        "details": {
                            "event": {
                                "event_name": "sign_up_confirmation",
                                "timestamp": "2026-11-23T12:00:00.000Z",
                                "event_params": {},
                            }
                        },
                    },
                    {
                        "at": "2026-11-23T12:00:00.000Z",
                        "kind": "waiting",
                        "what": "waits 5 minutes, until 2026-11-23T12:05:00.000Z",
                        "element": "steps[0]",
                        "details": {"until": "2026-11-23T12:05:00.000Z"},
                    },
                ],
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?status=in_progress", 3),
        ("?status=exited", 0),
        ("?identifier=uuid:u2", 1),
        ("?identifier=uuid:nobody", 0),
        ("?limit=2", 2),
        ("?after=2", 1),
    ],
)
def test_runs_are_filtered_and_paged(shop: FlaskClient, query: str, count: int) -> None:
    for name in ("u1", "u2", "u3"):
        send_event(shop, "User Registered", {"userId": name})
    listed = get_json(shop, f"journeys/3/runs{query}")
    assert (len(listed["runs"]), listed["next"]) == (count, 2 if "limit" in query else None)


@pytest.mark.parametrize(
    ("path", "status", "what"),
    [
        ("journeys/9", 404, "there is no journey 9"),
        ("journeys/9/runs", 404, "there is no journey 9"),
        ("journeys/1/runs?status=gone", 400, "unknown status 'gone'"),
        ("journeys?limit=1&after=99", 400, "unknown parameter 'limit'"),
        ("journeys/1/runs?user=ada", 400, "unknown parameter 'user'"),
    ],
)
def test_a_missing_resource_gets_a_404(
    shop: FlaskClient, path: str, status: int, what: str
) -> None:
    response = shop.get(f"/emulator/v1/{path}")
    assert response.json
    assert (response.status_code, response.json["error"]["what"]) == (status, what)


def test_reset_deletes_runs(shop: FlaskClient) -> None:
    send_event(shop, "User Registered")
    shop.post("/emulator/v1/reset")
    assert get_json(shop, "journeys/3/runs")["runs"] == []


def test_moving_the_clock_advances_due_runs(shop: FlaskClient) -> None:
    send_event(shop, "User Registered")
    advance_clock(shop, "5 minutes")
    (run, _), *_ = shop.application.extensions["emulator"].journeys.run_store.list_runs(
        WELCOME, {}
    )[0]
    assert run.status == "dropped"


def test_reading_advances_due_runs() -> None:
    machine = [datetime(2026, 11, 23, 12, tzinfo=UTC)]
    app = create_app(
        Config(db=":memory:"), load_preset_workspace("guide"), clock=lambda: machine[-1]
    )
    client = app.test_client()
    send_event(client, "User Registered")
    machine.append(machine[-1] + timedelta(minutes=5))
    assert get_trail(client, WELCOME)[-1] == "dropped: email cannot reach this person"
    app.extensions["emulator"].store.close()
