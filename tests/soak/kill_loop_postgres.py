"""Kill one of two processes on one PostgreSQL database repeatedly, then check all messages.

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
from emulator_process import EmulatorProcess
from kill_loop import FAULTS, MAX_LIFETIME_S, keep_sending
from message_ledger import MessageLedger, find_all_errors
from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs


class AlternatingServers:
    """Two processes as one server: each request goes to the other process."""

    def __init__(self, *processes: EmulatorProcess) -> None:
        self._turn = cycle(processes)
        self.is_up = Event()
        self.is_up.set()

    @property
    def url(self) -> str:
        """URL of the process that is next in turn, running or killed."""
        return next(self._turn).url


def kill_one_of_two(
    kills: int, db: str, seed: int, options: Sequence[str] = ()
) -> tuple[MessageLedger, list[str]]:
    """Kill *kills* processes, one at a time; return what was sent and the errors."""
    rng, ledger = random.Random(seed), MessageLedger()
    with EmulatorProcess(db, options) as one, EmulatorProcess(db, options) as other:
        for fault in FAULTS:  # which both meet
            requests.post(f"{one.url}/emulator/v1/faults", json=fault, timeout=60)
        with keep_sending(AlternatingServers(one, other), ledger, seed):
            for _, mortal in zip(range(kills), cycle((one, other)), strict=False):
                time.sleep(rng.uniform(0, MAX_LIFETIME_S))
                mortal.kill()
                mortal.start()
        return ledger, find_all_errors(one, ledger)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill one of two emulators under load.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--async", dest="options", action="append_const", const="--async")
    options = parser.parse_args()
    programs = find_postgres_programs()
    if programs is None:
        parser.error(POSTGRES_MISSING)
    began, server = time.monotonic(), PostgresServer(programs)
    try:
        db = server.url.render_as_string(hide_password=False)
        ledger, wrong = kill_one_of_two(options.kills, db, options.seed, options.options or ())
    finally:
        server.remove()
    click.echo(
        f"{options.kills} kills in {time.monotonic() - began:.0f} s: {len(ledger.sent):,} messages "
        f"sent, {len(ledger.acknowledged):,} acknowledged, {len(wrong)} differences"
    )
    click.echo("\n".join(wrong[:20]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
