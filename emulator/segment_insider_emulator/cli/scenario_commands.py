"""The commands `emulator demo` and `emulator steps`, which need the extra `scenarios`."""

import signal
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from textwrap import indent
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Never

import click
import orjson

from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import print_json, print_lines
from segment_insider_scenarios import require_scenarios_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.reports import ScenarioResult
    from segment_insider_scenarios.running_emulator import RunningEmulator
    from segment_insider_scenarios.shopper import Shopper
    from segment_insider_scenarios.step_catalogue import CatalogueStep


DEMO_PORT = 8282
STILL_RUNNING_TEXT = """
Still running at {url}. Stop it with Ctrl-C.
  Send your own events:  segment.analytics.Client("{write_key}", host="{url}")
  See the profiles:      curl {url}/emulator/v1/profiles
  See the messages:      curl {url}/emulator/v1/messages"""


@click.command(epilog="Example: emulator demo --once --seed 7")
@click.option("--once", is_flag=True, help="Exit after the summary.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Port to listen at, 0 for any free one.  [{DEMO_PORT}, with --once any free one]",
)
@click.option("--seed", default=1, show_default=True, help="Use a different shopper.")
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
    """Send a shopper's day with Segment's Python SDK and show what Insider One receives."""
    get_selected_workspace_name(workspace, preset)
    require_scenarios_extra("demo")
    # Imported here because `--help` needs neither the SDK nor the web framework.
    from segment_insider_scenarios.running_emulator import serve_emulator
    from segment_insider_scenarios.shopper import make_shopper

    loaded = load_workspace(workspace, preset)
    listen_port = port if port is not None else 0 if once else DEMO_PORT
    with serve_emulator(loaded, listen_port) as emulator:
        _run_shopper_day(emulator, make_shopper(seed=seed), seed, as_json)
        if not once:
            _wait_for_interrupt(
                STILL_RUNNING_TEXT.format(url=emulator.url, write_key=loaded.write_key)
            )


def _run_shopper_day(
    emulator: "RunningEmulator", person: "Shopper", seed: int, as_json: bool
) -> None:
    from segment_insider_emulator.demo.shopper_day import build_shopper_day, summarise_shopper_day
    from segment_insider_emulator.demo.shopper_day import format_shopper_day_report as summary_lines
    from segment_insider_scenarios.shopper import make_products

    turns = build_shopper_day(person, make_products(4, seed=seed))
    for turn in turns:
        emulator.shop.send(turn.shopper, turn.call)
    summary = summarise_shopper_day(emulator.client, emulator.workspace.destination, turns, person)
    if as_json:
        print_json(summary)
        return
    click.echo(
        f"{person.first_name} {person.last_name} shops. Segment's Python SDK sends {len(turns)} "
        "calls through the emulator."
    )
    print_lines(summary_lines(summary))


def _wait_for_interrupt(message: str) -> None:
    signal.signal(signal.SIGTERM, _exit_on_signal)
    click.echo(message, err=True)
    with suppress(KeyboardInterrupt):
        Event().wait()


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> Never:
    raise SystemExit


@click.command(epilog="Example: emulator steps journey")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each step.")
@click.option("--markdown", is_flag=True, help="Print them as a page of the documentation.")
@click.option(
    "--glue",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write them, and your own of ./features, for editors with a Cucumber extension.",
)
@click.pass_context
def steps_command(
    ctx: click.Context, words: tuple[str, ...], as_json: bool, markdown: bool, glue: Path | None
) -> None:
    """List all steps, or those that contain all WORDS, each with an example.

    Exits 1 when no step matches.
    """
    require_scenarios_extra("steps")
    # Imported here because `--help` needs no test runner.
    from segment_insider_scenarios.step_catalogue import list_library_steps, suggest_steps

    step_entries = [entry for entry in list_library_steps() if _step_matches_words(entry, words)]
    if glue:
        _write_editor_glue(glue)
        return
    if as_json:
        for entry in step_entries:
            click.echo(orjson.dumps({**asdict(entry), "example": entry.example}))
    elif markdown:
        click.echo(_render_steps_markdown(step_entries), nl=False)
    else:
        _print_steps(step_entries)
    if not step_entries:
        near = "\n".join(f"  {pattern}" for pattern in suggest_steps(" ".join(words)))
        suggestion = f"Did you mean one of these?\n{near}" if near else "Try fewer words."
        click.echo(f"No step matches. {suggestion}", err=True)
        ctx.exit(1)


def _write_editor_glue(folder: Path) -> None:
    from segment_insider_scenarios.editor_glue import GLUE_FILE, build_editor_glue
    from segment_insider_scenarios.step_catalogue import list_library_steps

    path = folder / GLUE_FILE
    text = build_editor_glue(list_library_steps(), _define_own_steps(Path("features")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        what = f"the steps cannot be written ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a folder that can be written.") from error
    print_lines(
        [
            f"{path}: written. For VS Code with the extension Cucumber, in .vscode/settings.json:",
            '  "cucumber.features": ["features/**/*.feature"],',
            f'  "cucumber.glue": ["{folder.as_posix()}/*.ts"]',
        ]
    )


def _define_own_steps(features: Path) -> list[str]:
    """Return definitions of the project's own steps, which a dry run of its features imports.

    Raises: EmulatorError, when a conftest.py cannot be imported.
    """
    if not any(features.rglob("*.feature")):
        return []
    from segment_insider_scenarios.editor_glue import define_own_steps
    from segment_insider_scenarios.runner import FeatureRunOptions, run_features

    found: list[str] = []

    def collect(_result: "ScenarioResult", _done: int, _expected: int) -> None:
        found[:] = found or define_own_steps()

    run_features([features], collect, FeatureRunOptions(dry_run=True, skip_tags=""))
    return found


def _step_matches_words(entry: "CatalogueStep", words: tuple[str, ...]) -> bool:
    text = f"{entry.theme} {entry.pattern} {entry.about}".casefold()
    return all(word.casefold() in text for word in words)


def _print_steps(step_entries: "list[CatalogueStep]") -> None:
    for theme, entries in groupby(step_entries, key=lambda entry: entry.theme):
        click.secho(theme.capitalize(), bold=True)
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            click.echo(f"\n  {kinds}: {entry.pattern}\n    {entry.about}")
            click.secho(indent(entry.example, "      "), dim=True)
        click.echo()


def _render_steps_markdown(step_entries: "list[CatalogueStep]") -> str:
    parts = [
        "# Steps\n\nAs `emulator steps --markdown` prints them; how to write scenarios: ",
        "[scenarios](scenarios.md).\n",
    ]
    for theme, entries in groupby(step_entries, key=lambda entry: entry.theme):
        parts.append(f"\n## {theme.capitalize()}\n")
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            parts.append(f"\n**{kinds}:** `{entry.pattern}`\n\n{entry.about}\n")
            parts.append(f"\n```gherkin\n{entry.example}\n```\n")
    return "".join(parts)
