"""Workspace files and presets, read and checked."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import suggest_name
from segment_insider_emulator.workspace.model import Workspace, build_workspace
from segment_insider_emulator.workspace.parsing import check_json_values, parse_document
from segment_insider_emulator.workspace.plans import read_embedded_plan, read_plan_of_file
from segment_insider_emulator.workspace.structure import validate_document

PRESET_NAMES = ("guide", "segment-defaults")


def load_workspace_or_preset(path: str | Path) -> Workspace:
    """The workspace that a file describes, or the preset of that name where there is no such file.

    Raises: EmulatorError, naming the first mistake.
    """
    if is_preset_name(path):
        return load_preset(str(path))
    document = read_document(path)
    return replace(
        _build_validated_workspace(document, str(path)),
        tracking_plan=read_plan_of_file(document, path),
    )


def load_workspace_from_document(document: JSONObject, where: str) -> Workspace:
    """The workspace that a *document* describes which came from elsewhere than a file.

    Raises: EmulatorError, naming the first mistake.
    """
    check_json_values(document, where)
    plan = read_embedded_plan(document, where)
    return replace(_build_validated_workspace(document, where), tracking_plan=plan)


def is_preset_name(path: str | Path) -> bool:
    """Whether *path* is the name of a preset and of no file."""
    return str(path) in PRESET_NAMES and not Path(path).exists()


def load_preset(name: str, where: str = "") -> Workspace:
    """One of the workspaces in PRESETS. Raises: EmulatorError, for any other name.

    Args:
        where: The name stands, for the error.
    """
    return _build_validated_workspace(read_preset(name, where), f"preset {name}")


def read_document(path: str | Path) -> JSONObject:
    """The document in a file, not checked. Raises: EmulatorError, when it cannot be read."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        what = f"the workspace file cannot be read ({error.strerror})"
        remedy = f"Give the path of a JSON or YAML file, or a preset: {', '.join(PRESET_NAMES)}."
        raise EmulatorError(what, str(path), remedy) from error
    return parse_document(raw, str(path))


def read_preset(name: str, where: str = "") -> JSONObject:
    """The document of a preset. Raises: EmulatorError, for a name that is not in PRESETS."""
    if name not in PRESET_NAMES:
        raise EmulatorError(
            f"unknown preset {name[:80]!r}", where, suggest_name(name, list(PRESET_NAMES))
        )
    resource = files(__package__).joinpath("presets", f"{name}.yaml")
    return parse_document(resource.read_bytes(), f"preset {name}")


def _build_validated_workspace(document: JSONObject, where: str) -> Workspace:
    found = validate_document(document)
    if found:
        first, *others = found
        more = f" `emulator lint` lists {len(others)} more." if others else ""
        place = f"{where}: {first.where}" if first.where else where
        raise EmulatorError(first.what, place, first.remedy + more)
    return build_workspace(document)
