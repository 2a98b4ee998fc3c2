"""A stopped run saves the completed parts, and the next run continues with them."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from archives import ndjson, track, write
from click.testing import CliRunner
from serving import serving

from segment_insider_emulator.cli import main

FILES = {f"{number}.ndjson": ndjson([track(number), track(-number)]) for number in range(1, 5)}
LAST = "4.ndjson"
NOTHING = "stopped; nothing is saved yet"


def command(*arguments: str | Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "replay",
        "--json",
        *map(str, arguments),
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupt_keeps_what_is_done_and_resume_goes_on(tmp_path: Path, workers: int) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    with serving(FILES, held={LAST}) as server:
        archive = [server.address(name) for name in FILES]
        options = ("--workers", str(workers), "--resume", checkpoint)
        running = subprocess.Popen(
            command(*archive, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.asked.get(timeout=60) == LAST
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=60)
        kept = json.loads(checkpoint.read_bytes())
        server.release.set()
        resumed = subprocess.run(
            command(*archive, *options), capture_output=True, text=True, timeout=60
        )
        whole = subprocess.run(
            command(*archive, "--workers", "1"), capture_output=True, text=True, timeout=60
        )

    done = {file for file, _ in kept["done"]}
    size = {file: len(content) for file, content in enumerate(FILES.values())}
    share = sum(size[file] for file in done) * 100 // sum(size.values())
    said = f"stopped at {share} %; run the same command to continue" if done else NOTHING
    assert (running.returncode, *told) == (130, "", f"emulator: {said}\n")
    assert done <= {0, 1, 2}
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert json.loads(resumed.stdout) == json.loads(whole.stdout)


@pytest.mark.parametrize(
    ("options", "names", "said"),
    [
        pytest.param(
            ["--resume", "kept.json"],
            [*FILES],
            "stopped at 75 %; run the same command to continue",
            id="goes on",
        ),
        pytest.param(
            [], [*FILES], "stopped at 75 %; nothing is saved without --resume FILE", id="gone"
        ),
        pytest.param(["--resume", "kept.json"], [LAST], NOTHING, id="in the first part"),
    ],
)
def test_an_interrupt_reports_the_progress_and_the_checkpoint(
    tmp_path: Path, options: list[str], names: list[str], said: str
) -> None:
    with serving(FILES, held={LAST}) as server:
        archive = [server.address(name) for name in names]
        running = subprocess.Popen(
            command(*archive, "--workers", "1", *options),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.asked.get(timeout=60) == LAST
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=60)
        server.release.set()

    assert (running.returncode, *told) == (130, "", f"emulator: {said}\n")


def test_the_report_of_a_finished_run_comes_from_its_checkpoint(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.gz", [track(1)])
    arguments = ["replay", "--json", "--workers", "1", str(archive)]
    arguments += ["--resume", str(tmp_path / "checkpoint.json")]

    first, second = (CliRunner().invoke(main, arguments) for _ in range(2))

    assert first.exit_code == second.exit_code == 0
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"{", "not a checkpoint of --resume", id="no JSON"),
        pytest.param(b"[]", "not a checkpoint of --resume", id="something else"),
        pytest.param(
            b'{"version":1,"work":"other"}', "this checkpoint is of other files", id="other work"
        ),
    ],
)
def test_checkpoint_of_something_else_is_refused(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    archive = write(tmp_path / "a.gz", [track(1)])
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_bytes(content)

    result = CliRunner().invoke(main, ["replay", str(archive), "--resume", str(checkpoint)])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"emulator: {checkpoint}: {complaint}")
    assert checkpoint.read_bytes() == content


def test_people_see_how_far_it_is(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.gz", [track(1)])
    terminal, its_end = pty.openpty()
    with os.fdopen(terminal, "rb"):
        arguments = command(archive, "--workers", "1")
        ran = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=its_end, timeout=60)
        os.close(its_end)
        told = os.read(terminal, 10_000)

    assert json.loads(ran.stdout)["archive"]["events"] == 1
    assert b"replaying" in told
    assert b"100%" in told


def test_processes_count_as_one_does(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / f"{number}.gz", [track(number), track(number, userId=None)])
    arguments = ["replay", "--json", str(tmp_path), "--workers"]

    one, two = (CliRunner().invoke(main, [*arguments, count]) for count in ("1", "2"))

    assert json.loads(one.stdout)["archive"]["events"] == 10
    assert two.stdout == one.stdout
