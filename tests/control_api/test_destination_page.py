"""The commands of docs/setup.md run and print what the page shows."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "setup.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
END = "\x1e"
PRELUDE = """\
trap 'kill $(jobs -p) 2>/dev/null' EXIT
emulator() { exec "$PYTHON" -m emulator "$@" >&2; }  # in the background only: $! is the server
"""


def replace_open_parts(shown: Any, got: Any) -> Any:
    """Return *got* with the parts that the page leaves open replaced by the page's text."""
    if isinstance(shown, str) and ANY in shown and isinstance(got, str):
        open_ended = re.escape(shown).replace(ANY, ".+")
        return shown if re.fullmatch(open_ended, got) else got
    if isinstance(shown, list) and isinstance(got, list) and len(shown) == len(got):
        return [replace_open_parts(one, other) for one, other in zip(shown, got, strict=True)]
    if isinstance(shown, dict) and isinstance(got, dict):
        named = {
            name: replace_open_parts(shown.get(name), got[name]) for name in got if name in shown
        }
        return {**named, ANY: ANY} if ANY in shown else {**got, **named}
    return got


def run_script(script: str, folder: Path) -> str:
    """Return what bash prints for *script*, which gets a free port for its emulator.

    The port is none of those that systems give to clients, so that none gets it meanwhile.
    """
    while True:
        port = str(SystemRandom().randrange(10_000, 30_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", int(port))):
            break
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "EMULATOR_PORT": port,
        "EMULATOR": f"http://127.0.0.1:{port}",
    }
    with subprocess.Popen(
        ["bash", "-c", PRELUDE + script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE)
    (workspace,) = [text for kind, text in blocks if kind == "yaml"]
    (tmp_path / "shop.yaml").write_text(workspace, "utf-8")
    commands = [text for kind, text in blocks if kind == "sh"]
    shown = [json.loads(text) for kind, text in blocks if kind == "json"]
    printed = run_script(f"printf '{END}'\n".join(commands), tmp_path).split(END)
    assert (len(printed), printed[-1]) == (len(shown) + 1, "")
    for command, expected, text in zip(commands, shown, printed, strict=False):
        got = json.loads(text)
        assert replace_open_parts(expected, got) == expected, f"{command}\n{text}"
