"""`emulator steps`: what scenarios may say."""

from dataclasses import asdict
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING

import click
import orjson

from segment_insider_scenarios.requirements import require

if TYPE_CHECKING:
    from segment_insider_scenarios.catalogue import StepEntry


@click.command(epilog="Example: emulator steps journey")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each step.")
@click.option("--markdown", is_flag=True, help="Print them as the page of the documentation.")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...], as_json: bool, markdown: bool) -> None:
    """List the steps, or those that have all WORDS, each with an example.

    Exits 1 when no step has them.
    """
    require("steps")
    # Here, not above: `emulator steps --help` needs no test runner.
    from segment_insider_scenarios.catalogue import library, suggestions

    found = [each for each in library() if _has(each, words)]
    if as_json:
        for entry in found:
            click.echo(orjson.dumps({**asdict(entry), "example": entry.example}))
    elif markdown:
        click.echo(_page(found), nl=False)
    else:
        _print(found)
    if not found:
        near = "\n".join(f"  {each}" for each in suggestions(" ".join(words)))
        told = f"Did you mean one of these?\n{near}" if near else "Try fewer words."
        click.echo(f"No step matches. {told}", err=True)
        ctx.exit(1)


def _has(entry: "StepEntry", words: tuple[str, ...]) -> bool:
    text = f"{entry.theme} {entry.pattern} {entry.about}".casefold()
    return all(word.casefold() in text for word in words)


def _print(found: "list[StepEntry]") -> None:
    for theme, entries in groupby(found, key=lambda entry: entry.theme):
        click.secho(theme.capitalize(), bold=True)
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            click.echo(f"\n  {kinds}: {entry.pattern}\n    {entry.about}")
            click.secho(indent(entry.example, "      "), dim=True)
        click.echo()


def _page(found: "list[StepEntry]") -> str:
    parts = [
        "# Steps\n\nAs `emulator steps --markdown` prints them; how to write scenarios: ",
        "[scenarios](scenarios.md).\n",
    ]
    for theme, entries in groupby(found, key=lambda entry: entry.theme):
        parts.append(f"\n## {theme.capitalize()}\n")
        for entry in entries:
            kinds = ", ".join(kind.capitalize() for kind in entry.kinds)
            parts.append(f"\n**{kinds}:** `{entry.pattern}`\n\n{entry.about}\n")
            parts.append(f"\n```gherkin\n{entry.example}\n```\n")
    return "".join(parts)
