"""SDKs that do not run here: the requests they make are taken all the same."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from flask import Flask

from sdks.sdk_emulator import SdkEmulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient

CASES = sorted(Path("fixtures/sdks").glob("*.json"))
HOSTS = ("api.segment.io", "events.eu1.segmentapis.com")


def load_recorded_requests(path: Path) -> Any:
    case = json.loads(path.read_text("utf-8"))
    mark = {"documented": pytest.mark.documented, "observed": pytest.mark.observed}
    return pytest.param(case, id=path.stem, marks=mark[case["standing"]])


@pytest.fixture
def end() -> Iterator[SdkEmulator]:
    app = reached_by_any_name()
    with serve_app_in_thread(app) as url, ControlClient(url) as client:
        yield SdkEmulator(url, client)
    app.extensions["emulator"].store.close()


def reached_by_any_name() -> Flask:
    return create_app(Config(db=":memory:", host="0.0.0.0"), load_preset_workspace("guide"))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("case", [load_recorded_requests(path) for path in CASES])
def test_a_recorded_request_is_accepted(end: SdkEmulator, case: JSONObject, host: str) -> None:
    response = send_recorded_request(end.url, host, case["request"])
    assert (response.status_code, response.headers["Content-Type"], response.json()) == (
        200,
        "application/json",
        {"success": True},
    )
    assert [describe_message(message) for message in end.client.list_messages()] == case["expect"]


def send_recorded_request(url: str, host: str, request: JSONObject) -> requests.Response:
    body = orjson.dumps(request["json"])
    headers = {**request["headers"], "Host": host}
    if request["gzip"]:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    content = iter([body[:50], body[50:]]) if request["chunked"] else body
    return requests.post(url + request["path"], data=content, headers=headers, timeout=60)


def describe_message(message: JSONObject) -> JSONObject:
    normalised = message["normalised"]
    return {
        "type": message["type"],
        "event": message["event"],
        "userId": message["userId"],
        "anonymousId": message["anonymousId"],
        "originalTimestamp": normalised["originalTimestamp"],
    }
