"""The control API's claims: verified at once, or waited for."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Final

from flask import Blueprint, Response, request

from segment_insider_emulator.answers import fault
from segment_insider_emulator.duration import duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import bodies, claims
from segment_insider_emulator.harness.claims import Claim, Outcome
from segment_insider_emulator.harness.subjects import SUBJECTS
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.server import WAITERS, Streams
from segment_insider_emulator.types import JSONObject

bp = Blueprint("verifying", __name__, url_prefix="/emulator/v1")

MOST_CLAIMS: Final = 100  # of one request
MOST_COMPARED: Final = 1_000  # candidates looked at for near misses
LONGEST_WAIT: Final = timedelta(seconds=60)
USUAL_WAIT: Final = "5 seconds"
BEAT: Final = 0.25  # seconds between two looks at what the clock makes due, and who is gone
SHARE: Final = 4  # of a waiting thread's time, one part in so many goes into looking

_free = BoundedSemaphore(WAITERS)


class Crowded(EmulatorError):
    """More wait than there are threads to spare."""


@bp.post("/verify")
def verify() -> JSONObject:
    """Check claims about what happened so far, see claims.read.

    {"ok": whether all are met, "claims": [{"ok", "count", "expected", "matched", "near"}]}
    """
    form = bodies.read({"claims": list})
    given = form["claims"]
    if not 1 <= len(given) <= MOST_CLAIMS:
        remedy = f"Make from 1 to {MOST_CLAIMS} claims."
        raise EmulatorError(f"{len(given)} claims", "body.claims", remedy)
    made = [claims.read(each, f"body.claims[{at}]") for at, each in enumerate(given)]
    own = parts()
    told = [_told(own, _looked(own, claim)) for claim in made]
    return {"ok": all(each["ok"] for each in told), "claims": told}


@bp.post("/wait-for")
def wait_for() -> JSONObject:
    """Answer as soon as a claim is met, or with near misses when its "timeout" has passed.

    The timeout is the machine's time, whatever the sandbox's clock does.
    """
    form = bodies.read({**claims.FIELDS, "timeout": str})
    timeout = duration(form.pop("timeout", USUAL_WAIT), "body.timeout")
    if timeout > LONGEST_WAIT:
        remedy = f"Wait up to {LONGEST_WAIT.seconds} seconds, and then again."
        raise EmulatorError("this is too long a wait", "body.timeout", remedy)
    claim = claims.read(form or {"of": "deliveries"})
    if claim.is_met_by(0):
        what = f"{claim.expected} is met before anything happens"
        raise EmulatorError(what, "body", "Wait for something, and verify that there is no more.")
    with _a_thread_to_spare():
        return _told(parts(), _awaited(parts(), claim, timeout.total_seconds()))


@bp.errorhandler(Crowded)
def crowded(error: Crowded) -> Response:
    """Nobody else may wait now."""
    answer = fault(503, error.what, error.where, error.remedy)
    answer.headers["Retry-After"] = "1"
    return answer


def _awaited(own: Parts, claim: Claim, timeout: float) -> Outcome:
    deadline = time.monotonic() + timeout
    given_up = _given_up()
    while True:
        told, began = own.store.news.count, time.monotonic()
        outcome = _looked(own, claim)
        looked = time.monotonic()
        if outcome.is_met or looked >= deadline or given_up():
            return outcome
        # A sandbox in which much happens does not keep the waiting threads busy.
        time.sleep(min(deadline - looked, (looked - began) * (SHARE - 1)))
        _news(own, told, deadline, given_up)


def _news(own: Parts, told: int, deadline: float, given_up: Callable[[], bool]) -> None:
    """Return when something was kept, at the *deadline*, or when nobody waits any more."""
    while (left := deadline - time.monotonic()) > 0 and not given_up():
        if own.store.news.wait(told, min(BEAT, left)) != told:
            return
        _make_due(own)


def _given_up() -> Callable[[], bool]:
    """Whether the client of the current request is gone, or the server ends."""
    streams: Streams | None = request.environ.get("emulator.streams")
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    return lambda: gone() or (streams is not None and streams.closing)


def _make_due(own: Parts) -> None:
    """Do what the clock, where it runs, has made due: no other request may come to do it."""
    own.shared.refresh()
    own.road.backlog.retry_due()
    own.journeys.run_due()
    own.endpoint.keep_up()


def _looked(own: Parts, claim: Claim) -> Outcome:
    return claims.check(claim, SUBJECTS[claim.of](own, claim.after, claim.exact))


def _told(own: Parts, outcome: Outcome) -> JSONObject:
    claim = outcome.claim
    near = []
    if not outcome.is_met and outcome.count <= min(claim.counts.values()):
        newest = deque(SUBJECTS[claim.of](own, claim.after, {}), MOST_COMPARED)
        near = claims.nearest(claim, reversed(newest))
    return {
        "ok": outcome.is_met,
        "of": claim.of,
        "expected": claim.expected,
        "count": outcome.count,
        "matched": outcome.matched,
        "near": near,
    }


@contextmanager
def _a_thread_to_spare() -> Iterator[None]:
    if not _free.acquire(blocking=False):
        what = f"{WAITERS} requests wait already"
        raise Crowded(what, request.path, "Ask again in a second, or verify what there is.")
    try:
        yield
    finally:
        _free.release()
