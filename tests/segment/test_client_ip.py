"""`context.ip` is added to calls of browsers and apps only, as at Segment's edge."""

from typing import Any

import pytest
import requests

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.segment.normalise import add_client_ip
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import build_workspace
from segment_insider_scenarios.client import ControlClient

ADDRESS = "203.0.113.7"
BROWSER = {"library": {"name": "analytics.js", "version": "next-1.84.3"}}


@pytest.mark.documented
@pytest.mark.parametrize(
    "context",
    [
        pytest.param(BROWSER, id="browser"),
        *(
            pytest.param({"library": {"name": name}}, id=name)
            for name in (
                "analytics-ios",
                "analytics-swift",
                "analytics-android",
                "analytics-kotlin",
                "Analytics-CSharp",
                "@segment/analytics-react-native",
            )
        ),
        pytest.param({"direct": True}, id="requested"),
    ],
)
def test_the_ip_address_is_added_to_calls_of_clients(context: JSONObject) -> None:
    call = {"type": "track", "context": context}
    assert add_client_ip(call, ADDRESS) == {**call, "context": {**context, "ip": ADDRESS}}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("context", "address"),
    [
        pytest.param({**BROWSER, "ip": "0.0.0.0"}, ADDRESS, id="it has one"),
        pytest.param({**BROWSER, "ip": None}, ADDRESS, id="it says that it has none"),
        pytest.param({"library": {"name": "analytics-python"}}, ADDRESS, id="Python"),
        pytest.param({"library": {"name": "@segment/analytics-node"}}, ADDRESS, id="Node"),
        pytest.param({"library": {"name": 5}}, ADDRESS, id="no name"),
        pytest.param({"library": "analytics.js"}, ADDRESS, id="no library"),
        pytest.param({"direct": "true"}, ADDRESS, id="requested as text"),
        pytest.param(None, ADDRESS, id="no context"),
        pytest.param(BROWSER, "2001:db8::7", id="IPv6"),
        pytest.param(BROWSER, None, id="no address"),
    ],
)
def test_other_calls_are_unchanged(context: Any, address: str | None) -> None:
    call = {"type": "track", "context": context}
    assert add_client_ip(call, address) is call


def send_and_get_ip(
    headers: dict[str, str], trusted_proxy: str | None = None, **segment: object
) -> str | None:
    """Send a browser's call over HTTP and return the IP address in its event."""
    document = {**load_preset_workspace("guide").document, "segment": segment}
    app = create_app(Config(db=":memory:"), build_workspace(document))
    call = {"writeKey": "wk_demo", "userId": "ada", "event": "a", "context": BROWSER}
    server = serve_app_in_thread(app, trusted_proxy=trusted_proxy)
    with server as url, ControlClient(url) as client:
        requests.post(f"{url}/v1/t", json=call, headers=headers, timeout=60).raise_for_status()
        [message] = client.list_messages()
    app.extensions["sandboxes"].close()
    assert "ip" not in message["message"]["context"]
    address: str | None = message["normalised"]["context"].get("ip")
    return address


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("headers", "proxy", "segment", "expected"),
    [
        pytest.param({}, None, {}, "127.0.0.1", id="from the connection"),
        pytest.param(
            {"X-Forwarded-For": ADDRESS}, None, {}, "127.0.0.1", id="not from an untrusted header"
        ),
        pytest.param(
            {"X-Forwarded-For": ADDRESS}, "127.0.0.1", {}, ADDRESS, id="from a trusted proxy"
        ),
        pytest.param(
            {"X-Forwarded-For": ADDRESS}, "127.0.0.9", {}, "127.0.0.1", id="from another proxy"
        ),
        pytest.param({}, None, {"contextIp": False}, None, id="switched off"),
    ],
)
def test_the_address_is_that_of_the_connection_or_of_a_trusted_proxy(
    headers: dict[str, str], proxy: str | None, segment: JSONObject, expected: str | None
) -> None:
    assert send_and_get_ip(headers, proxy, **segment) == expected
