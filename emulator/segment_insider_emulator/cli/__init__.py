"""A group of commands of which each is a module that is imported only when it is run."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import print_lines


class LazyGroup(click.Group):
    """Sub-commands by name: a module of *package* each, its click command named `command`.

    Args:
        told: Name -> what the help says of it: asking each command would import them all.
        modules: Name -> module, where that is another name.
    """

    def __init__(
        self, *, package: str, told: Mapping[str, str], modules: Mapping[str, str], **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._package, self._help_texts, self._module_names = package, told, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._help_texts)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._help_texts:
            return None
        module = self._module_names.get(cmd_name, cmd_name)
        command: click.Command = getattr(
            import_module(f"{self._package}.{module}"), f"{cmd_name}_command"
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help_texts.items()))


INTERRUPTED_EXIT_CODE = 130  # what shells report of a program that Ctrl-C ended

COMMAND_HELP_TEXTS = {
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
    "export": "Write a workspace for Segment, for Terraform, or with all spelled out.",
}


# LazyGroup whose names are words of Python.
_COMMAND_MODULES = {
    "import": "import_export",
    "export": "import_export",
    "assets": "serve",
    "demo": "scenario_commands",
    "steps": "scenario_commands",
    "verify": "scenario_commands",
}


class EmulatorCommandGroup(LazyGroup):
    """Ends every error that people can cause in one line, and with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # as no-color.org has it; to a file there is none anyway
            ctx.color = False
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            print_lines([f"emulator: {error}"], err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("emulator: stopped", err=True)
            ctx.exit(INTERRUPTED_EXIT_CODE)


@click.command(
    cls=EmulatorCommandGroup,
    package=__name__,
    told=COMMAND_HELP_TEXTS,
    modules=_COMMAND_MODULES,
    epilog="Example: emulator serve --port 8282",
)
@click.version_option(__version__, prog_name="emulator")
def main() -> None:
    """A local stand-in for the road from a Segment SDK to Insider One."""
