"""Install published packages into a cache folder, and run cases through them.

Each package has a lock file in `packages/`: the whole tree of the version from which the fixtures
were recorded. Another version gets the tree of the day of its release, because a package names only
the oldest versions of its dependencies.
"""

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject

FOLDER = Path(__file__).parent
PACKAGE = "@segment/action-destinations"
# The version from which fixtures/conformance was recorded.
RECORDED_VERSION = "3.497.0"
# Segment publishes a package and what it depends on together, in no fixed order.
RELEASE_TIME = timedelta(hours=1)
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def install_destination(version: str) -> Path:
    """Return the folder with *version* of the destination; install it first, without scripts.

    Raises: EmulatorError, when Node or the version is not available.
    """
    if version == RECORDED_VERSION:
        return _install("destination", version, ["ci"])
    return _install("destination", version, ["install"], PACKAGE)


def install_evaluator() -> Path:
    """Return the folder with Segment's evaluator of destination filters. Raises: EmulatorError."""
    return _install("evaluator", "recorded", ["ci"])


def _install(name: str, version: str, command: list[str], package: str | None = None) -> Path:
    """Return the cache folder of `packages/<name>`, with *version* of *package* if given."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise EmulatorError("node and npm are missing", "conformance", "Install Node 18 or newer.")
    files = {path.name: path.read_text() for path in (FOLDER / "packages" / name).iterdir()}
    if package:
        files = {"package.json": _set_version(files["package.json"], package, version)}
        command = [*command, f"--before={_find_release_end(package, version)}"]
    folder = _get_cache_folder() / name / version
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != files.get("package-lock.json", ""):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file_name, text in files.items():
            (folder / file_name).write_text(text)
        _run_npm(command, version, folder)
        complete.write_text(files.get("package-lock.json", ""))
    return folder


def _set_version(package_json: str, package: str, version: str) -> str:
    document = json.loads(package_json)
    document["dependencies"][package] = version
    return json.dumps(document)


def _find_release_end(package: str, version: str) -> str:
    """Return the time at which *version* and its dependencies were published."""
    times = json.loads(_run_npm(["view", package, "time", "--json"], version))
    if version not in times:
        raise _create_unavailable_error(version, "npm has no such version")
    return (datetime.fromisoformat(times[version]) + RELEASE_TIME).isoformat()


def _get_cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "segment-insider-emulator" / "conformance"


def _run_npm(command: list[str], version: str, folder: Path | None = None) -> str:
    run = subprocess.run(["npm", *command, *_QUIET], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        reason = next(iter(run.stderr.strip().splitlines()), "npm gave no reason")
        raise _create_unavailable_error(version, reason)
    return run.stdout


def _create_unavailable_error(version: str, reason: str) -> EmulatorError:
    remedy = f"List the versions with `npm view {PACKAGE} versions`."
    return EmulatorError(f"{version} cannot be installed ({reason})", "npm", remedy)


class NodeProcess:
    """Node process that runs a script: one JSON document in, one out.

    Args:
        script: File in this folder.
        folder: Folder with the installed packages.
    """

    def __init__(self, script: str, folder: Path) -> None:
        self._command = ["node", str(FOLDER / script), str(folder)]
        pipe = subprocess.PIPE
        self._node = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
        )
        assert self._node.stdin
        assert self._node.stdout
        self._questions, self._answers = self._node.stdin, self._node.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._node.terminate()
        self._node.communicate()

    def ask(self, question: JSONObject) -> JSONObject:
        """Return the script's answer. Raises: EmulatorError, when the process has ended."""
        try:
            # As ASCII: Node also ends a line at U+2028, and a lone surrogate is not valid UTF-8.
            self._questions.write(json.dumps(question).encode() + b"\n")
            self._questions.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            remedy = f"Run `{' '.join(self._command)}` to see the reason."
            raise EmulatorError("Node ended without an answer", "conformance", remedy)
        reply: JSONObject = json.loads(line)
        return reply


class PublishedPackage(NodeProcess):
    """Node process with one version of the published destination."""

    def __init__(self, version: str) -> None:
        super().__init__("runner.cjs", install_destination(version))

    def run_case(self, case: JSONObject) -> JSONObject:
        """Run *case*: {"requests": [...], "results": [one for each event]}."""
        return self.ask(case)
