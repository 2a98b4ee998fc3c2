"""Comparison of a workspace file with what runs at Segment or with a Terraform plan."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from segment_insider_emulator.cli.ci_reports import (
    SarifFinding,
    annotate_findings,
    print_annotations,
    stop_github_commands,
)
from segment_insider_emulator.cli.inputs import fetch_segment_resources
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.import_files import read_import_files
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.interchange.workspace_differences import (
    WorkspaceDifference,
    find_workspace_differences,
)
from segment_insider_emulator.terminal_output import print_lines
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace import Workspace, load_workspace_or_preset
from segment_insider_emulator.workspace.loading import load_workspace_from_document

MAX_VALUE_CHARACTERS = 400


def compare_workspace_file(
    file: str, terraform_plan: Path | None, region: str, *, as_json: bool
) -> int:
    """Print what differs between a workspace file and Segment, or a Terraform plan.

    Args:
        terraform_plan: The output of `terraform show -json`; None asks Segment.
        region: Of Segment: "us" or "eu".
    Returns: The exit code: 1 when they differ, else 0.
    Raises: EmulatorError, when one of them cannot be read.
    """
    workspace = load_workspace_or_preset(file)
    other_name = str(terraform_plan) if terraform_plan else "Segment"
    imported = (
        _read_plan(terraform_plan) if terraform_plan else _fetch_workspace(workspace, file, region)
    )
    other = load_workspace_from_document(imported.document, other_name)
    differences = find_workspace_differences(workspace, other)
    unread = [finding for finding in imported.findings if finding.severity != "note"]
    if as_json:
        document = {
            "differences": [asdict(difference) for difference in differences],
            "findings": [asdict(finding) for finding in unread],
        }
        click.echo(json.dumps(document, indent=2))
        return int(bool(differences))
    with stop_github_commands(is_active=bool(differences)):
        for difference in differences:
            print_lines(_format_difference(difference, file, other_name))
    for finding in unread:
        text = f"{finding.severity}: {finding.where}: {finding.what}. {finding.remedy}"
        print_lines([text], err=True)
    count = len(differences)
    plural = "" if count == 1 else "s"
    click.echo(f"{file} and {other_name}: {count or 'no'} difference{plural}", err=True)
    findings = [
        SarifFinding(
            "differs-from-segment",
            "error",
            difference.where,
            f"{other_name} differs: {difference.kind}.",
            is_known=False,
        )
        for difference in differences
    ]
    print_annotations(annotate_findings(file, findings))
    return int(bool(differences))


def _read_plan(plan: Path) -> ImportedWorkspace:
    try:
        raw = plan.read_bytes()
    except OSError as error:
        remedy = "Write it with `terraform show -json PLAN > plan.json`."
        raise EmulatorError(f"cannot be read ({error.strerror})", str(plan), remedy) from None
    return build_imported_workspace(read_import_files([(str(plan), raw)]))


def _fetch_workspace(workspace: Workspace, file: str, region: str) -> ImportedWorkspace:
    destination_id = workspace.destination.get("id")
    if not isinstance(destination_id, str):
        remedy = "Write the id of Segment's destination there; it is in the address of its page."
        raise EmulatorError("the workspace has no destination.id", file, remedy)
    resources = fetch_segment_resources(destination_id, region)
    return build_imported_workspace(resources, destination_id)


def _format_difference(difference: WorkspaceDifference, file: str, other_name: str) -> list[str]:
    width = max(len(file), len(other_name)) + 1
    values = {
        file: None if difference.kind == "only in the other" else difference.in_file,
        other_name: None if difference.kind == "only in the file" else difference.in_other,
    }
    absent = {"only in the other": file, "only in the file": other_name}.get(difference.kind)
    return [
        f"{difference.where}: {difference.kind}",
        *(
            f"  {f'{name}:':<{width}} {'nothing' if name == absent else _format_value(value)}"
            for name, value in values.items()
        ),
    ]


def _format_value(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_VALUE_CHARACTERS:
        return text
    return f"{text[:MAX_VALUE_CHARACTERS]}… ({len(text):,} characters)"
