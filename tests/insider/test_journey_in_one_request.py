"""Requests that share one transaction leave what they leave one by one, and are answered alike."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from sandbox import ADDED, PURCHASE, Sandbox, email, journey, wait

from segment_insider_emulator.types import JSONObject

BOUGHT = {"events": ["purchase"]}
JOURNEYS = (
    journey(email(), wait("1 hour"), {"check": {"did": BOUGHT}, "matching": [email("Thanks")]}),
    journey(wait("1 hour"), id=2, exits=[BOUGHT], goals=[{"name": "bought", **BOUGHT}]),
    journey(email("Welcome"), id=3, starter=BOUGHT, eligibility={"times": "once"}),
)
EVENTS = st.builds(
    lambda name, minute: {
        "event_name": name,
        "timestamp": f"2026-11-23T11:5{minute}:00Z",
        "event_params": PURCHASE,
    },
    st.sampled_from([ADDED, "purchase", "looked_around"]),
    st.integers(0, 1),  # few, so that some are sent twice
)
# So few values that people are found, merged and mixed up.
IDENTIFIERS = st.fixed_dictionaries(
    {},
    optional={
        "uuid": st.sampled_from(["u1", "u2"]),
        "email": st.sampled_from(["a@x.io", "b@x.io"]),
        "custom": st.fixed_dictionaries(
            {"segment_anonymous_id": st.sampled_from(["d1", "d2", "d3"])}
        ),
    },
).filter(bool)
USERS = st.fixed_dictionaries(
    {
        "identifiers": IDENTIFIERS,
        "attributes": st.fixed_dictionaries(
            {"email_optin": st.booleans()}, optional={"name": st.sampled_from(["Ada", "Bo"])}
        ),
        "events": st.lists(EVENTS, max_size=3),
    }
)


def user(**identifiers: str) -> JSONObject:
    return {"identifiers": identifiers, "attributes": {"email_optin": False}, "events": []}


MERGED_INTO_A_NEW_PROFILE = [
    [user(email="a@x.io")],
    [user(uuid="u1"), user(uuid="u1", email="a@x.io")],
    [user(email="a@x.io")],
]


@example(MERGED_INTO_A_NEW_PROFILE)
@given(st.lists(st.lists(USERS, min_size=1, max_size=3), min_size=1, max_size=6))
def test_requests_of_one_transaction_leave_what_they_leave_one_by_one(
    requests: list[list[JSONObject]],
) -> None:
    alone, together = Sandbox(*JOURNEYS), Sandbox(*JOURNEYS)
    expected = answers(alone, requests, nullcontext())
    assert answers(together, requests, together.profiles.unit_of_work()) == expected
    assert kept(together) == kept(alone)


def answers(
    box: Sandbox, requests: list[list[JSONObject]], block: AbstractContextManager[object]
) -> list[Any]:
    with block:
        return [box.post("upsert", {"users": users}) for users in requests]


def kept(box: Sandbox) -> list[Any]:
    runs = [run for each in JOURNEYS for run in box.journeys.run_store.list_runs(each["id"], {})[0]]
    return [*box.profiles.list_profiles_with_events()[0], *runs]
