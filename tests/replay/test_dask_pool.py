"""A Dask cluster counts as one machine does, also when a worker dies in the middle.

A real scheduler and two real workers, each a process of its own.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest
from archives import ndjson, track
from click.testing import CliRunner
from serving import serving

from segment_insider_emulator.cli import main

pytest.importorskip("distributed", reason="the extra `dask` is not installed")

FILES = {
    f"{number}.ndjson": ndjson([track(number), track(number, userId=None)])
    for number in range(1, 9)
}
HELD = {"3.ndjson", "4.ndjson"}
WORKER = ("worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
SCHEDULER = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")


def replay(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "segment_insider_emulator", "replay", "--json", *arguments]


@contextmanager
def dask(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process of Dask, and what it logs."""
    running = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        # It tries again and again to reach a worker that is gone.
        env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"},
    )
    assert running.stderr
    try:
        yield running, running.stderr
    finally:
        running.kill()
        running.wait()
        running.stderr.close()


def wait_for(log: IO[str], pattern: str) -> str:
    """What the first line of *log* that matches says."""
    for line in log:
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(f"the log ended before {pattern!r}")


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """The address of a scheduler, and its workers."""
    with ExitStack() as running:
        _, log = running.enter_context(dask(folder, *SCHEDULER))
        address = wait_for(log, r"Scheduler at: +(tcp://\S+)")
        started = []
        for _ in range(workers):
            process, log = running.enter_context(dask(folder, *WORKER, address))
            wait_for(log, r"(Registered to)")
            started.append(process)
        yield address, started


def test_worker_that_dies_in_the_middle_changes_no_figure(tmp_path: Path) -> None:
    with cluster(tmp_path, workers=2) as (address, workers), serving(FILES, HELD) as server:
        archive = [server.address(name) for name in FILES]
        command = replay(*archive, "--scheduler", address)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            in_progress = {server.asked.get(timeout=30) for _ in workers}
            workers[0].kill()
            server.release.set()
            stdout, _ = running.communicate(timeout=60)
        given_again = server.asked.get(timeout=60)
        alone = subprocess.run(
            replay(*archive, "--workers", "1"), stdout=subprocess.PIPE, text=True, timeout=60
        )

    assert in_progress == HELD
    assert given_again in HELD
    assert running.returncode == 1
    assert json.loads(stdout) == json.loads(alone.stdout)
    assert json.loads(stdout)["archive"]["events"] == 2 * len(FILES)


def test_a_relative_name_is_found_by_workers_in_another_folder(tmp_path: Path) -> None:
    archive, elsewhere = tmp_path / "archive", tmp_path / "elsewhere"
    for folder in (archive, elsewhere):
        folder.mkdir()
    (archive / "day.ndjson").write_bytes(ndjson([track(1), track(2)]))
    with cluster(elsewhere, workers=1) as (address, _):
        command = replay("day.ndjson", "--scheduler", address)
        done = subprocess.run(
            command, cwd=archive, capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["archive"]["events"] == 2


@pytest.mark.parametrize(
    ("scheduler", "why"),
    [
        pytest.param("tcp://127.0.0.1:1", "Connection refused", id="nobody there"),
        pytest.param("gopher://127.0.0.1", "it does not begin with tcp://", id="no scheduler"),
        pytest.param("tcp://127.0.0.1:port", "Port could not be cast", id="no port"),
    ],
)
def test_an_unreachable_cluster_is_reported(tmp_path: Path, scheduler: str, why: str) -> None:
    (tmp_path / "a.ndjson").write_bytes(FILES["1.ndjson"])

    told = CliRunner().invoke(main, ["replay", str(tmp_path), "--scheduler", scheduler])

    assert told.exit_code == 2
    assert told.stderr.startswith(f"emulator: {scheduler}: the cluster cannot be reached (")
    assert why in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_interrupt_keeps_what_is_done_and_resume_goes_on(tmp_path: Path) -> None:
    checkpoint, last = tmp_path / "checkpoint.json", "8.ndjson"
    with cluster(tmp_path, workers=2) as (address, _), serving(FILES, {last}) as server:
        archive = [server.address(name) for name in FILES]
        command = replay(*archive, "--scheduler", address, "--resume", str(checkpoint))
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.asked.get(timeout=60) == last
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=60)
        kept = json.loads(checkpoint.read_bytes())["done"]
        server.release.set()
        resumed, alone = (
            subprocess.run(arguments, capture_output=True, text=True, timeout=60)
            for arguments in (command, replay(*archive, "--workers", "1"))
        )

    sizes = [len(content) for content in FILES.values()]
    share = sum(sizes[file] for file, _ in kept) * 100 // sum(sizes)
    said = f"stopped at {share} %; run the same command to continue"
    said = said if kept else "stopped; nothing is saved yet"
    assert (running.returncode, *told) == (130, "", f"emulator: {said}\n")
    assert len(kept) < len(FILES)
    assert (resumed.returncode, resumed.stderr) == (1, "")
    assert json.loads(resumed.stdout) == json.loads(alone.stdout)
