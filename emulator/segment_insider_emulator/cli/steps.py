"""`emulator steps`: what scenarios may say."""

from dataclasses import asdict
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING

import click
import orjson

from segment_insider_scenarios.requirements import require_extra

if TYPE_CHECKING:
    from segment_insider_scenarios.catalogue import StepEntry


@click.command(epilog="Example: emulator steps journey")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each step.")
@click.option("--markdown", is_flag=True, help="Print them as the page of the documentation.")
@click.pass_context
def steps_command(
    ctx: click.Context, words: tuple[str, ...], as_json: bool, markdown: bool
) -> None:
    """List the steps, or those that have all WORDS, each with an example.

    Exits 1 when no step has them.
    """
    require_extra("steps")
    # Here, not above: `emulator steps --help` needs no test runner.
    from segment_insider_scenarios.catalogue import list_library_steps, suggest_steps

    step_entries = [each for each in list_library_steps() if _matches_words(each, words)]
    if as_json:
        for entry in step_entries:
            click.echo(orjson.dumps({**asdict(entry), "example": entry.example}))
    elif markdown:
        click.echo(_render_markdown_page(step_entries), nl=False)
    else:
        _print_steps(step_entries)
    if not step_entries:
        near = "\n".join(f"  {each}" for each in suggest_steps(" ".join(words)))
        suggestion = f"Did you mean one of these?\n{near}" if near else "Try fewer words."
        click.echo(f"No step matches. {suggestion}", err=True)
        ctx.exit(1)


def _matches_words(entry: "StepEntry", words: tuple[str, ...]) -> bool:
    text = f"{entry.theme} {entry.pattern} {entry.about}".casefold()
    return all(word.casefold() in text for word in words)


def _print_steps(step_entries: "list[StepEntry]") -> None:
    for theme, entries in groupby(step_entries, key=lambda entry: entry.theme):
        click.secho(theme.capitalize(), bold=True)
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            click.echo(f"\n  {kinds}: {entry.pattern}\n    {entry.about}")
            click.secho(indent(entry.example, "      "), dim=True)
        click.echo()


def _render_markdown_page(step_entries: "list[StepEntry]") -> str:
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
