"""A thousand events arrive exactly once although requests fail and the server is killed.

docs/delivery.md explains why: attempts repeat, so Insider One receives some events twice,
and stores them once because they are the same event of the same user.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import requests
from emulator_process import EmulatorProcess

from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient

SEED = 20261123
EVENTS = 1000
BATCH_SIZE = 20
# Three faults, 30 % of the requests together: not taken, taken without an answer, not answered.
# The first applies to a tenth, the others to the same share of what is left.
FAULTS: list[JSONObject] = [
    {"status": 503, "share": 0.1, "seed": "a"},
    {"drop": True, "taken": True, "share": 1 / 9, "seed": "b"},
    {"timeout": True, "share": 1 / 8, "seed": "c"},
]


def generate_batches() -> Iterator[JSONObject]:
    """Yield what an app sends: 1,000 events of 50 people."""
    random_numbers = random.Random(SEED)
    for start in range(0, EVENTS, BATCH_SIZE):
        yield {
            "writeKey": "wk_demo",
            "batch": [
                {
                    "type": "track",
                    "event": "song_played",
                    "messageId": f"m{number}",
                    "userId": f"u{random_numbers.randrange(50)}",
                    "timestamp": "2026-11-23T10:00:00.000Z",
                    "properties": {"number": number},
                }
                for number in range(start, start + BATCH_SIZE)
            ],
        }


def send_batch(url: str, batch: JSONObject) -> bool:
    try:
        return requests.post(f"{url}/v1/batch", json=batch, timeout=120).ok
    except requests.RequestException:  # the server died, before or within its answer
        return False


def retry_until_done(url: str) -> None:
    """Retry until no upsert is pending."""
    deadline = time.monotonic() + 600
    retry = f"{url}/emulator/v1/deliveries/retry"
    while requests.post(retry, timeout=120).json()["retrying"]:
        assert time.monotonic() < deadline, "still retrying"


def count_received_events(client: ControlClient) -> Counter[int]:
    """Count how often Insider One has each event."""
    return Counter(
        event["event_params"]["custom"]["number"]
        for profile in client.list_profiles()
        for event in profile["events"]
    )


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="synchronous", marks=pytest.mark.extended),
        pytest.param(("--async",), id="asynchronous", marks=pytest.mark.extended),
    ],
)
def test_every_event_arrives_exactly_once(tmp_path: Path, options: tuple[str, ...]) -> None:
    db = tmp_path / "messages.db"
    batches = list(generate_batches())
    with EmulatorProcess(db, ["--seed", str(SEED), *options], FAULTS) as emulator:
        url = emulator.url
        for batch in batches[:15]:
            assert send_batch(url, batch)
        # With --async, what waits when a process starts again goes out before the faults are back.
        retry_until_done(url)
        for batch in batches[15:30]:
            assert send_batch(url, batch)
        request = Thread(target=send_batch, args=(url, batches[30]))
        request.start()
        time.sleep(0.01)  # the assertions hold at whatever point of that request the process ends
        emulator.kill()
        request.join()
        emulator.start()
        # An SDK sends again what was not acknowledged, and here one batch that was.
        for batch in batches[29:]:
            assert send_batch(url, batch)
        retry_until_done(url)
        with ControlClient(url) as client:
            assert count_received_events(client) == Counter(range(EVENTS))
            messages = [
                message for message in client.list_messages() if message["verdict"] != "rejected"
            ]
            retry_count = sum(
                len(delivery["attempts"]) - 1 for delivery in client.list_deliveries()
            )
        assert len(messages) == EVENTS
        assert {message["verdict"] for message in messages} <= {"accepted", "warning"}
        assert retry_count > EVENTS / 20
