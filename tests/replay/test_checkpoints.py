"""A stopped run saves the completed parts, and the next run continues with them."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from archives import format_ndjson, make_track_event, write_archive
from click.testing import CliRunner
from file_server import serve_files

from segment_insider_emulator.cli import main

FILES = {
    f"{number}.ndjson": format_ndjson([make_track_event(number), make_track_event(-number)])
    for number in range(1, 5)
}
LAST = "4.ndjson"
NOTHING_SAVED = "stopped; nothing is saved yet"


def make_command(*arguments: str | Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "replay",
        "--json",
        *map(str, arguments),
    ]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.extended)])
def test_an_interrupted_run_continues_from_its_checkpoint(tmp_path: Path, workers: int) -> None:
    checkpoint = tmp_path / "checkpoint.json"
    with serve_files(FILES, delayed={LAST}) as server:
        archive = [server.get_url(name) for name in FILES]
        options = ("--workers", str(workers), "--resume", checkpoint)
        process = subprocess.Popen(
            make_command(*archive, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.delayed_gets.get(timeout=60) == LAST
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)
        saved = json.loads(checkpoint.read_bytes())
        server.release.set()
        resumed = subprocess.run(
            make_command(*archive, *options), capture_output=True, text=True, timeout=60
        )
        uninterrupted = subprocess.run(
            make_command(*archive, "--workers", "1"), capture_output=True, text=True, timeout=60
        )

    done_files = {file for file, _ in saved["done"]}
    size = {file: len(content) for file, content in enumerate(FILES.values())}
    share = sum(size[file] for file in done_files) * 100 // sum(size.values())
    message = (
        f"stopped at {share} %; run the same command to continue" if done_files else NOTHING_SAVED
    )
    assert (process.returncode, *output) == (130, "", f"emulator: {message}\n")
    assert done_files <= {0, 1, 2}
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert json.loads(resumed.stdout) == json.loads(uninterrupted.stdout)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("options", "names", "message"),
    [
        pytest.param(
            ["--resume", "checkpoint.json"],
            [*FILES],
            "stopped at 75 %; run the same command to continue",
            id="resumable",
        ),
        pytest.param(
            [],
            [*FILES],
            "stopped at 75 %; nothing is saved without --resume FILE",
            id="gone",
            marks=pytest.mark.extended,
        ),
        pytest.param(
            ["--resume", "checkpoint.json"],
            [LAST],
            NOTHING_SAVED,
            id="in the first part",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_an_interrupt_reports_the_progress_and_the_checkpoint(
    tmp_path: Path, options: list[str], names: list[str], message: str
) -> None:
    with serve_files(FILES, delayed={LAST}) as server:
        archive = [server.get_url(name) for name in names]
        process = subprocess.Popen(
            make_command(*archive, "--workers", "1", *options),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert server.delayed_gets.get(timeout=60) == LAST
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)
        server.release.set()

    assert (process.returncode, *output) == (130, "", f"emulator: {message}\n")


def test_the_report_of_a_finished_run_comes_from_its_checkpoint(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.gz", [make_track_event(1)])
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
def test_a_checkpoint_of_other_work_is_rejected(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    archive = write_archive(tmp_path / "a.gz", [make_track_event(1)])
    checkpoint = tmp_path / "checkpoint.json"
    checkpoint.write_bytes(content)

    result = CliRunner().invoke(main, ["replay", str(archive), "--resume", str(checkpoint)])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"emulator: {checkpoint}: {complaint}")
    assert checkpoint.read_bytes() == content


def test_a_terminal_shows_the_progress(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.gz", [make_track_event(1)])
    terminal, terminal_end = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        arguments = make_command(archive, "--workers", "1")
        ran = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=terminal_end, timeout=60)
        os.close(terminal_end)
        output = b""
        with suppress(OSError):  # which Linux raises at the end
            while part := screen.read(10_000):
                output += part

    assert json.loads(ran.stdout)["archive"]["events"] == 1
    assert b"replaying" in output
    assert b"100%" in output


@pytest.mark.extended
def test_several_processes_count_like_one(tmp_path: Path) -> None:
    for number in range(5):
        write_archive(
            tmp_path / f"{number}.gz",
            [make_track_event(number), make_track_event(number, userId=None)],
        )
    arguments = ["replay", "--json", str(tmp_path), "--workers"]

    one, two = (CliRunner().invoke(main, [*arguments, count]) for count in ("1", "2"))

    assert json.loads(one.stdout)["archive"]["events"] == 10
    assert two.stdout == one.stdout
