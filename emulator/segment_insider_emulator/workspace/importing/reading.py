"""Files to pieces: which kind of export a file is, told by what is in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.encoding import decode_utf8
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.importing import configuration, public_api, terraform
from segment_insider_emulator.workspace.importing.hcl_parser import HclBody
from segment_insider_emulator.workspace.importing.json_documents import (
    JsonTooDeep,
    parse_json_documents,
)
from segment_insider_emulator.workspace.importing.pieces import ImportedResources, merge_resources

MAX_IMPORT_FILE_BYTES = 20_000_000
MAX_IMPORT_FILES = 10_000
# What a folder is looked through for; Segment's Git Sync writes .tf, one file a resource.
IMPORT_FILE_SUFFIXES = (".tf", ".json", ".tfstate")
_SUPPORTED_FILES_REMEDY = (
    "Give an answer of Segment's Public API, `terraform show -json`, a state file or configuration."
)


@dataclass(slots=True)
class _ParsedFiles:
    """What files have of a workspace, and configuration by its folder, which shares its names."""

    api_resources: list[ImportedResources] = field(default_factory=list)
    config_folders: dict[PurePath, list[tuple[str, HclBody]]] = field(default_factory=dict)
    state_folders: set[PurePath] = field(default_factory=set)


def read_import_file(raw: bytes, where: str) -> ImportedResources:
    """Return what one file has of a workspace. Raises: as `read_files`."""
    return read_import_files([(where, raw)])


def read_import_files(files: Iterable[tuple[str, bytes]]) -> ImportedResources:
    """Return what files have of a workspace.

    Args:
        files: Name and content: JSON (one document, or several one after the other), or Terraform
            configuration. Configuration of one folder shares its variables and locals.
    Raises: EmulatorError, when one is none of them, or nothing of a workspace is in any.
    """
    read = _ParsedFiles()
    names = []
    for where, raw in files:
        names.append(where)
        _parse_file(raw, where, read)
    found = merge_resources(
        [
            *read.api_resources,
            *(_config_folder_resources(*each, read) for each in read.config_folders.items()),
        ]
    )
    if not found and all(each.severity != "warning" for each in found.findings):
        raise EmulatorError(
            "nothing of a workspace is in here", _format_file_names(names), _SUPPORTED_FILES_REMEDY
        )
    return found


def _config_folder_resources(
    folder: PurePath, files: list[tuple[str, HclBody]], parsed: _ParsedFiles
) -> ImportedResources:
    """The resources of the configuration in one folder, which a state beside it makes idle."""
    if folder not in parsed.state_folders:
        return terraform.collect_terraform_resources(configuration.list_config_resources(files))
    what = "the state in this folder says what exists, so that its configuration is not read"
    remedy = "Give the configuration alone to import what is to be."
    return ImportedResources(findings=[WorkspaceFinding("note", str(folder), what, remedy)])


def list_import_files(path: Path) -> Iterator[Path]:
    """Yield the files to import below a folder, or *path* itself where it is a file.

    Raises: EmulatorError, when the folder has none, or too many.
    """
    if not path.is_dir():
        yield path
        return
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in IMPORT_FILE_SUFFIXES
        and file.is_file()
        and not _is_tool_file(file.relative_to(path))
    )
    if not found:
        what = f"no file in this folder ends in {', '.join(IMPORT_FILE_SUFFIXES)}"
        raise EmulatorError(what, str(path), _SUPPORTED_FILES_REMEDY)
    if len(found) > MAX_IMPORT_FILES:
        what = f"this folder has {len(found):,} files to import"
        raise EmulatorError(what, str(path), f"Give a folder of {MAX_IMPORT_FILES:,} at most.")
    yield from found


def _is_tool_file(file: Path) -> bool:
    """Whether a folder or a file that belongs to a tool is on the way: .git, .terraform."""
    return any(part.startswith(".") for part in file.parts) or "node_modules" in file.parts


def _format_file_names(file_names: list[str]) -> str:
    return file_names[0] if len(file_names) == 1 else f"{len(file_names)} files"


def _parse_file(raw: bytes, where: str, parsed: _ParsedFiles) -> None:
    if len(raw) > MAX_IMPORT_FILE_BYTES:
        raise EmulatorError(
            "the file is too large", where, f"Keep it below {MAX_IMPORT_FILE_BYTES:,}."
        )
    text = decode_utf8(raw, where)
    if not text.lstrip().startswith(("{", "[")):
        _add_config_body(configuration.parse_configuration(text, where), where, parsed)
        return
    for document in _parse_json_file(text, where):
        if configuration.is_json_configuration(document) and isinstance(document, dict):
            _add_config_body(configuration.parse_json_configuration(document, where), where, parsed)
            continue
        if terraform.is_terraform_state(document):
            parsed.state_folders.add(PurePath(where).parent)
        parsed.api_resources.append(_resources_of_json(document, where))


def _add_config_body(body: HclBody, where: str, parsed: _ParsedFiles) -> None:
    parsed.config_folders.setdefault(PurePath(where).parent, []).append((where, body))


def _resources_of_json(document: JSON, where: str) -> ImportedResources:
    if terraform.is_terraform_state(document) and isinstance(document, dict):
        try:
            return terraform.collect_terraform_resources(
                list(terraform.list_state_resources(document, where))
            )
        except (AttributeError, KeyError, TypeError) as error:
            what = "this is no state of Terraform's, though it begins like one"
            raise EmulatorError(what, where, "Write it anew with terraform show -json.") from error
    return public_api.parse_public_api(document, where)


def _parse_json_file(text: str, where: str) -> Iterator[JSON]:
    try:
        yield from parse_json_documents(text)
    except json.JSONDecodeError as error:
        what = f"broken JSON: {error.msg}"
        raise EmulatorError(what, f"{where}, line {error.lineno}", "Correct it.") from error
    except JsonTooDeep as error:
        raise EmulatorError(
            f"nested deeper than {MAX_DEPTH} levels", where, _SUPPORTED_FILES_REMEDY
        ) from error
    except ValueError as error:
        raise EmulatorError(
            "this is no JSON that can be used", where, _SUPPORTED_FILES_REMEDY
        ) from error
