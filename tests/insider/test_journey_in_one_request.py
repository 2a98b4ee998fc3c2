"""Requests in one transaction have the same results and responses as requests one by one."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sandbox import ADDED, PURCHASE, Sandbox, build_email, build_journey, build_wait

from segment_insider_emulator.types import JSONObject

BOUGHT = {"events": ["purchase"]}
JOURNEYS = (
    build_journey(
        build_email(),
        build_wait("1 hour"),
        {"check": {"did": BOUGHT}, "matching": [build_email("Thanks")]},
    ),
    build_journey(build_wait("1 hour"), id=2, exits=[BOUGHT], goals=[{"name": "bought", **BOUGHT}]),
    build_journey(build_email("Welcome"), id=3, starter=BOUGHT, eligibility={"times": "once"}),
)
EVENTS = st.builds(
    lambda name, minute: {
        "event_name": name,
        "timestamp": f"2026-11-23T11:5{minute}:00Z",
        "event_params": PURCHASE,
    },
    st.sampled_from([ADDED, "purchase", "looked_around"]),
    st.integers(0, 1),  # few values, so that some events are sent twice
)
# So few values that profiles are found and merged.
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


def build_user(**identifiers: str) -> JSONObject:
    return {"identifiers": identifiers, "attributes": {"email_optin": False}, "events": []}


MERGED_INTO_A_NEW_PROFILE = [
    [build_user(email="a@x.io")],
    [build_user(uuid="u1"), build_user(uuid="u1", email="a@x.io")],
    [build_user(email="a@x.io")],
]


@pytest.mark.extended
@example(MERGED_INTO_A_NEW_PROFILE)
@given(st.lists(st.lists(USERS, min_size=1, max_size=3), min_size=1, max_size=6))
def test_requests_in_one_transaction_have_the_same_results_as_one_by_one(
    requests: list[list[JSONObject]],
) -> None:
    separate, together = Sandbox(*JOURNEYS), Sandbox(*JOURNEYS)
    expected = send_requests(separate, requests, nullcontext())
    assert send_requests(together, requests, together.profiles.unit_of_work()) == expected
    assert list_profiles_and_runs(together) == list_profiles_and_runs(separate)


def send_requests(
    sandbox: Sandbox, requests: list[list[JSONObject]], block: AbstractContextManager[object]
) -> list[Any]:
    with block:
        return [sandbox.post("upsert", {"users": users}) for users in requests]


def list_profiles_and_runs(sandbox: Sandbox) -> list[Any]:
    runs = [
        run
        for journey in JOURNEYS
        for run in sandbox.journeys.run_store.list_runs(journey["id"], {})[0]
    ]
    return [*sandbox.profiles.list_profiles_with_events()[0], *runs]
