"""Error callbacks: sent after the response, and only to allowed hosts."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread

import orjson
import pytest
from account import Account, build_event, parse_body, parse_findings

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.insider.error_callbacks import (
    CALLBACK_HEADER,
    CallbackHosts,
    ErrorCallbackSender,
    ForbiddenCallbackHost,
)
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.loading import load_workspace_from_document

pytestmark = pytest.mark.assumed
LOCAL_URL = "http://127.0.0.1:9/late"
USER = {"identifiers": {"uuid": "u1"}, "attributes": {"age": 36}}


def test_failures_are_posted_in_the_shape_of_the_fail_object_of_the_response() -> None:
    account = Account()
    invalid_user = {"identifiers": {"email": "sample"}, "events": []}
    response = account.send(USER, invalid_user, error_callback_endpoint=LOCAL_URL)
    assert account.callbacks == [(LOCAL_URL, {"fail": parse_body(response)["data"]["fail"]})]


def test_an_ignored_identifier_is_posted_although_the_user_is_accepted() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "events": []})
    changed_user = {
        "identifiers": {"uuid": "u1", "email": "new@b.io"},
        "events": [build_event("a")],
    }
    response = account.send(changed_user, error_callback_endpoint=LOCAL_URL)
    assert parse_body(response)["data"]["fail"] == {}
    text = "the profile already has another value, so this value is ignored"
    errors = {"users.0.identifiers.email": [text]}
    assert account.callbacks == [(LOCAL_URL, {"fail": {"count": 1, "errors": errors}})]


def test_an_unknown_profile_id_is_posted_although_the_user_is_accepted() -> None:
    account = Account()
    account.send(
        {"insider_id": "nobody", "events": [build_event("a")]}, error_callback_endpoint=LOCAL_URL
    )
    text = "no profile has this insider_id, so a new anonymous profile is created"
    errors = {"users.0.insider_id": [text]}
    assert account.callbacks == [(LOCAL_URL, {"fail": {"count": 1, "errors": errors}})]


def test_nothing_is_posted_when_nothing_failed() -> None:
    account = Account()
    account.send(USER, error_callback_endpoint=LOCAL_URL)
    assert account.callbacks == []


LISTED_HOSTS = ("late.shop.example", "172.18.0.0/16", "10.1.2.3")
LOCAL_HOSTS = CallbackHosts(allowed_local_hosts=("127.0.0.1",))


@pytest.mark.parametrize(
    ("address", "called"),
    [
        ("https://late.shop.example/x", True),
        ("http://10.1.2.3:8000/x", True),
        ("http://localhost:8000/x", False),
        ("http://127.0.0.1:8000/x", False),
        ("http://[::1]:8000/x", False),
        ("https://other.example/x", False),
        ("https://late.shop.example@other.example/", False),
        ("http://127.0.0.1.other.example/", False),
        ("ftp://late.shop.example/x", False),
        ("http://late.shop.example:port/", False),
        ("//late.shop.example/x", False),
        ("", False),
    ],
)
def test_only_listed_hosts_are_called(address: str, called: bool) -> None:
    assert CallbackHosts(LISTED_HOSTS).allows_url(address) is called


@pytest.mark.parametrize(
    ("local_hosts", "address", "called"),
    [
        (["localhost"], "http://localhost:8000/x", True),
        (["localhost"], "http://127.0.0.1:8000/x", False),
        (["127.0.0.1"], "http://127.0.0.1:8000/x", True),
        (["127.0.0.1"], "http://127.0.0.2:8000/x", False),
        (["127.0.0.1"], "http://localhost:8000/x", False),
        (["127.0.0.1"], "http://127.0.0.1:8282/x", False),
        (["localhost"], "http://localhost:8282/x", False),
        (["::1"], "http://[::1]:8000/x", True),
    ],
)
def test_this_machine_is_called_only_if_the_operator_lists_it_and_never_the_emulator(
    local_hosts: list[str], address: str, called: bool
) -> None:
    assert (
        CallbackHosts(LISTED_HOSTS, local_hosts, emulator_port=8282).allows_url(address) is called
    )


def test_the_port_of_an_address_without_one_is_80() -> None:
    assert (
        CallbackHosts(allowed_local_hosts=["127.0.0.1"], emulator_port=80).allows_url(
            "http://127.0.0.1/clear"
        )
        is False
    )


@pytest.mark.parametrize("address", ["https://other.example/x", 7, {}, ""])
def test_an_address_that_is_not_called_causes_a_warning(address: object) -> None:
    account = Account()
    response = account.send({"identifiers": {"email": "x"}}, error_callback_endpoint=address)
    assert account.callbacks == []
    assert "error_callback_endpoint" in [finding["where"] for finding in parse_findings(response)]


@pytest.mark.parametrize(
    ("host", "resolved", "called"),
    [
        pytest.param("late.shop.example", ["93.184.216.34"], "93.184.216.34", id="a public one"),
        pytest.param("late.shop.example", ["172.18.0.5"], "172.18.0.5", id="in a listed network"),
        pytest.param("late.shop.example", ["10.1.2.3"], "10.1.2.3", id="a listed address"),
        pytest.param("late.shop.example", ["10.1.2.4"], None, id="private"),
        pytest.param("late.shop.example", ["127.0.0.1"], None, id="this machine by another name"),
        pytest.param("late.shop.example", ["169.254.169.254"], None, id="link-local"),
        pytest.param("late.shop.example", ["0.0.0.0"], None, id="nowhere"),
        pytest.param("late.shop.example", ["::ffff:127.0.0.1"], None, id="mapped"),
        pytest.param("late.shop.example", ["93.184.216.34", "::1"], None, id="one of two"),
        pytest.param("late.shop.example", ["::ffff:169.254.169.254"], None, id="mapped, too"),
        pytest.param("late.shop.example", ["64:ff9b::7f00:1"], None, id="translated"),
        pytest.param("late.shop.example", ["2002:7f00:1::"], None, id="tunnelled"),
        pytest.param("late.shop.example", ["fe80::1%eth0"], None, id="link-local of IPv6"),
        pytest.param("late.shop.example", ["224.0.0.1"], None, id="a group"),
        pytest.param("localhost", ["93.184.216.34"], None, id="localhost, elsewhere"),
        pytest.param("localhost", ["127.0.0.1"], None, id="localhost"),
    ],
)
def test_a_host_name_has_to_resolve_to_allowed_addresses(
    host: str, resolved: list[str], called: str | None
) -> None:
    if called is None:
        with pytest.raises(ForbiddenCallbackHost):
            CallbackHosts(LISTED_HOSTS).resolve_allowed_address(host, 443, lambda _: resolved)
    else:
        assert (
            CallbackHosts(LISTED_HOSTS).resolve_allowed_address(host, 443, lambda _: resolved)
            == called
        )


def test_a_listed_name_that_resolves_to_this_machine_is_not_called() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("203.0.113.1", 9))  # sends nothing, and chooses the network interface
        own_address = str(probe.getsockname()[0])
    with pytest.raises(ForbiddenCallbackHost):
        CallbackHosts(["late.shop.example", f"{own_address}/8"]).resolve_allowed_address(
            "late.shop.example", 80, lambda _: [own_address]
        )


def test_a_host_name_is_resolved_only_once(
    receiver: tuple[str, Queue[tuple[str, bytes]]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "segment_insider_emulator")
    address, posted = receiver
    resolved_hosts: list[str] = []

    def resolve(host: str) -> list[str]:
        resolved_hosts.append(host)
        return ["127.0.0.1"]

    with ErrorCallbackSender(
        CallbackHosts(["late.shop.example"], ["127.0.0.1"]), resolve
    ) as send_callback:
        send_callback(address.replace("127.0.0.1", "late.shop.example"), b"{}")
    with ErrorCallbackSender(CallbackHosts(["late.shop.example"]), resolve) as send_callback:
        send_callback(address.replace("127.0.0.1", "late.shop.example"), b"[]")
    assert ([posted.get(timeout=60)[1]], posted.empty(), resolved_hosts) == (
        [b"{}"],
        True,
        ["late.shop.example"] * 2,
    )
    assert [record.message for record in caplog.records] == [
        "called back host='late.shop.example' status=204",
        "failed error callback host='late.shop.example' error=ForbiddenCallbackHost",
    ]


def test_a_redirect_is_not_followed() -> None:
    requested_paths: list[str] = []

    class RedirectHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requested_paths.append(self.path)
            self.send_response(307)
            self.send_header("Location", "/secret")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), RedirectHandler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with ErrorCallbackSender(LOCAL_HOSTS) as send_callback:
            send_callback(f"http://127.0.0.1:{server.server_port}/late", b"{}")
        server.shutdown()
        thread.join()
    assert requested_paths == ["/late"]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Queue[tuple[str, bytes]]]]:
    """Yield the address of a server and a queue of its requests: (content type, body)."""
    posted: Queue[tuple[str, bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            posted.put((self.headers["content-type"], content))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/late", posted
        server.shutdown()
        thread.join()


def test_the_body_arrives_as_json(receiver: tuple[str, Queue[tuple[str, bytes]]]) -> None:
    address, posted = receiver
    with ErrorCallbackSender(LOCAL_HOSTS) as send_callback:
        send_callback(address, b'{"fail":{}}')
    assert posted.get(timeout=60) == ("application/json", b'{"fail":{}}')


def test_a_failed_callback_is_logged_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "segment_insider_emulator")
    with ErrorCallbackSender(LOCAL_HOSTS) as send_callback:
        send_callback("http://127.0.0.1:1/nobody-listens", b"{}")
    assert [record.message for record in caplog.records] == [
        "failed error callback host='127.0.0.1' error=NewConnectionError"
    ]


@pytest.mark.parametrize(
    "path", ["/clear", "/emulator/v1/reset", "/v1/track", "/api/user/v1/upsert"]
)
def test_an_emulator_does_not_accept_callbacks_on_any_path(path: str) -> None:
    client = create_app(Config(db=":memory:"), load_preset_workspace("guide")).test_client()
    response = client.post(path, data=b"{}", headers={CALLBACK_HEADER: "1"})
    assert (
        response.status_code,
        "n emulator does not accept error callbacks" in response.text,
    ) == (
        403,
        True,
    )


UPSERT = {
    "users": [{"identifiers": {"email": "x"}}],
    "error_callback_endpoint": "http://127.0.0.1:9/late",
}


@pytest.mark.parametrize(
    ("config", "called"),
    [
        pytest.param(Config(), True, id="the operator's own workspace"),
        pytest.param(Config(password="sesame"), False, id="with a password"),
        pytest.param(Config(host="0.0.0.0"), False, id="for other machines"),
        pytest.param(
            Config(password="sesame", callback_hosts=("127.0.0.1",)), True, id="listed for all"
        ),
        pytest.param(Config(port=9), False, id="where it listens"),
    ],
)
def test_a_workspace_cannot_allow_callbacks_to_a_machine_that_others_use(
    config: Config, called: bool
) -> None:
    document = load_preset_workspace("guide").document
    insider = {**document["insider"], "options": {"errorCallbackHosts": ["127.0.0.1"]}}
    workspace = load_workspace_from_document({**document, "insider": insider}, "shop.yaml")
    client = create_app(replace(config, db=":memory:"), workspace).test_client()
    keys = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
    response = client.post("/api/user/v1/upsert", json=UPSERT, headers=keys)
    places = [finding["where"] for finding in orjson.loads(response.headers["x-emulator-findings"])]
    assert ("error_callback_endpoint" not in places) is called
