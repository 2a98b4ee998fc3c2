"""Server processes to measure, with their CPU time and memory."""

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
    """A running server process.

    Args:
        ready: Seconds from its start until it said so.
    """

    port: int
    pid: int
    startup_seconds: float

    @property
    def url(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds so far of the process and its children."""
        return sum(_read_cpu_ns(process) for process in list_processes(self.pid)) / 1e9

    @property
    def memory_mb(self) -> float:
        """Resident memory in MB of the process and its children."""
        return sum(read_resident_bytes(process) for process in list_processes(self.pid)) / 1e6


@contextmanager
def start_emulator(db: Path | str) -> Iterator[ServerProcess]:
    """Run `emulator serve` on *db*, a file or a database URL, during the block."""
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
    """Run a server that prints its port in its first line, during the block."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"(?::|^)(\d+)\b(?!.*:\d)", line)
        assert match, line
        try:
            yield ServerProcess(int(match[1]), process.pid, time.perf_counter() - begun)
        finally:
            process.terminate()


def _read_cpu_ns(pid: int) -> int:
    """Return the nanoseconds that the threads of a process have run."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads)


def list_processes(pid: int) -> list[int]:
    """Return a process id and those of its children; none when it has ended."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *map(int, below)]


def read_resident_bytes(pid: int) -> int:
    """Return the resident memory of a process in bytes; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * MEMORY_PAGE_SIZE
    except OSError:
        return 0
