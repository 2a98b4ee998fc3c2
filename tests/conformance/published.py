"""The published destination: installed once into a cache folder, then asked case by case."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from emulator.errors import EmulatorError
from emulator.types import JSONObject

HERE = Path(__file__).parent
PACKAGE = "@segment/action-destinations"
# The version that fixtures/conformance was recorded from.
RECORDED = "3.497.0"


def installed(version: str) -> Path:
    """The folder that has *version* of the package; installs it on first use, scripts off.

    Raises: EmulatorError, when Node is missing or the version cannot be had.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        raise EmulatorError("node and npm are needed", "conformance", "Install Node 18 or newer.")
    folder = _cache() / version
    if not (folder / "complete").exists():
        _install(folder, version)
    return folder


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "segment-insider-emulator" / "action-destinations"


def _install(folder: Path, version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = json.loads((HERE / "package.json").read_text())
    wanted["dependencies"][PACKAGE] = version
    (folder / "package.json").write_text(json.dumps(wanted))
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run = subprocess.run(["npm", "install", *quiet], cwd=folder, capture_output=True, text=True)
    if run.returncode:
        reason = next(iter(run.stderr.strip().splitlines()), "npm gave no reason")
        remedy = f"Look the versions up with `npm view {PACKAGE} versions`."
        raise EmulatorError(f"{PACKAGE} {version} cannot be installed ({reason})", "npm", remedy)
    (folder / "complete").touch()


class Published:
    """One version of the package in a Node process of its own, a case at a time."""

    def __init__(self, version: str) -> None:
        command = ["node", str(HERE / "runner.cjs"), str(installed(version))]
        self.version = version
        pipe = subprocess.PIPE
        self._node = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self._node.stdin
        assert self._node.stdout
        self._ask, self._answers = self._node.stdin, self._node.stdout

    def __enter__(self) -> "Published":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._node.terminate()
        self._node.communicate()

    def outcome(self, case: JSONObject) -> JSONObject:
        """What the package does: {"requests": [...], "results": [one for each event]}.

        Raises: EmulatorError, when the process has died.
        """
        try:
            # As ASCII: Node ends a line at U+2028 too, and half a surrogate pair is no UTF-8.
            self._ask.write(json.dumps(case).encode() + b"\n")
            self._ask.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            remedy = f"Run `node {HERE / 'runner.cjs'} {installed(self.version)}` to see why."
            raise EmulatorError("Node ended without an answer", PACKAGE, remedy)
        answer: JSONObject = json.loads(line)
        return answer
