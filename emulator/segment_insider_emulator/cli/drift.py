"""`emulator drift`: where a workspace departs from the guide, the catalogue and the traffic."""

import json

import click

from segment_insider_emulator.cli.captured import captured
from segment_insider_emulator.cli.drift_tables import lines
from segment_insider_emulator.cli.running import is_address, running_workspace
from segment_insider_emulator.cli.terminal import tell
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift import Drift, drift
from segment_insider_emulator.workspace.drift.departure import Departure, Table
from segment_insider_emulator.workspace.loading import PRESETS, read, read_preset


@click.command("drift", epilog="Example: emulator drift shop.yaml --traffic http://127.0.0.1:8282")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESETS), help="Look at a preset instead of a file.")
@click.option(
    "--traffic", metavar="SOURCE",
    help="Look at what came, too: the address of a running emulator, its database, or a file of "
    "events. EMULATOR_TOKEN opens an emulator that asks for it.",
)  # fmt: skip
@click.option("--whole", is_flag=True, help="Print long mappings, too, as they are to be written.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    file: str | None,
    preset: str | None,
    traffic: str | None,
    whole: bool,
    as_json: bool,
) -> None:
    """Say where a workspace FILE departs from the guide, the catalogue's defaults and the traffic.

    Each departure has the line to write and what Insider One would then receive. Exits 1 when one
    of them loses data, else 0; 2 when FILE or the traffic cannot be read. With the address of an
    emulator as traffic, FILE may be left out: then it is the workspace that runs there.
    """
    runs = file is None and preset is None and is_address(traffic or "")
    if (file is None) == (preset is None) and not runs:
        others = ", or the http:// address of an emulator as traffic" if traffic else ""
        raise click.UsageError(f"Give a FILE, or --preset NAME{others}.")
    name = preset or file or traffic or ""
    document = read_preset(preset) if preset else _read(name)
    events = _events(traffic) if traffic else []
    found = drift(document, events)
    if not isinstance(found, Drift):
        for fault in found:
            tell([f"emulator: {fault.where}: {fault.what}. {fault.remedy}"], err=True)
        ctx.exit(2)
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        tell(lines(found, name, whole=whole))
        told = f"preset {preset}" if preset else name
        click.echo(_summary(found, told, len(events)), err=True)
    ctx.exit(int(found.loses))


def _events(traffic: str) -> list[JSONObject]:
    events = list(captured(traffic))
    if not events:
        remedy = "Use the app first, or leave --traffic out."
        raise EmulatorError("no event came", traffic, remedy)
    return events


def _read(name: str) -> JSONObject:
    return running_workspace(name) if is_address(name) else read(name)


def _summary(found: Drift, name: str, events: int) -> str:
    counts = dict.fromkeys(("loses", "differs", "note"), 0)
    for each in found.departures:
        counts[each.effect] += 1
    seen = f" and {events:,} event{'s' * (events > 1)}" if events else ""
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
        "settingsLeftOut": not table.mapped,
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
