"""`emulator serve` in a process of its own that tests can kill and restart."""

import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Protocol, Self

import pytest
import requests

from segment_insider_emulator.types import JSONObject

CRASH_MARKERS = ("Traceback", "uncaptured python exception")  # what a process says of its own
REQUEST_TIMEOUT_S = (
    120  # seconds; what is due to be tried again is tried before a request is answered
)


class RestartableServer(Protocol):
    """Server that senders send to, with a flag that says whether it is up."""

    @property
    def url(self) -> str: ...

    @property
    def is_up(self) -> Event:
        """Event that is set while the server accepts requests."""


def read_ready_url(process: subprocess.Popen[str]) -> str:
    """Return the URL of an emulator that is starting, once it accepts requests."""
    assert process.stderr is not None
    lines = []  # such as that deliveries were resumed
    for line in process.stderr:
        if match := re.match(r"ready at (\S+) ", line):
            return match[1]
        lines.append(line)
    pytest.fail("it ended before it was ready: " + "".join(lines))


class EmulatorProcess:
    """One database and the emulator process that serves it, always at the same port.

    Args:
        faults: What is to go wrong on the way to Insider One; given anew to each process.
        program: What Python is to run.
    """

    def __init__(
        self,
        db: Path | str,
        options: Sequence[str] = (),
        faults: Sequence[JSONObject] = (),
        program: Sequence[str] = ("-m", "segment_insider_emulator"),
    ) -> None:
        self.is_up = Event()  # set while requests are taken
        self.url = ""
        self.stderr_lines: list[str] = []  # on stderr, by all processes
        self._command = [sys.executable, *program, "serve", "--db", str(db), *options]
        self._faults = faults
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start a process and wait until it accepts requests."""
        process = self._launch()
        self.url = read_ready_url(process)
        # A process stops when its full pipe is not read.
        self._listener = Thread(target=self.stderr_lines.extend, args=(process.stderr,))
        self._listener.start()
        for fault in self._faults:
            requests.post(f"{self.url}/emulator/v1/faults", json=fault, timeout=REQUEST_TIMEOUT_S)
        self.is_up.set()

    def start_and_kill(self, seconds: float) -> None:
        """Start a process and kill it after *seconds*, mostly before it accepts requests."""
        with self._launch() as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.kill()

    def kill(self) -> None:
        """End the process as `kill -9` does."""
        self.is_up.clear()
        assert self._process is not None
        self._process.kill()
        self._listener.join()
        self._process.communicate()

    def remove_faults(self) -> None:
        """Remove all faults on the way to Insider One."""
        requests.delete(f"{self.url}/emulator/v1/faults", timeout=REQUEST_TIMEOUT_S)

    def limit_file_size(self, max_bytes: int) -> None:
        """Let no file of the process grow beyond *max_bytes*."""
        assert self._process is not None
        resource.prlimit(
            self._process.pid, resource.RLIMIT_FSIZE, (max_bytes, resource.RLIM_INFINITY)
        )

    def measure_memory(self) -> int:
        """Return the resident memory of the process in bytes."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert match, status
        return int(match[1]) * 1024

    def _launch(self) -> subprocess.Popen[str]:
        # The port of the first process, so that senders find the next one at the same address.
        port = self.url.rpartition(":")[2] or "0"
        self._process = subprocess.Popen(
            [*self._command, "--port", port], stderr=subprocess.PIPE, text=True
        )
        return self._process


@contextmanager
def serve_without_crash(db: Path) -> Iterator[EmulatorProcess]:
    """Run an emulator during the block and check that it logged no crash of its own."""
    with EmulatorProcess(db) as process:
        yield process
    assert [
        line
        for line in process.stderr_lines
        if any(crash_marker in line for crash_marker in CRASH_MARKERS)
    ] == []
