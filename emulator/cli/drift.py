"""`emulator drift`: where a workspace departs from the guide, the catalogue and the traffic."""

import json
from collections.abc import Iterator

import click

from emulator.cli.captured import captured
from emulator.types import JSON, JSONObject
from emulator.workspace.drift import Drift, drift
from emulator.workspace.drift.checklist import Check
from emulator.workspace.drift.departure import Departure, Receipt, Table
from emulator.workspace.loading import PRESETS, read, read_preset

_COLOURS = {"loses": "red", "differs": "yellow", "departs": "yellow"}
# A longer mapping is easier to copy from --json.
_LONGEST = 500


@click.command("drift", epilog="Example: emulator drift shop.yaml --traffic emulator.db")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESETS), help="Look at a preset instead of a file.")
@click.option(
    "--traffic", metavar="DB|NDJSON", help="A database of the emulator, or events one a line."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def command(
    ctx: click.Context, file: str | None, preset: str | None, traffic: str | None, as_json: bool
) -> None:
    """Say where a workspace FILE departs from the guide, the catalogue's defaults and the traffic.

    Each departure has the line to write and what Insider One would then receive. Exits 1 when one
    of them loses data, else 0; 2 when FILE or the traffic cannot be read.
    """
    if (file is None) == (preset is None):
        raise click.UsageError("Give a FILE, or --preset NAME.")
    document = read_preset(preset) if preset else read(file or "")
    events = list(captured(traffic)) if traffic else []
    found = drift(document, events)
    if not isinstance(found, Drift):
        for fault in found:
            click.echo(f"emulator: {fault.where}: {fault.what}. {fault.remedy}", err=True)
        ctx.exit(2)
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        click.echo("\n".join(_text(found)))
        click.echo(_summary(found, file or f"preset {preset}", len(events)), err=True)
    ctx.exit(int(found.loses))


def _text(found: Drift) -> Iterator[str]:
    for table in found.tables:
        if table.departures:
            yield from _table(table)
    yield click.style("The known differences, one by one", bold=True)
    yield from map(_check, found.checks)


def _table(table: Table) -> Iterator[str]:
    title = f"{table.subscription} ({table.action_slug})" if table.subscription else "The workspace"
    yield click.style(title, bold=True) + (f"  {table.where}" if table.where else "")
    for each in table.departures:
        yield from _departure(each)
    yield ""


def _departure(each: Departure) -> Iterator[str]:
    effect = click.style(f"{each.effect:7}", fg=_COLOURS.get(each.effect))
    yield f"  {each.id or '-':4} {effect} {'+'.join(each.against):15} {each.what}."
    if each.change:
        yield f"       write  {each.change.where}: {_shown(each.change.value)}"
        if each.change.drops:
            yield f"              in place of {each.change.drops}"
    elif each.effect != "note":
        yield f"       at     {each.where}: {each.remedy}"
    for receipt in each.receives:
        yield f"       then   {_receipt(receipt)}"


def _receipt(receipt: Receipt) -> str:
    return f"{receipt.at}: {_shown(receipt.before)} -> {_shown(receipt.after)}"


def _check(check: Check) -> str:
    state = click.style(f"{check.state:8}", fg=_COLOURS.get(check.state))
    count = f" ({check.departures})" if check.departures else ""
    return f"  {check.id:4} {state} {check.what}{count}"


def _shown(value: JSON) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _summary(found: Drift, name: str, events: int) -> str:
    counts = dict.fromkeys(("loses", "differs", "note"), 0)
    for each in found.departures:
        counts[each.effect] += 1
    seen = f" and {events:,} events" if events else ""
    return (
        f"{name}{seen}: {counts['loses']} departures lose data, {counts['differs']} differ, "
        f"{counts['note']} notes"
    )


def _document(found: Drift) -> JSONObject:
    return {
        "losesData": found.loses,
        "subscriptions": [_table_document(table) for table in found.tables],
        "checklist": [
            {"id": e.id, "state": e.state, "departures": e.departures, "what": e.what}
            for e in found.checks
        ],
    }


def _table_document(table: Table) -> JSONObject:
    return {
        "name": table.subscription or None,
        "actionSlug": table.action_slug or None,
        "where": table.where,
        "departures": [_departure_document(each) for each in table.departures],
    }


def _departure_document(each: Departure) -> JSONObject:
    change = each.change
    return {
        "id": each.id or None,
        "effect": each.effect,
        "against": list(each.against),
        "where": each.where,
        "what": each.what,
        "remedy": each.remedy,
        "write": {"where": change.where, "value": change.value, "inPlaceOf": change.drops}
        if change
        else None,
        "receives": [
            {"at": receipt.at, "before": receipt.before, "after": receipt.after}
            for receipt in each.receives
        ],
    }
