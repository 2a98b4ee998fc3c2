"""Kills one of two processes on one PostgreSQL database, again and again, and asks as crash.py does
what became of what they promised.

    PYTHONPATH=tests python tests/soak/kill_loop_postgres.py --kills 100
    PYTHONPATH=tests python tests/soak/kill_loop_postgres.py --kills 100 --async

Senders send to either of them; a third of the requests to Insider One fail.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from threading import Event

import click
import requests
from emulator_process import Served
from kill_loop import FAULTS, LONGEST_LIFE, under_load
from message_ledger import Ledger, account
from postgres_server import MISSING, Server, programs


class Either:
    """Both of two processes, as senders see them: each request goes to the other one."""

    def __init__(self, *processes: Served) -> None:
        self._turn = cycle(processes)
        self.up = Event()
        self.up.set()

    @property
    def url(self) -> str:
        """The address of the one whose turn it is, dead or alive."""
        return next(self._turn).url


def crash(kills: int, db: str, seed: int, options: Sequence[str] = ()) -> tuple[Ledger, list[str]]:
    """Kill *kills* processes, one at a time; gives what senders were told and what is wrong."""
    chance, ledger = random.Random(seed), Ledger()
    with Served(db, options) as one, Served(db, options) as other:
        for fault in FAULTS:  # which both meet
            requests.post(f"{one.url}/emulator/v1/faults", json=fault, timeout=20)
        with under_load(Either(one, other), ledger, seed):
            for _, mortal in zip(range(kills), cycle((one, other)), strict=False):
                time.sleep(chance.uniform(0, LONGEST_LIFE))
                mortal.kill()
                mortal.begin()
        return ledger, account(one, ledger)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill one of two emulators under load.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--async", dest="options", action="append_const", const="--async")
    given = parser.parse_args()
    found = programs()
    if found is None:
        parser.error(MISSING)
    began, server = time.monotonic(), Server(found)
    try:
        db = server.url.render_as_string(hide_password=False)
        ledger, wrong = crash(given.kills, db, given.seed, given.options or ())
    finally:
        server.remove()
    click.echo(
        f"{given.kills} kills in {time.monotonic() - began:.0f} s: {len(ledger.sent):,} messages "
        f"sent, {len(ledger.acknowledged):,} acknowledged, {len(wrong)} differences"
    )
    click.echo("\n".join(wrong[:20]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
