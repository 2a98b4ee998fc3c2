"""The command `emulator`: a group whose subcommands are imported only when they run."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

from segment_insider_emulator import __version__
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import print_lines

INTERRUPTED_EXIT_CODE = 130  # the exit code that shells use after Ctrl-C


class LazyCommand(NamedTuple):
    """A subcommand of `emulator` that is imported only when it runs.

    Args:
        module: In this package; it has the function `NAME_command`.
        help_text: One line for `--help`; asking each command would import them all.
    """

    module: str
    help_text: str


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Pause garbage collection during a block of imports, which leave none: it takes a sixth.

    Later collections do not visit what is imported.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


COMMANDS = {
    "init": LazyCommand("project_commands", "Begin a project: workspace, feature and pipeline."),
    "serve": LazyCommand("serve", "Run the emulator until it is stopped."),
    "demo": LazyCommand(
        "scenario_commands", "Send a shopper's traffic and show what Insider One receives."
    ),
    "send": LazyCommand("client_commands", "Send one call to a running emulator."),
    "health": LazyCommand("client_commands", "Show whether an emulator answers, or wait for it."),
    "map": LazyCommand("map", "Print the Insider One requests that events make."),
    "verify": LazyCommand("verify", "Run Gherkin scenarios."),
    "steps": LazyCommand("scenario_commands", "List the steps for scenarios, with examples."),
    "assets": LazyCommand("serve", "Download analytics.js for use without a network."),
    "certificate": LazyCommand("serve", "Show how to trust the https address of `serve --tls`."),
    "schema": LazyCommand("project_commands", "Print the JSON Schema of a workspace file."),
    "lint": LazyCommand("workspace_commands", "Check a workspace file."),
    "tail": LazyCommand("tail", "Follow the messages of a running emulator."),
    "mcp": LazyCommand("mcp", "Serve tools for agents on standard input and output."),
    "drift": LazyCommand("drift", "Compare a workspace with the guide, the defaults and traffic."),
    "coverage": LazyCommand("coverage", "Show which mappings and fields traffic has used."),
    "import": LazyCommand(
        "workspace_commands", "Make a workspace file from Segment or Terraform data."
    ),
    "replay": LazyCommand(
        "replay", "Show what Insider One would have received from a Segment archive."
    ),
    "export": LazyCommand(
        "workspace_commands", "Write a workspace for Segment, for Terraform, or as a full file."
    ),
}
CONTRACT_COMMANDS = {
    "run": LazyCommand("contract_check", 'Print each case with "actual": what happens now.'),
    "check": LazyCommand("contract_check", 'Compare what happens now with "expect".'),
    "record": LazyCommand("contract_record", 'Write "expect", or make cases from traffic.'),
    "events": LazyCommand("contract_check", "Check an app's events against a workspace."),
    "schema": LazyCommand("contract_check", "Print a JSON Schema of the requests of a workspace."),
}


PLAN_COMMANDS = {"infer": LazyCommand("plan", "Make a tracking plan from traffic.")}


class LazyGroup(click.Group):
    """Click group that imports the module of a subcommand only when it runs."""

    def __init__(self, *, lazy_commands: Mapping[str, LazyCommand], **settings: Any) -> None:
        super().__init__(**settings)
        self._lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._lazy_commands, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy_commands:
            return super().get_command(ctx, cmd_name)
        with pause_garbage_collection():
            module = import_module(f"{__name__}.{self._lazy_commands[cmd_name].module}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, command.help_text) for name, command in self._lazy_commands.items()]
            rows += [
                (name, command.get_short_help_str(100)) for name, command in self.commands.items()
            ]
            formatter.write_dl(rows)


class EmulatorCommandGroup(LazyGroup):
    """Command group of `emulator`: prints errors in one line and sets the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # see no-color.org; files never get colours
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
    lazy_commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: emulator serve --port 8282",
)
@click.version_option(__version__, prog_name="emulator")
def main() -> None:
    """Run a local emulator of Segment and Insider One."""


@main.command(
    "contract",
    cls=LazyGroup,
    lazy_commands=CONTRACT_COMMANDS,
    short_help="Run, check or record contract cases.",
    epilog="Example: emulator contract check cases.ndjson",
)
def contract_group() -> None:
    """Work with contract cases: these events must make these Insider One requests."""


@main.command(
    "plan",
    cls=LazyGroup,
    lazy_commands=PLAN_COMMANDS,
    short_help="Make a tracking plan.",
    epilog="Example: emulator plan infer events.ndjson --output plan.json",
)
def plan_group() -> None:
    """Work with tracking plans of Segment."""
