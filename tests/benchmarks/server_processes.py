"""Servers in processes of their own, and what these take."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
FAKE = ["node", str(HERE / "reference" / "capture.cjs")]
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that takes requests.

    Args:
        ready: Seconds from its start until it said so.
    """

    port: int
    pid: int
    ready: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu(self) -> float:
        """CPU seconds so far, of its processes together."""
        return sum(_on_cpu(each) for each in family(self.pid)) / 1e9

    @property
    def megabytes(self) -> float:
        """Resident memory, likewise."""
        return sum(resident(each) for each in family(self.pid)) / 1e6


@contextmanager
def emulator(db: Path | str) -> Iterator[Server]:
    """`emulator serve` with its captures in *db*, a file or an address."""
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "serve",
        "--port",
        "0",
        "--db",
        str(db),
    ]
    with started(command) as server:
        yield server


@contextmanager
def started(command: list[str]) -> Iterator[Server]:
    """A server that names its port in its first line."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(?::|^)(\d+)\b(?!.*:\d)", line)
        assert found, line
        try:
            yield Server(int(found[1]), process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()


def _on_cpu(pid: int) -> int:
    """Nanoseconds that the threads of a process have run."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads)


def family(pid: int) -> list[int]:
    """A process and its children; none when it has ended."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *map(int, below)]


def resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0
