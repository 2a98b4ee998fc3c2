"""`emulator serve` logs on stderr: little unless it is asked to, and nothing that forges a line."""

import os
import re
import subprocess
import sys

import pytest
import requests

SERVE = [sys.executable, "-m", "emulator", "serve", "--port", "0", "--db", ":memory:"]
SONG = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "song_played"}


def logged(*options: str) -> list[str]:
    """What is said after the first line, without times, when one event and one odd pixel come."""
    with subprocess.Popen([*SERVE, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.match(r"ready at (\S+) ", process.stderr.readline())
        assert found
        requests.post(f"{found[1]}/v1/track", json=SONG, timeout=5)
        requests.get(f"{found[1]}/v1/pixel/tra%0Ack", timeout=5)
        process.terminate()
        lines = process.communicate(timeout=10)[1].splitlines()
    return [re.sub(r"^\S+ \S+ ", "", line) for line in lines]


REFUSED = r"WARNING emulator\.segment\.pixel refused pixel='tra\\nck' reason=.+"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        pytest.param([], [REFUSED], id="what goes wrong"),
        pytest.param(
            ["--verbose"],
            [
                "INFO emulator.insider.upsert upserted users=1 failed=0",
                "INFO emulator.delivery.road sent action=trackEvent events=1 status=200",
                "INFO emulator.segment.intake received kind=track messages=1 rejected=0",
                REFUSED,
            ],
            id="whatever crosses an edge",
        ),
    ],
)
def test_log(options: list[str], lines: list[str]) -> None:
    said = logged(*options)
    assert len(said) == len(lines), said
    for line, pattern in zip(said, lines, strict=True):
        assert re.fullmatch(pattern, line), line


@pytest.mark.parametrize(
    ("host", "password", "said"),
    [
        pytest.param("127.0.0.1", None, [], id="this machine alone"),
        pytest.param(
            "0.0.0.0",
            None,
            [
                "emulator: anybody who reaches 0.0.0.0 can read what is captured, and clear it. "
                "Set EMULATOR_PASSWORD, or serve at 127.0.0.1."
            ],
            id="the network, without a password",
        ),
        pytest.param("0.0.0.0", "sesame", [], id="the network, with one"),
    ],
)
def test_an_open_door_is_told(host: str, password: str | None, said: list[str]) -> None:
    environment = {**os.environ, **({"EMULATOR_PASSWORD": password} if password else {})}
    command = [*SERVE, "--host", host]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("ready at ")
        if said:
            assert [process.stderr.readline().rstrip()] == said
        process.terminate()
        assert process.communicate(timeout=10)[1] == ""
