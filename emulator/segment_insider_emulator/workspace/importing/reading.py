"""Files to pieces: which kind of export a file is, told by what is in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.encoding import decode
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing import configuration, public_api, terraform
from segment_insider_emulator.workspace.importing.hcl_parser import Body
from segment_insider_emulator.workspace.importing.json_documents import TooDeepJSON, parse_documents
from segment_insider_emulator.workspace.importing.pieces import Pieces, joined

MAXIMUM_BYTES = 20_000_000
MOST_FILES = 10_000
# What a folder is looked through for; Segment's Git Sync writes .tf, one file a resource.
ENDINGS = (".tf", ".json", ".tfstate")
_REMEDY = (
    "Give an answer of Segment's Public API, `terraform show -json`, a state file or configuration."
)


@dataclass(slots=True)
class _Read:
    """What files have of a workspace, and configuration by its folder, which shares its names."""

    answers: list[Pieces] = field(default_factory=list)
    folders: dict[PurePath, list[tuple[str, Body]]] = field(default_factory=dict)
    states: set[PurePath] = field(default_factory=set)


def pieces(raw: bytes, where: str) -> Pieces:
    """Return what one file has of a workspace. Raises: as `read_files`."""
    return read_files([(where, raw)])


def read_files(files: Iterable[tuple[str, bytes]]) -> Pieces:
    """Return what files have of a workspace.

    Args:
        files: Name and content: JSON (one document, or several one after the other), or Terraform
            configuration. Configuration of one folder shares its variables and locals.
    Raises: EmulatorError, when one is none of them, or nothing of a workspace is in any.
    """
    read = _Read()
    names = []
    for where, raw in files:
        names.append(where)
        _read_file(raw, where, read)
    found = joined([*read.answers, *(_configured(*each, read) for each in read.folders.items())])
    if not found and all(each.severity != "warning" for each in found.findings):
        raise EmulatorError("nothing of a workspace is in here", _named(names), _REMEDY)
    return found


def _configured(folder: PurePath, files: list[tuple[str, Body]], read: _Read) -> Pieces:
    """The resources of the configuration in one folder, which a state beside it makes idle."""
    if folder not in read.states:
        return terraform.pieces(configuration.resources(files))
    what = "the state in this folder says what exists, so that its configuration is not read"
    remedy = "Give the configuration alone to import what is to be."
    return Pieces(findings=[Finding("note", str(folder), what, remedy)])


def files_below(path: Path) -> Iterator[Path]:
    """Yield the files to import below a folder, or *path* itself where it is a file.

    Raises: EmulatorError, when the folder has none, or too many.
    """
    if not path.is_dir():
        yield path
        return
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in ENDINGS and file.is_file() and not _is_hidden(file.relative_to(path))
    )
    if not found:
        what = f"no file in this folder ends in {', '.join(ENDINGS)}"
        raise EmulatorError(what, str(path), _REMEDY)
    if len(found) > MOST_FILES:
        what = f"this folder has {len(found):,} files to import"
        raise EmulatorError(what, str(path), f"Give a folder of {MOST_FILES:,} at most.")
    yield from found


def _is_hidden(file: Path) -> bool:
    """Whether a folder or a file that belongs to a tool is on the way: .git, .terraform."""
    return any(part.startswith(".") for part in file.parts) or "node_modules" in file.parts


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} files"


def _read_file(raw: bytes, where: str, read: _Read) -> None:
    if len(raw) > MAXIMUM_BYTES:
        raise EmulatorError("the file is too large", where, f"Keep it below {MAXIMUM_BYTES:,}.")
    text = decode(raw, where)
    if not text.lstrip().startswith(("{", "[")):
        _add_configuration(configuration.parse(text, where), where, read)
        return
    for document in _documents(text, where):
        if configuration.is_json_syntax(document) and isinstance(document, dict):
            _add_configuration(configuration.parse_json_syntax(document, where), where, read)
            continue
        if terraform.is_state(document):
            read.states.add(PurePath(where).parent)
        read.answers.append(_of_json(document, where))


def _add_configuration(body: Body, where: str, read: _Read) -> None:
    read.folders.setdefault(PurePath(where).parent, []).append((where, body))


def _of_json(document: JSON, where: str) -> Pieces:
    if terraform.is_state(document) and isinstance(document, dict):
        try:
            return terraform.pieces(list(terraform.state_resources(document, where)))
        except (AttributeError, KeyError, TypeError) as error:
            what = "this is no state of Terraform's, though it begins like one"
            raise EmulatorError(what, where, "Write it anew with terraform show -json.") from error
    return public_api.pieces(document, where)


def _documents(text: str, where: str) -> Iterator[JSON]:
    try:
        yield from parse_documents(text)
    except json.JSONDecodeError as error:
        what = f"broken JSON: {error.msg}"
        raise EmulatorError(what, f"{where}, line {error.lineno}", "Correct it.") from error
    except TooDeepJSON as error:
        raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, _REMEDY) from error
    except ValueError as error:
        raise EmulatorError("this is no JSON that can be used", where, _REMEDY) from error
