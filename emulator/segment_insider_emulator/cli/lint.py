"""`emulator lint`: check a workspace file."""

import json
import re
from dataclasses import asdict

import click

from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.terminal_output import expand_settings_hint, print_lines
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import (
    PRESET_NAMES,
    is_preset_name,
    lint_tracking_plan,
    read_document,
    read_preset,
)
from segment_insider_emulator.workspace.validation import WorkspaceFinding


@click.command("lint", epilog="Example: emulator lint shop.yaml")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESET_NAMES), help="Check a preset instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def lint_command(ctx: click.Context, file: str | None, preset: str | None, as_json: bool) -> None:
    """Say what is wrong in a workspace FILE, where, and what to write instead.

    Exits 0 when there are no errors and no warnings, 1 when there are, 2 when FILE cannot be read.
    """
    if file is not None and preset is not None:
        raise click.UsageError(f"Give {file} or --preset {preset}, not both.")
    if file is None and preset is None:
        raise click.UsageError("Give a FILE, or --preset NAME.")
    name = preset or file or ""
    document = read_preset(name) if preset or is_preset_name(name) else read_document(name)
    findings = _collect_findings(document, name)
    if as_json:
        click.echo(_format_findings_json(findings))
    else:
        for each in findings:
            print_lines(_format_finding(each))
        if any(_needs_written_settings(each, document) for each in findings):
            click.echo(
                f"note: {expand_settings_hint(name, 'a subscription above leaves')}", err=True
            )
        click.echo(_format_lint_summary(findings, file or f"preset {preset}"), err=True)
    ctx.exit(int(any(finding.severity != "note" for finding in findings)))


def _collect_findings(document: JSONObject, name: str) -> list[WorkspaceFinding]:
    findings = lint_document(document)
    well_formed = isinstance(document.get("trackingPlan"), str | dict)
    return [*(lint_tracking_plan(document, name) if well_formed else []), *findings]


def _needs_written_settings(finding: WorkspaceFinding, document: JSONObject) -> bool:
    """Whether *finding* asks for a line of a mapping that is left to the catalogue."""
    if finding.severity == "note":
        return False
    match = re.match(r"destination\.subscriptions\[(\d+)\].*\.settings", finding.where)
    if match is None:
        return False
    return "settings" not in document["destination"]["subscriptions"][int(match[1])]


def _format_findings_json(findings: list[WorkspaceFinding]) -> str:
    return json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2)


def _format_finding(finding: WorkspaceFinding) -> list[str]:
    place = finding.where or "the file"
    return [f"{finding.severity}: {place}", f"  {finding.what}.", f"  {finding.remedy}"]


def _format_lint_summary(findings: list[WorkspaceFinding], name: str) -> str:
    counts = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (count := sum(each.severity == severity for each in findings))
    ]
    return f"{name}: {', '.join(counts) or 'nothing to say'}"
