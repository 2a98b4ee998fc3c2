"""Commands such as `emulator verify`, each in a process of its own that starts in milliseconds.

One process imports the libraries once and forks itself for each command.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from runpy import run_module
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

PRELOADED = (
    *("faker", "phonenumbers", "responses", "segment.analytics", "sqlalchemy.dialects.sqlite"),
    *("pytest_bdd.plugin", "segment_insider_scenarios.runner", "segment_insider_emulator.app"),
    *("segment_insider_scenarios.running_emulator", "segment_insider_emulator.web.server"),
)
OUR_PACKAGES = ("segment_insider_emulator", "segment_insider_scenarios")


def run_python_module(
    *command: str,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    timeout: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m` *command* to its end, or to a SIGALRM after *timeout* seconds."""
    with TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        request = {
            "command": command,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "outputs": list(map(str, outputs)),
            "timeout": timeout,
        }
        server = _start_fork_server()
        assert server.stdin
        assert server.stdout
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        exit_code = int(server.stdout.readline())
        return subprocess.CompletedProcess(
            command, exit_code, *(file.read_text("utf-8") for file in outputs)
        )


@cache
def _start_fork_server() -> subprocess.Popen[str]:
    """Start the process that forks; it ends with this one."""
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)
    return server


def _serve_forks() -> None:
    """Fork for each line of standard input and answer the exit code of the child."""
    del sys.path[0]  # the folder of this file
    plugins = list(entry_points(group="pytest11"))
    ours = import_module("segment_insider_scenarios.plugin").SCENARIO_PLUGINS
    for name in (*PRELOADED, *(plugin.module for plugin in plugins), *ours):
        import_module(name)
    files = [
        file.parts[0] for plugin in plugins for file in (plugin.dist and plugin.dist.files) or ()
    ]
    rewritten = {*OUR_PACKAGES, *(file.removesuffix(".py") for file in files)}
    for name, module in sys.modules.items():
        # pytest would warn about plugins that are there before.
        if name.partition(".")[0] in rewritten:
            module.__doc__ = "PYTEST_DONT_REWRITE"
    for line in sys.stdin.buffer:
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
        else:
            _run_command(json.loads(line))


def _run_command(request: dict[str, Any]) -> NoReturn:
    signal.alarm(request["timeout"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for descriptor, name in enumerate([os.devnull, *request["outputs"]]):
        opened = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
    module, *arguments = request["command"]
    sys.path.insert(0, request["cwd"])
    sys.argv = [module, *arguments]
    run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    _serve_forks()
