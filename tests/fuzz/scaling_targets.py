"""Targets of the scaling search: each place of untrusted input takes JSON on its own."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

import document_targets
import orjson
import parser_targets
from flask import Flask, Request
from flask.testing import FlaskClient
from scaling import Target
from werkzeug.datastructures import ImmutableMultiDict

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.validation import suggest_name

KEYS = {"X-PARTNER-NAME": "mybrand", "X-REQUEST-TOKEN": "test-key"}
RESET = "/emulator/v1/reset"
CALL = {"writeKey": "wk_demo", "type": "track", "userId": "ada", "event": "Order Completed"}
EVENT_PLACES = (
    *("userId", "anonymousId", "event", "type", "name", "messageId", "timestamp", "sentAt"),
    *("properties", "properties.products", "properties.order_id", "properties.currency", "other"),
    *("properties.price", "properties.url", "properties.a", "traits", "traits.email"),
    *("traits.phone", "traits.a", "context", "context.page.url", "context.traits.email"),
    *("context.ip", "context.userAgent", "context.library.name", "integrations", "integrations.a"),
)
USER_PLACES = (
    *("users", "users.0", "users.0.identifiers", "users.0.identifiers.email", "skip_hook"),
    *("users.0.identifiers.phone_number", "users.0.identifiers.uuid", "users.0.insider_id"),
    *("users.0.identifiers.custom", "users.0.attributes", "users.0.attributes.email"),
    *("users.0.attributes.birthday", "users.0.attributes.custom", "users.0.attributes.country"),
    *("users.0.attributes.custom.a", "users.0.events", "users.0.events.0.event_name"),
    *("users.0.events.0.timestamp", "users.0.events.0.event_params", "error_callback_endpoint"),
    *("users.0.events.0.event_params.url", "users.0.events.0.event_params.custom"),
)
USER: JSON = {
    "users": [
        {
            "identifiers": {"uuid": "ada", "custom": {}},
            "attributes": {"custom": {}},
            "events": [
                {
                    "event_name": "seen",
                    "timestamp": "2026-11-23T10:00:00Z",
                    "event_params": {"custom": {}},
                }
            ],
        }
    ]
}
HEADERS = (
    *("Authorization", "Content-Encoding", "Content-Type", "Cookie", "Host", "Origin", "Accept"),
    *("X-PARTNER-NAME", "X-REQUEST-TOKEN", "User-Agent", "X-Forwarded-For", "If-None-Match"),
)
# What shows an event that was captured.
SHOWN_BY = (
    *("/", "/messages/1", "/messages/1/edit", "/profiles", "/flow", "/emulator/v1/messages"),
    *("/emulator/v1/deliveries", "/emulator/v1/export", "/emulator/v1/export.har", "/tester"),
)
PLACES_OF_DOCUMENTS = range(0, 120, 3)
AT_EVENT = r"POST /v1/\w+"
AT_USER = r"POST /api/user/v1/\S+ (?:users\.0\.)?"
# Of the name of a target -> the kind of input that it reads: the same code reads all of a kind.
# What a pattern has in brackets is part of the kind.
KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"(reader .+)|(nearest name)", ""),
        (r"(document \w+).*", ""),
        (AT_USER + r".*(email|phone_number|url|birthday|country|timestamp|event_name)", "user "),
        (AT_USER + r".*(error_callback_endpoint|skip_hook|insider_id|uuid)", "user "),
        (AT_USER + r".*(identifiers|attributes|event_params|events|users).*", "user "),
        (
            AT_EVENT + r" .*(email|phone|url|ip|userAgent|price|currency|products|order_id)",
            "event ",
        ),
        (AT_EVENT + r" (?:userId|anonymousId|messageId)", "event id"),
        (AT_EVENT + r" (?:timestamp|sentAt)", "event time"),
        (AT_EVENT + r" (?:event|type|name|writeKey)", "event name"),
        (AT_EVENT + r" (properties|traits|context|integrations|batch|other).*", "event "),
        (r"GET (\S+) after .*", "shown by "),
        (r".* header (.*)", "header "),
        (r".* (\?\w+)", ""),
        (r"\w+ /emulator/v1/([^/ ]+).* body", "body of "),
        (r"\w+ /(?:workspace/[^/ ]+|[^/ ]+).*( \w+=)", "form"),
        (r".* (body|path)", ""),
    )
)


def make_targets() -> dict[str, Target]:
    """Return all targets by name."""
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    client = app.test_client()
    return {
        **dict(_iter_parser_targets()),
        **dict(_iter_call_targets(client)),
        **dict(_iter_route_targets(app, client)),
    }


def get_kind(name: str) -> str:
    """Return the kind of input that a target reads."""
    for pattern, kind in KINDS:
        if found := pattern.fullmatch(name):
            return kind + "".join(filter(None, found.groups()))
    raise LookupError(name)


def _iter_parser_targets() -> Iterator[tuple[str, Target]]:
    for name, read in parser_targets.TARGETS.items():
        if name not in document_targets.TARGETS:
            yield f"reader {name}", partial(_read_text, read)
    for name in ("workspace", "journey", "state", "public_api", "fault", "archived"):
        for place in PLACES_OF_DOCUMENTS:
            yield (
                f"document {name} at {place}",
                partial(_read_with_replaced_value, document_targets.TARGETS[name], place),
            )
    for name in ("yaml", "terraform"):
        yield f"document {name}", partial(_read_text, document_targets.TARGETS[name])
    yield "nearest name", partial(_read_text, lambda text: suggest_name(text, ["userId", text]))


def _read_text(read: Callable[[str], object], given: bytes) -> None:
    with suppress(orjson.JSONDecodeError):  # deeper or longer than JSON may be
        value = orjson.loads(given)
        read(value if isinstance(value, str) else given.decode())


def _read_with_replaced_value(read: Callable[[str], None], place: int, given: bytes) -> None:
    text = given.decode()
    if text.count("[") < 500 and "§" not in text:  # what is nested deeper stops the graft itself
        read(f"§{chr(place)}{text}")


def _iter_call_targets(client: FlaskClient) -> Iterator[tuple[str, Target]]:
    for place in EVENT_PLACES:
        yield (
            f"POST /v1/track {place}",
            partial(_send_filled_call, client, "/v1/track", CALL, place),
        )
        for page in SHOWN_BY:
            yield f"GET {page} after {place}", partial(_show_page_of_call, client, page, place)
    for kind in ("identify", "page", "screen", "group", "alias"):
        for place in EVENT_PLACES[:12]:
            yield (
                f"POST /v1/{kind} {place}",
                partial(_send_filled_call, client, f"/v1/{kind}", CALL, place),
            )
    for place in ("batch", "batch.0", "context", "integrations", "sentAt", "writeKey"):
        batch = {"writeKey": "wk_demo", "batch": [{**CALL}]}
        yield (
            f"POST /v1/batch {place}",
            partial(_send_filled_call, client, "/v1/batch", batch, place),
        )
    for end in ("upsert", "profile", "identity", "attribute/delete", "delete", "anonymize"):
        for place in USER_PLACES:
            path = f"/api/user/v1/{end}"
            yield f"POST {path} {place}", partial(_send_filled_call, client, path, USER, place)


def _fill_sample(sample: JSON, place: str, given: bytes) -> bytes:
    """Return *sample* as JSON with *given* at a dotted place."""
    whole: Any = orjson.loads(orjson.dumps(sample))
    at = whole
    *outer, last = place.split(".")
    for step in outer:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    at[int(last) if isinstance(at, list) else last] = "§"
    return orjson.dumps(whole).replace('"§"'.encode(), given)


def _send_filled_call(
    client: FlaskClient, path: str, sample: JSON, place: str, given: bytes
) -> None:
    body = _fill_sample(sample, place, given)
    client.post(path, data=body, headers={**KEYS, "Content-Type": "application/json"})
    client.post(RESET)


def _show_page_of_call(client: FlaskClient, page: str, place: str, given: bytes) -> None:
    client.post("/v1/track", data=_fill_sample(CALL, place, given))
    client.get(page.replace("/1", f"/{_get_newest_id(client)}"))
    client.post(RESET)


def _get_newest_id(client: FlaskClient) -> int:
    newest = client.get("/emulator/v1/messages/newest").get_json(silent=True) or {}
    return int(newest.get("id", 1))


def _iter_route_targets(app: Flask, client: FlaskClient) -> Iterator[tuple[str, Target]]:
    for rule in app.url_map.iter_rules():
        if "stream" in rule.rule or "wait" in rule.rule:
            continue  # these wait for changes
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield from _iter_targets_of_route(app, client, method, rule.rule)
    for header in HEADERS:
        for path in ("/", "/emulator/v1/messages", "/v1/track", "/api/user/v1/upsert"):
            yield f"{path} header {header}", partial(_request_with_header, client, path, header)


def _iter_targets_of_route(
    app: Flask, client: FlaskClient, method: str, rule: str
) -> Iterator[tuple[str, Target]]:
    name, path = f"{method} {rule}", _build_path(rule, "1")
    if "<" in rule:
        yield f"{name} path", partial(_request_path, client, method, rule)
    if method != "GET":
        yield f"{name} body", partial(_post_raw, client, method, path)
    for field in _find_read_parameters(app, client, method, path):
        if method == "GET":
            yield f"{name} ?{field}", partial(_request_with_query, client, path, field)
        else:
            yield f"{name} {field}=", partial(_post_form, client, method, path, field)


class _RecordingParameters(ImmutableMultiDict[str, str]):
    """Request parameters or form fields that record which of them are read."""

    asked: ClassVar[set[str]] = set()

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, *default: Any, **options: Any) -> Any:
        self.asked.add(key)
        return super().get(key, *default, **options)

    def getlist(self, key: str, *options: Any) -> list[Any]:
        self.asked.add(key)
        return super().getlist(key, *options)


class _RecordingRequest(Request):
    parameter_storage_class = _RecordingParameters


def _find_read_parameters(app: Flask, client: FlaskClient, method: str, path: str) -> list[str]:
    """Return the parameters or form fields that the view reads."""
    usual, app.request_class = app.request_class, _RecordingRequest
    names: set[str] = set()
    try:
        for _ in range(3):
            _RecordingParameters.asked.clear()
            given = dict.fromkeys(sorted(names), "1")
            if method == "GET":
                client.get(path, query_string=given)
            else:
                client.open(path, method=method, data=given)
            names |= _RecordingParameters.asked
    finally:
        app.request_class = usual
        client.post(RESET)
    return sorted(names)


def _build_path(rule: str, text: str) -> str:
    path = re.sub(r"<any\((\w+),[^>]*>", r"\1", rule)
    return re.sub(r"<[^>]+>", lambda _: quote(text, safe=""), path)


def _to_bounded_text(given: bytes, most: int = 100_000) -> str:
    """Return the text of a shape, cut to the length of a request line."""
    value = orjson.loads(given) if given.startswith(b'"') else given.decode()
    return str(value)[:most]


def _post_raw(client: FlaskClient, method: str, path: str, given: bytes) -> None:
    client.open(path, method=method, data=given, content_type="application/json", headers=KEYS)
    client.post(RESET)


def _post_form(client: FlaskClient, method: str, path: str, field: str, given: bytes) -> None:
    client.open(path, method=method, data={field: _to_bounded_text(given)})
    client.post(RESET)


def _request_path(client: FlaskClient, method: str, rule: str, given: bytes) -> None:
    client.open(_build_path(rule, _to_bounded_text(given)), method=method)


def _request_with_query(client: FlaskClient, path: str, parameter: str, given: bytes) -> None:
    client.get(path, query_string={parameter: _to_bounded_text(given)})


def _request_with_header(client: FlaskClient, path: str, header: str, given: bytes) -> None:
    text = re.sub(r"[^\x20-\x7e]", " ", _to_bounded_text(given))
    client.open(path, method="GET" if "track" not in path else "POST", headers={header: text})
