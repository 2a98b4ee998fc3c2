"""What can be claimed about: everything that the emulator kept, as the control API shows it."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias, TypeVar

from segment_insider_emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.harness import shapes
from segment_insider_emulator.insider.journeys.reading import serialize_run
from segment_insider_emulator.insider.reading import serialize_profile
from segment_insider_emulator.parts import SandboxServices
from segment_insider_emulator.types import JSONObject

ROWS_PER_READ = 500  # rows read at once

ExactTexts: TypeAlias = Mapping[str, str]  # path -> text that is expected there
RecordReader: TypeAlias = Callable[[SandboxServices, int, ExactTexts], Iterator[JSONObject]]
RecordType = TypeVar("RecordType")
RecordPage: TypeAlias = tuple[list[RecordType], int | None]


def _read_messages(
    services: SandboxServices, after: int, exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    filters = _store_filters(exact_texts, MESSAGE_FILTERS)
    records = _read_all_pages(
        lambda at: services.store.list_messages(filters, after_id=at, limit=ROWS_PER_READ), after
    )
    return map(shapes.message_json, records)


def _read_deliveries(
    services: SandboxServices, after: int, exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    filters = _store_filters(exact_texts, DELIVERY_FILTERS)
    deliveries = _read_all_pages(
        lambda at: services.store.list_deliveries(filters, after_id=at, limit=ROWS_PER_READ), after
    )
    return map(shapes.delivery_json, deliveries)


def _read_profiles(
    services: SandboxServices, after: int, _exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    profiles = _read_all_pages(
        lambda at: services.profiles.list_with_events(after_number=at, limit=ROWS_PER_READ), after
    )
    return map(serialize_profile, profiles)


def _read_journey_runs(
    services: SandboxServices, after: int, _exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    """Runs of all journeys, those of the first journey first."""
    for journey in services.journeys.definitions:
        yield from read_runs_of_journey(services, journey, after)


def read_runs_of_journey(
    services: SandboxServices, journey_id: int, after: int = 0
) -> Iterator[JSONObject]:
    """Runs of the journey with that id, whether the workspace has it or not."""
    of_one = partial(services.journeys.run_store.list_runs, journey_id, {}, limit=ROWS_PER_READ)
    return (
        serialize_run(run, trail)
        for run, trail in _read_all_pages(_page_reader_after(of_one), after)
    )


RECORD_READERS: Mapping[str, RecordReader] = {
    "deliveries": _read_deliveries,
    "messages": _read_messages,
    "profiles": _read_profiles,
    "runs": _read_journey_runs,
}
SINGULAR_NAMES: Mapping[str, str] = {
    "deliveries": "delivery",
    "messages": "message",
    "profiles": "profile",
    "runs": "run",
}


def _store_filters(exact_texts: ExactTexts, filter_names: Mapping[str, object]) -> dict[str, str]:
    return {
        path: text for path, text in exact_texts.items() if path in filter_names and path != "user"
    }


def _page_reader_after(
    read_page: Callable[..., RecordPage[RecordType]],
) -> Callable[[int], RecordPage[RecordType]]:
    return lambda after: read_page(after=after)


def _read_all_pages(
    read_page: Callable[[int], RecordPage[RecordType]], after: int
) -> Iterator[RecordType]:
    following: int | None = after
    while following is not None:
        page, following = read_page(following)
        yield from page
