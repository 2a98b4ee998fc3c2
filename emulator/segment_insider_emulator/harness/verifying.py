"""The control API's claims: verified at once, or waited for."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Final

from flask import Blueprint, Response, request

from segment_insider_emulator.answers import error_response
from segment_insider_emulator.duration import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import bodies, claims
from segment_insider_emulator.harness.claims import Assertion, AssertionOutcome
from segment_insider_emulator.harness.subjects import RECORD_READERS
from segment_insider_emulator.parts import SandboxServices, current_services
from segment_insider_emulator.server import MAX_WAITING_REQUESTS, StreamSlots
from segment_insider_emulator.types import JSONObject

expectation_routes = Blueprint("verifying", __name__, url_prefix="/emulator/v1")

MAX_ASSERTIONS: Final = 100  # of one request
MAX_NEAR_MISS_CANDIDATES: Final = 1_000  # candidates looked at for near misses
MAX_WAIT: Final = timedelta(seconds=60)
DEFAULT_WAIT: Final = "5 seconds"
POLL_INTERVAL_S: Final = (
    0.25  # seconds between two looks at what the clock makes due, and who is gone
)
POLL_TIME_SHARE: Final = 4  # of a waiting thread's time, one part in so many goes into looking

_waiter_slots = BoundedSemaphore(MAX_WAITING_REQUESTS)


class TooManyWaiters(EmulatorError):
    """More wait than there are threads to spare."""


@expectation_routes.post("/verify")
def verify() -> JSONObject:
    """Check claims about what happened so far, see claims.read.

    {"ok": whether all are met, "claims": [{"ok", "count", "expected", "matched", "near"}]}
    """
    form = bodies.read_body({"claims": list})
    assertions_json = form["claims"]
    if not 1 <= len(assertions_json) <= MAX_ASSERTIONS:
        remedy = f"Make from 1 to {MAX_ASSERTIONS} claims."
        raise EmulatorError(f"{len(assertions_json)} claims", "body.claims", remedy)
    assertions = [
        claims.parse_assertion(each, f"body.claims[{at}]")
        for at, each in enumerate(assertions_json)
    ]
    services = current_services()
    outcomes = [_outcome_json(services, _check_now(services, claim)) for claim in assertions]
    return {"ok": all(each["ok"] for each in outcomes), "claims": outcomes}


@expectation_routes.post("/wait-for")
def wait_for() -> JSONObject:
    """Answer as soon as a claim is met, or with near misses when its "timeout" has passed.

    The timeout is the machine's time, whatever the sandbox's clock does.
    """
    form = bodies.read_body({**claims.ASSERTION_FIELDS, "timeout": str})
    timeout = parse_duration(form.pop("timeout", DEFAULT_WAIT), "body.timeout")
    if timeout > MAX_WAIT:
        remedy = f"Wait up to {MAX_WAIT.seconds} seconds, and then again."
        raise EmulatorError("this is too long a wait", "body.timeout", remedy)
    claim = claims.parse_assertion(form or {"of": "deliveries"})
    if claim.is_met_by(0):
        what = f"{claim.count_in_words} is met before anything happens"
        raise EmulatorError(what, "body", "Wait for something, and verify that there is no more.")
    with _reserve_waiter_slot():
        return _outcome_json(
            current_services(), _wait_until_met(current_services(), claim, timeout.total_seconds())
        )


@expectation_routes.errorhandler(TooManyWaiters)
def handle_too_many_waiters(error: TooManyWaiters) -> Response:
    """Nobody else may wait now."""
    answer = error_response(503, error.what, error.where, error.remedy)
    answer.headers["Retry-After"] = "1"
    return answer


def _wait_until_met(
    services: SandboxServices, assertion: Assertion, timeout_s: float
) -> AssertionOutcome:
    deadline = time.monotonic() + timeout_s
    is_abandoned = _abandonment_check()
    while True:
        change_count, started_at = services.store.change_counter.count, time.monotonic()
        outcome = _check_now(services, assertion)
        checked_at = time.monotonic()
        if outcome.is_met or checked_at >= deadline or is_abandoned():
            return outcome
        # A sandbox in which much happens does not keep the waiting threads busy.
        time.sleep(min(deadline - checked_at, (checked_at - started_at) * (POLL_TIME_SHARE - 1)))
        _wait_for_change(services, change_count, deadline, is_abandoned)


def _wait_for_change(
    services: SandboxServices, change_count: int, deadline: float, is_abandoned: Callable[[], bool]
) -> None:
    """Return when something was kept, at the *deadline*, or when nobody waits any more."""
    while (left := deadline - time.monotonic()) > 0 and not is_abandoned():
        if (
            services.store.change_counter.wait_for_change(change_count, min(POLL_INTERVAL_S, left))
            != change_count
        ):
            return
        _run_due_work(services)


def _abandonment_check() -> Callable[[], bool]:
    """Whether the client of the current request is gone, or the server ends."""
    streams: StreamSlots | None = request.environ.get("emulator.streams")
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    return lambda: gone() or (streams is not None and streams.is_closing)


def _run_due_work(services: SandboxServices) -> None:
    """Do what the clock, where it runs, has made due: no other request may come to do it."""
    services.shared_state.refresh_from_database()
    services.pipeline.retries.retry_due()
    services.journeys.advance_due_runs()
    services.endpoint.delete_expired_data()


def _check_now(services: SandboxServices, assertion: Assertion) -> AssertionOutcome:
    return claims.check_assertion(
        assertion,
        RECORD_READERS[assertion.record_kind](services, assertion.after_id, assertion.exact_texts),
    )


def _outcome_json(services: SandboxServices, outcome: AssertionOutcome) -> JSONObject:
    claim = outcome.assertion
    near = []
    if not outcome.is_met and outcome.count <= min(claim.expected_counts.values()):
        newest = deque(
            RECORD_READERS[claim.record_kind](services, claim.after_id, {}),
            MAX_NEAR_MISS_CANDIDATES,
        )
        near = claims.find_near_misses(claim, reversed(newest))
    return {
        "ok": outcome.is_met,
        "of": claim.record_kind,
        "expected": claim.count_in_words,
        "count": outcome.count,
        "matched": outcome.first_matches,
        "near": near,
    }


@contextmanager
def _reserve_waiter_slot() -> Iterator[None]:
    if not _waiter_slots.acquire(blocking=False):
        what = f"{MAX_WAITING_REQUESTS} requests wait already"
        raise TooManyWaiters(what, request.path, "Ask again in a second, or verify what there is.")
    try:
        yield
    finally:
        _waiter_slots.release()
