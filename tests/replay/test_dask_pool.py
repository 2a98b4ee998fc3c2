"""A Dask cluster counts like one machine, also when a worker dies during the run.

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
from archives import format_ndjson, make_track_event
from click.testing import CliRunner
from file_server import serve_files

from segment_insider_emulator.cli import main

pytest.importorskip("distributed", reason="the extra `dask` is not installed")

FILES = {
    f"{number}.ndjson": format_ndjson(
        [make_track_event(number), make_track_event(number, userId=None)]
    )
    for number in range(1, 9)
}
DELAYED = {"3.ndjson", "4.ndjson"}
WORKER = ("worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
SCHEDULER = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")


def make_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "segment_insider_emulator", "replay", "--json", *arguments]


@contextmanager
def run_dask(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run a Dask process during the block; yield it and its log."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        # It keeps trying to reach a worker that no longer exists.
        env={**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"},
    )
    assert process.stderr
    try:
        yield process, process.stderr
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_for_match(log: IO[str], pattern: str) -> str:
    """Return the first group of the first line of *log* that matches."""
    for line in log:
        if match := re.search(pattern, line):
            return match[1]
    raise AssertionError(f"the log ended before {pattern!r}")


@contextmanager
def run_cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Run a scheduler and workers during the block; yield its address and the workers."""
    with ExitStack() as stack:
        _, log = stack.enter_context(run_dask(folder, *SCHEDULER))
        address = wait_for_match(log, r"Scheduler at: +(tcp://\S+)")
        processes = []
        for _ in range(workers):
            process, log = stack.enter_context(run_dask(folder, *WORKER, address))
            wait_for_match(log, r"(Registered to)")
            processes.append(process)
        yield address, processes


@pytest.mark.extended
def test_a_worker_that_dies_during_the_run_changes_no_figure(tmp_path: Path) -> None:
    with (
        run_cluster(tmp_path, workers=2) as (address, workers),
        serve_files(FILES, DELAYED) as server,
    ):
        archive = [server.get_url(name) for name in FILES]
        command = make_command(*archive, "--scheduler", address)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            in_progress = {server.delayed_gets.get(timeout=60) for _ in workers}
            workers[0].kill()
            server.release.set()
            stdout, _ = process.communicate(timeout=60)
        given_again = server.delayed_gets.get(timeout=60)
        alone = subprocess.run(
            make_command(*archive, "--workers", "1"), stdout=subprocess.PIPE, text=True, timeout=60
        )

    assert in_progress == DELAYED
    assert given_again in DELAYED
    assert process.returncode == 1
    assert json.loads(stdout) == json.loads(alone.stdout)
    assert json.loads(stdout)["archive"]["events"] == 2 * len(FILES)


@pytest.mark.extended
def test_a_relative_name_is_found_by_workers_in_another_folder(tmp_path: Path) -> None:
    archive, elsewhere = tmp_path / "archive", tmp_path / "elsewhere"
    for folder in (archive, elsewhere):
        folder.mkdir()
    (archive / "day.ndjson").write_bytes(format_ndjson([make_track_event(1), make_track_event(2)]))
    with run_cluster(elsewhere, workers=1) as (address, _):
        command = make_command("day.ndjson", "--scheduler", address)
        result = subprocess.run(
            command, cwd=archive, capture_output=True, text=True, timeout=60, check=False
        )
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["archive"]["events"] == 2


@pytest.mark.parametrize(
    ("scheduler", "why"),
    [
        pytest.param("tcp://127.0.0.1:1", "Connection refused", id="no server"),
        pytest.param("gopher://127.0.0.1", "it does not begin with tcp://", id="no scheduler"),
        pytest.param("tcp://127.0.0.1:port", "Port could not be cast", id="no port"),
    ],
)
def test_an_unreachable_cluster_is_reported(tmp_path: Path, scheduler: str, why: str) -> None:
    (tmp_path / "a.ndjson").write_bytes(FILES["1.ndjson"])

    result = CliRunner().invoke(main, ["replay", str(tmp_path), "--scheduler", scheduler])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"emulator: {scheduler}: the cluster cannot be reached (")
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.extended
def test_an_interrupted_run_continues_from_its_checkpoint(tmp_path: Path) -> None:
    checkpoint, last = tmp_path / "checkpoint.json", "8.ndjson"
    with run_cluster(tmp_path, workers=2) as (address, _), serve_files(FILES, {last}) as server:
        archive = [server.get_url(name) for name in FILES]
        command = make_command(*archive, "--scheduler", address, "--resume", str(checkpoint))
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.delayed_gets.get(timeout=60) == last
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)
        saved = json.loads(checkpoint.read_bytes())["done"]
        server.release.set()
        resumed, alone = (
            subprocess.run(arguments, capture_output=True, text=True, timeout=60)
            for arguments in (command, make_command(*archive, "--workers", "1"))
        )

    sizes = [len(content) for content in FILES.values()]
    share = sum(sizes[file] for file, _ in saved) * 100 // sum(sizes)
    message = f"stopped at {share} %; run the same command to continue"
    message = message if saved else "stopped; nothing is saved yet"
    assert (process.returncode, *output) == (130, "", f"emulator: {message}\n")
    assert len(saved) < len(FILES)
    assert (resumed.returncode, resumed.stderr) == (1, "")
    assert json.loads(resumed.stdout) == json.loads(alone.stdout)
