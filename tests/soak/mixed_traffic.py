"""Half an hour of mixed traffic with faults on, and an account of every message in the end.

    python tests/soak/mixed_traffic.py --minutes 30

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
from emulator_process import Served
from kill_loop import FAULTS
from message_ledger import Ledger, account

from segment_insider_emulator.types import JSONObject

SHOPPERS = 2
PAUSE = 0.05  # seconds between two requests of one shopper, on average
SAMPLE = 5.0  # seconds between two looks at the memory
MOST_GROWTH = 40 * 1024**2  # bytes between the first and the last quarter of the time
KEY = {"Authorization": "Basic " + base64.b64encode(b"wk_demo:").decode()}
ACCOUNT = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
MUG = {"product_id": "mug", "name": "Mug", "category": "Kitchen", "price": 8.5, "quantity": 1}


@dataclass
class Shopper:
    """One client of every address, which remembers what it was told."""

    number: int
    url: str
    ledger: Ledger
    chance: random.Random
    calls: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    session: requests.Session = field(default_factory=requests.Session)

    def work(self, ended: Event) -> None:
        """Do this and that until *ended*."""
        acts: Sequence[tuple[Callable[[], None], int]] = (
            (self.single, 6), (self.several, 6), (self.packed, 3), (self.again, 2),
            (self.image, 1), (self.refused, 1), (self.directly, 1), (self.look, 2),
        )  # fmt: skip
        ways, weights = zip(*acts, strict=True)
        while not ended.wait(self.chance.uniform(0, 2 * PAUSE)):
            self.chance.choices(ways, weights)[0]()

    def single(self) -> None:
        """One call at the address of its type."""
        call = self._call()
        self._tell([call["messageId"]], f"/v1/{call['type']}", orjson.dumps(call))

    def several(self) -> None:
        """A batch."""
        self._batch([self._call() for _ in range(self.chance.randint(1, 40))])

    def packed(self) -> None:
        """A batch in gzip."""
        calls = [self._call() for _ in range(self.chance.randint(1, 40))]
        self._batch(calls, pack=True)

    def again(self) -> None:
        """The same batch twice, as an SDK does whose first answer was lost."""
        calls = [self._call() for _ in range(5)]
        self._batch(calls)
        self._batch(calls)

    def image(self) -> None:
        """A call by an address of an image."""
        call = self._call() | {"type": "track", "event": "mail_opened", "writeKey": "wk_demo"}
        self.ledger.sending([call["messageId"]])
        packed = base64.urlsafe_b64encode(orjson.dumps(call)).decode()
        status = self._ask("GET", "/v1/pixel/track", params={"data": packed})
        if status == 200:
            self.ledger.told([call["messageId"]])

    def refused(self) -> None:
        """What no SDK sends."""
        for body in (b"{", b"[]", b'{"batch": 7}', b"\xff\xfe", b"[" * 5000):
            self._ask("POST", "/v1/batch", data=body)

    def directly(self) -> None:
        """An upsert that does not come from Segment."""
        user = {"identifiers": {"uuid": self._person()}, "attributes": {"age": 30}}
        self._ask("POST", "/api/user/v1/upsert", json={"users": [user]}, headers=ACCOUNT)

    def look(self) -> None:
        """Read as pages and tests do."""
        for path in ("messages?limit=20", "deliveries?verdict=retrying", "storage", "health"):
            self._ask("GET", f"/emulator/v1/{path}")
        self._ask("GET", f"/emulator/v1/profiles?identifier=uuid:{self._person()}")

    def _person(self) -> str:
        return f"u{self.chance.randrange(300)}"

    def _call(self) -> JSONObject:
        self.calls += 1
        call: JSONObject = {
            "messageId": f"s{self.number}-{self.calls}",
            "userId": self._person(),
            "timestamp": "2026-11-23T10:00:00.000Z",
        }
        match self.chance.randrange(4):
            case 0:
                traits = {"firstName": "Ada", "age": self.chance.randrange(90)}
                return call | {"type": "identify", "traits": traits}
            case 1:
                order = {"order_id": f"o{self.number}-{self.calls}", "currency": "EUR"}
                products = [MUG, MUG | {"product_id": "tray"}]
                properties = order | {"products": products}
                return call | {
                    "type": "track", "event": "Order Completed", "properties": properties
                }  # fmt: skip
            case _:
                own = {"number": self.number * 10**9 + self.calls}
                return call | {"type": "track", "event": "song_played", "properties": own}

    def _batch(self, calls: list[JSONObject], *, pack: bool = False) -> None:
        body = orjson.dumps({"batch": calls})
        headers = {"Content-Encoding": "gzip"} if pack else {}
        sent = gzip.compress(body) if pack else body
        self._tell([call["messageId"] for call in calls], "/v1/batch", sent, headers)

    def _tell(
        self, ids: list[str], path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        self.ledger.sending(ids)
        if self._ask("POST", path, data=body, headers=KEY | (headers or {})) == 200:
            self.ledger.told(ids)

    def _ask(self, method: str, path: str, **more: object) -> int:
        answer = self.session.request(method, self.url + path, timeout=30, **more)  # type: ignore[arg-type]  # passed on as requests takes them
        self.statuses[path.partition("?")[0], answer.status_code] += 1
        return answer.status_code


@dataclass(frozen=True)
class Outcome:
    """What a run came to: everything is fine when `wrong` is empty."""

    ledger: Ledger
    memory: list[int]
    statuses: Counter[tuple[str, int]]
    wrong: list[str]


def soak(seconds: float, db: Path, seed: int, options: Sequence[str] = ()) -> Outcome:
    """Send for *seconds*, settle, and hold all against all."""
    ledger = Ledger()
    with Served(db, options, FAULTS) as served:
        shoppers = [
            Shopper(number, served.url, ledger, random.Random(seed + number))
            for number in range(SHOPPERS)
        ]
        memory = _shopping(shoppers, served, seconds)
        wrong = account(served, ledger)
    statuses = sum((each.statuses for each in shoppers), Counter[tuple[str, int]]())
    wrong += [f"not acknowledged: {id}" for id in ledger.sent - ledger.acknowledged]
    wrong += [f"{path} answered {status}" for path, status in statuses if status >= 500]
    return Outcome(ledger, memory, statuses, wrong + _grown(memory))


def _shopping(shoppers: Sequence[Shopper], served: Served, seconds: float) -> list[int]:
    """Have *shoppers* work for *seconds*; gives samples of the memory that it took."""
    ended, memory = Event(), []
    working = [Thread(target=each.work, args=(ended,)) for each in shoppers]
    for thread in working:
        thread.start()
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ended.wait(min(SAMPLE, left))
        memory.append(served.memory())
    ended.set()
    for thread in working:
        thread.join()
    return memory


def _grown(memory: list[int]) -> list[str]:
    """Whether the last quarter of the time had more in memory than the second."""
    quarter = len(memory) // 4
    if quarter < 3:
        return []
    early, late = median(memory[quarter : 2 * quarter]), median(memory[-quarter:])
    return [f"grew by {(late - early) / 1e6:.0f} MB"] if late - early > MOST_GROWTH else []


def main() -> int:
    parser = argparse.ArgumentParser(description="Mixed traffic for a while, then an account.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--async", dest="options", action="append_const", const="--async")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(
            given.minutes * 60, Path(folder) / "kept.db", given.seed, given.options or ()
        )
    every = max(1, len(outcome.memory) // 10)
    click.echo(
        f"{given.minutes:g} minutes: {sum(outcome.statuses.values()):,} requests, "
        f"{len(outcome.ledger.sent):,} messages sent, {len(outcome.ledger.acknowledged):,} "
        f"acknowledged, {len(outcome.wrong)} differences"
    )
    click.echo(f"memory in MB: {[round(each / 1e6) for each in outcome.memory[::every]]}")
    for (path, status), count in sorted(outcome.statuses.items()):
        click.echo(f"{count:8,}  {status}  {path}")
    click.echo("\n".join(outcome.wrong[:20]))
    return bool(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
