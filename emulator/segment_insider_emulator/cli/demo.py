"""`emulator demo`: a shopper's day through a running emulator."""

import signal
from contextlib import suppress
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Never

import click

from segment_insider_emulator.cli.terminal import print_json, print_lines
from segment_insider_emulator.cli.workspace_options import (
    add_workspace_options,
    load_workspace,
    selected_workspace_name,
)
from segment_insider_scenarios.requirements import require_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.running import RunningEmulator
    from segment_insider_scenarios.shopper import Shopper

DEMO_PORT = 8282
STILL_RUNNING_TEXT = """
Still running at {url}. Stop it with Ctrl-C.
  Send your own events:  segment.analytics.Client("{write_key}", host="{url}")
  See what arrived:      curl {url}/emulator/v1/profiles
  And what became of it: curl {url}/emulator/v1/messages"""


@click.command(epilog="Example: emulator demo --once --seed 7")
@click.option("--once", is_flag=True, help="Exit after the summary.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port to listen at, 0 for any free one.  [{DEMO_PORT}, with --once any free one]",
)
@click.option("--seed", default=1, show_default=True, help="Another seed is another shopper.")
@add_workspace_options()
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def demo_command(
    once: bool,
    port: int | None,
    seed: int,
    workspace: str | None,
    preset: str | None,
    as_json: bool,
) -> None:
    """Show what Insider One receives of a shopper's day, sent by Segment's own Python SDK."""
    selected_workspace_name(workspace, preset)
    require_extra("demo")
    # Here, not above: `emulator demo --help` needs neither an SDK nor a web framework.
    from segment_insider_scenarios.running import serve_emulator
    from segment_insider_scenarios.shopper import make_shopper

    chosen = load_workspace(workspace, preset)
    listen = port if port is not None else 0 if once else DEMO_PORT
    with serve_emulator(chosen, listen) as emulator:
        _run_shopper_day(emulator, make_shopper(seed=seed), seed, as_json)
        if not once:
            _wait_for_interrupt(
                STILL_RUNNING_TEXT.format(url=emulator.url, write_key=chosen.write_key)
            )


def _run_shopper_day(
    emulator: "RunningEmulator", person: "Shopper", seed: int, as_json: bool
) -> None:
    from segment_insider_emulator.demo.day import build_shopper_day
    from segment_insider_emulator.demo.summary import summarise_day
    from segment_insider_emulator.demo.telling import format_report as summary_lines
    from segment_insider_scenarios.shopper import make_products

    turns = build_shopper_day(person, make_products(4, seed=seed))
    for turn in turns:
        emulator.shop.send(turn.shopper, turn.call)
    summary = summarise_day(emulator.client, emulator.workspace.destination, turns, person)
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{person.first_name} {person.last_name} shops. Segment's Python SDK sends {len(turns)} calls "
        f"through the emulator."
    )
    print_lines(summary_lines(summary))


def _wait_for_interrupt(message: str) -> None:
    signal.signal(signal.SIGTERM, _exit_on_signal)
    click.echo(message, err=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> Never:
    raise SystemExit
