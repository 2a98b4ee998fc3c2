"""The scaling search: the time for an input grows no faster than its size."""

import gc
import random
import time
from functools import cache

import pytest
from scaling import (
    SHAPES,
    PairRunner,
    Target,
    TargetShapePair,
    find_cost_growth,
    measure_cost,
    order_pairs,
)
from scaling_targets import get_kind, make_targets

LARGEST = 33_000  # units; python tests/fuzz/scaling.py goes further
PAIRS = 25


@cache
def all_targets() -> dict[str, Target]:
    return make_targets()


def quadratic(given: bytes) -> None:
    for at in range(len(given)):
        given[at:].count(b"a")


def linear(given: bytes) -> None:
    for _ in range(20):
        given.count(b"a")


@pytest.mark.extended
def test_quadratic_time_is_found() -> None:
    assert find_cost_growth("quadratic", quadratic, "text 'a'", LARGEST) is not None


def test_linear_time_is_not_reported() -> None:
    assert find_cost_growth("linear", linear, "text 'a'", LARGEST) is None


def test_the_garbage_collector_waits_while_the_cost_is_measured() -> None:
    collecting: list[bool] = []
    measure_cost(lambda _: collecting.append(gc.isenabled()), b"")
    assert (collecting, gc.isenabled()) == ([False], True)


def spin(given: bytes) -> None:
    while len(given) > 100:
        pass


def sleep(given: bytes) -> None:
    time.sleep(60 if len(given) > 100 else 0)


def fail(_given: bytes) -> None:
    raise ZeroDivisionError


def some_targets() -> dict[str, Target]:
    return {each.__name__: each for each in (spin, sleep, fail, linear, quadratic)}


@pytest.mark.extended
def test_a_target_that_does_not_end_is_found_and_delays_no_other() -> None:
    trials = PairRunner(some_targets, longest=1, patience=3)
    said = [trials.find_error(TargetShapePair(name, "text 'a'", 4000)) for name in some_targets()]
    trials.close()
    assert said[:4] == [
        "spin: text 'a': does not end, at most 4000 units",
        "sleep: text 'a': does not end, at most 4000 units",
        "fail: text 'a': raises ZeroDivisionError()",
        None,
    ]


@pytest.mark.extended
def test_each_kind_of_input_meets_each_shape_before_any_pair_is_tried_again() -> None:
    names = {name: get_kind(name) for name in all_targets()}
    first, rest = order_pairs(names, seed=1, largest=LARGEST)
    met = {(names[each.target], each.shape.replace("!\\n", "")) for each in first}
    assert len(met) == len(first)
    assert len({kind for kind, _ in met}) == len(set(names.values()))
    assert len(first) + len(rest) == len(names) * len(SHAPES)
    first_round = first[: len(set(names.values()))]
    assert {names[each.target] for each in first_round} == set(names.values())


# Places where something was once slow.
KNOWN = (
    ("POST /api/user/v1/upsert users.0.identifiers.email", "text '@.!\\n'"),
    ("POST /api/user/v1/upsert users.0.attributes.email", "text '@.!\\n'"),
    ("POST /v1/batch batch", "list of 1"),
    ("reader liquid", "text '\\n'"),
    ("nearest name", "text 'aA'"),
    ("reader pattern", "text '()'"),
    ("reader feature", "text 'a and !\\n'"),
    ("document terraform", "text '0'"),
)


@pytest.mark.extended
@pytest.mark.parametrize(("name", "shape"), KNOWN)
def test_what_was_slow_once_grows_with_its_size(name: str, shape: str) -> None:
    assert find_cost_growth(name, all_targets()[name], shape, LARGEST) is None


@pytest.mark.extended
def test_what_a_draw_of_places_and_shapes_costs_grows_with_its_size() -> None:
    draw = random.Random(20261130)
    names = draw.sample(sorted(all_targets()), PAIRS)
    found = [
        find_cost_growth(name, all_targets()[name], draw.choice(sorted(SHAPES)), LARGEST)
        for name in names
    ]
    assert [str(each) for each in found if each] == []
