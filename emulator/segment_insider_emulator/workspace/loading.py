"""Loaders of workspace files, presets, and the tracking plans that they name."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.tracking_plan import (
    PLAN_FORMAT_REMEDY,
    TrackingPlan,
    parse_tracking_plan,
)
from segment_insider_emulator.functions.segment_function import (
    FUNCTION_KINDS,
    FunctionLibrary,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import check_json_values, parse_document
from segment_insider_emulator.workspace.model import Workspace, build_workspace
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    suggest_name,
    validate_document,
)

PRESET_NAMES = ("guide", "segment-defaults")
MAX_CODE_BYTES = 1_000_000
MAX_LIBRARY_BYTES = 5_000_000


def lint_tracking_plan(document: JSONObject, path: str | Path) -> list[WorkspaceFinding]:
    """Find problems of the tracking plan that *document* names, for `emulator lint`."""
    try:
        plan = read_tracking_plan_of_file(document, path)
    except EmulatorError as error:
        what = f"{error.what} ({error.where})"
        return [WorkspaceFinding("error", "trackingPlan", what, error.remedy)]
    return [*list_uncheckable_plan_rules(plan)]


def list_uncheckable_plan_rules(tracking_plan: TrackingPlan | None) -> Iterator[WorkspaceFinding]:
    """Yield a finding for each rule of *tracking_plan* that cannot be checked completely."""
    for problem in tracking_plan.problems if tracking_plan else ():
        what = f"{problem.what} ({problem.where})"
        yield WorkspaceFinding("warning", "trackingPlan", what, problem.remedy)


def read_embedded_tracking_plan(document: JSONObject, where: str) -> TrackingPlan | None:
    """Read the tracking plan inside a *document* that is not a file; None without one.

    Raises: EmulatorError, when the document names a file, or the plan is invalid.
    """
    plan = document.get("trackingPlan")
    if plan is None:
        return None
    place = f"{where}.trackingPlan"
    if not isinstance(plan, dict):
        what = "only a workspace file can name a file with a tracking plan"
        raise EmulatorError(what, place, f"Write the plan itself here. {PLAN_FORMAT_REMEDY}")
    return parse_tracking_plan(plan, place)


def read_tracking_plan_of_file(document: JSONObject, path: str | Path) -> TrackingPlan | None:
    """Read the tracking plan that a workspace file contains or names; None without one.

    A relative path starts at the folder of the workspace file.
    Raises: EmulatorError, when the file is missing or is not a plan.
    """
    name = document.get("trackingPlan")
    if name is None:
        return None
    if isinstance(name, dict):
        return parse_tracking_plan(name, f"{path}: trackingPlan")
    place = Path(path).parent / name
    try:
        raw = place.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        remedy = "Name a file as trackingPlan by its path from the workspace file's folder."
        what = f"the tracking plan cannot be read ({reason})"
        raise EmulatorError(what, str(place), remedy) from error
    return parse_tracking_plan(
        parse_document(raw, str(place), file_kind=("tracking plan", PLAN_FORMAT_REMEDY)), str(place)
    )


def load_workspace_or_preset(path: str | Path) -> Workspace:
    """Load a workspace file, or the preset of that name when no such file exists.

    Raises: EmulatorError, with the first error.
    """
    if is_preset_name(path):
        return load_preset_workspace(str(path))
    document = read_function_files(read_document(path), path)
    workspace = _build_validated_workspace(document, str(path))
    libraries = read_function_libraries(document, path)
    return replace(
        workspace,
        tracking_plan=read_tracking_plan_of_file(document, path),
        functions=replace(workspace.functions, libraries=libraries)
        if libraries
        else workspace.functions,
    )


def read_function_files(document: JSONObject, path: str | Path) -> JSONObject:
    """Return a workspace file's *document* with the code of each `codeFile` as `code`.

    Raises: EmulatorError, when such a file is missing or too large.
    """
    functions = document.get("functions")
    if not isinstance(functions, dict):
        return document
    read = dict(functions)
    for kind in FUNCTION_KINDS:
        if isinstance(functions.get(kind), list):
            read[kind] = [_read_code_file(function, path) for function in functions[kind]]
    return {**document, "functions": read}


def list_function_files(path: str | Path) -> list[Path]:
    """Return the JavaScript files that a workspace file names; none if it is unreadable."""
    try:
        functions = read_document(path).get("functions")
    except EmulatorError:
        return []
    if not isinstance(functions, dict):
        return []
    entries = [entry for kind in FUNCTION_KINDS for entry in functions.get(kind) or ()]
    libraries = functions.get("libraries")
    names = [entry.get("codeFile") for entry in entries if isinstance(entry, dict)]
    names += libraries.values() if isinstance(libraries, dict) else ()
    return [Path(path).parent / name for name in names if isinstance(name, str)]


def read_function_libraries(document: JSONObject, path: str | Path) -> tuple[FunctionLibrary, ...]:
    """Read the JavaScript libraries that a valid workspace file names for its functions.

    Raises: EmulatorError, when a file is missing or too large.
    """
    libraries = document.get("functions", {}).get("libraries", {})
    return tuple(
        FunctionLibrary(name, _read_javascript(file, path, MAX_LIBRARY_BYTES))
        for name, file in libraries.items()
    )


def _read_code_file(function: JSON, path: str | Path) -> JSON:
    name = function.get("codeFile") if isinstance(function, dict) else None
    if not isinstance(name, str) or "code" in function:
        return function
    others = {key: value for key, value in function.items() if key != "codeFile"}
    return {**others, "code": _read_javascript(name, path, MAX_CODE_BYTES)}


def _read_javascript(name: str, path: str | Path, max_bytes: int) -> str:
    """Read a JavaScript file, named by its path from the workspace file's folder."""
    place = Path(path).parent / name
    remedy = "Name a JavaScript file by its path from the workspace file's folder."
    try:
        with place.open("rb") as file:
            raw = file.read(max_bytes + 1)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = "the JavaScript file is not UTF-8 text"
        raise EmulatorError(what, str(place), "Save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        what = f"the JavaScript file cannot be read ({reason})"
        raise EmulatorError(what, str(place), remedy) from error
    if len(raw) > max_bytes:
        what = f"the JavaScript file has more than {max_bytes:,} bytes"
        raise EmulatorError(what, str(place), "Name a smaller file.")
    return text


def load_workspace_from_document(document: JSONObject, where: str) -> Workspace:
    """Build a workspace from a *document* that does not come from a file.

    Raises: EmulatorError, with the first error.
    """
    check_json_values(document, where)
    _refuse_function_files(document, where)
    plan = read_embedded_tracking_plan(document, where)
    return replace(_build_validated_workspace(document, where), tracking_plan=plan)


def _refuse_function_files(document: JSONObject, where: str) -> None:
    """Refuse names of JavaScript files in a document that is not a file."""
    functions = document.get("functions")
    if not isinstance(functions, dict):
        return
    entries = [
        (f"{kind}[{index}].codeFile", entry.get("codeFile"))
        for kind in FUNCTION_KINDS
        if isinstance(functions.get(kind), list)
        for index, entry in enumerate(functions[kind])
        if isinstance(entry, dict)
    ]
    for place, name in (*entries, ("libraries", functions.get("libraries"))):
        if name:
            what = "only a workspace file can name a file with JavaScript"
            remedy = "Write the code itself as `code`; leave libraries out."
            raise EmulatorError(what, f"{where}.functions.{place}", remedy)


def is_preset_name(path: str | Path) -> bool:
    """Return whether *path* is the name of a preset and not of a file."""
    return str(path) in PRESET_NAMES and not Path(path).exists()


def load_preset_workspace(name: str, where: str = "") -> Workspace:
    """Load the workspace of a preset, one of PRESET_NAMES; callers share it.

    Raises: EmulatorError, for any other name.

    Args:
        where: Where the name was given, for the error.
    """
    check_preset_name(name, where)
    return _load_known_preset(name)


@cache
def _load_known_preset(name: str) -> Workspace:
    return _build_validated_workspace(read_preset_document(name), f"preset {name}")


def read_document(path: str | Path) -> JSONObject:
    """Read a JSON or YAML document without validating it.

    Raises: EmulatorError, when it is unreadable.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        what = f"the workspace file cannot be read ({error.strerror})"
        remedy = f"Give the path of a JSON or YAML file, or a preset: {', '.join(PRESET_NAMES)}."
        raise EmulatorError(what, str(path), remedy) from error
    return parse_document(raw, str(path))


def read_preset_document(name: str, where: str = "") -> JSONObject:
    """Read the workspace document of a preset.

    Raises: EmulatorError, for an unknown name.
    """
    check_preset_name(name, where)
    resource = files(__package__).joinpath("presets", f"{name}.yaml")
    return parse_document(resource.read_bytes(), f"preset {name}")


def check_preset_name(name: str, where: str) -> None:
    """Check that a preset has this *name*. Raises: EmulatorError, with the nearest name."""
    if name not in PRESET_NAMES:
        raise EmulatorError(
            f"unknown preset {name[:80]!r}", where, suggest_name(name, list(PRESET_NAMES))
        )


def _build_validated_workspace(document: JSONObject, where: str) -> Workspace:
    errors = validate_document(document)
    if errors:
        first, *others = errors
        hint = f" `emulator lint` lists {len(others)} more." if others else ""
        place = f"{where}: {first.where}" if first.where else where
        raise EmulatorError(first.what, place, first.remedy + hint)
    return build_workspace(document)
