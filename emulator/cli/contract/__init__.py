"""`emulator contract`: run, check, record and describe contract cases."""

from importlib import import_module

import click

# Module of this package -> the commands in it.
COMMANDS = {
    "run": "running",
    "check": "checking",
    "record": "recording",
    "events": "producing",
    "schema": "describing",
}
HELP = {
    "run": 'Print each case with "actual": what happens.',
    "check": 'Compare what happens with "expect".',
    "record": 'Write "expect", or cases made of traffic.',
    "events": "Check an app's events against a workspace.",
    "schema": "Print JSON Schemas of the requests that a workspace makes.",
}


class Commands(click.Group):
    """A command's module is imported only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"emulator.cli.contract.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(HELP.items()))


@click.command(cls=Commands, epilog="Example: emulator contract check cases.ndjson")
def command() -> None:
    """Contract cases: these events must make these Insider One requests."""
