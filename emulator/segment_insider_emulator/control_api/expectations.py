"""Assertions about stored records: how many must match, and API routes that check them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from heapq import nsmallest
from threading import BoundedSemaphore
from typing import Final, TypeAlias, TypeVar

import msgspec
from flask import Blueprint, Response, request

from segment_insider_emulator.clock import parse_duration
from segment_insider_emulator.control_api import matchers
from segment_insider_emulator.control_api.check_models import (
    AssertionOutcomeModel,
    FieldDifferenceModel,
    NearMissModel,
    VerifyModel,
)
from segment_insider_emulator.control_api.matchers import Matcher, PathStep
from segment_insider_emulator.control_api.message_models import (
    DeliveryModel,
    MessageModel,
)
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.request_parsing import (
    AssertionBody,
    VerifyBody,
    WaitBody,
    check_body_fields,
    list_json_field_types,
    read_request_body,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journey_runner import serialize_journey_run
from segment_insider_emulator.insider.profile_json import serialize_profile
from segment_insider_emulator.storage.messages import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.long_requests import (
    MAX_WAITING_REQUESTS,
    create_disconnection_check,
)
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.validation import suggest_name

ROWS_PER_READ = 500  # rows per database query

ExactTexts: TypeAlias = Mapping[str, str]  # path -> expected text
RecordReader: TypeAlias = Callable[[SandboxServices, int, ExactTexts], Iterator[JSONObject]]
RecordType = TypeVar("RecordType")
RecordPage: TypeAlias = tuple[list[RecordType], int | None]
SINGULAR_NAMES: Mapping[str, str] = {
    "deliveries": "delivery",
    "messages": "message",
    "profiles": "profile",
    "runs": "run",
}
MAX_FIELD_EXPECTATIONS: Final = 50  # of one assertion
MAX_EXPECTED_COUNT: Final = 1_000_000
MAX_SHOWN_MATCHES: Final = 10  # in a response
MAX_NEAR_MISSES: Final = 3
ASSERTION_EXAMPLE: JSONObject = {"of": "messages", "where": {"type": {"regex": "^identify$"}}}
expectation_routes = Blueprint("verifying", __name__, url_prefix="/emulator/v1")
MAX_ASSERTIONS: Final = 100  # of one request
MAX_NEAR_MISS_CANDIDATES: Final = 1_000  # records that are checked for near misses
MAX_WAIT: Final = timedelta(seconds=60)
DEFAULT_WAIT: Final = "5 seconds"
POLL_INTERVAL_S: Final = 0.25  # seconds between two checks for due work and disconnected clients
POLL_TIME_SHARE: Final = 4  # a waiting thread checks for one part in so many of its time
_COUNT_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "exactly": int.__eq__,
    "atLeast": int.__ge__,
    "atMost": int.__le__,
}
_COUNT_WORDS = {"exactly": "exactly", "atLeast": "at least", "atMost": "at most"}
_waiter_slots = BoundedSemaphore(MAX_WAITING_REQUESTS)


def _read_stored_messages(
    services: SandboxServices, after: int, exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    filters = _build_store_filters(exact_texts, MESSAGE_FILTERS)
    records = _read_all_pages(
        lambda at: services.store.list_messages(filters, after_id=at, limit=ROWS_PER_READ), after
    )
    return (msgspec.to_builtins(MessageModel.from_record(record)) for record in records)


def _read_stored_deliveries(
    services: SandboxServices, after: int, exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    filters = _build_store_filters(exact_texts, DELIVERY_FILTERS)
    deliveries = _read_all_pages(
        lambda at: services.store.list_deliveries(filters, after_id=at, limit=ROWS_PER_READ), after
    )
    return (msgspec.to_builtins(DeliveryModel.from_record(record)) for record in deliveries)


def _read_stored_profiles(
    services: SandboxServices, after: int, _exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    profiles = _read_all_pages(
        lambda at: services.profiles.list_profiles_with_events(
            after_number=at, limit=ROWS_PER_READ
        ),
        after,
    )
    return map(serialize_profile, profiles)


def _read_stored_journey_runs(
    services: SandboxServices, after: int, _exact_texts: ExactTexts
) -> Iterator[JSONObject]:
    """Yield the stored runs of all journeys as JSON, those of the first journey first."""
    for journey in services.journeys.definitions:
        yield from read_runs_of_journey(services, journey, after)


def read_runs_of_journey(
    services: SandboxServices, journey_id: int, after: int = 0
) -> Iterator[JSONObject]:
    """Yield the stored runs of a journey as JSON, even if the workspace no longer has it."""
    run_store = services.journeys.run_store
    runs = _read_all_pages(
        lambda after_id: run_store.list_runs(
            journey_id, {}, after_id=after_id, limit=ROWS_PER_READ
        ),
        after,
    )
    return (serialize_journey_run(run, trail) for run, trail in runs)


RECORD_READERS: Mapping[str, RecordReader] = {
    "deliveries": _read_stored_deliveries,
    "messages": _read_stored_messages,
    "profiles": _read_stored_profiles,
    "runs": _read_stored_journey_runs,
}


def _build_store_filters(
    exact_texts: ExactTexts, filter_names: Mapping[str, object]
) -> dict[str, str]:
    return {
        path: text for path, text in exact_texts.items() if path in filter_names and path != "user"
    }


def _read_all_pages(
    read_page: Callable[[int], RecordPage[RecordType]], after: int
) -> Iterator[RecordType]:
    following: int | None = after
    while following is not None:
        page, following = read_page(following)
        yield from page


@dataclass(frozen=True, slots=True)
class FieldExpectation:
    """An expected value at one JSON path of a stored record, as part of an assertion."""

    path: str
    steps: tuple[PathStep, ...]
    matcher: Matcher

    def find_difference(self, candidate: JSON) -> FieldDifferenceModel | None:
        """Return how a record differs from an expected field value; None when it matches."""
        values = list(matchers.select_values_at_path(candidate, self.steps))
        matcher = self.matcher
        if not values if matcher.expects_absence else any(map(matcher.matches, values)):
            return None
        received = (
            " and ".join(matchers.format_shortened_json(value) for value in values[:3]) or "nothing"
        )
        return FieldDifferenceModel(
            path=self.path,
            expected=matcher.description,
            received=received,
            why=f"{self.path}: expected {matcher.description}, received {received}",
        )


@dataclass(frozen=True, slots=True)
class Assertion:
    """Control API model: an expected number of stored records that match all field expectations.

    Args:
        record_kind: A key of RECORD_READERS.
        exact_texts: Path -> expected text, which narrows the database query.
        expected_counts: Key of _COUNT_COMPARISONS -> number.
        after_id: Only records after this id count.
    """

    record_kind: str
    expectations: tuple[FieldExpectation, ...]
    exact_texts: Mapping[str, str]
    expected_counts: Mapping[str, int]
    after_id: int

    @property
    def count_in_words(self) -> str:
        """Return the expected number of records in words, e.g. "at least 1"."""
        return " and ".join(
            f"{_COUNT_WORDS[name]} {number}" for name, number in self.expected_counts.items()
        )

    def is_met_by(self, count: int) -> bool:
        """Return whether a number of matching records meets the assertion."""
        return all(
            _COUNT_COMPARISONS[name](count, number) for name, number in self.expected_counts.items()
        )

    def find_differences(self, candidate: JSON) -> list[FieldDifferenceModel]:
        """Return how a record differs from each field expectation; [] when it matches all."""
        differences = (field.find_difference(candidate) for field in self.expectations)
        return [difference for difference in differences if difference]


@dataclass(slots=True)
class AssertionOutcome:
    """Result of an assertion: the match count and the first matches."""

    assertion: Assertion
    count: int
    first_matches: list[JSONObject]

    @property
    def is_met(self) -> bool:
        """Return whether the number of matching records meets the assertion."""
        return self.assertion.is_met_by(self.count)


def parse_assertion(assertion_json: JSON, where: str = "body") -> Assertion:
    """Parse the JSON of an assertion about stored records.

    Args:
        assertion_json: {"of", "where": {path: matcher}, "exactly" | "atLeast" | "atMost", "after"}.
    Raises: EmulatorError, naming the first mistake.
    """
    fields = check_body_fields(assertion_json, list_json_field_types(AssertionBody), where)
    record_kind = fields.get("of", "deliveries")
    if record_kind not in RECORD_READERS:
        remedy = suggest_name(record_kind, list(RECORD_READERS))
        raise EmulatorError(f"unknown kind of record {record_kind[:80]!r}", f"{where}.of", remedy)
    where_json = fields.get("where", {})
    if len(where_json) > MAX_FIELD_EXPECTATIONS:
        remedy = f"Keep to {MAX_FIELD_EXPECTATIONS}."
        raise EmulatorError("too many expectations", f"{where}.where", remedy)
    counts = {
        name: _parse_expected_count(fields[name], f"{where}.{name}")
        for name in _COUNT_COMPARISONS
        if name in fields
    }
    return Assertion(
        record_kind,
        tuple(
            _parse_field_expectation(path, matcher, f"{where}.where")
            for path, matcher in where_json.items()
        ),
        {path: matcher for path, matcher in where_json.items() if isinstance(matcher, str)},
        counts or {"atLeast": 1},
        _parse_expected_count(fields.get("after", 0), f"{where}.after"),
    )


def check_assertion(assertion: Assertion, candidates: Iterable[JSONObject]) -> AssertionOutcome:
    """Check an assertion: count the records in *candidates* that match it."""
    outcome = AssertionOutcome(assertion, 0, [])
    for candidate in candidates:
        if not assertion.find_differences(candidate):
            outcome.count += 1
            if len(outcome.first_matches) < MAX_SHOWN_MATCHES:
                outcome.first_matches.append(candidate)
    return outcome


def find_near_misses(assertion: Assertion, candidates: Iterable[JSONObject]) -> list[NearMissModel]:
    """Return the records that differ least from an assertion, the newest first among equals.

    Args:
        candidates: Newest first.
    """
    singular_name = SINGULAR_NAMES[assertion.record_kind]
    near_misses = (
        NearMissModel(id=candidate["id"], differences=differences, **{singular_name: candidate})
        for candidate in candidates
        if (differences := assertion.find_differences(candidate))
    )
    return nsmallest(MAX_NEAR_MISSES, near_misses, key=lambda near_miss: len(near_miss.differences))


def _parse_field_expectation(path: str, matcher_json: JSON, where: str) -> FieldExpectation:
    steps = matchers.parse_json_path(path, where)
    return FieldExpectation(path, steps, matchers.parse_matcher(matcher_json, f"{where}.{path}"))


def _parse_expected_count(count: JSON, where: str) -> int:
    if isinstance(count, bool) or not 0 <= count <= MAX_EXPECTED_COUNT:
        remedy = f"Give a whole number from 0 to {MAX_EXPECTED_COUNT:,}."
        raise EmulatorError("invalid count", where, remedy)
    return int(count)


class TooManyWaitingRequests(EmulatorError):
    """Error: too many requests wait for an assertion already."""


@expectation_routes.post("/verify", endpoint="verify")
@api_operation(body=VerifyBody, example={"claims": [ASSERTION_EXAMPLE]})
def verify_assertions() -> VerifyModel:
    """Check assertions about what the sandbox has recorded so far."""
    assertions_json = read_request_body(VerifyBody)["claims"]
    if not 1 <= len(assertions_json) <= MAX_ASSERTIONS:
        remedy = f"Make from 1 to {MAX_ASSERTIONS} claims."
        raise EmulatorError(f"{len(assertions_json)} claims", "body.claims", remedy)
    assertions = [
        parse_assertion(assertion_json, f"body.claims[{at}]")
        for at, assertion_json in enumerate(assertions_json)
    ]
    services = current_services()
    outcomes = [
        _build_outcome_model(services, _check_assertion_now(services, assertion))
        for assertion in assertions
    ]
    return VerifyModel(ok=all(outcome.ok for outcome in outcomes), claims=outcomes)


@expectation_routes.post("/wait-for", endpoint="wait_for")
@api_operation(body=WaitBody, example={**ASSERTION_EXAMPLE, "timeout": "5 seconds"})
def wait_for_assertion() -> AssertionOutcomeModel:
    """Answer when an assertion is met, or with near misses after its "timeout".

    The timeout is in real time, whatever the sandbox's clock shows.
    """
    body = read_request_body(WaitBody)
    timeout = parse_duration(body.pop("timeout", DEFAULT_WAIT), "body.timeout")
    if timeout > MAX_WAIT:
        remedy = f"Wait up to {MAX_WAIT.seconds} seconds, and then again."
        raise EmulatorError("the timeout is too long", "body.timeout", remedy)
    assertion = parse_assertion(body or {"of": "deliveries"})
    if assertion.is_met_by(0):
        what = f"{assertion.count_in_words} is already met before anything happens"
        raise EmulatorError(
            what, "body", "Wait for at least one record, then verify that there are no more."
        )
    with _reserve_waiter_slot():
        services = current_services()
        outcome = _wait_until_assertion_met(services, assertion, timeout.total_seconds())
        return _build_outcome_model(services, outcome)


@expectation_routes.errorhandler(TooManyWaitingRequests)
def handle_too_many_waiting_requests(error: TooManyWaitingRequests) -> Response:
    """Answer 503 when too many requests wait for an assertion."""
    response = build_json_error_response(503, error.what, error.where, error.remedy)
    response.headers["Retry-After"] = "1"
    return response


def _wait_until_assertion_met(
    services: SandboxServices, assertion: Assertion, timeout_s: float
) -> AssertionOutcome:
    deadline = time.monotonic() + timeout_s
    is_abandoned = create_disconnection_check(request.environ)
    while True:
        change_count, started_at = services.store.change_counter.change_count, time.monotonic()
        outcome = _check_assertion_now(services, assertion)
        checked_at = time.monotonic()
        if outcome.is_met or checked_at >= deadline or is_abandoned():
            return outcome
        # Limits the load of waiting threads in a busy sandbox.
        time.sleep(min(deadline - checked_at, (checked_at - started_at) * (POLL_TIME_SHARE - 1)))
        _wait_for_store_change(services, change_count, deadline, is_abandoned)


def _wait_for_store_change(
    services: SandboxServices, change_count: int, deadline: float, is_abandoned: Callable[[], bool]
) -> None:
    """Wait for a change of stored records, for the *deadline*, or until the client is gone."""
    while (left := deadline - time.monotonic()) > 0 and not is_abandoned():
        if (
            services.store.change_counter.wait_for_change(change_count, min(POLL_INTERVAL_S, left))
            != change_count
        ):
            return
        _run_due_retries_and_journeys(services)


def _run_due_retries_and_journeys(services: SandboxServices) -> None:
    """Run due retries and journey steps before the control API checks expectations."""
    services.shared_state.refresh_from_database()
    services.pipeline.retries.retry_due_upserts()
    services.journeys.advance_due_runs()
    services.endpoint.delete_expired_data()


def _check_assertion_now(services: SandboxServices, assertion: Assertion) -> AssertionOutcome:
    return check_assertion(
        assertion,
        RECORD_READERS[assertion.record_kind](services, assertion.after_id, assertion.exact_texts),
    )


def _build_outcome_model(
    services: SandboxServices, outcome: AssertionOutcome
) -> AssertionOutcomeModel:
    assertion = outcome.assertion
    near_misses = []
    if not outcome.is_met and outcome.count <= min(assertion.expected_counts.values()):
        records = RECORD_READERS[assertion.record_kind](services, assertion.after_id, {})
        newest = deque(records, MAX_NEAR_MISS_CANDIDATES)
        near_misses = find_near_misses(assertion, reversed(newest))
    return AssertionOutcomeModel(
        ok=outcome.is_met,
        of=assertion.record_kind,
        expected=assertion.count_in_words,
        count=outcome.count,
        matched=outcome.first_matches,
        near=near_misses,
    )


@contextmanager
def _reserve_waiter_slot() -> Iterator[None]:
    if not _waiter_slots.acquire(blocking=False):
        what = f"{MAX_WAITING_REQUESTS} requests are waiting already"
        raise TooManyWaitingRequests(what, request.path, "Try again in a second, or use /verify.")
    try:
        yield
    finally:
        _waiter_slots.release()
