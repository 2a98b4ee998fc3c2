"""What SDKs do when Segment's end fails: nothing acknowledged is lost, nothing arrives twice."""

import time
from typing import Any

import pytest

from sdks.sdk_emulator import SdkEmulator

SDKS = ["python_sdk", "node_sdk", pytest.param("snippet_sdk", marks=pytest.mark.extended)]
CALLS = [("track", "Giraffe Fed", {"leaves": 3})]
TWICE = ["accepted", "rejected: duplicate messageId"]
FAULTS = 5  # more than any SDK meets of those that it does not try again


@pytest.mark.extended_variants
@pytest.mark.observed
@pytest.mark.parametrize("sender", SDKS)
@pytest.mark.parametrize("status", [400, 401])
def test_a_rejected_call_is_dropped_and_reported(
    end: SdkEmulator, sender: str, status: int, request: pytest.FixtureRequest
) -> None:
    end.create_fault(status=status, times=FAULTS)
    failures = request.getfixturevalue(sender)(end.url, CALLS)
    assert (len(failures), end.count_remaining_faults(), end.list_verdicts()) == (1, FAULTS - 1, [])


@pytest.mark.extended_variants
@pytest.mark.observed
@pytest.mark.parametrize("sender", SDKS)
@pytest.mark.parametrize(
    ("fault", "attempts"),
    [
        pytest.param({"status": 500}, ["accepted"], id="500"),
        pytest.param({"drop": True}, ["accepted"], id="no answer"),
        pytest.param({"status": 500, "taken": True}, TWICE, id="taken, then 500"),
        pytest.param({"drop": True, "taken": True}, TWICE, id="taken, no answer"),
    ],
)
def test_a_failed_call_arrives_once(
    end: SdkEmulator,
    sender: str,
    fault: dict[str, Any],
    attempts: list[str],
    request: pytest.FixtureRequest,
) -> None:
    send = request.getfixturevalue(sender)
    end.create_fault(**fault)
    assert send(end.url, CALLS) == []
    assert (end.list_verdicts(), end.count_events()) == (attempts, 1)


@pytest.mark.extended_variants
@pytest.mark.observed
@pytest.mark.parametrize("sender", SDKS)
def test_sdks_wait_for_the_time_of_retry_after(
    end: SdkEmulator, sender: str, request: pytest.FixtureRequest
) -> None:
    send = request.getfixturevalue(sender)
    end.create_fault(status=429, retryAfter=1)
    began = time.monotonic()
    assert send(end.url, CALLS) == []
    assert time.monotonic() - began >= 1
    assert (end.list_verdicts(), end.count_events()) == (["accepted"], 1)
