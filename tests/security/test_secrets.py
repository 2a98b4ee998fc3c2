"""Secrets are sent to every place that accepts one; none of them is shown again."""

import base64
import logging
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from flask import Flask
from forked_commands import run_python_module

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace, load_workspace_or_preset

KEY = "account-key-5a1f"
SECRETS = {
    "the account's key": KEY,
    "a wrong token": "wrong-token-9c2e",
    "the key that unsubscribes": "unsubscribe-key-2d4f",
    "the key that subscribes": "resubscribe-key-8a7c",
    "the key of a sandbox": "sandbox-key-7b3d",
    "the real account's key": "real-key-e4f5",
    "a password in an address": "callback-password-8d6c",
    "an OAuth token": "oauth-token-1b2a",
}
WRITE_KEY = "write-key-3f7e"  # public, as pages have it in their source, but of no use in a log
SONG = {"userId": "ada", "event": "song_played", "messageId": "m1"}
# What is in the database as it is: a sandbox has to know its key after a restart.
STORED_SECRETS = {"the key of a sandbox in the database"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    document: JSONObject = {
        "source": {"name": "Shop", "writeKey": WRITE_KEY},
        "destination": {
            "name": "Insider Cloud Mode (Actions)",
            "enabled": True,
            "settings": {"account_name": "mybrand", "ucd_key": KEY},
            "subscriptions": [
                {
                    "name": "Songs",
                    "actionSlug": "trackEvent",
                    "enabled": True,
                    "trigger": 'type = "track"',
                    "settings": {
                        "event_name": {"@path": "$.event"},
                        "timestamp": {"@path": "$.timestamp"},
                        "uuid": {"@path": "$.userId"},
                    },
                }
            ],
        },
        "insider": {
            "account": {
                "name": "mybrand",
                "key": KEY,
                "unsubscribeKey": SECRETS["the key that unsubscribes"],
                "resubscribeKey": SECRETS["the key that subscribes"],
            },
            "identifiers": ["uuid"],
        },
    }
    file = tmp_path / "shop.json"
    file.write_bytes(orjson.dumps(document))
    return file


@pytest.fixture
def emulator_with_secrets(
    tmp_path: Path, workspace: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[tuple[Flask, dict[str, bytes]]]:
    """The emulator after all secrets were sent to it, and its answers."""
    caplog.set_level(logging.INFO, "segment_insider_emulator")
    config = Config(
        db=str(tmp_path / "emulator.db"),
        insider_key=SECRETS["the real account's key"],
        verbose=True,
    )
    app = create_app(config, load_workspace_or_preset(str(workspace)))
    client = app.test_client()
    basic = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    known = {"Authorization": f"Basic {basic}"}
    token = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": KEY}
    wrong = token | {"X-REQUEST-TOKEN": SECRETS["a wrong token"]}
    bad = {"users": [{"identifiers": {"email": "x"}, "events": []}]}
    address = f"http://ada:{SECRETS['a password in an address']}@127.0.0.1:1/late"
    sandbox = {"id": "two", "key": SECRETS["the key of a sandbox"]}
    bearer = {"Authorization": f"Bearer {SECRETS['an OAuth token']}"}
    responses = [
        client.post("/v1/track", json=SONG, headers=known),
        client.post("/v1/track", json=SONG, headers=bearer),
        client.post("/v1/batch", data=b"{", headers=known),
        client.post("/api/user/v1/upsert", json=bad, headers=token),
        client.post("/api/user/v1/upsert", json=bad, headers=wrong),
        client.post(
            "/api/user/v1/upsert", json=bad | {"error_callback_endpoint": address}, headers=token
        ),
        client.post(
            "/sms/v1/unsubscribe",
            json={"phone_number": "+6598765432"},
            headers=token | {"X-REQUEST-TOKEN": SECRETS["the key that unsubscribes"]},
        ),
        client.post("/sms/v1/subscribe", json={}, headers=wrong),
        client.post("/emulator/v1/faults", json={"status": 503, "times": 1}),
        client.post(
            "/v1/track",
            json=SONG | {"messageId": "m2"},
            headers=known,
        ),
    ]
    assert client.post("/emulator/v1/sandboxes", json=sandbox).status_code == 201
    yield app, {f"answer {number}": response.data for number, response in enumerate(responses)}
    app.extensions["emulator"].close()


def iter_readable_addresses(app: Flask) -> Iterator[tuple[str, bytes]]:
    """Yield every GET route with its answer, for the first object of each kind."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.endpoint.endswith("stream"):
            path = re.sub(r"<any\((\w+),[^>]*>", r"\1", rule.rule)
            path = re.sub(r"<[^>]+>", "two" if "sandboxes" in path else "1", path)
            yield path, client.get(path).data


def test_no_secret_is_shown_anywhere(
    emulator_with_secrets: tuple[Flask, dict[str, bytes]],
    workspace: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, responses = emulator_with_secrets
    out = responses | dict(iter_readable_addresses(app))
    app.extensions["emulator"].close()
    files = [file for file in tmp_path.rglob("emulator.db*") if file.is_file()]
    out |= {"the database": b"".join(file.read_bytes() for file in files)}
    cases = tmp_path / "cases.ndjson"
    from_database = ["--from", str(tmp_path / "emulator.db"), "--workspace", str(workspace)]
    events, report = tmp_path / "events.ndjson", tmp_path / "report.html"
    events.write_bytes(orjson.dumps(SONG | {"type": "track", "timestamp": "2026-11-23T10:00:00Z"}))
    with_workspace = ["--workspace", str(workspace)]
    for command in (
        ["contract", "record", *from_database, str(cases)],
        ["contract", "run", str(cases)],
        ["drift", str(workspace), "--json"],
        ["drift", str(workspace), "--traffic", str(tmp_path / "emulator.db")],
        ["export", "--format", "public-api", str(workspace)],
        ["export", "--format", "terraform", str(workspace)],
        ["lint", str(workspace), "--json"],
        ["map", *with_workspace, str(events)],
        ["map", *with_workspace, "--explain", str(events)],
        ["replay", *with_workspace, "--workers", "1", "--html", str(report), str(events)],
    ):
        ran = CliRunner().invoke(main, command)
        assert ran.exit_code in (0, 1), (command, ran.output)
        out[" ".join(command[:3])] = ran.output.encode()
    out |= {file.name: file.read_bytes() for file in (cases, report)}
    out |= {"the log": caplog.text.encode()}
    assert len(out) > 60
    shown = [
        f"{secret} in {place}"
        for secret, value in SECRETS.items()
        for place, text in out.items()
        if value.encode() in text
    ]
    assert set(shown) == STORED_SECRETS
    assert WRITE_KEY not in caplog.text


FEATURE = """\
Feature: Songs
  Scenario: A song without a listener
    Given the workspace "shop.json"
    When Ada does "song_played"
    Then Insider One receives exactly these events for Ada:
      | event_name |
      | nothing    |
"""
REPORTS = ("junit", "cucumber-json", "cucumber-messages", "html")


@pytest.mark.extended
def test_scenario_reports_contain_no_key(workspace: Path) -> None:
    feature = workspace.with_name("songs.feature")
    feature.write_text(FEATURE)
    written = {kind: workspace.with_name(f"report.{kind}") for kind in REPORTS}
    options = [argument for kind, file in written.items() for argument in (f"--{kind}", str(file))]
    ran = run_python_module("segment_insider_emulator", "verify", str(feature), *options)
    assert ran.returncode == 1, ran.stderr
    out = {kind: file.read_bytes() for kind, file in written.items()}
    out |= {"what is said": (ran.stdout + ran.stderr).encode()}
    assert [place for place, text in out.items() if KEY.encode() in text] == []
    assert b"song_played" in out["html"]


PASSWORD = "page-password-6e0b"


def test_the_password_of_the_pages_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "segment_insider_emulator")
    app = create_app(
        Config(db=":memory:", password=PASSWORD, verbose=True), load_preset_workspace("guide")
    )
    client = app.test_client()
    responses = [
        client.open(path, method=method, auth=("ada", password))
        for path in ("/", "/settings", "/emulator/v1/messages", "/emulator/v1/export")
        for method in ("GET", "POST")
        for password in (PASSWORD, f"{PASSWORD}2")
    ]
    app.extensions["emulator"].close()
    assert PASSWORD not in caplog.text + repr(app.extensions["emulator"].config)
    assert [
        response for response in responses if PASSWORD in response.text + str(response.headers)
    ] == []


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://ada:{}@127.0.0.1:1/x",
        "postgresql+psycopg://ada:{}@[::1/x",
        "postgresql+psycopg://ada@b:{}/x",
        "nosuch://ada:{}@h/x",
    ],
)
def test_database_passwords_are_never_shown(address: str) -> None:
    with pytest.raises(EmulatorError) as error:
        create_app(Config(db=address.format(PASSWORD)), load_preset_workspace("guide"))
    assert PASSWORD not in "".join(traceback.format_exception(error.value))
