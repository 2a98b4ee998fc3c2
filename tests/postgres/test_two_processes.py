"""Two processes on one PostgreSQL database behind a load balancer respond as one process."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count, cycle, islice
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from emulator_process import read_ready_url
from postgres_server import PostgresServer
from segment.analytics import Client  # type: ignore[import-untyped]  # ships no types

from postgres.conftest import create_empty_database
from postgres.load_balancer import serve_load_balancer
from segment_insider_emulator.segment.oauth import REQUIRED_FORM_FIELDS, TRACKING_SCOPE
from segment_insider_emulator.types import JSONObject

pytestmark = pytest.mark.extended  # each test is about a cluster
NUMBERS = count(1)
BUSY = {"status": 503, "times": 3}
SCENARIOS = [f"features/{name}.feature" for name in ("cart_abandonment", "faults")]
FAULTS: list[JSONObject] = [
    {"status": 503, "share": 0.1, "seed": "a"},
    {"drop": True, "taken": True, "share": 0.1, "seed": "b"},
    {"timeout": True, "share": 0.1, "seed": "c"},
]
SILENT = b": still here"  # what a stream says when nothing has happened for 15 seconds
IDENTIFY = {"userId": "ada", "traits": {"email": "ada@x.io"}}


class LoadBalancedClient:
    """Client that sends each request to the next of several processes.

    Args:
        urls: Of the emulators, or of one sandbox at each of them.
    """

    def __init__(self, *urls: str) -> None:
        self.urls = urls
        self._turn = cycle(urls)
        self._session = requests.Session()

    def __call__(self, method: str, path: str, **sent: Any) -> requests.Response:
        return self._session.request(method, next(self._turn) + path, timeout=120, **sent)

    def get(self, path: str) -> Any:
        return self("GET", f"/emulator/v1/{path}").json()

    def post(self, path: str, order: JSONObject | None = None) -> Any:
        return self("POST", f"/emulator/v1/{path}", json=order or {}).json()

    def send(self, message_id: str, **call: Any) -> int:
        """Send an identify call and return the status."""
        body = {"writeKey": "wk", "messageId": message_id, **IDENTIFY, **call}
        return self("POST", "/v1/identify", json=body).status_code

    def at(self, number: int) -> "LoadBalancedClient":
        """Return a client of process *number* alone."""
        return LoadBalancedClient(self.urls[number])

    def below(self, path: str) -> "LoadBalancedClient":
        return LoadBalancedClient(*(url + path for url in self.urls))

    def message_ids(self, verdict: str = "accepted") -> list[str]:
        found = self.get(f"messages?verdict={verdict}&limit=1000")
        return [message["messageId"] for message in found["messages"]]

    def all(self, name: str) -> list[JSONObject]:
        """Return all pages of a list."""
        found, after = [], 0
        while after is not None:
            page = self.get(f"{name}?after={after}&limit=1000")
            found += page[name]
            after = page["next"]
        return found

    def upsert(self, headers: dict[str, str]) -> int:
        """Send an upsert and return the status."""
        body = {"users": [{"identifiers": {"uuid": "eve"}, "attributes": {"name": "Eve"}}]}
        return self("POST", "/api/user/v1/upsert", json=body, headers=headers).status_code

    def close(self) -> None:
        self._session.close()


@contextmanager
def start_emulator(db: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `emulator serve` on *db*; yield the process and its URL once it is ready."""
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "serve",
        "--port",
        "0",
        "--db",
        db,
        *options,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running, read_ready_url(running)
        finally:
            running.kill()


@pytest.fixture(scope="module")
def emulators(server: PostgresServer) -> Iterator[LoadBalancedClient]:
    """Two processes on one database."""
    db = create_empty_database(server)
    with ExitStack() as started:
        urls = [started.enter_context(start_emulator(db))[1] for _ in range(2)]
        yield started.enter_context(closing(LoadBalancedClient(*urls)))


@pytest.fixture
def both(emulators: LoadBalancedClient) -> Iterator[LoadBalancedClient]:
    """A sandbox that one process created, used through both."""
    made = emulators.post("sandboxes", {"id": f"box-{next(NUMBERS)}"})
    with closing(emulators.below(f"/sandboxes/{made['id']}")) as balanced:
        yield balanced
    emulators("DELETE", f"/emulator/v1/sandboxes/{made['id']}")


def make_key_headers(emulator: LoadBalancedClient) -> dict[str, str]:
    """Create an API key of the account and return its headers."""
    path, role = "/emulator/v1/panel/integrations", {"X-InOne-Role": "Administrator"}
    made = emulator("POST", path, json={"name": "CRM", "type": "Source"}, headers=role).json()
    return {"X-PARTNER-NAME": made["accountName"], "X-REQUEST-TOKEN": made["key"]}


def test_a_clock_set_in_one_process_is_set_in_the_other(both: LoadBalancedClient) -> None:
    at = "2030-01-01T00:00:00.000Z"
    both.at(0).post("clock", {"set": at})
    assert both.at(1).get("clock")["now"] == at
    both.at(1).post("clock", {"advance": "45 minutes"})
    shown = both.at(0).get("clock")
    assert (shown["now"], shown["frozen"]) == ("2030-01-01T00:45:00.000Z", True)
    both.at(0).post("clock", {"resume": True})
    times = [both.get("clock")["now"] for _ in range(20)]
    assert times == sorted(times)


def test_a_reset_in_one_process_resets_the_other(both: LoadBalancedClient) -> None:
    both.post("clock", {"set": "2030-01-01T00:00:00Z"})
    both.post("faults", BUSY)
    assert both.send("m1") == 200
    both.at(0).post("reset", {"now": "2020-01-01T00:00:00Z"})
    other = both.at(1)
    assert other.get("clock")["now"] == "2020-01-01T00:00:00.000Z"
    assert other.get("faults") == {"faults": []}
    assert other.get("messages")["messages"] == other.get("profiles")["profiles"] == []


def test_faults_are_counted_across_processes(both: LoadBalancedClient) -> None:
    both.post("faults", BUSY)
    for number in range(5):
        assert both.send(f"m{number}") == 200
    retrying = [f"m{number}" for number in range(3)]
    assert (both.message_ids("retrying"), both.message_ids()) == (retrying, ["m3", "m4"])


def test_a_fault_share_is_the_same_in_every_process(both: LoadBalancedClient) -> None:
    def struck(asked: LoadBalancedClient) -> list[str]:
        asked.post("reset")
        asked.post("faults", {"status": 400, "share": 0.4, "seed": "s"})
        for number in range(12):
            assert asked.send(f"m{number}") == 200
        return asked.message_ids("failed")

    assert struck(both) == struck(both.at(0)) == struck(both.at(1))


def test_segment_faults_are_counted_across_processes(both: LoadBalancedClient) -> None:
    both.post("faults/segment", {"status": 500, "times": 3})
    assert [both.send(f"m{number}") for number in range(5)] == [500, 500, 500, 200, 200]
    assert both.get("faults/segment") == {"faults": []}


def test_calls_are_counted_across_processes(both: LoadBalancedClient) -> None:
    document: JSONObject = both.get("workspace")
    document["insider"]["options"] = {"rates": {"upsert": 3}}
    both("PUT", "/emulator/v1/workspace", json={"workspace": document})
    both.post("clock", {"set": "2030-01-01T00:00:00Z"})
    headers = make_key_headers(both)
    assert [both.upsert(headers) for _ in range(5)] == [200, 200, 200, 429, 429]
    both.post("clock", {"advance": "1 minute"})
    assert both.upsert(headers) == 200


def test_a_sandbox_created_and_deleted_in_one_process_changes_in_the_other(
    emulators: LoadBalancedClient,
) -> None:
    one, other = emulators.at(0), emulators.at(1)
    one.post("sandboxes", {"id": "brief", "writeKey": "wk_brief"})
    assert "brief" in [sandbox["id"] for sandbox in other.get("sandboxes")["sandboxes"]]
    assert other.send("m1", writeKey="wk_brief") == 200
    assert one.below("/sandboxes/brief").message_ids() == ["m1"]
    taken = other("POST", "/emulator/v1/sandboxes", json={"id": "brief"})
    assert taken.status_code == 409
    assert other("DELETE", "/emulator/v1/sandboxes/brief").status_code == 200
    assert one("GET", "/sandboxes/brief/emulator/v1/messages").status_code == 404
    one.post("sandboxes", {"id": "brief"})
    assert other.below("/sandboxes/brief").message_ids() == []


def test_only_one_of_two_concurrent_creations_of_a_sandbox_succeeds(
    emulators: LoadBalancedClient,
) -> None:
    def create(number: int) -> int:
        with closing(emulators.at(number % 2)) as one:
            return one("POST", "/emulator/v1/sandboxes", json={"id": "wanted"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(create, range(4))) == {201: 1, 409: 3}


@pytest.mark.parametrize("path", ["", "/sandboxes/red"], ids=["of the file", "created"])
def test_a_workspace_replaced_in_one_process_is_replaced_in_the_other(
    server: PostgresServer, path: str
) -> None:
    db = create_empty_database(server)
    with start_emulator(db) as (_, url), start_emulator(db) as (_, other_url):
        emulators = LoadBalancedClient(url, other_url)
        emulators.post("sandboxes", {"id": "red", "writeKey": "wk_red"})
        one, other = emulators.at(0).below(path), emulators.at(1).below(path)
        one.post("faults", BUSY)
        order = {"workspace": "segment-defaults"}
        assert one("PUT", "/emulator/v1/workspace", json=order).status_code == 200
        shown = one.get("workspace")
        assert shown == other.get("workspace")
        assert other.get("faults") == {"faults": []}
        with start_emulator(db) as (_, late):
            assert LoadBalancedClient(late + path).get("workspace") == shown


def test_settings_of_a_new_workspace_apply_at_once_in_the_other_process(
    both: LoadBalancedClient,
) -> None:
    one, other = both.at(0), both.at(1)
    assert other.send("m1") == 200
    one("PUT", "/emulator/v1/workspace", json={"workspace": "segment-defaults"})
    one.post("faults/segment", {"status": 500})
    assert other.send("m2") == 500


def test_a_destination_changed_in_one_process_changes_in_the_other(
    both: LoadBalancedClient,
) -> None:
    both.at(0)("PATCH", "/emulator/v1/destination", json={"enabled": False})
    assert both.at(1).get("destination")["enabled"] is False
    both.at(1).send("m1")
    assert both.at(0).message_ids("disabled") == ["m1"]


def test_an_api_key_created_in_one_process_works_in_the_other(both: LoadBalancedClient) -> None:
    headers = make_key_headers(both.at(0))
    assert both.at(1).upsert(headers) == 200


def test_an_oauth_token_issued_by_one_process_works_in_the_other(both: LoadBalancedClient) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shapes = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    oauth = {"clientId": "app", "publicKey": key.public_key().public_bytes(*shapes).decode()}
    document = {**both.get("workspace"), "oauth": oauth}
    both("PUT", "/emulator/v1/workspace", json={"workspace": document})
    now = time.time()
    claims = {"iss": "app", "sub": "app", "iat": now - 5, "exp": now + 600, "jti": "1"}
    asked = {
        "client_assertion": jwt.encode(claims, key, "RS256"),
        "scope": TRACKING_SCOPE,
        **REQUIRED_FORM_FIELDS,
    }
    token = both.at(0)("POST", "/token", data=asked).json()["access_token"]
    call = {"writeKey": "wk", "messageId": "m1", **IDENTIFY}
    for bearer, status in ((token, 200), (f"{token}0", 401)):
        headers = {"Authorization": f"Bearer {bearer}"}
        assert both.at(1)("POST", "/v1/identify", json=call, headers=headers).status_code == status


def test_a_message_sent_to_both_processes_is_delivered_once(both: LoadBalancedClient) -> None:
    def send(number: int) -> int:
        with closing(both.at(number % 2)) as one:
            return one.send(f"m{number // 4}")

    for faults in ({}, {"delayMs": 20, "times": 100}):
        both.post("reset")
        if faults:
            both.post("faults", faults)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(send, range(24))) == {200}
        assert sorted(both.message_ids()) == [f"m{number}" for number in range(6)]
        assert len(both.message_ids("rejected")) == 18


def test_a_due_retry_runs_once(both: LoadBalancedClient) -> None:
    both.post("clock", {"set": "2030-01-01T00:00:00Z"})
    both.post("faults", {"status": 503, "times": 6})
    for number in range(6):
        both.send(f"m{number}")
    both.at(0).post("clock", {"advance": "10 seconds"})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: both.at(number % 2).message_ids(), range(8)))
    delivered = both.get("deliveries")["deliveries"]
    assert [len(delivery["attempts"]) for delivery in delivered] == [2] * 6


def test_a_killed_process_leaves_no_lock(server: PostgresServer) -> None:
    db = create_empty_database(server)
    with start_emulator(db) as (first, url), start_emulator(db) as (_, other_url):
        one, other = LoadBalancedClient(url), LoadBalancedClient(other_url)
        one.post("faults", {"delayMs": 9_000})
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(pytest.raises, requests.ConnectionError, one.send, "m1")
            deadline = other("POST", "/emulator/v1/faults", json={"status": 503, "times": 1})
            assert deadline.status_code == 200
            first.kill()
            sending.result()
        other("DELETE", "/emulator/v1/faults")
        assert other.send("m1") == 200
        assert other.message_ids() == ["m1"]


def read_change_counts(emulator: LoadBalancedClient) -> Iterator[int]:
    """Yield the counts of the stream of changes; the first one comes at once."""
    with requests.get(f"{emulator.urls[0]}/stream", stream=True, timeout=60) as response:
        for line in response.iter_lines():
            assert line != SILENT
            if line.startswith(b"data: "):
                yield orjson.loads(line[6:])["count"]


def test_a_page_of_one_process_shows_messages_sent_to_the_other(both: LoadBalancedClient) -> None:
    heard = read_change_counts(both.at(1))
    counts = [next(heard)]
    for number in range(
        5
    ):  # at most two notifications come without a change, after the process listens
        both.at(0).send(f"m{number}")
        counts.append(next(heard))
    assert counts == sorted(set(counts))


def test_waiting_in_one_process_ends_with_a_message_sent_to_the_other(
    both: LoadBalancedClient,
) -> None:
    with ThreadPoolExecutor(1) as pool, closing(both.at(1)) as other:
        claim = {"of": "messages", "where": {"messageId": "m1"}, "timeout": "60s"}
        waiting = pool.submit(other.post, "wait-for", claim)
        both.at(0).send("m0")
        both.at(0).send("m1")
        assert waiting.result()["ok"] is True


def test_an_sdk_can_send_to_both_processes(both: LoadBalancedClient) -> None:
    with serve_load_balancer(both.urls) as url:
        sdk = Client("wk", host=url + urlsplit(both.urls[0]).path, sync_mode=True, max_retries=0)
        for number in range(4):
            sdk.identify(f"u{number}", {"firstName": "Ada"}, message_id=f"m{number}")
    assert both.message_ids() == ["m0", "m1", "m2", "m3"]


def test_scenarios_pass_behind_the_load_balancer(emulators: LoadBalancedClient) -> None:
    with serve_load_balancer(emulators.urls) as url:
        command = [
            sys.executable,
            "-m",
            "segment_insider_emulator",
            "verify",
            *SCENARIOS,
            "--url",
            url,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="synchronous"),
        pytest.param(("--async",), id="asynchronous"),
    ],
)
@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([], id="all is well"),
        pytest.param(FAULTS, id="a third goes wrong"),
    ],
)
def test_acknowledged_messages_are_delivered_once_after_a_kill(
    server: PostgresServer, options: tuple[str, ...], faults: list[JSONObject]
) -> None:
    db = create_empty_database(server)
    batches = [[f"m{number}" for number in range(at, at + 20)] for at in range(0, 1_000, 20)]
    with (
        start_emulator(db, *options) as (first, url),
        start_emulator(db, *options) as (_, other_url),
    ):

        def send(number: int) -> None:
            """Send a batch until a process acknowledges it, as an SDK does."""
            calls = [
                {"type": "identify", "messageId": id, "userId": id, "traits": {"firstName": "Ada"}}
                for id in batches[number]
            ]
            for asked in islice(cycle((url, other_url)), number, None):
                with suppress(requests.ConnectionError):
                    body = {"writeKey": "wk", "batch": calls}
                    if requests.post(f"{asked}/v1/batch", json=body, timeout=120).ok:
                        break
            if number == len(batches) // 2:
                first.kill()

        with closing(LoadBalancedClient(other_url)) as other, ThreadPoolExecutor(8) as pool:
            for fault in faults:
                other.post("faults", fault)
            list(pool.map(send, range(len(batches))))
            other("DELETE", "/emulator/v1/faults")
            other.post("deliveries/retry")
            messages = [
                message for message in other.all("messages") if message["verdict"] != "rejected"
            ]
            everything = Counter({id: 1 for batch in batches for id in batch})
            assert Counter(message["messageId"] for message in messages) == everything
            assert {message["verdict"] for message in messages} == {"accepted"}
            assert (
                Counter(delivery["messageId"] for delivery in other.all("deliveries")) == everything
            )
            profiles = Counter(profile["identifiers"]["uuid"] for profile in other.all("profiles"))
            assert profiles == everything
