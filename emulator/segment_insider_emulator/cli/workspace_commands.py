"""The commands about a workspace file: `emulator lint`, `export` and `import`."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segment_insider_emulator.analysis.lint import LintReport, build_lint_report
from segment_insider_emulator.cli.ci_reports import (
    SarifFinding,
    annotate_findings,
    print_annotations,
    stop_github_commands,
    write_sarif,
)
from segment_insider_emulator.cli.inputs import (
    fetch_running_workspace,
    fetch_segment_resources,
    is_emulator_url,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange import export_workspace
from segment_insider_emulator.interchange.export_terraform import build_terraform_configuration
from segment_insider_emulator.interchange.export_workspace import (
    build_public_api_requests,
    list_unexported_paths,
)
from segment_insider_emulator.interchange.import_files import list_import_files, read_import_files
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.interchange.segment_api import API_URLS, TOKEN_VARIABLE
from segment_insider_emulator.terminal_output import (
    build_expand_settings_hint,
    format_known_cause_count,
    make_terminal_safe,
    print_lines,
    write_output,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.documents import format_workspace_yaml
from segment_insider_emulator.workspace.loading import (
    is_preset_name,
    lint_tracking_plan,
    load_workspace_from_document,
    read_document,
    read_function_files,
    read_preset_document,
)
from segment_insider_emulator.workspace.validation import WorkspaceFinding

if TYPE_CHECKING:
    pass


@click.command("lint", epilog="Example: emulator lint shop.yaml")
@click.argument("file", required=False, type=click.Path())
@click.option("--preset", type=click.Choice(PRESET_NAMES), help="Check a preset instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--sarif",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write SARIF, e.g. for code scanning on GitHub.",
)
@click.pass_context
def lint_command(
    ctx: click.Context, file: str | None, preset: str | None, as_json: bool, sarif: Path | None
) -> None:
    """Check a workspace FILE: what is wrong, where, and what to write instead.

    Exits 0 when there are no errors and no warnings, 1 when there are, 2 when FILE cannot be read.
    """
    if file is not None and preset is not None:
        raise click.UsageError(f"Give {file} or --preset {preset}, not both.")
    if file is None and preset is None:
        raise click.UsageError("Give a FILE, or --preset NAME.")
    name = preset or file or ""
    document = (
        read_preset_document(name)
        if preset or is_preset_name(name)
        else read_function_files(read_document(name), name)
    )
    report = build_lint_report(document)
    findings = _collect_lint_findings(document, name, report.findings)
    listed_file = None if preset or is_preset_name(name) else name
    _report_lint_to_ci(sarif, listed_file, findings, report)
    if as_json:
        click.echo(_format_lint_report_json(findings, report.known))
    else:
        with stop_github_commands(is_active=bool(findings)):
            for finding in findings:
                print_lines(_format_lint_finding(finding))
        if any(_needs_written_mapping(finding, document) for finding in findings):
            click.echo(
                f"note: {build_expand_settings_hint(name, 'a subscription above leaves')}", err=True
            )
        summary = _format_lint_summary(findings, file or f"preset {preset}")
        click.echo(summary + format_known_cause_count(len(report.known)), err=True)
    ctx.exit(int(any(finding.severity != "note" for finding in findings)))


def _report_lint_to_ci(
    sarif: Path | None, file: str | None, findings: list[WorkspaceFinding], report: LintReport
) -> None:
    """Write findings as SARIF if a file is named, and as annotations on GitHub Actions."""
    results = [
        SarifFinding(
            _name_rule(finding),
            finding.severity,
            finding.where,
            f"{finding.what}. {finding.remedy}",
            is_known,
        )
        for listed, is_known in ((findings, False), (report.known, True))
        for finding in listed
    ]
    if sarif:
        write_sarif(sarif, file, results)
    print_annotations(annotate_findings(file, results))


def _name_rule(finding: WorkspaceFinding) -> str:
    """Return the name of the rule of a finding: the kind of its cause, or what it is about."""
    if finding.cause:
        return finding.cause.split()[0]
    section = re.split(r"[.\[]", finding.where)[0]
    return f"invalid-{section or 'file'}"


def _collect_lint_findings(
    document: JSONObject, name: str, findings: list[WorkspaceFinding]
) -> list[WorkspaceFinding]:
    well_formed = isinstance(document.get("trackingPlan"), str | dict)
    return [*(lint_tracking_plan(document, name) if well_formed else []), *findings]


def _needs_written_mapping(finding: WorkspaceFinding, document: JSONObject) -> bool:
    """Return whether a lint finding suggests a line in a mapping that is not in the file."""
    if finding.severity == "note":
        return False
    match = re.match(r"destination\.subscriptions\[(\d+)\].*\.settings", finding.where)
    if match is None:
        return False
    return "settings" not in document["destination"]["subscriptions"][int(match[1])]


def _format_lint_report_json(
    findings: list[WorkspaceFinding], known: list[WorkspaceFinding]
) -> str:
    document = {
        "findings": [asdict(finding) for finding in findings],
        "known": [asdict(finding) for finding in known],
    }
    return json.dumps(document, indent=2)


def _format_lint_finding(finding: WorkspaceFinding) -> list[str]:
    place = finding.where or "the file"
    return [f"{finding.severity}: {place}", f"  {finding.what}.", f"  {finding.remedy}"]


def _format_lint_summary(findings: list[WorkspaceFinding], name: str) -> str:
    counts = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity in ("error", "warning", "note")
        if (count := sum(finding.severity == severity for finding in findings))
    ]
    return f"{name}: {', '.join(counts) or 'no findings'}"


EXPORT_FORMATS = ("public-api", "terraform", "workspace")


@click.command(
    "export", epilog="Example: emulator export shop.yaml --format terraform > insider.tf"
)
@click.argument("file", required=False)
@click.option(
    "--preset", "name", type=click.Choice(PRESET_NAMES), help="A preset instead of a file."
)
@click.option(
    "--format", "form", type=click.Choice(EXPORT_FORMATS), required=True, help="What to write."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write it to this file.")
@click.option("--keep-secrets", is_flag=True, help="Write the key of the Insider One account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; public-api always is.")
def export_command(
    file: str | None,
    name: str | None,
    form: str,
    output: Path | None,
    keep_secrets: bool,
    as_json: bool,
) -> None:
    """Write a workspace in a form that Segment or Terraform can apply, or as a full workspace file.

    FILE is a workspace file, or the address of a running emulator. The format public-api prints
    API requests in order, terraform prints resources: both contain the destination, the tracking
    plan and what the source does about violations; all else is listed as left out. The format
    workspace prints a workspace file with all triggers and mappings written out.
    """
    if (file is None) == (name is None):
        raise click.UsageError("Give a FILE, or --preset NAME.")
    if keep_secrets and is_emulator_url(file or ""):
        raise click.UsageError("A running emulator shows no key: leave out --keep-secrets.")
    workspace = (
        load_preset_workspace(name) if name else _load_workspace_from_file_or_url(file or "")
    )
    left_out = _list_unexported_paths(workspace, form)
    text = _render_export(workspace, form, left_out, keep_secrets=keep_secrets, as_json=as_json)
    if left_out:
        notice = f"left out, because the format cannot contain it: {', '.join(left_out)}"
        print_lines([f"note: {notice}. Set it by hand if you need it."], err=True)
    write_output(text, output)


def _load_workspace_from_file_or_url(file: str) -> Workspace:
    return (
        load_workspace_from_document(fetch_running_workspace(file), file)
        if is_emulator_url(file)
        else load_workspace_or_preset(file)
    )


def _list_unexported_paths(workspace: Workspace, form: str) -> list[str]:
    if form == "workspace":
        return []
    return list_unexported_paths(
        workspace,
        exports_schema_settings=form != "terraform" or workspace.tracking_plan is not None,
        is_terraform=form == "terraform",
    )


def _render_export(
    workspace: Workspace, form: str, left_out: list[str], *, keep_secrets: bool, as_json: bool
) -> str:
    written: JSONObject
    match form:
        case "public-api":
            written = {"requests": build_public_api_requests(workspace, keep_secrets=keep_secrets)}
        case "terraform" if as_json:
            written = {
                "configuration": build_terraform_configuration(workspace, keep_secrets=keep_secrets)
            }
        case "terraform":
            return build_terraform_configuration(workspace, keep_secrets=keep_secrets)
        case _ if as_json:
            written = {
                "workspace": export_workspace.export_workspace_document(
                    workspace, keep_secrets=keep_secrets
                )
            }
        case _:
            return export_workspace.export_workspace_file(workspace, keep_secrets=keep_secrets)
    indent = None if form == "terraform" else 2
    return json.dumps(written | {"leftOut": left_out}, indent=indent) + "\n"


@click.command("import", epilog="Example: emulator import destination.json subscriptions.json")
@click.argument("files", metavar="[FILE]…", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--segment",
    metavar="DESTINATION_ID",
    help=f"Read this destination from Segment, with the token in {TOKEN_VARIABLE}.",
)
@click.option(
    "--region", type=click.Choice(list(API_URLS)), default="us", show_default=True,
    help="Where Segment keeps the workspace.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write the workspace file to this file."
)
@click.option("--destination", help="Id of the destination, if there are several.")
@click.option("--keep-secrets", is_flag=True, help="Keep the key of the Insider One account.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the workspace and the findings as JSON."
)
@click.pass_context
def import_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    segment: str | None,
    region: str,
    output: Path | None,
    destination: str | None,
    keep_secrets: bool,
    as_json: bool,
) -> None:
    """Make a workspace file from Segment, from answers of its Public API, or from Terraform files.

    Each FILE is an API answer (a destination, its subscriptions, its filters, a source; alone or
    together), the output of `terraform show -json`, a state file, or configuration (.tf,
    .tf.json); or a folder of such files, e.g. from Segment's Git Sync. With --segment, Segment
    itself is asked instead; nothing is changed there. Exits 0, or 1 when something could not be
    imported, or 2 when a FILE or Segment cannot be read.
    """
    if bool(files) == (segment is not None):
        raise click.UsageError("Give FILES, or --segment DESTINATION_ID.")
    if segment is None:
        all_files = [file for given in files for file in list_import_files(given)]
        resources = read_import_files((str(file), _read_import_file(file)) for file in all_files)
    else:
        resources = fetch_segment_resources(segment, region)
    imported = build_imported_workspace(
        resources, segment or destination, keep_secrets=keep_secrets
    )
    text = format_workspace_yaml(imported.document, imported.skipped_subscriptions)
    if output:
        _write_workspace_file(output, text)
    if as_json:
        click.echo(_format_import_json(imported))
    else:
        if not output:
            click.echo(make_terminal_safe(text), nl=False)
        for finding in imported.findings:
            place = f"{finding.where}: " if finding.where else ""
            text = f"{finding.severity}: {place}{finding.what}. {finding.remedy}"
            print_lines([text], err=True)
    ctx.exit(int(any(finding.severity != "note" for finding in imported.findings)))


def _read_import_file(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise EmulatorError(
            what, str(file), "Name a file that Segment or Terraform wrote."
        ) from None


def _write_workspace_file(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(what, str(file), "Name a file in a folder you may write to.") from None


def _format_import_json(imported: ImportedWorkspace) -> str:
    findings = [
        {name: getattr(finding, name) for name in ("severity", "where", "what", "remedy")}
        for finding in imported.findings
    ]
    document = {
        "workspace": imported.document,
        "findings": findings,
        "leftOut": imported.skipped_subscriptions,
    }
    return json.dumps(document, indent=2)
