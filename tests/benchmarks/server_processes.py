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

BENCHMARKS_FOLDER = Path(__file__).parent
FAKE_SERVER_COMMAND = ["node", str(BENCHMARKS_FOLDER / "reference" / "capture.cjs")]
MEMORY_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that takes requests.

    Args:
        ready: Seconds from its start until it said so.
    """

    port: int
    pid: int
    startup_seconds: float

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds so far, of its processes together."""
        return sum(_read_cpu_ns(each) for each in list_processes(self.pid)) / 1e9

    @property
    def memory_mb(self) -> float:
        """Resident memory, likewise."""
        return sum(read_resident_bytes(each) for each in list_processes(self.pid)) / 1e6


@contextmanager
def start_emulator(db: Path | str) -> Iterator[ServerProcess]:
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
    with start_server(command) as server:
        yield server


@contextmanager
def start_server(command: list[str]) -> Iterator[ServerProcess]:
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
            yield ServerProcess(int(found[1]), process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()


def _read_cpu_ns(pid: int) -> int:
    """Nanoseconds that the threads of a process have run."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in threads)


def list_processes(pid: int) -> list[int]:
    """A process and its children; none when it has ended."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *map(int, below)]


def read_resident_bytes(pid: int) -> int:
    """Bytes of memory that a process has; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * MEMORY_PAGE_SIZE
    except OSError:
        return 0
