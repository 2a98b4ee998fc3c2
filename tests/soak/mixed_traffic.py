"""Send mixed traffic with faults for half an hour, then check every message.

Shoppers send single calls, batches, packed ones, duplicates, images and calls that Segment refuses;
others read the control API and upsert to Insider One directly. A third of the requests to Insider
One fail. What was sent, acknowledged, mapped, delivered and stored has to agree in the end, and the
memory of the process to stay where it was.
"""

import argparse
import base64
import gzip
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event, Thread

import click
import orjson
import requests
from emulator_process import EmulatorProcess
from kill_loop import FAULTS
from message_ledger import MessageLedger, find_all_errors

from segment_insider_emulator.types import JSONObject

SHOPPER_COUNT = 2
MEAN_PAUSE_S = 0.05  # seconds between two requests of one shopper, on average
MEMORY_SAMPLE_INTERVAL_S = 5.0  # seconds between two looks at the memory
MAX_MEMORY_GROWTH = 40 * 1024**2  # bytes between the first and the last quarter of the time
WRITE_KEY_HEADER = {"Authorization": "Basic " + base64.b64encode(b"wk_demo:").decode()}
ACCOUNT_HEADERS = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
MUG = {"product_id": "mug", "name": "Mug", "category": "Kitchen", "price": 8.5, "quantity": 1}


@dataclass
class TrafficClient:
    """One client that sends every kind of request and records what was acknowledged."""

    number: int
    url: str
    ledger: MessageLedger
    rng: random.Random
    call_count: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    session: requests.Session = field(default_factory=requests.Session)

    def send_until(self, stop: Event) -> None:
        """Send random requests until *stop* is set."""
        acts: Sequence[tuple[Callable[[], None], int]] = (
            (self.send_single_call, 6),
            (self.send_batch, 6),
            (self.send_gzip_batch, 3),
            (self.send_batch_twice, 2),
            (self.send_pixel_call, 1),
            (self.send_invalid_bodies, 1),
            (self.send_upsert, 1),
            (self.read_control_api, 2),
        )
        ways, weights = zip(*acts, strict=True)
        while not stop.wait(self.rng.uniform(0, 2 * MEAN_PAUSE_S)):
            self.rng.choices(ways, weights)[0]()

    def send_single_call(self) -> None:
        """Send one call to the route of its type."""
        call = self._make_call()
        self._post_and_record([call["messageId"]], f"/v1/{call['type']}", orjson.dumps(call))

    def send_batch(self) -> None:
        """Send a batch."""
        self._send_batch([self._make_call() for _ in range(self.rng.randint(1, 40))])

    def send_gzip_batch(self) -> None:
        """Send a batch compressed with gzip."""
        calls = [self._make_call() for _ in range(self.rng.randint(1, 40))]
        self._send_batch(calls, is_gzip=True)

    def send_batch_twice(self) -> None:
        """Send the same batch twice, as an SDK does when the first answer was lost."""
        calls = [self._make_call() for _ in range(5)]
        self._send_batch(calls)
        self._send_batch(calls)

    def send_pixel_call(self) -> None:
        """Send a call to the pixel route."""
        call = self._make_call() | {"type": "track", "event": "mail_opened", "writeKey": "wk_demo"}
        self.ledger.add_sent([call["messageId"]])
        packed = base64.urlsafe_b64encode(orjson.dumps(call)).decode()
        status = self._request("GET", "/v1/pixel/track", params={"data": packed})
        if status == 200:
            self.ledger.add_acknowledged([call["messageId"]])

    def send_invalid_bodies(self) -> None:
        """Send bodies that no SDK sends."""
        for body in (b"{", b"[]", b'{"batch": 7}', b"\xff\xfe", b"[" * 5000):
            self._request("POST", "/v1/batch", data=body)

    def send_upsert(self) -> None:
        """Send an upsert directly to Insider One."""
        user = {"identifiers": {"uuid": self._random_user_id()}, "attributes": {"age": 30}}
        self._request(
            "POST", "/api/user/v1/upsert", json={"users": [user]}, headers=ACCOUNT_HEADERS
        )

    def read_control_api(self) -> None:
        """Read the control API as pages and tests do."""
        for path in ("messages?limit=20", "deliveries?verdict=retrying", "storage", "health"):
            self._request("GET", f"/emulator/v1/{path}")
        self._request("GET", f"/emulator/v1/profiles?identifier=uuid:{self._random_user_id()}")

    def _random_user_id(self) -> str:
        return f"u{self.rng.randrange(300)}"

    def _make_call(self) -> JSONObject:
        self.call_count += 1
        call: JSONObject = {
            "messageId": f"s{self.number}-{self.call_count}",
            "userId": self._random_user_id(),
            "timestamp": "2026-11-23T10:00:00.000Z",
        }
        match self.rng.randrange(4):
            case 0:
                traits = {"firstName": "Ada", "age": self.rng.randrange(90)}
                return call | {"type": "identify", "traits": traits}
            case 1:
                order = {"order_id": f"o{self.number}-{self.call_count}", "currency": "EUR"}
                products = [MUG, MUG | {"product_id": "tray"}]
                properties = order | {"products": products}
                return call | {
                    "type": "track", "event": "Order Completed", "properties": properties
                }  # fmt: skip
            case _:
                numbered = {"number": self.number * 10**9 + self.call_count}
                return call | {"type": "track", "event": "song_played", "properties": numbered}

    def _send_batch(self, calls: list[JSONObject], *, is_gzip: bool = False) -> None:
        body = orjson.dumps({"batch": calls})
        headers = {"Content-Encoding": "gzip"} if is_gzip else {}
        content = gzip.compress(body) if is_gzip else body
        self._post_and_record([call["messageId"] for call in calls], "/v1/batch", content, headers)

    def _post_and_record(
        self, ids: list[str], path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.ledger.add_sent(ids)
        if (
            self._request("POST", path, data=body, headers=WRITE_KEY_HEADER | (headers or {}))
            == 200
        ):
            self.ledger.add_acknowledged(ids)

    def _request(self, method: str, path: str, **options: object) -> int:
        response = self.session.request(method, self.url + path, timeout=60, **options)  # type: ignore[arg-type]  # passed on as requests takes them
        self.statuses[path.partition("?")[0], response.status_code] += 1
        return response.status_code


@dataclass(frozen=True)
class SoakResult:
    """Result of a run; everything is fine when `errors` is empty."""

    ledger: MessageLedger
    memory_samples: list[int]
    statuses: Counter[tuple[str, int]]
    errors: list[str]


def run_soak(seconds: float, db: Path, seed: int, options: Sequence[str] = ()) -> SoakResult:
    """Send for *seconds*, deliver everything, and compare all records."""
    ledger = MessageLedger()
    with EmulatorProcess(db, options, FAULTS) as emulator:
        shoppers = [
            TrafficClient(number, emulator.url, ledger, random.Random(seed + number))
            for number in range(SHOPPER_COUNT)
        ]
        memory = _run_clients(shoppers, emulator, seconds)
        wrong = find_all_errors(emulator, ledger)
    statuses = sum((shopper.statuses for shopper in shoppers), Counter[tuple[str, int]]())
    wrong += [f"not acknowledged: {id}" for id in ledger.sent - ledger.acknowledged]
    wrong += [f"{path} answered {status}" for path, status in statuses if status >= 500]
    return SoakResult(ledger, memory, statuses, wrong + _check_memory_growth(memory))


def _run_clients(
    shoppers: Sequence[TrafficClient], emulator: EmulatorProcess, seconds: float
) -> list[int]:
    """Run *shoppers* for *seconds*; return samples of the server's memory."""
    stop, memory = Event(), []
    threads = [Thread(target=shopper.send_until, args=(stop,)) for shopper in shoppers]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    while (seconds_left := until - time.monotonic()) > 0:
        stop.wait(min(MEMORY_SAMPLE_INTERVAL_S, seconds_left))
        memory.append(emulator.measure_memory())
    stop.set()
    for thread in threads:
        thread.join()
    return memory


def _check_memory_growth(memory: list[int]) -> list[str]:
    """Return an error when the last quarter used more memory than the second."""
    quarter = len(memory) // 4
    if quarter < 3:
        return []
    early, late = median(memory[quarter : 2 * quarter]), median(memory[-quarter:])
    return [f"grew by {(late - early) / 1e6:.0f} MB"] if late - early > MAX_MEMORY_GROWTH else []


def main() -> int:
    parser = argparse.ArgumentParser(description="Mixed traffic for a while, then an account.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--async", dest="options", action="append_const", const="--async")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_soak(
            options.minutes * 60, Path(folder) / "emulator.db", options.seed, options.options or ()
        )
    every = max(1, len(outcome.memory_samples) // 10)
    click.echo(
        f"{options.minutes:g} minutes: {sum(outcome.statuses.values()):,} requests, "
        f"{len(outcome.ledger.sent):,} messages sent, {len(outcome.ledger.acknowledged):,} "
        f"acknowledged, {len(outcome.errors)} differences"
    )
    click.echo(
        f"memory in MB: {[round(sample / 1e6) for sample in outcome.memory_samples[::every]]}"
    )
    for (path, status), count in sorted(outcome.statuses.items()):
        click.echo(f"{count:8,}  {status}  {path}")
    click.echo("\n".join(outcome.errors[:20]))
    return bool(outcome.errors)


if __name__ == "__main__":
    sys.exit(main())
