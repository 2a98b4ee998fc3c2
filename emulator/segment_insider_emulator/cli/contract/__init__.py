"""`emulator contract`: run, check, record and describe contract cases."""

import click

from segment_insider_emulator.cli.commands import Commands

COMMANDS = {
    "run": 'Print each case with "actual": what happens.',
    "check": 'Compare what happens with "expect".',
    "record": 'Write "expect", or cases made of traffic.',
    "events": "Check an app's events against a workspace.",
    "schema": "Print JSON Schemas of the requests that a workspace makes.",
}
# Commands whose modules are called otherwise.
MODULES = {
    "run": "running",
    "check": "checking",
    "record": "recording",
    "events": "producing",
    "schema": "describing",
}


@click.command(
    cls=Commands,
    package=__name__,
    told=COMMANDS,
    modules=MODULES,
    epilog="Example: emulator contract check cases.ndjson",
)
def command() -> None:
    """Contract cases: these events must make these Insider One requests."""
