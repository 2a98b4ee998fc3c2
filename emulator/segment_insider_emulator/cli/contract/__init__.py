"""`emulator contract`: run, check, record and describe contract cases."""

import click

from segment_insider_emulator.cli import LazyGroup

CONTRACT_HELP_TEXTS = {
    "run": 'Print each case with "actual": what happens.',
    "check": 'Compare what happens with "expect".',
    "record": 'Write "expect", or cases made of traffic.',
    "events": "Check an app's events against a workspace.",
    "schema": "Print JSON Schemas of the requests that a workspace makes.",
}
# LazyGroup whose modules are called otherwise.
CONTRACT_COMMAND_MODULES = {
    "run": "check",
    "check": "check",
    "record": "record",
    "events": "check",
    "schema": "check",
}


@click.command(
    cls=LazyGroup,
    package=__name__,
    told=CONTRACT_HELP_TEXTS,
    modules=CONTRACT_COMMAND_MODULES,
    epilog="Example: emulator contract check cases.ndjson",
)
def contract_command() -> None:
    """Contract cases: these events must make these Insider One requests."""
