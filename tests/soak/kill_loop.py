"""Kill `emulator serve` hundreds of times under load, then check every acknowledged message.

Three senders behave as SDKs do: what was not answered with 200 is sent again. A third of the
requests to Insider One fail. The process is killed at random moments, in every tenth life before
it takes a request. In the end everything that was acknowledged has to be stored once, mapped as
the core maps it, delivered, and in its profile once.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import click
import requests
from emulator_process import EmulatorProcess, RestartableServer
from message_ledger import MessageLedger, find_all_errors

from segment_insider_emulator.types import JSONObject

SENDER_COUNT = 3
USER_COUNT = 200
MAX_LIFETIME_S = 0.6  # seconds after the first request is taken
MAX_STARTUP_S = 0.8  # seconds of a process that is killed while it starts
FAULTS: Sequence[JSONObject] = (
    {"status": 503, "share": 0.1, "seed": "a"},
    {"drop": True, "taken": True, "share": 0.1, "seed": "b"},
    {"timeout": True, "share": 0.1, "seed": "c"},
)


def make_batch(rng: random.Random, sender: int, first: int) -> list[JSONObject]:
    """Make up to thirty track calls of one sender."""
    return [
        {
            "type": "track",
            "event": "song_played",
            "messageId": f"s{sender}-{number}",
            "userId": f"u{rng.randrange(USER_COUNT)}",
            "timestamp": "2026-11-23T10:00:00.000Z",
            "properties": {"number": sender * 10**9 + number},
        }
        for number in range(first, first + rng.randint(1, 30))
    ]


def send_until_acknowledged(
    emulator: RestartableServer, ledger: MessageLedger, sender: int, seed: int, stop: Event
) -> None:
    """Send batches until *stop* is set, each again until it is acknowledged."""
    rng, first = random.Random(seed * 100 + sender), 0
    with requests.Session() as session:
        while not stop.is_set():
            calls = make_batch(rng, sender, first)
            ids = [call["messageId"] for call in calls]
            ledger.add_sent(ids)
            while not post_batch(session, emulator, calls) and not stop.is_set():
                emulator.is_up.wait(1)
            else:
                if not stop.is_set():
                    ledger.add_acknowledged(ids)
            first += len(calls)


def post_batch(
    session: requests.Session, emulator: RestartableServer, calls: list[JSONObject]
) -> bool:
    """Send *calls* as one batch and return whether it was answered with 200."""
    body = {"writeKey": "wk_demo", "batch": calls}
    try:
        return session.post(f"{emulator.url}/v1/batch", json=body, timeout=60).status_code == 200
    except requests.RequestException:  # killed before or within its answer
        return False


@contextmanager
def keep_sending(emulator: RestartableServer, ledger: MessageLedger, seed: int) -> Iterator[None]:
    """Run the senders during the block."""
    stop = Event()
    senders = [
        Thread(target=send_until_acknowledged, args=(emulator, ledger, sender, seed, stop))
        for sender in range(SENDER_COUNT)
    ]
    for thread in senders:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in senders:
            thread.join()


def kill_repeatedly(
    kills: int, db: Path, seed: int, options: Sequence[str] = ()
) -> tuple[MessageLedger, list[str]]:
    """Kill *kills* processes; return what was sent and the errors found at the end."""
    rng, ledger = random.Random(seed), MessageLedger()
    with EmulatorProcess(db, options, FAULTS) as emulator:
        with keep_sending(emulator, ledger, seed):
            for number in range(kills):
                time.sleep(rng.uniform(0, MAX_LIFETIME_S))
                emulator.kill()
                if number % 10 == 9:
                    emulator.start_and_kill(rng.uniform(0, MAX_STARTUP_S))
                emulator.start()
        return ledger, find_all_errors(emulator, ledger)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill the emulator under load.")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--async", dest="options", action="append_const", const="--async")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "emulator.db"
        ledger, errors = kill_repeatedly(options.kills, db, options.seed, options.options or ())
        size = db.stat().st_size
    click.echo(
        f"{options.kills} kills in {time.monotonic() - began:.0f} s: {len(ledger.sent):,} messages "
        f"sent, {len(ledger.acknowledged):,} acknowledged, {len(errors)} differences, "
        f"{size / 1e6:.1f} MB"
    )
    click.echo("\n".join(errors[:20]))
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
