"""Each SDK as published, pointed at the emulator, brings the whole guide to Insider One."""

import logging
from typing import Any

import pytest

from sdks.guide_calls import ALL_CALLS, EXPECTED_EVENTS
from sdks.sdk_emulator import SdkEmulator

TENS = [10, 10, 10, 4]
BATCHING = {"strategy": "batching", "config": {"size": 10, "timeout": 300}}
IN_BATCHES = {"integrations": {"Segment.io": {"deliveryStrategy": BATCHING}}}
SINGLY = [1] * len(ALL_CALLS)


@pytest.mark.observed
@pytest.mark.parametrize(
    ("sender", "options", "requests"),
    [
        pytest.param("python_sdk", {}, [34], id="Python"),
        pytest.param("python_sdk", {"gzip": True}, [34], id="Python, gzip"),
        pytest.param(
            "python_sdk",
            {"upload_size": 10},
            TENS,
            id="Python, batches of ten",
            marks=pytest.mark.extended,
        ),
        pytest.param("python_sdk", {"sync_mode": True}, SINGLY, id="Python, call by call"),
        pytest.param("node_sdk", {}, [15, 15, 4], id="Node"),
        pytest.param(
            "node_sdk", {"flushAt": 10}, TENS, id="Node, batches of ten", marks=pytest.mark.extended
        ),
        pytest.param("snippet_sdk", {}, SINGLY, id="browser, snippet"),
        pytest.param(
            "snippet_sdk",
            IN_BATCHES,
            [10, 24],
            id="browser, snippet, in batches",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            "bundle_sdk", {}, SINGLY, id="browser, npm bundle", marks=pytest.mark.extended
        ),
        pytest.param(
            "bundle_sdk",
            IN_BATCHES,
            [10, 24],
            id="browser, npm bundle, in batches",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_the_whole_guide_arrives(
    end: SdkEmulator,
    sender: str,
    options: dict[str, Any],
    requests: list[int],
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    send = request.getfixturevalue(sender)
    with caplog.at_level(logging.INFO, "segment_insider_emulator.web.tracking_calls"):
        failures = send(end.url, ALL_CALLS, **options)
    assert failures == []
    assert end.list_insider_events() == EXPECTED_EVENTS
    assert end.list_verdicts() == ["accepted"] * len(ALL_CALLS)
    assert sorted(list_batch_sizes(caplog), reverse=True) == sorted(requests, reverse=True)
    assert getattr(send, "external_requests", []) == []


def list_batch_sizes(log: pytest.LogCaptureFixture) -> list[int]:
    """Return the number of messages of each request from the log."""
    lines = (record.getMessage() for record in log.records)
    return [int(line.split("messages=")[1].split()[0]) for line in lines if "messages=" in line]
