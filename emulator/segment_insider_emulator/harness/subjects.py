"""What can be claimed about: everything that the emulator kept, as the control API shows it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias, TypeVar

from segment_insider_emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.harness import shapes
from segment_insider_emulator.insider.journeys.reading import run_json
from segment_insider_emulator.insider.reading import profile_json
from segment_insider_emulator.parts import Parts
from segment_insider_emulator.types import JSONObject

PAGE = 500  # rows read at once

Exact: TypeAlias = Mapping[str, str]  # path -> text that is expected there
Read: TypeAlias = Callable[[Parts, int, Exact], Iterator[JSONObject]]
Kept = TypeVar("Kept")
Page: TypeAlias = tuple[list[Kept], int | None]


def _messages(own: Parts, after: int, exact: Exact) -> Iterator[JSONObject]:
    filters = _filters(exact, MESSAGE_FILTERS)
    kept = _pages(lambda at: own.store.messages(filters, after=at, limit=PAGE), after)
    return map(shapes.message, kept)


def _deliveries(own: Parts, after: int, exact: Exact) -> Iterator[JSONObject]:
    filters = _filters(exact, DELIVERY_FILTERS)
    kept = _pages(lambda at: own.store.deliveries(filters, after=at, limit=PAGE), after)
    return map(shapes.delivery, kept)


def _profiles(own: Parts, after: int, _exact: Exact) -> Iterator[JSONObject]:
    kept = _pages(lambda at: own.profiles.list(after=at, limit=PAGE), after)
    return map(profile_json, kept)


def _runs(own: Parts, after: int, _exact: Exact) -> Iterator[JSONObject]:
    """Runs of all journeys, those of the first journey first."""
    for journey in own.journeys.journeys:
        yield from runs_of(own, journey, after)


def runs_of(own: Parts, journey: int, after: int = 0) -> Iterator[JSONObject]:
    """Runs of the journey with that id, whether the workspace has it or not."""
    of_one = partial(own.journeys.store.runs, journey, {}, limit=PAGE)
    return (run_json(run, trail) for run, trail in _pages(_after(of_one), after))


SUBJECTS: Mapping[str, Read] = {
    "deliveries": _deliveries,
    "messages": _messages,
    "profiles": _profiles,
    "runs": _runs,
}
ONE: Mapping[str, str] = {
    "deliveries": "delivery",
    "messages": "message",
    "profiles": "profile",
    "runs": "run",
}


def _filters(exact: Exact, known: Mapping[str, object]) -> dict[str, str]:
    return {path: text for path, text in exact.items() if path in known and path != "user"}


def _after(read: Callable[..., Page[Kept]]) -> Callable[[int], Page[Kept]]:
    return lambda after: read(after=after)


def _pages(read: Callable[[int], Page[Kept]], after: int) -> Iterator[Kept]:
    following: int | None = after
    while following is not None:
        page, following = read(following)
        yield from page
