"""However time moves from one thing to the next, a journey decides the same."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox import ADDED, REACHABLE, Sandbox, email, journey, wait

from segment_insider_emulator.types import JSONObject

CART = journey(
    wait("45 minutes"),
    {
        "check": {"did_not": {"events": ["cart_cleared"]}},
        "matching": [
            email(),
            wait("1 day"),
            {
                "check_reachability": "email",
                "reachable": [wait("90 minutes"), email("Again")],
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


def lived(history: list[tuple[int, str]], stops: list[int]) -> list[JSONObject]:
    """The runs of one person, where time also stops at *stops* on its way."""
    box = Sandbox(CART)
    box.send(ADDED, attributes=REACHABLE)
    moments = sorted({0, 6000, *stops, *(at for at, _ in history)})
    for before, now in pairwise(moments):
        box.later(f"{now - before} minutes")
        for at, act in history:
            if at == now:
                events, attributes = ACTS[act]
                box.send(*events, attributes=attributes or None)
    return box.runs()


@settings(max_examples=60)
@given(HISTORY, st.lists(MINUTES, max_size=12))
def test_time_moved_in_any_steps_gives_the_same_trails(
    history: list[tuple[int, str]], stops: list[int]
) -> None:
    assert lived(history, stops) == lived(history, [])
