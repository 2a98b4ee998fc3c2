"""A journey decides the same in however many steps the clock advances."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox import ADDED, REACHABLE, Sandbox, build_email, build_journey, build_wait

from segment_insider_emulator.types import JSONObject

CART = build_journey(
    build_wait("45 minutes"),
    {
        "check": {"did_not": {"events": ["cart_cleared"]}},
        "matching": [
            build_email(),
            build_wait("1 day"),
            {
                "check_reachability": "email",
                "reachable": [build_wait("90 minutes"), build_email("Again")],
                "not_reachable": [{"channel": "sms", "message": "Again"}],
            },
        ],
    },
    exits=[{"events": ["purchase"]}],
    goals=[{"name": "Came back", "events": ["homepage_view"]}],
    eligibility={"times": "multiple", "period": "2 hours"},
)
ACTS: dict[str, tuple[list[str], JSONObject]] = {
    "adds": ([ADDED], {}),
    "buys": (["purchase"], {}),
    "clears": (["cart_cleared"], {}),
    "returns": (["homepage_view"], {}),
    "opts in": ([], REACHABLE),
    "opts out": ([], {"email_optin": False}),
}
MINUTES = st.integers(0, 3000)
HISTORY = st.lists(st.tuples(MINUTES, st.sampled_from(sorted(ACTS))), max_size=8).map(sorted)


def run_history(history: list[tuple[int, str]], stops: list[int]) -> list[JSONObject]:
    """Return the runs of one person; the clock also stops at *stops*."""
    sandbox = Sandbox(CART)
    sandbox.send(ADDED, attributes=REACHABLE)
    moments = sorted({0, 6000, *stops, *(at for at, _ in history)})
    for before, now in pairwise(moments):
        sandbox.advance_clock(f"{now - before} minutes")
        for at, act in history:
            if at == now:
                events, attributes = ACTS[act]
                sandbox.send(*events, attributes=attributes or None)
    return sandbox.list_runs()


@pytest.mark.extended
@settings(max_examples=60)
@given(HISTORY, st.lists(MINUTES, max_size=12))
def test_the_trails_are_the_same_in_however_many_steps_the_clock_advances(
    history: list[tuple[int, str]], stops: list[int]
) -> None:
    assert run_history(history, stops) == run_history(history, [])
