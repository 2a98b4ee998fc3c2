"""Workspace files and presets, read and checked."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import did_you_mean
from segment_insider_emulator.workspace.model import Workspace, workspace_of
from segment_insider_emulator.workspace.parsing import check_values, parse
from segment_insider_emulator.workspace.plans import plan_beside, plan_within
from segment_insider_emulator.workspace.structure import faults

PRESETS = ("guide", "segment-defaults")


def load(path: str | Path) -> Workspace:
    """The workspace that a file describes, or the preset of that name where there is no such file.

    Raises: EmulatorError, naming the first mistake.
    """
    if names_preset(path):
        return preset(str(path))
    document = read(path)
    return replace(_checked(document, str(path)), plan=plan_beside(document, path))


def from_document(document: JSONObject, where: str) -> Workspace:
    """The workspace that a *document* describes which came from elsewhere than a file.

    Raises: EmulatorError, naming the first mistake.
    """
    check_values(document, where)
    plan = plan_within(document, where)
    return replace(_checked(document, where), plan=plan)


def names_preset(path: str | Path) -> bool:
    """Whether *path* is the name of a preset and of no file."""
    return str(path) in PRESETS and not Path(path).exists()


def preset(name: str, where: str = "") -> Workspace:
    """One of the workspaces in PRESETS. Raises: EmulatorError, for any other name.

    Args:
        where: The name stands, for the error.
    """
    return _checked(read_preset(name, where), f"preset {name}")


def read(path: str | Path) -> JSONObject:
    """The document in a file, not checked. Raises: EmulatorError, when it cannot be read."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        what = f"the workspace file cannot be read ({error.strerror})"
        remedy = f"Give the path of a JSON or YAML file, or a preset: {', '.join(PRESETS)}."
        raise EmulatorError(what, str(path), remedy) from error
    return parse(raw, str(path))


def read_preset(name: str, where: str = "") -> JSONObject:
    """The document of a preset. Raises: EmulatorError, for a name that is not in PRESETS."""
    if name not in PRESETS:
        raise EmulatorError(
            f"unknown preset {name[:80]!r}", where, did_you_mean(name, list(PRESETS))
        )
    resource = files(__package__).joinpath("presets", f"{name}.yaml")
    return parse(resource.read_bytes(), f"preset {name}")


def _checked(document: JSONObject, where: str) -> Workspace:
    found = faults(document)
    if found:
        first, *others = found
        more = f" `emulator lint` lists {len(others)} more." if others else ""
        place = f"{where}: {first.where}" if first.where else where
        raise EmulatorError(first.what, place, first.remedy + more)
    return workspace_of(document)
