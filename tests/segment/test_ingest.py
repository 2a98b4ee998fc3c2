import base64
import gzip
import tracemalloc
from datetime import UTC, datetime
from itertools import count
from typing import Any

import orjson
import pytest

from segment_insider_emulator.segment.ingest import Message, decode_request_body, parse_messages
from segment_insider_emulator.segment.validation import IngestError

NOW = datetime(2026, 11, 23, 19, 53, 38, 900_000, UTC)
RECEIVED = "2026-11-23T19:53:38.900Z"
BASIC = "Basic " + base64.b64encode(b"wk_demo:").decode()
TRACK: dict[str, Any] = {"type": "track", "event": "x", "userId": "ada", "messageId": "m1"}


def ingest(
    body: bytes | dict[str, Any] | list[Any],
    kind: str = "track",
    encoding: str | None = None,
    authorization: str | None = BASIC,
) -> list[Message]:
    numbers = count(1)
    raw_body = body if isinstance(body, bytes) else orjson.dumps(body)
    return parse_messages(
        decode_request_body(raw_body, encoding, kind),
        kind=kind,
        authorization=authorization,
        received_at=NOW,
        new_id=lambda: f"api-{next(numbers)}",
    )


def ingest_batch(*calls: Any, **envelope: Any) -> list[Message]:
    return ingest({"batch": list(calls), **envelope}, "batch")


def build_nested_object(levels: int) -> Any:
    return orjson.loads(b'{"a":' * levels + b"1" + b"}" * levels)


def test_a_call_becomes_a_message_with_its_event() -> None:
    call = {
        "event": "Order Completed",
        "userId": "ada",
        "timestamp": "2026-11-23T19:53:38.751+00:00",
        "sentAt": "2026-11-23T19:53:38.857000+00:00",
        "email": "ada@example.com",
    }
    assert ingest({**call, "writeKey": "wk_demo"}) == [
        Message(
            message_id="api-1",
            type="track",
            write_key="wk_demo",
            received_at=RECEIVED,
            sent=call,
            event={
                "type": "track",
                "messageId": "api-1",
                "event": "Order Completed",
                "userId": "ada",
                "timestamp": "2026-11-23T19:53:38.794Z",
                "originalTimestamp": "2026-11-23T19:53:38.751+00:00",
                "sentAt": "2026-11-23T19:53:38.857Z",
                "receivedAt": RECEIVED,
                "email": "ada@example.com",
            },
        )
    ]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param({}, RECEIVED, id="no timestamp"),
        pytest.param({"timestamp": None}, RECEIVED, id="a null timestamp"),
        pytest.param(
            {"timestamp": "2020-01-01T01:00:00+01:00"},
            "2020-01-01T00:00:00.000Z",
            id="no sentAt, no correction",
        ),
        pytest.param(
            {"timestamp": "2026-11-23T19:00:00Z", "sentAt": "2026-11-23T19:00:01Z"},
            "2026-11-23T19:53:37.900Z",
            id="a slow clock",
        ),
    ],
)
def test_the_timestamp_is_corrected_to_the_clock_of_segment(
    times: dict[str, Any], expected: str
) -> None:
    [message] = ingest({**TRACK, **times})
    assert message.event["timestamp"] == expected


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("call", "detail"),
    [
        pytest.param(
            {"timestamp": "soon"},
            "timestamp 'soon' is not ISO 8601: the time of receipt replaces it.",
            id="an unreadable timestamp",
        ),
        pytest.param(
            {"sentAt": 5},
            "sentAt 5 is not ISO 8601: clock skew is not corrected.",
            id="an unreadable sentAt",
        ),
        pytest.param(
            {"messageId": "m" * 150},
            "messageId has 150 characters, Segment allows fewer than 100.",
            id="a long messageId",
        ),
        pytest.param(
            {"messageId": ""}, "messageId is empty: Segment assigns one.", id="an empty messageId"
        ),
        pytest.param(
            {"timestamp": 1764000000},
            "timestamp 1764000000 is not ISO 8601: the time of receipt replaces it.",
            id="a timestamp in seconds",
        ),
        pytest.param(
            {"timestamp": "", "sentAt": ""},
            "timestamp '' is not ISO 8601: the time of receipt replaces it. "
            "sentAt '' is not ISO 8601: clock skew is not corrected.",
            id="empty times",
        ),
        pytest.param(
            {"timestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-12-31T00:00:00Z"},
            "sentAt '9999-12-31T00:00:00Z' is too far from timestamp: clock skew is not corrected.",
            id="a clock that is off by thousands of years",
        ),
        pytest.param(
            {"Properties": {"a": 1}, "contxt": {}},
            "Segment has no key 'Properties', and properties is missing: write properties. "
            "Segment has no key 'contxt', and context is missing: write context.",
            id="misspelt keys",
        ),
        pytest.param(
            {"anonymous_id": "a"},
            "Segment has no key 'anonymous_id', and anonymousId is missing: write anonymousId.",
            id="a key in another case",
        ),
        pytest.param(
            {"receivedAt": "2026-01-01T00:00:00Z"},
            "receivedAt '2026-01-01T00:00:00Z' is Segment's own field: the time of receipt "
            "replaces it.",
            id="a field of Segment's own",
        ),
        pytest.param(
            {"type": "page"},
            "type 'page' is another type than the path's 'track': the body counts.",
            id="another type than the path's",
        ),
    ],
)
def test_an_unusual_but_accepted_call_gets_a_warning(call: dict[str, Any], detail: str) -> None:
    [message] = ingest({**TRACK, **call})
    assert (message.rejection, message.detail) == (None, detail)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({}, "page", id="from the path"),
        pytest.param({"type": None}, "page", id="from the path when null"),
        pytest.param({"type": "screen"}, "screen", id="from the body when it has one"),
    ],
)
def test_the_type_is_that_of_the_body_or_the_path(sent: dict[str, Any], expected: str) -> None:
    [message] = ingest({"userId": "ada", **sent}, "page")
    assert (message.type, message.event["type"], message.sent) == (
        expected,
        expected,
        {"userId": "ada", **sent},
    )


@pytest.mark.parametrize(
    ("authorization", "in_body", "expected"),
    [
        pytest.param(BASIC, None, "wk_demo", id="Basic"),
        pytest.param("basic d2tfZGVtbw==", None, "wk_demo", id="Basic without the colon"),
        pytest.param(None, "wk_body", "wk_body", id="body"),
        pytest.param(BASIC, "wk_demo", "wk_demo", id="both"),
        pytest.param(BASIC, "wk_body", "wk_demo", id="the header goes first"),
        pytest.param("Bearer token", "wk_body", "wk_body", id="OAuth and body"),
        pytest.param("Basic Og==", "wk_body", "wk_body", id="an empty header and body"),
        pytest.param("Basic ###", "wk_body", "wk_body", id="a broken header and body"),
    ],
)
@pytest.mark.parametrize("kind", ["track", "batch"])
def test_the_write_key_is_read_from_the_header_or_the_body(
    authorization: str | None, in_body: str | None, expected: str, kind: str
) -> None:
    body = {"writeKey": in_body, **({"batch": [TRACK]} if kind == "batch" else TRACK)}
    [message] = ingest(body, kind, authorization=authorization)
    assert (message.write_key, message.sent) == (expected, TRACK)


@pytest.mark.parametrize(
    ("authorization", "in_body"),
    [(None, {}), ("Basic Og==", {}), (None, {"writeKey": ""}), (None, {"writeKey": 5})],
)
def test_a_call_without_a_write_key_is_refused(
    authorization: str | None, in_body: dict[str, Any]
) -> None:
    with pytest.raises(IngestError) as raised:
        ingest({**TRACK, **in_body}, authorization=authorization)
    error = raised.value
    assert (error.status, error.message, error.code) == (
        400,
        "An invalid write key was provided",
        "invalid_request",
    )


@pytest.mark.documented
def test_calls_inherit_the_values_of_their_batch_unless_they_have_their_own() -> None:
    [first, second] = ingest_batch(
        {**TRACK, "context": {"ip": "1.1.1.1"}},
        {**TRACK, "messageId": "m2", "context": None, "sentAt": "2026-11-23T10:00:00Z"},
        context={"ip": "0.0.0.0", "locale": "de"},
        integrations={"All": True},
        sentAt="2026-11-23T19:00:00Z",
        timestamp="2000-01-01T00:00:00Z",
    )
    common = {**TRACK, "integrations": {"All": True}, "receivedAt": RECEIVED, "timestamp": RECEIVED}
    assert first.event == {
        **common,
        "context": {"ip": "1.1.1.1", "locale": "de"},
        "sentAt": "2026-11-23T19:00:00.000Z",
    }
    assert second.event == {
        **common,
        "messageId": "m2",
        "context": {"ip": "0.0.0.0", "locale": "de"},
        "sentAt": "2026-11-23T10:00:00.000Z",
    }


@pytest.mark.observed
def test_a_write_key_that_a_browser_repeats_in_each_call_is_removed() -> None:
    accepted, dropped = ingest_batch(
        {**TRACK, "writeKey": "wk_demo"}, {"event": "x", "writeKey": "wk_demo"}
    )
    assert (accepted.sent, "writeKey" in accepted.event) == (TRACK, False)
    assert dropped.sent == {"event": "x"}


@pytest.mark.parametrize(
    ("call", "rejection", "stored"),
    [
        pytest.param({**TRACK, "event": 5}, "event_not_string", {**TRACK, "event": 5}, id="rule"),
        pytest.param("track", "bad_request", {"message": "track"}, id="not an object"),
        pytest.param(
            {**TRACK, "x": "y" * 33_000},
            "bad_request",
            {**TRACK, "x": "y" * 33_000},
            id="too large",
        ),
    ],
)
def test_an_invalid_call_of_a_batch_does_not_affect_the_others(
    call: Any, rejection: str, stored: Any
) -> None:
    invalid, valid = ingest_batch(call, {**TRACK, "messageId": "m2"})
    assert (invalid.rejection, invalid.sent, invalid.event) == (rejection, stored, {})
    assert (valid.rejection, valid.message_id) == (None, "m2")


@pytest.mark.parametrize("levels", [100, 200])
def test_a_call_with_too_many_levels_is_stored_truncated_and_does_not_affect_the_others(
    levels: int,
) -> None:
    invalid, *valid = ingest_batch(
        {**TRACK, "properties": build_nested_object(levels)},
        {**TRACK, "properties": build_nested_object(99)},
        {**TRACK, "properties": {"text": "[{" * 200, "lists": [[]] * 200}},
    )
    assert invalid.rejection == "bad_request"
    assert [message.rejection for message in valid] == [None, None]
    assert invalid.detail == (
        f"The event is too large: it is {levels + 1} levels deep, 100 are taken."
        " Send less in one event."
    )
    assert orjson.dumps(invalid.sent).count(b"{") == 100


@pytest.mark.documented
def test_an_empty_batch_is_stored_as_one_rejected_message() -> None:
    [message] = ingest_batch(sentAt="2026-11-23T19:00:00Z")
    assert (message.message_id, message.type, message.rejection, message.sent) == (
        "api-1",
        None,
        "empty_batch",
        {"batch": [], "sentAt": "2026-11-23T19:00:00Z"},
    )


@pytest.mark.documented
def test_a_batch_of_2500_calls_is_accepted() -> None:
    messages = ingest_batch(*[{"type": "track", "event": "x", "userId": "ada"}] * 2_500)
    assert (len(messages), {message.rejection for message in messages}) == (2_500, {None})


@pytest.mark.documented
@pytest.mark.parametrize("call", [{"type": "track", "event": "x", "userId": "ada"}, {}, 1, None])
def test_a_batch_with_too_many_calls_is_rejected_as_one_message(call: Any) -> None:
    [message] = ingest_batch(*[call] * 2_501, sentAt="2026-11-23T19:00:00Z")
    assert (message.rejection, message.detail, message.sent) == (
        "bad_request",
        "The batch has 2,501 events, Segment takes 2,500 and drops them all. "
        "Send more, smaller batches. The first 10 events are stored here.",
        {"batch": [call] * 10, "sentAt": "2026-11-23T19:00:00Z"},
    )


def test_a_batch_with_too_many_calls_is_stored_without_write_keys() -> None:
    [message] = ingest_batch(*[{"writeKey": "wk_demo", "userId": "ada"}] * 2_501)
    assert message.sent == {"batch": [{"userId": "ada"}] * 10}


MALFORMED = (400, "malformed JSON")
TOO_LARGE = (400, "Exceed payload limit")


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "expected"),
    [
        pytest.param(b"", "track", None, MALFORMED, id="nothing"),
        pytest.param(b'{"event":', "track", None, MALFORMED, id="half"),
        pytest.param(b"[]", "batch", None, MALFORMED, id="a list"),
        pytest.param(b"null", "track", None, MALFORMED, id="null"),
        pytest.param(b'{"a":"\xff"}', "track", None, MALFORMED, id="not UTF-8"),
        pytest.param(b'{"batch":{}}', "batch", None, MALFORMED, id="a batch that is no list"),
        pytest.param(b'{"batch":[1],"context":1}', "batch", None, MALFORMED, id="a context"),
        pytest.param(
            orjson.dumps(build_nested_object(101)), "track", None, MALFORMED, id="too deep"
        ),
        pytest.param(b"[" * 5_000, "track", None, MALFORMED, id="far too deep"),
        pytest.param(b"{}", "track", "gzip", MALFORMED, id="not gzip"),
        pytest.param(gzip.compress(b"{}")[:-9], "track", "gzip", MALFORMED, id="half a gzip"),
        pytest.param(b"{}", "track", "br", MALFORMED, id="an unknown encoding"),
        pytest.param(b" " * 32_769, "track", None, TOO_LARGE, id="too large an event"),
        pytest.param(b" " * 512_001, "batch", None, TOO_LARGE, id="too large a batch"),
        pytest.param(
            orjson.dumps({"context": {"x": "y" * 33_000}}), "batch", None, TOO_LARGE, id="envelope"
        ),
        pytest.param(
            gzip.compress(b" " * 600_000), "batch", "gzip", TOO_LARGE, id="too large when unpacked"
        ),
    ],
)
def test_an_invalid_request_is_refused(
    body: bytes, kind: str, encoding: str | None, expected: tuple[int, str]
) -> None:
    with pytest.raises(IngestError) as raised:
        ingest(body, kind, encoding)
    error = raised.value
    assert (error.status, error.message) == expected
    assert error.code == "invalid_request"


def test_a_gzip_bomb_is_never_unpacked() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    with pytest.raises(IngestError, match="more than 512,000 bytes"):
        ingest(bomb, "batch", "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.observed
@pytest.mark.parametrize("kind", ["track", "batch"])
def test_a_gzip_body_is_unpacked(kind: str) -> None:
    body = gzip.compress(orjson.dumps({"batch": [TRACK]} if kind == "batch" else TRACK))
    assert ingest(body, kind, "gzip")[0].sent == TRACK


def test_an_event_of_exactly_32_kb_is_accepted() -> None:
    call = {"event": "x", "userId": "ada", "pad": ""}
    call["pad"] = "y" * (32_768 - len(orjson.dumps(call)))
    assert ingest(call)[0].rejection is None


@pytest.mark.parametrize(
    "more",
    [
        {"properties": {}, "Properties": {}},
        {"channel": "server", "version": 2, "_metadata": {}, "projectId": "p"},
        {"option": {}, "request_id": "r", "user": {}, "metadata": {}, "source": "x"},
    ],
)
def test_an_additional_key_is_accepted_without_a_warning(more: dict[str, Any]) -> None:
    [message] = ingest({**TRACK, "context": {}, **more})
    assert message.detail is None
