"""`emulator drift`: where a workspace departs from the guide, the catalogue and the traffic."""

import json

import click

from segment_insider_emulator.cli.captured import read_traffic
from segment_insider_emulator.cli.drift_tables import format_drift
from segment_insider_emulator.cli.running import fetch_running_workspace, is_emulator_url
from segment_insider_emulator.cli.terminal import print_lines
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift import DriftReport, find_drift
from segment_insider_emulator.workspace.drift.departure import DeviationTable, PreviewedDeviation
from segment_insider_emulator.workspace.loading import PRESET_NAMES, read_document, read_preset


@click.command("drift", epilog="Example: emulator drift shop.yaml --traffic http://127.0.0.1:8282")
@click.argument("file", required=False, type=click.Path())
@click.option(
    "--preset", type=click.Choice(PRESET_NAMES), help="Look at a preset instead of a file."
)
@click.option(
    "--traffic", metavar="SOURCE",
    help="Look at what came, too: the address of a running emulator, its database, or a file of "
    "events. EMULATOR_TOKEN opens an emulator that asks for it.",
)  # fmt: skip
@click.option("--whole", is_flag=True, help="Print long mappings, too, as they are to be written.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def drift_command(
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
    runs = file is None and preset is None and is_emulator_url(traffic or "")
    if (file is None) == (preset is None) and not runs:
        others = ", or the http:// address of an emulator as traffic" if traffic else ""
        raise click.UsageError(f"Give a FILE, or --preset NAME{others}.")
    name = preset or file or traffic or ""
    document = read_preset(preset) if preset else _read_workspace_document(name)
    events = _read_events(traffic) if traffic else []
    report = find_drift(document, events)
    if not isinstance(report, DriftReport):
        for fault in report:
            print_lines([f"emulator: {fault.where}: {fault.what}. {fault.remedy}"], err=True)
        ctx.exit(2)
    if as_json:
        click.echo(json.dumps(_drift_document(report), indent=2))
    else:
        print_lines(format_drift(report, name, whole=whole))
        workspace_label = f"preset {preset}" if preset else name
        click.echo(_format_drift_summary(report, workspace_label, len(events)), err=True)
    ctx.exit(int(report.loses_data))


def _read_events(traffic: str) -> list[JSONObject]:
    events = list(read_traffic(traffic))
    if not events:
        remedy = "Use the app first, or leave --traffic out."
        raise EmulatorError("no event came", traffic, remedy)
    return events


def _read_workspace_document(name: str) -> JSONObject:
    return fetch_running_workspace(name) if is_emulator_url(name) else read_document(name)


def _format_drift_summary(report: DriftReport, name: str, events: int) -> str:
    counts = dict.fromkeys(("loses", "differs", "note"), 0)
    for each in report.deviations:
        counts[each.effect] += 1
    traffic_text = f" and {events:,} event{'s' * (events > 1)}" if events else ""
    return (
        f"{name}{traffic_text}: {counts['loses']} departures lose data, {counts['differs']} differ, "
        f"{counts['note']} notes"
    )


def _drift_document(report: DriftReport) -> JSONObject:
    return {
        "losesData": report.loses_data,
        "subscriptions": [_subscription_document(table) for table in report.tables],
        "checklist": [
            {
                "id": e.difference_id,
                "state": e.state,
                "departures": e.deviation_count,
                "what": e.what,
            }
            for e in report.known_differences
        ],
    }


def _subscription_document(table: DeviationTable) -> JSONObject:
    return {
        "name": table.subscription_name or None,
        "actionSlug": table.action_slug or None,
        "where": table.path,
        "settingsLeftOut": not table.has_custom_mapping,
        "departures": [_departure_document(each) for each in table.deviations],
    }


def _departure_document(departure: PreviewedDeviation) -> JSONObject:
    change = departure.edit
    return {
        "id": departure.difference_id or None,
        "effect": departure.effect,
        "against": list(departure.references),
        "where": departure.path,
        "what": departure.what,
        "remedy": departure.remedy,
        "write": {"where": change.path, "value": change.value, "inPlaceOf": change.removed_key}
        if change
        else None,
        "receives": [
            {"at": receipt.path, "before": receipt.before, "after": receipt.after}
            for receipt in departure.value_changes
        ],
    }
