"""`emulator lint`: check a workspace file."""

import json
import re
from dataclasses import asdict

import click

from segment_insider_emulator.cli.spelling_out import spelling_out
from segment_insider_emulator.cli.terminal import tell
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint import lint
from segment_insider_emulator.workspace.loading import PRESETS, names_preset, read, read_preset
from segment_insider_emulator.workspace.plans import plan_faults


@click.command("lint", epilog="Example: emulator lint shop.yaml")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESETS), help="Check a preset instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(ctx: click.Context, file: str | None, preset: str | None, as_json: bool) -> None:
    """Say what is wrong in a workspace FILE, where, and what to write instead.

    Exits 0 when there are no errors and no warnings, 1 when there are, 2 when FILE cannot be read.
    """
    if file is not None and preset is not None:
        raise click.UsageError(f"Give {file} or --preset {preset}, not both.")
    if file is None and preset is None:
        raise click.UsageError("Give a FILE, or --preset NAME.")
    name = preset or file or ""
    document = read_preset(name) if preset or names_preset(name) else read(name)
    findings = _linted(document, name)
    if as_json:
        click.echo(_json(findings))
    else:
        for each in findings:
            tell(_told(each))
        if any(_of_no_mapping(each, document) for each in findings):
            click.echo(f"note: {spelling_out(name, 'a subscription above leaves')}", err=True)
        click.echo(_summary(findings, file or f"preset {preset}"), err=True)
    ctx.exit(int(any(finding.severity != "note" for finding in findings)))


def _linted(document: JSONObject, file: str) -> list[Finding]:
    found = lint(document)
    well_formed = isinstance(document.get("trackingPlan"), str | dict)
    return [*(plan_faults(document, file) if well_formed else []), *found]


def _of_no_mapping(finding: Finding, document: JSONObject) -> bool:
    """Whether *finding* asks for a line of a mapping that is left to the catalogue."""
    if finding.severity == "note":
        return False
    found = re.match(r"destination\.subscriptions\[(\d+)\].*\.settings", finding.where)
    if found is None:
        return False
    return "settings" not in document["destination"]["subscriptions"][int(found[1])]


def _json(findings: list[Finding]) -> str:
    return json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2)


def _told(finding: Finding) -> list[str]:
    place = finding.where or "the file"
    return [f"{finding.severity}: {place}", f"  {finding.what}.", f"  {finding.remedy}"]


def _summary(findings: list[Finding], name: str) -> str:
    counts = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (count := sum(each.severity == severity for each in findings))
    ]
    return f"{name}: {', '.join(counts) or 'nothing to say'}"
