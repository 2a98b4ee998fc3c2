"""`emulator tail` follows messages, explains them, and survives a restart of the emulator."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from select import select
from typing import IO

import pytest
import requests
from click.testing import CliRunner, Result

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

MODULE = [sys.executable, "-m", "segment_insider_emulator"]
VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug", "price": 8.5, "gift": True},
}
HOSTILE: JSONObject = {"type": "track", "userId": "eve\n\x1b[2J", "event": "x\r\n\u202eevil"}


def send(url: str, *calls: JSONObject) -> None:
    body = {"writeKey": "wk_demo", "batch": calls}
    requests.post(f"{url}/v1/batch", json=body, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as address:
        send(address, VIEWED, {**VIEWED, "properties": {"price": "many"}}, HOSTILE)
        yield address
    app.extensions["emulator"].close()


def tail(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["tail", "--url", url, "--no-follow", *arguments])


def test_a_line_has_time_event_person_verdict_and_lost_fields(url: str) -> None:
    result = tail(url, "user:ada properties.price > 5")
    assert result.exit_code == 0
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3}  track Product Viewed +ada +"
        r"(warning|accepted|dropped)  not mapped: properties\.gift\n",
        result.stdout,
    )


def test_explain_adds_the_reason_and_the_remedy(url: str) -> None:
    lines = tail(url, "properties.price > 5", "--explain").stdout.splitlines()
    explanation = "\n".join(lines[1:])
    assert "properties.gift" in explanation
    assert "subscriptions" in explanation  # where to write the line that maps it
    assert all(line.startswith("    ") for line in lines[1:])


def test_json_has_one_line_for_each_message(url: str) -> None:
    lines = tail(url, "--json", "--since", "1h", "user:ada").stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    assert [message["event"] for message in messages] == ["Product Viewed"] * 2
    assert messages[0]["lost"] == ["properties.gift"]
    assert messages[0]["message"]["properties"]["price"] == 8.5


def test_hostile_text_stays_in_its_line(url: str) -> None:
    output = tail(url, "event ~ evil").stdout
    assert output.count("\n") == 1
    assert [text for text in output.rstrip("\n") if not text.isprintable()] == []


def test_the_number_of_messages_can_be_limited(url: str) -> None:
    assert len(tail(url, "--limit", "2").stdout.splitlines()) == 2
    assert len(tail(url, "--exit-after", "1").stdout.splitlines()) == 1


def test_new_messages_are_followed(url: str) -> None:
    arguments = ["tail", "--url", url, "event:Followed", "--limit", "1"]
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(CliRunner().invoke, main, arguments)
        while not following.done():
            send(url, {**VIEWED, "event": "Followed"})
            wait([following], timeout=0.2)
    assert following.result().exit_code == 0
    assert "track Followed" in following.result().stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(("evnt:x",), "query, column 1: unknown field 'evnt'", id="query"),
        pytest.param(("--since", "banana"), "'banana' is not a time", id="since"),
    ],
)
def test_a_mistake_is_one_line(url: str, arguments: tuple[str, ...], text: str) -> None:
    result = tail(url, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_emulator_is_one_line_and_exit_code_2() -> None:
    result = tail("http://127.0.0.1:9")
    assert (result.exit_code, result.stderr) == (
        2,
        "emulator: http://127.0.0.1:9: no emulator answers. "
        "Start one with `emulator serve`, or correct the address.\n",
    )


def test_a_sandbox_that_does_not_exist_is_named(url: str) -> None:
    result = tail(f"{url}/sandboxes/nowhere")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


@contextmanager
def serve(port: str = "0") -> Iterator[str]:
    """Run an emulator with a database in memory during the block; yield its address."""
    command = [*MODULE, "serve", "--db", ":memory:", "--port", port]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        match = re.match(r"ready at (\S+) ", read_line(process.stderr))
        assert match
        yield match[1]
        process.terminate()
        process.communicate(timeout=60)


@contextmanager
def follow(url: str) -> Iterator[subprocess.Popen[str]]:
    """Run `emulator tail` during the block."""
    command = [*MODULE, "tail", "--url", url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, bufsize=1) as process:
        try:
            yield process
        finally:
            process.kill()


def read_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def read_until(stream: IO[str] | None, text: str) -> None:
    while text not in read_line(stream):
        pass


@pytest.mark.extended
def test_it_follows_across_a_restart_and_ends_with_ctrl_c() -> None:
    with ExitStack() as opened:
        with serve() as url:
            follower = opened.enter_context(follow(url))
            assert follower.stdout
            number = 0  # messages before it has started are not followed
            while not number or not select([follower.stdout], [], [], 0.5)[0]:
                number += 1
                send(url, {**VIEWED, "event": f"Song {number}"})
            read_until(follower.stdout, f"Song {number}")
        read_until(follower.stderr, "no emulator answers; waiting")
        opened.enter_context(serve(url.rpartition(":")[2]))
        read_until(follower.stderr, "it answers again")
        read_until(follower.stderr, "the messages were deleted")
        send(url, {**VIEWED, "event": "After the restart"})
        read_until(follower.stdout, "After the restart")
        follower.send_signal(signal.SIGINT)
        assert follower.wait(60) == 0
