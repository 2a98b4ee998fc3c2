"""Insert functions: between the destination's filters and its mappings, in a JavaScript engine."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from function_app import (
    build_document,
    get_message,
    get_sent_events,
    get_sent_tiers,
    needs_node,
    open_app,
    send,
)

from segment_insider_emulator.functions.engine import ENGINES

pytestmark = needs_node
ADD_TIER = """
async function onTrack(event, settings) {
  console.log('tier of', event.userId, settings.tier)
  event.properties.tier = settings.tier
  delete event.properties.secret
  return event
}
"""
WITH_SETTINGS = [{"name": "Add tier", "code": ADD_TIER, "settings": {"tier": "gold"}}]


def test_a_mapping_reads_what_an_insert_function_adds() -> None:
    with open_app(build_document(insert=WITH_SETTINGS)) as client:
        message = send(client, properties={"secret": "s"})
        assert get_sent_tiers(client) == ["gold"]
    (run,) = message["functions"]
    assert message["verdict"] in ("accepted", "warning")
    assert message["changes"] == [
        {"by": "insert function 'Add tier'", "kind": kind, "field": field, "was": ""}
        for kind, field in (("removed", "properties.secret"), ("added", "properties.tier"))
    ]
    assert {**run, "durationMs": 0} == {
        "function": "insert function 'Add tier'",
        "handler": "onTrack",
        "outcome": "passed",
        "code": None,
        "reason": None,
        "logs": [{"level": "log", "text": "tier of ada gold"}],
        "durationMs": 0,
    }
    assert message["normalised"]["properties"] == {"tier": "gold"}


@pytest.mark.extended_variants
@pytest.mark.documented
@pytest.mark.parametrize(
    ("code", "verdict", "step", "reason"),
    [
        pytest.param(
            "function onTrack() { throw new EventNotSupported('no songs') }",
            "filtered", "Filtered at destination",
            "UNSUPPORTED_EVENT_TYPE: Unsupported Event Type: insert function 'Add tier': "
            "onTrack threw EventNotSupported at line 1: no songs",
            id="EventNotSupported",
        ),
        pytest.param(
            "function onIdentify(event) { return event }",
            "filtered", "Filtered at destination",
            "UNSUPPORTED_EVENT_TYPE: Unsupported Event Type: insert function 'Add tier': "
            "it has no onTrack, so Segment stops events of this type",
            id="no handler",
        ),
        pytest.param(
            "function onTrack() {\n  throw new DropEvent('internal')\n}",
            "filtered", "Filtered at destination",
            "FILTERED_BY_INSERT_FUNCTION: Filtered at insert function: insert function 'Add tier': "
            "onTrack threw DropEvent at line 2: internal",
            id="DropEvent",
        ),
        pytest.param(
            "function onTrack(event) { event.properties.tier = 'gold' }",
            "filtered", "Filtered at destination",
            "FILTERED_BY_INSERT_FUNCTION: Filtered at insert function: insert function 'Add tier': "
            "onTrack returned no event: `return event` passes it on",
            id="no return",
        ),
        pytest.param(
            "async function onTrack() { throw new ValidationError('no user') }",
            "failed", "Failed delivery",
            "MESSAGE_REJECTED: Message Rejected: insert function 'Add tier': "
            "onTrack threw ValidationError at line 1: no user",
            id="ValidationError",
        ),
        pytest.param(
            "async function onTrack() { throw new InvalidEventPayload('no user') }",
            "failed", "Failed delivery",
            "MESSAGE_REJECTED: Message Rejected: insert function 'Add tier': "
            "onTrack threw InvalidEventPayload at line 1: no user",
            id="InvalidEventPayload",
        ),
        pytest.param(
            "function onTrack(event) {\n\n  return event.traits.name }",
            "failed", "Failed delivery",
            "BAD_REQUEST: Bad Request: insert function 'Add tier': onTrack threw TypeError "
            "at line 3: Cannot read properties of undefined (reading 'name')",
            id="another error",
        ),
        pytest.param(
            "function onTrack(event) { return _.pick(event, ['userId']) }",
            "failed", "Failed delivery",
            "BAD_REQUEST: Bad Request: insert function 'Add tier': onTrack threw ReferenceError "
            "at line 1: _ is not defined. Segment's runtime has lodash as _: name its file under "
            "functions.libraries",
            id="a library",
        ),
        pytest.param(
            "function onTrack(event) {",
            "failed", "Failed delivery",
            "INVOKE_ERROR: Function execution error: insert function 'Add tier': the code does "
            "not load: SyntaxError at line 1: Unexpected end of input",
            id="a syntax error",
        ),
    ],
)  # fmt: skip
def test_an_error_of_a_function_has_segments_words_and_code(
    code: str, verdict: str, step: str, reason: str
) -> None:
    with open_app(build_document(insert=code)) as client:
        message = send(client)
        assert get_sent_events(client) == []
    assert (message["verdict"], message["reason"]) == (verdict, reason)
    assert (message["filtered_by"]["step"], message["functions"][0]["reason"]) == (
        step,
        reason.partition(": ")[2],
    )


@pytest.mark.documented
def test_a_function_that_asks_for_it_runs_again_until_the_event_passes() -> None:
    code = """
    let runs = 0
    async function onTrack (event) {
      runs += 1
      if (runs < 3) throw new RetryError('busy')
      event.properties.tier = 'run ' + runs
      return event
    }
    """
    with open_app(build_document(insert=code)) as client:
        first = send(client)
        assert (first["verdict"], get_sent_events(client)) == ("retrying", [])
        assert first["reason"].startswith("attempt 1 failed, the next is due at 2026-11-20T10:00:0")
        assert "RETRY_ERROR: Retry: insert function 'Add tier': onTrack threw RetryError" in str(
            first["reason"]
        )
        client.post("/emulator/v1/clock", json={"advance": "10 minutes"})
        assert get_message(client, "m1")["verdict"] in ("accepted", "warning")
        assert get_sent_tiers(client) == ["run 3"]


@pytest.mark.documented
def test_segment_gives_up_a_function_after_four_hours() -> None:
    code = "async function onTrack () { throw new RetryError('busy') }"
    with open_app(build_document(insert=code)) as client:
        send(client)
        client.post("/emulator/v1/clock", json={"advance": "5 hours"})
        message = get_message(client, "m1")
    assert message["verdict"] == "failed"
    assert message["reason"].startswith("given up after ")
    assert message["filtered_by"]["step"] == "Failed delivery"


@pytest.mark.documented
def test_a_trigger_sees_the_event_before_the_function() -> None:
    code = """
    async function onTrack (event) { event.event = 'Renamed'; event.type = 'page'; return event }
    """
    with open_app(build_document(insert=code)) as client:
        send(client)
        assert [event["event_name"] for event in get_sent_events(client)] == ["renamed"]


@pytest.mark.documented
def test_no_function_runs_for_an_event_without_a_matching_trigger() -> None:
    with open_app(build_document(insert="function onIdentify () { throw new Error() }")) as client:
        message = send(client, type="identify", traits={})
    assert (message["verdict"], message["functions"]) == ("not_subscribed", [])


def test_a_disabled_function_changes_nothing() -> None:
    functions = [{**WITH_SETTINGS[0], "enabled": False}]
    with open_app(build_document(insert=functions)) as client:
        assert send(client)["functions"] == []


def test_several_functions_run_in_the_order_of_the_file() -> None:
    functions = [
        {"name": name, "code": "function onTrack (event) { event.properties.tier = "
                               f"(event.properties.tier ?? '') + '{name}'; return event }}"}
        for name in ("a", "b")
    ]  # fmt: skip
    with open_app(build_document(insert=functions)) as client:
        send(client)
        assert get_sent_tiers(client) == ["ab"]


@pytest.mark.documented
def test_variables_and_the_cache_last_and_each_sandbox_has_its_own() -> None:
    code = """
    let count = 0
    async function onTrack (event) {
      count += 1
      const cached = await cache.load('key', -1, async () => 'from ' + event.messageId)
      event.properties.tier = count + ' ' + cached
      return event
    }
    """
    document = build_document(insert=code)
    with open_app(document) as client, open_app(document) as other:
        for message_id in ("m1", "m2"):
            send(client, messageId=message_id)
        send(other, messageId="m3")
        tiers = [get_sent_tiers(one) for one in (client, other)]
    assert tiers == [["1 from m1", "2 from m1"], ["1 from m3"]]


@pytest.mark.documented
def test_the_runtime_has_what_segments_runtime_has() -> None:
    code = """
    async function onTrack (event) {
      const url = new URL('https://shop.example/a b?tier=gold&x=1#top')
      const signed = crypto.createHmac('sha256', 'key').update('data').digest('hex')
      await new Promise(resolve => setTimeout(resolve, 1))
      event.properties.tier = [
        url.searchParams.get('tier'), url.pathname, signed.slice(0, 8),
        crypto.createHash('md5').update('ğüş €').digest('base64'),
        Buffer.from('ğüş €').toString('base64'), atob(btoa('hello')),
        Buffer.from(Buffer.from('8f0a', 'hex')).toString('utf8').length,
        new Headers({ 'X-A': '1' }).get('x-a'), new TextEncoder().encode('€').length,
        zlib.zlib.inflateSync(zlib.zlib.deflateSync('deflated')).toString(),
        typeof crypto.randomUUID(), new URLSearchParams({ a: 'b c' }).toString(),
      ].join('|')
      return event
    }
    """
    with open_app(build_document(insert=code)) as client:
        message = send(client)
    assert message["normalised"]["properties"]["tier"] == (
        "gold|/a%20b|5031fe3d|7wH3Pb+nFKS/7KojEELQww==|xJ/DvMWfIOKCrA==|hello|2|1|3|deflated|"
        "string|a=b+c"
    )


def test_a_fetch_goes_only_to_hosts_that_the_workspace_lists() -> None:
    code = """
    async function onTrack (event) {
      try {
        await fetch('http://127.0.0.1:9/secret')
      } catch (error) {
        event.properties.tier = `${error.name} ${error.code}: ${error.message}`
      }
      return event
    }
    """
    with open_app(build_document(insert=code)) as client:
        message = send(client)
    assert message["normalised"]["properties"]["tier"] == (
        "FetchError EACCES: fetch() may not call '127.0.0.1': list it under functions.allowedHosts"
    )


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with what it got."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        got = [self.command, self.path, self.headers["X-Key"], self.rfile.read(length).decode()]
        body = json.dumps({"got": got, "hosts": self.headers.get_all("Host")}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_a_fetch_calls_a_host_that_the_workspace_lists() -> None:
    code = """
    async function onTrack (event, settings) {
      const [one, other] = await Promise.all(['/a', '/b?c=d'].map(path => fetch(
        settings.url + path, { method: 'post', headers: { 'X-Key': 'k', host: 'x' }, body: 'ü' })))
      const { got, hosts } = await other.json()
      event.properties.tier = [one.status, one.ok, ...got, hosts.length].join('|')
      return event
    }
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings = {"url": f"http://127.0.0.1:{server.server_port}"}
        functions = [{"name": "Ask", "code": code, "settings": settings}]
        document = build_document(insert=functions, allowedHosts=["127.0.0.1"])
        with open_app(document) as client:
            message = send(client)
        server.shutdown()
    assert message["normalised"]["properties"]["tier"] == "201|true|POST|/b?c=d|k|ü|1"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param({"name": "Größe ü 🎂"}, {"name": "Größe ü 🎂"}, id="unicode"),
        pytest.param({"n": 8.0, "big": 2**53}, {"n": 8, "big": 2**53}, id="numbers"),
        pytest.param({"__proto__": {"x": 1}}, {"__proto__": {"x": 1}}, id="__proto__ is a key"),
    ],
)
def test_values_pass_a_function_unchanged(event: dict[str, Any], expected: dict[str, Any]) -> None:
    with open_app(build_document(insert="function onTrack (event) { return event }")) as client:
        message = send(client, properties=event)
    assert (message["normalised"]["properties"], message["changes"]) == (expected, [])


def test_a_function_that_hangs_holds_up_no_other_sandbox() -> None:
    hanging = build_document(insert="async function onTrack () { for (;;); }")
    hanging["functions"]["timeout"] = 60
    ordinary = build_document(insert="async function onTrack (event) { return event }")
    with open_app(hanging) as client:
        created = client.post("/emulator/v1/sandboxes", json={"workspace": ordinary})
        assert created.status_code == 201, created.text
        body = {"writeKey": "wk_demo", "event": "Song Played", "userId": "ada", "properties": {}}
        other = client.application.test_client()
        slow = Thread(target=client.post, args=["/v1/track"], kwargs={"json": body})
        slow.start()
        path = f"/sandboxes/{created.get_json()['id']}/v1/track"
        answer = other.post(path, json=body | {"writeKey": created.get_json()["writeKey"]})
        was_running = slow.is_alive()
        while slow.is_alive():
            ENGINES.close()
            slow.join(0.1)
    assert (answer.status_code, was_running) == (200, True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(
            "let x = event.properties; for (let i = 0; i < 300; i++) x = x.a = {}",
            "onTrack returned an event nested deeper than 100 levels",
            id="deep",
        ),
        pytest.param(
            "let x = event.properties; for (let i = 0; i < 1500; i++) x = x.a = {}",
            "onTrack returned too much",
            id="too deep to read",
        ),
        pytest.param(
            "console.log('\\ud83c'); throw new Error('\\ud83c')", "threw Error", id="half"
        ),
        pytest.param("event.properties = 'x'.repeat(2e6)", "returned too much", id="large"),
    ],
)
def test_what_no_database_could_store_fails_with_a_reason(body: str, reason: str) -> None:
    code = f"function onTrack (event) {{ {body}; return event }}"
    with open_app(build_document(insert=code)) as client:
        message = send(client)
    assert message["verdict"] == "failed"
    assert reason in message["reason"]


def test_half_a_character_in_an_event_is_replaced() -> None:
    code = "function onTrack (event) { event.properties.tier = '\\ud83c!'; return event }"
    with open_app(build_document(insert=code)) as client:
        assert send(client)["normalised"]["properties"]["tier"] == "\ufffd!"
