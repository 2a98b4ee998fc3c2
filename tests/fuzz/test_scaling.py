"""No input takes more time than its size accounts for."""

import gc
import random
from functools import cache

import pytest
from scaling import SHAPES, Target, cost, growth
from scaling_targets import targets

LARGEST = 33_000  # units; python tests/fuzz/scaling.py goes further
PAIRS = 25


@cache
def all_targets() -> dict[str, Target]:
    return targets()


def quadratic(given: bytes) -> None:
    for at in range(len(given)):
        given[at:].count(b"a")


def linear(given: bytes) -> None:
    for _ in range(20):
        given.count(b"a")


def test_quadratic_time_is_noticed() -> None:
    assert growth("quadratic", quadratic, "text 'a'", LARGEST) is not None


def test_linear_time_is_not_blamed() -> None:
    assert growth("linear", linear, "text 'a'", LARGEST) is None


def test_the_garbage_collector_waits_while_the_cost_is_measured() -> None:
    collecting: list[bool] = []
    cost(lambda _: collecting.append(gc.isenabled()), b"")
    assert (collecting, gc.isenabled()) == ([False], True)


# Places where something was once slow.
KNOWN = (
    ("POST /api/user/v1/upsert users.0.identifiers.email", "text '@.!\\n'"),
    ("POST /api/user/v1/upsert users.0.attributes.email", "text '@.!\\n'"),
    ("POST /v1/batch batch", "list of 1"),
    ("reader liquid", "text '\\n'"),
    ("nearest name", "text 'aA'"),
    ("reader pattern", "text '()'"),
    ("document terraform", "text '0'"),
)


@pytest.mark.parametrize(("name", "shape"), KNOWN)
def test_what_was_slow_once_grows_with_its_size(name: str, shape: str) -> None:
    assert growth(name, all_targets()[name], shape, LARGEST) is None


def test_what_a_draw_of_places_and_shapes_costs_grows_with_its_size() -> None:
    draw = random.Random(20261130)
    names = draw.sample(sorted(all_targets()), PAIRS)
    found = [
        growth(name, all_targets()[name], draw.choice(sorted(SHAPES)), LARGEST) for name in names
    ]
    assert [str(each) for each in found if each] == []
