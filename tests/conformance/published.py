"""Published packages: installed once into a cache folder, then asked case by case.

Each has a lock file in `packages/`: the whole tree of the version that the fixtures were recorded
from. Another version gets the tree of its own day, because a package names its dependencies by the
oldest version that will do.
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

HERE = Path(__file__).parent
PACKAGE = "@segment/action-destinations"
# The version that fixtures/conformance was recorded from.
RECORDED = "3.497.0"
# Segment publishes a package and what it depends on together, in no fixed order.
RELEASE_TIME = timedelta(hours=1)
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def installed(version: str) -> Path:
    """The folder that has *version* of the destination; installs it on first use, scripts off.

    Raises: EmulatorError, when Node is missing or the version cannot be had.
    """
    if version == RECORDED:
        return _installed("destination", version, ["ci"])
    return _installed("destination", version, ["install"], PACKAGE)


def installed_evaluator() -> Path:
    """The folder that has Segment's evaluator of destination filters. Raises: EmulatorError."""
    return _installed("evaluator", "recorded", ["ci"])


def _installed(name: str, version: str, command: list[str], package: str | None = None) -> Path:
    """The cache folder of `packages/<name>`; *package* is the one to take *version* of."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise EmulatorError("node and npm are needed", "conformance", "Install Node 18 or newer.")
    files = {path.name: path.read_text() for path in (HERE / "packages" / name).iterdir()}
    if package:
        files = {"package.json": _with_version(files["package.json"], package, version)}
        command = [*command, f"--before={_end_of_release(package, version)}"]
    folder = _cache() / name / version
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != files.get("package-lock.json", ""):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file_name, text in files.items():
            (folder / file_name).write_text(text)
        _npm(command, version, folder)
        complete.write_text(files.get("package-lock.json", ""))
    return folder


def _with_version(package_json: str, package: str, version: str) -> str:
    document = json.loads(package_json)
    document["dependencies"][package] = version
    return json.dumps(document)


def _end_of_release(package: str, version: str) -> str:
    """When *version* and what was released with it were published."""
    times = json.loads(_npm(["view", package, "time", "--json"], version))
    if version not in times:
        raise _unavailable(version, "npm knows no such version")
    return (datetime.fromisoformat(times[version]) + RELEASE_TIME).isoformat()


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "segment-insider-emulator" / "conformance"


def _npm(command: list[str], version: str, folder: Path | None = None) -> str:
    run = subprocess.run(["npm", *command, *_QUIET], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        reason = next(iter(run.stderr.strip().splitlines()), "npm gave no reason")
        raise _unavailable(version, reason)
    return run.stdout


def _unavailable(version: str, reason: str) -> EmulatorError:
    remedy = f"Look the versions up with `npm view {PACKAGE} versions`."
    return EmulatorError(f"{version} cannot be installed ({reason})", "npm", remedy)


class NodeProcess:
    """A script in a Node process of its own: a JSON document in, another one out.

    Args:
        script: In this folder.
        folder: The one that its packages are installed in.
    """

    def __init__(self, script: str, folder: Path) -> None:
        self._command = ["node", str(HERE / script), str(folder)]
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
        """The script's answer. Raises: EmulatorError, when the process has died."""
        try:
            # As ASCII: Node ends a line at U+2028 too, and half a surrogate pair is no UTF-8.
            self._questions.write(json.dumps(question).encode() + b"\n")
            self._questions.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            remedy = f"Run `{' '.join(self._command)}` to see why."
            raise EmulatorError("Node ended without an answer", "conformance", remedy)
        answer: JSONObject = json.loads(line)
        return answer


class Published(NodeProcess):
    """One version of the published destination."""

    def __init__(self, version: str) -> None:
        super().__init__("runner.cjs", installed(version))

    def outcome(self, case: JSONObject) -> JSONObject:
        """What the package does: {"requests": [...], "results": [one for each event]}."""
        return self.ask(case)
