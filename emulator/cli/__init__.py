"""The console script `emulator`. A command's module is imported only when it is run."""

import os
from importlib import import_module
from typing import Any

import click

from emulator import __version__
from emulator.errors import EmulatorError

INTERRUPTED = 130  # what shells report of a program that Ctrl-C ended

COMMANDS = {
    "serve": "Run the emulator until it is stopped.",
    "demo": "Run it with a shopper's traffic, and show what Insider One received.",
    "map": "Turn events into the requests that Insider One would receive.",
    "verify": "Run Gherkin scenarios.",
    "steps": "List the steps that scenarios may have, with examples.",
    "contract": "Run, check or record contract cases.",
    "assets": "Fetch what browsers load, for use without a network.",
    "lint": "Say what is wrong in a workspace file.",
    "drift": "Say where a workspace departs from the guide, the catalogue and the traffic.",
    "import": "Make a workspace file of what Segment or Terraform says.",
    "replay": "Say what Insider One would have received of a Segment archive.",
    "export": "Write a workspace as requests to Segment, or for Terraform.",
}


# Commands whose names are words of Python.
_MODULES = {"import": "import_"}


class Commands(click.Group):
    """Sub-commands by name: module `emulator.cli.<name>`, its click command named `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = import_module(f"emulator.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: asking each command for its help would import them all.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # as no-color.org has it; to a file there is none anyway
            ctx.color = False
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            click.echo(f"emulator: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("emulator: stopped", err=True)
            ctx.exit(INTERRUPTED)


@click.command(cls=Commands, epilog="Example: emulator serve --port 8282")
@click.version_option(__version__, prog_name="emulator")
def main() -> None:
    """A local stand-in for the road from a Segment SDK to Insider One."""
