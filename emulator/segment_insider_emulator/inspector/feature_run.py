"""Runs of a feature from a page: in a process of its own, with the steps of the library alone.

The process is `emulator verify --confined`. It gets a folder of its own with the feature and the
current workspace, a bounded time, and no secret but the token for this emulator.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final, NamedTuple

import orjson
from flask import request

from segment_insider_emulator.control_api.sandboxes import build_current_workspace_document
from segment_insider_emulator.control_api.scenario_runs import parse_scenario_run
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.export_workspace import export_workspace_document
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.access import read_presented_secret
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.loading import PRESET_NAMES, read_preset_document

RUN_TIMEOUT_S: Final = 120
STOP_TIMEOUT_S: Final = 10  # for deleting its sandboxes after that
MAX_FEATURE_CHARS: Final = 1_000_000
MAX_OUTPUT_CHARS: Final = 300  # of an error
FEATURE_NAME: Final = "recorded.feature"
EDITED_WORKSPACE_NAME: Final = "workspace.yaml"
INSTALL_HINT: Final = (
    "Install the extra scenarios: pip install 'segment-insider-emulator[scenarios]'."
)
REQUIRED_MODULES: Final = ("segment_insider_scenarios", "pytest_bdd", "segment.analytics")
# Variables of the emulator, of pytest and of Python, which would change the run.
PRIVATE_VARIABLES: Final = ("EMULATOR_", "PYTEST_", "PYTHON")
WILDCARD_HOSTS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_run_lock = Lock()


def find_missing_runner() -> str | None:
    """Return how to install what runs features; None if it is installed."""
    try:
        missing = [name for name in REQUIRED_MODULES if find_spec(name) is None]
    except ModuleNotFoundError:  # of a parent package
        return INSTALL_HINT
    return INSTALL_HINT if missing else None


def get_current_workspace(services: SandboxServices) -> Workspace:
    """Return the workspace of a sandbox as it is now, with all changes.

    The account accepts the key in the settings, if the panel does.
    """
    workspace, panel = services.workspace, services.insider_panel
    destination = services.destination_overrides.current_destination
    settings = destination["settings"]
    account = {"name": workspace.account_name, "key": workspace.account_key}
    if panel.explain_key_rejection(settings["ucd_key"]) is None:
        account["key"] = settings["ucd_key"]
    elif account["key"] == settings["ucd_key"]:
        account["key"] = "another-key"  # it was revoked
    document = build_current_workspace_document(services)
    return replace(
        workspace,
        destination=destination,
        account_key=account["key"],
        identifiers=services.destination_overrides.current_identifiers,
        document={**document, "insider": {**document.get("insider", {}), "account": account}},
    )


def get_workspace_name(services: SandboxServices) -> str:
    """Return the name of the workspace in a scenario: a preset, or a file in the same folder."""
    workspace, overrides = services.workspace, services.destination_overrides
    is_edited = (
        overrides.current_destination != workspace.destination
        or overrides.current_identifiers != workspace.identifiers
    )
    if is_edited:
        return EDITED_WORKSPACE_NAME
    document = _remove_keys(workspace.document)
    for name in PRESET_NAMES:
        if _remove_keys(read_preset_document(name)) == document:
            return name
    applied = services.workspace_version.applied  # None: that of the emulator
    file = services.config.workspace if applied is None else None
    return Path(file or EDITED_WORKSPACE_NAME).name


def _remove_keys(document: JSONObject) -> JSONObject:
    """Return a workspace document without what each sandbox has of its own."""
    insider = {**document.get("insider", {}), "account": None}
    source = {**document["source"], "writeKey": None}
    destination = {**document["destination"], "settings": None}
    return {**document, "source": source, "destination": destination, "insider": insider}


class FeatureEnvironment(NamedTuple):
    """What the process of a feature run gets.

    Args:
        workspace: Document of the workspace for scenarios that name none, and its file name.
        url: The emulator whose sandboxes it uses; None makes emulators of its own.
        token: For that emulator.
        steps: Folder with a conftest.py whose steps are allowed, too.
    """

    workspace: JSONObject
    workspace_file: str = EDITED_WORKSPACE_NAME
    url: str | None = None
    token: str | None = None
    steps: str | None = None


def run_feature(text: str, services: SandboxServices) -> JSONObject:
    """Run the text of a feature file and return the run, as the control API takes it.

    Raises: EmulatorError, when it cannot be run, or takes too long.
    """
    workspace, name = get_current_workspace(services), get_workspace_name(services)
    environment = FeatureEnvironment(
        export_workspace_document(workspace, keep_secrets=True),
        EDITED_WORKSPACE_NAME if name in PRESET_NAMES else name,
        # With a tracking plan it cannot run in sandboxes of this emulator.
        url=_get_own_url(services) if services.workspace.tracking_plan is None else None,
        token=read_presented_secret(),
        steps=services.config.steps,
    )
    run = run_feature_process(text, environment)
    return {**run, "command": "Run here", "features": list(_finish_features(run, text))}


def run_feature_process(text: str, environment: FeatureEnvironment) -> JSONObject:
    """Run the text of a feature file in a process of its own, one at a time; return the run.

    Raises: EmulatorError, when it cannot be run, or takes too long.
    """
    if len(text) > MAX_FEATURE_CHARS:
        remedy = f"Keep it below {MAX_FEATURE_CHARS:,} characters."
        raise EmulatorError("the feature is too long", FEATURE_NAME, remedy)
    if not text.strip():
        raise EmulatorError("there is no feature", "", "Write or paste one.")
    if hint := find_missing_runner():
        raise EmulatorError("scenarios cannot run in this installation", "", hint)
    with _reserve_run(), TemporaryDirectory(prefix="emulator-run-") as name:
        folder = Path(name)
        folder.joinpath(FEATURE_NAME).write_text(text, "utf-8", "surrogatepass", newline="\n")
        report = folder / "run.json"
        _write_workspace(folder, environment)
        error_output = _run_command(_build_command(report, environment), folder, environment)
        if not report.exists():
            raise EmulatorError(_find_error_line(error_output), FEATURE_NAME, "Correct it.")
        return parse_scenario_run(report.read_bytes())


@contextmanager
def _reserve_run() -> Iterator[None]:
    """Hold the one slot for runs during the block. Raises: EmulatorError, when it is taken."""
    if not _run_lock.acquire(blocking=False):
        raise EmulatorError("another feature is running", FEATURE_NAME, "Run it in a moment.")
    try:
        yield
    finally:
        _run_lock.release()


def _write_workspace(folder: Path, environment: FeatureEnvironment) -> None:
    """Write the workspace under the name that a scenario may use."""
    path = folder / environment.workspace_file
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(environment.workspace))  # JSON is YAML


def _build_command(report: Path, environment: FeatureEnvironment) -> list[str]:
    options = ["--confined", "--scenario-run", report.name]
    options += ["--workspace", environment.workspace_file]
    if environment.url:
        options += ["--url", environment.url]
    if environment.steps:
        options += ["--plugin", "conftest"]
    module = "segment_insider_emulator"
    return [sys.executable, "-P", "-m", module, "verify", *options, FEATURE_NAME]


def _get_own_url(services: SandboxServices) -> str:
    """Return the address at which this process can reach the emulator itself."""
    host = WILDCARD_HOSTS.get(services.config.host, services.config.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{request.environ['SERVER_PORT']}"


def _run_command(command: list[str], folder: Path, environment: FeatureEnvironment) -> str:
    """Run a command in *folder* and return its error output.

    Raises: EmulatorError, when it takes too long.
    """
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(PRIVATE_VARIABLES)
    }
    if environment.token:
        variables["EMULATOR_TOKEN"] = environment.token
    if environment.steps:
        variables["PYTHONPATH"] = str(Path(environment.steps).absolute())
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        return process.communicate(timeout=RUN_TIMEOUT_S)[1]
    except subprocess.TimeoutExpired:
        what = f"the run took longer than {RUN_TIMEOUT_S} seconds"
        remedy = "Run fewer scenarios at once, or use emulator verify."
        raise EmulatorError(what, FEATURE_NAME, remedy) from None
    finally:
        _stop_process(process)


def _stop_process(process: "subprocess.Popen[str]") -> None:
    """Stop a run that has not ended, first so that it can delete its sandboxes."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.communicate(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _find_error_line(error_output: str) -> str:
    lines = [line.removeprefix("emulator: ") for line in error_output.strip().splitlines()]
    return (lines[-1] if lines else "the run has ended without a result")[:MAX_OUTPUT_CHARS]


def _finish_features(run: JSONObject, text: str) -> Iterator[JSONObject]:
    """Yield the features of a run with the text that ran, so that they can run again."""
    for feature in run["features"]:
        yield {**feature, "text": text}
