"""The command `emulator drift`: compare a workspace with guide, catalogue and traffic."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import click

from segment_insider_emulator.analysis.drift import DriftReport, find_drift
from segment_insider_emulator.analysis.drift.deviations import (
    DeviationEffect,
    DeviationTable,
    PreviewedDeviation,
    ValueChange,
)
from segment_insider_emulator.analysis.drift.known_differences import KnownDifference
from segment_insider_emulator.cli.ci_reports import (
    SarifFinding,
    SarifLevel,
    annotate_findings,
    print_annotations,
    stop_github_commands,
    write_sarif,
)
from segment_insider_emulator.cli.inputs import (
    fetch_running_workspace,
    is_emulator_url,
    read_traffic,
)
from segment_insider_emulator.cli.workspace_comparison import compare_workspace_file
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.segment_api import API_URLS, TOKEN_VARIABLE
from segment_insider_emulator.terminal_output import (
    build_expand_settings_hint,
    format_known_cause_count,
    print_lines,
    style_terminal_text,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import WorkspaceEdit
from segment_insider_emulator.workspace.loading import (
    PRESET_NAMES,
    read_document,
    read_preset_document,
)
from segment_insider_emulator.workspace.validation import WorkspaceFinding, validate_document


@click.command("drift", epilog="Example: emulator drift shop.yaml --traffic http://127.0.0.1:8282")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESET_NAMES), help="Check a preset instead of a file.")
@click.option(
    "--traffic", metavar="SOURCE",
    help="Check traffic, too: the address of a running emulator, its database, or a file of "
    "events. Set EMULATOR_TOKEN if the emulator has a password.",
)  # fmt: skip
@click.option(
    "--live",
    is_flag=True,
    help=f"Compare FILE with Segment instead, with the token in {TOKEN_VARIABLE}.",
)
@click.option(
    "--terraform-plan",
    metavar="JSON",
    type=click.Path(path_type=Path),
    help="Compare FILE with the output of `terraform show -json PLAN` instead.",
)
@click.option(
    "--region", type=click.Choice(list(API_URLS)), default="us", show_default=True,
    help="Where Segment keeps the workspace.",
)  # fmt: skip
@click.option("--whole", is_flag=True, help="Print long mappings in full.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--sarif", type=click.Path(path_type=Path), metavar="FILE",
    help="Write SARIF, e.g. for code scanning on GitHub.",
)  # fmt: skip
@click.pass_context
def drift_command(
    ctx: click.Context,
    file: str | None,
    preset: str | None,
    traffic: str | None,
    live: bool,
    terraform_plan: Path | None,
    region: str,
    whole: bool,
    as_json: bool,
    sarif: Path | None,
) -> None:
    """Show where a workspace FILE differs from the guide, the action defaults and the traffic.

    Each difference has the line to write and what Insider One would then receive. Exits 1 when a
    difference loses data, else 0; 2 when FILE or the traffic cannot be read. Differences whose
    causes FILE lists as known are left out. If the traffic is the address of an emulator, FILE may
    be left out: then the emulator's workspace is checked.

    With --live or --terraform-plan, FILE is compared with what runs at Segment, or what Terraform
    would make of it. Exits 1 when they differ, 0 when they do not.
    """
    if live or terraform_plan:
        if file is None or preset or traffic or sarif or (live and terraform_plan):
            raise click.UsageError(
                "Give FILE and --live or --terraform-plan, without --preset, --traffic or --sarif."
            )
        ctx.exit(compare_workspace_file(file, terraform_plan, region, as_json=as_json))
    checks_running = file is None and preset is None and is_emulator_url(traffic or "")
    if (file is None) == (preset is None) and not checks_running:
        others = ", or the http:// address of an emulator as traffic" if traffic else ""
        raise click.UsageError(f"Give a FILE, or --preset NAME{others}.")
    name = preset or file or traffic or ""
    document = read_preset_document(preset) if preset else _read_workspace_document(name)
    events = [] if traffic is None else _read_traffic_events(traffic, document)
    report = find_drift(document, events)
    if not isinstance(report, DriftReport):
        print_lines([_format_workspace_problem(name, problem) for problem in report], err=True)
        ctx.exit(2)
    _report_drift_to_ci(sarif, None if preset or is_emulator_url(name) else name, report)
    if as_json:
        click.echo(json.dumps(build_drift_document(report), indent=2))
    else:
        with stop_github_commands(is_active=True):
            print_lines(format_drift_report(report, name, whole=whole))
        workspace_label = f"preset {preset}" if preset else name
        click.echo(_format_drift_summary(report, workspace_label, len(events)), err=True)
    ctx.exit(int(report.loses_data))


_SARIF_LEVELS: dict[DeviationEffect, SarifLevel] = {
    "loses": "error",
    "differs": "warning",
    "note": "note",
}


def _report_drift_to_ci(sarif: Path | None, file: str | None, report: DriftReport) -> None:
    """Write differences as SARIF if a file is named, and as annotations on GitHub Actions."""
    texts = {known.difference_id: known.what for known in report.known_differences}
    findings = [
        SarifFinding(
            deviation.difference_id or f"differs-from-{'-and-'.join(deviation.references)}",
            _SARIF_LEVELS[deviation.effect],
            deviation.path or table.path,
            f"{deviation.what}. {deviation.remedy}",
            is_known,
            texts.get(deviation.difference_id, ""),
        )
        for table in report.tables
        for deviations, is_known in ((table.deviations, False), (table.known, True))
        for deviation in deviations
    ]
    if sarif:
        write_sarif(sarif, file, findings)
    print_annotations(annotate_findings(file, findings))


def _format_workspace_problem(name: str, problem: WorkspaceFinding) -> str:
    place = f"{name}: {problem.where}" if problem.where else name
    return f"emulator: {place}: {problem.what}. {problem.remedy}"


def _read_traffic_events(traffic: str, document: JSONObject) -> list[JSONObject]:
    valid_document = None if validate_document(document) else document
    events = list(read_traffic(traffic, workspace_document=valid_document))
    if not events:
        remedy = "Use the app first, or leave --traffic out."
        raise EmulatorError("there are no events", traffic, remedy)
    return events


def _read_workspace_document(name: str) -> JSONObject:
    return fetch_running_workspace(name) if is_emulator_url(name) else read_document(name)


def _format_drift_summary(report: DriftReport, name: str, events: int) -> str:
    counts = dict.fromkeys(("loses", "differs", "note"), 0)
    for deviation in report.deviations:
        counts[deviation.effect] += 1
    traffic_text = f" and {events:,} event{'s' * (events > 1)}" if events else ""
    return (
        f"{name}{traffic_text}: {counts['loses']} departures lose data, "
        f"{counts['differs']} differ, {counts['note']} notes"
        f"{format_known_cause_count(report.known_count)}"
    )


def build_drift_document(report: DriftReport) -> JSONObject:
    """Return a drift report as `--json` prints it."""
    return {
        "losesData": report.loses_data,
        "subscriptions": [_build_subscription_document(table) for table in report.tables],
        "checklist": [
            {
                "id": check.difference_id,
                "state": check.state,
                "departures": check.deviation_count,
                "what": check.what,
            }
            for check in report.known_differences
        ],
    }


def _build_subscription_document(table: DeviationTable) -> JSONObject:
    return {
        "name": table.subscription_name or None,
        "actionSlug": table.action_slug or None,
        "where": table.path,
        "settingsLeftOut": not table.has_custom_mapping,
        "departures": [_build_deviation_document(deviation) for deviation in table.deviations],
        "known": [_build_deviation_document(deviation) for deviation in table.known],
    }


def _build_deviation_document(deviation: PreviewedDeviation) -> JSONObject:
    change = deviation.edit
    return {
        "id": deviation.difference_id or None,
        "cause": deviation.cause,
        "effect": deviation.effect,
        "against": list(deviation.references),
        "where": deviation.path,
        "what": deviation.what,
        "remedy": deviation.remedy,
        "write": {
            "where": change.path,
            "value": change.value,
            "inPlaceOf": change.removed_key,
            "remove": change.removed_path or None,
        }
        if change
        else None,
        "receives": [
            {"at": receipt.path, "before": receipt.before, "after": receipt.after}
            for receipt in deviation.value_changes
        ],
    }


_EFFECT_COLOURS = {"loses": "red", "differs": "yellow", "departs": "yellow"}
_MAX_MAPPING_LENGTH = 400  # characters of a mapping that are printed without --whole
_MAX_REPEATED_LENGTH = 100  # characters of a mapping that are printed every time
_MAX_ROW_WIDTH = 150  # characters of a row with the new value


class _MappingFormatter:
    """Formatter of suggested mappings: prints a mapping whole, or describes it if it is long."""

    def __init__(self, whole: bool) -> None:
        self._is_whole = whole
        self._first_place_by_text: dict[
            str, str
        ] = {}  # text -> the first place that it is written to

    def format_mapping(self, change: WorkspaceEdit) -> str:
        """Return a suggested mapping as JSON, or a description if it is long or printed already."""
        text = json.dumps(change.value, ensure_ascii=False)
        if self._is_whole or len(text) <= _MAX_REPEATED_LENGTH:
            return text
        if len(text) > _MAX_MAPPING_LENGTH:
            named = change.value.get("name") if isinstance(change.value, dict) else None
            what = (
                f"the subscription {named!r}" if isinstance(named, str) else "the guide's mapping"
            )
            return f"{what}, {len(text):,} characters; --whole prints them"
        first = self._first_place_by_text.setdefault(text, change.path)
        return text if first == change.path else f"the same as {first}"


def format_drift_report(report: DriftReport, name: str, *, whole: bool) -> Iterator[str]:
    """Yield the lines of a drift report: deviations shown by traffic first, then the others.

    Args:
        name: File, preset or URL of the workspace.
        whole: Print all mappings in full.
    """
    mappings = _MappingFormatter(whole)
    tables = list(_filter_deviations(report.tables, _is_proven_by_traffic))
    if tables:
        yield style_terminal_text("What the traffic shows", bold=True)
        yield ""
        for table in tables:
            yield from _format_subscription_table(table, name, mappings)
        yield style_terminal_text("What the workspace shows", bold=True)
        yield ""
    for table in _filter_deviations(
        report.tables, lambda deviation: not _is_proven_by_traffic(deviation)
    ):
        yield from _format_subscription_table(table, name, mappings)
    yield style_terminal_text("The known differences, one by one", bold=True)
    yield from map(_format_known_difference, report.known_differences)


def _filter_deviations(
    tables: Sequence[DeviationTable], predicate: Callable[[PreviewedDeviation], bool]
) -> Iterator[DeviationTable]:
    """Yield each drift table with the deviations that match *predicate*, if there are any."""
    for table in tables:
        deviations = [deviation for deviation in table.deviations if predicate(deviation)]
        if deviations:
            yield replace(table, deviations=deviations)


def _is_proven_by_traffic(deviation: PreviewedDeviation) -> bool:
    return "traffic" in deviation.references and deviation.effect != "note"


def _format_subscription_table(
    table: DeviationTable, name: str, mappings: _MappingFormatter
) -> Iterator[str]:
    title = (
        f"{table.subscription_name} ({table.action_slug})"
        if table.subscription_name
        else "The workspace"
    )
    yield style_terminal_text(title, bold=True) + (f"  {table.path}" if table.path else "")
    if table.replaces_default_mapping:
        yield f"  {build_expand_settings_hint(name)}"
    for (*_, several), alike in groupby(table.deviations, key=_get_deviation_grouping_key):
        deviations = list(alike)
        if len(deviations) > 1 and several:
            yield from _format_deviation_group(deviations, mappings)
        else:
            for deviation in deviations:
                yield from _format_deviation(deviation, mappings)
    yield ""


def _get_deviation_grouping_key(deviation: PreviewedDeviation) -> tuple[str, ...]:
    """Return what deviations must share to be printed as one group of the drift report."""
    return (
        deviation.difference_id,
        deviation.effect,
        *deviation.references,
        deviation.group_text if deviation.edit else "",
    )


def _format_deviation_group(
    deviations: Sequence[PreviewedDeviation], mappings: _MappingFormatter
) -> Iterator[str]:
    changes = {item.edit.path: item.edit for item in deviations if item.edit}
    head = _format_deviation_head(deviations[0], f"{len(deviations)} {deviations[0].group_text}")
    if len(changes) == 1:
        yield head
        yield from (f"         {deviation.what}" for deviation in deviations)
        yield from _format_suggested_edit(deviations[0], mappings)
        yield "              and likewise for the others"
        return
    place = next(iter(changes)).partition(".settings.")[0] + ".settings"
    yield f"{head} Write under {place}:"
    for deviation in deviations:
        if deviation.edit:
            yield from _format_edit_row(deviation.edit, place, deviation.value_changes, mappings)


def _format_edit_row(
    change: WorkspaceEdit, place: str, receives: Sequence[ValueChange], mappings: _MappingFormatter
) -> Iterator[str]:
    line = f"         {change.path.removeprefix(place + '.')}: {mappings.format_mapping(change)}"
    if change.removed_key:
        line += f", in place of {change.removed_key}"
    if not receives:
        yield line
        return
    others = f" and {len(receives) - 1} more" if len(receives) > 1 else ""
    value_text = f"then {_format_value_change(receives[0])}{others}"
    if len(line) + len(value_text) < _MAX_ROW_WIDTH:
        yield f"{line}  {value_text}"
    else:
        yield line
        yield f"           {value_text}"


def _format_deviation(deviation: PreviewedDeviation, mappings: _MappingFormatter) -> Iterator[str]:
    yield _format_deviation_head(deviation, deviation.what)
    if deviation.edit:
        yield from _format_suggested_edit(deviation, mappings)
    elif deviation.effect != "note":
        yield f"       at     {deviation.path}: {deviation.remedy}"


def _format_deviation_head(deviation: PreviewedDeviation, what: str) -> str:
    effect = style_terminal_text(f"{deviation.effect:7}", fg=_EFFECT_COLOURS.get(deviation.effect))
    return (
        f"  {deviation.difference_id or '-':4} {effect} {'+'.join(deviation.references):15} {what}."
    )


def _format_suggested_edit(
    deviation: PreviewedDeviation, mappings: _MappingFormatter
) -> Iterator[str]:
    if deviation.edit:
        verb, where = "write", deviation.edit.path
        if deviation.edit.adds_subscription:
            verb, where = "add", "to destination.subscriptions"
        yield f"       {verb:6} {where}: {mappings.format_mapping(deviation.edit)}"
        if deviation.edit.removed_key:
            yield f"              in place of {deviation.edit.removed_key}"
        if deviation.edit.removed_path:
            yield f"              and remove {deviation.edit.removed_path}"
    for receipt in deviation.value_changes:
        yield f"       then   {_format_value_change(receipt)}"


def _format_value_change(receipt: ValueChange) -> str:
    before, after = _format_json_value(receipt.before), _format_json_value(receipt.after)
    return f"{receipt.path}: {before} -> {after}"


def _format_known_difference(check: KnownDifference) -> str:
    state = style_terminal_text(f"{check.state:8}", fg=_EFFECT_COLOURS.get(check.state))
    count = f" ({check.deviation_count})" if check.deviation_count else ""
    return f"  {check.difference_id:4} {state} {check.what}{count}"


def _format_json_value(value: JSON) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_MAPPING_LENGTH else f"{text[:_MAX_MAPPING_LENGTH]}…"
