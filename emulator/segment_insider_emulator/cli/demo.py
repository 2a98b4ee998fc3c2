"""`emulator demo`: a shopper's day through a running emulator."""

import signal
from contextlib import suppress
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Never

import click

from segment_insider_emulator.cli.terminal import tell, tell_json
from segment_insider_emulator.cli.workspace_options import (
    load_workspace,
    workspace_name,
    workspace_options,
)
from segment_insider_scenarios.requirements import require

if TYPE_CHECKING:
    from segment_insider_scenarios.running import RunningEmulator
    from segment_insider_scenarios.shopper import Shopper

PORT = 8282
STAYING = """
Still running at {url}. Stop it with Ctrl-C.
  Send your own events:  segment.analytics.Client("{write_key}", host="{url}")
  See what arrived:      curl {url}/emulator/v1/profiles
  And what became of it: curl {url}/emulator/v1/messages"""


@click.command(epilog="Example: emulator demo --once --seed 7")
@click.option("--once", is_flag=True, help="Exit after the summary.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port to listen at, 0 for any free one.  [{PORT}, with --once any free one]",
)
@click.option("--seed", default=1, show_default=True, help="Another seed is another shopper.")
@workspace_options()
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    once: bool,
    port: int | None,
    seed: int,
    workspace: str | None,
    preset: str | None,
    as_json: bool,
) -> None:
    """Show what Insider One receives of a shopper's day, sent by Segment's own Python SDK."""
    workspace_name(workspace, preset)
    require("demo")
    # Here, not above: `emulator demo --help` needs neither an SDK nor a web framework.
    from segment_insider_scenarios.running import running
    from segment_insider_scenarios.shopper import shopper

    chosen = load_workspace(workspace, preset)
    listen = port if port is not None else 0 if once else PORT
    with running(chosen, listen) as emulator:
        _show(emulator, shopper(seed=seed), seed, as_json)
        if not once:
            _stay(STAYING.format(url=emulator.url, write_key=chosen.write_key))


def _show(emulator: "RunningEmulator", who: "Shopper", seed: int, as_json: bool) -> None:
    from segment_insider_emulator.demo.day import day
    from segment_insider_emulator.demo.summary import summarise
    from segment_insider_emulator.demo.telling import tell as summary_lines
    from segment_insider_scenarios.shopper import products

    turns = day(who, products(4, seed=seed))
    for turn in turns:
        emulator.shop.tell(turn.shopper, turn.call)
    summary = summarise(emulator.client, emulator.workspace.destination, turns, who)
    if as_json:
        tell_json(summary)
        return
    click.echo(
        f"{who.first_name} {who.last_name} shops. Segment's Python SDK sends {len(turns)} calls "
        f"through the emulator."
    )
    tell(summary_lines(summary))


def _stay(told: str) -> None:
    signal.signal(signal.SIGTERM, _stop)
    click.echo(told, err=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def _stop(_signal: int, _frame: FrameType | None) -> Never:
    raise SystemExit
