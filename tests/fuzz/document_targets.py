"""Fuzz targets that read whole documents: valid samples with replaced values.

The text that a target is given says which: "§", a sign whose number names the place, and the value,
as JSON where it is JSON; and so on.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from flask.testing import FlaskClient

from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.control_api.request_parsing import check_fault_json
from segment_insider_emulator.delivery.fault_injection import (
    INSIDER_FAULT_REMEDY,
    INSIDER_FAULT_VALIDATOR,
    parse_insider_fault,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.journey_parser import parse_journeys
from segment_insider_emulator.interchange.import_files import read_import_file
from segment_insider_emulator.interchange.import_workspace import build_imported_workspace
from segment_insider_emulator.json_text import InvalidEventLine, parse_event_line
from segment_insider_emulator.replay.evaluator import EvaluationClocks, EventEvaluator
from segment_insider_emulator.segment.faults import (
    SEGMENT_FAULT_REMEDY,
    SEGMENT_FAULT_VALIDATOR,
    fault_from_json,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.documents import format_workspace_yaml, parse_document
from segment_insider_emulator.workspace.loading import load_workspace_from_document
from segment_insider_emulator.workspace.validation import validate_document

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def replace_values(sample: JSON, text: str) -> JSON:
    """Return a copy of *sample* with values from *text* at other places."""
    root = [orjson.loads(orjson.dumps(sample))]
    for graft in text.split("§")[1:]:
        places = list(_iter_places(root))
        if graft and places:
            holder, key = places[ord(graft[0]) % len(places)]
            holder[key] = _parse_value(graft[1:])
    return root[0]


def _iter_places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if type(value) is list else ()
    for key in keys:
        yield value, key
        yield from _iter_places(value[key])


def _parse_value(text: str) -> JSON:
    try:
        return json.loads(text)  # which reads halves of surrogate pairs, too
    except (ValueError, RecursionError):
        return text


def _to_json_bytes(document: JSON) -> bytes:
    return json.dumps(document).encode()


@cache
def _load_journeys_workspace() -> JSONObject:
    return parse_document((FIXTURES / "workspaces" / "journeys.yaml").read_bytes(), "sample")


@cache
def _load_terraform_state() -> JSON:
    return orjson.loads((FIXTURES / "imports" / "terraform" / "terraform.tfstate").read_bytes())


@cache
def _load_public_api_answers() -> list[JSON]:
    files = sorted((FIXTURES / "imports" / "public-api").glob("*.json"))
    return [orjson.loads(each.read_bytes()) for each in files]


@cache
def _make_evaluator() -> EventEvaluator:
    return EventEvaluator(load_preset_workspace("guide"), EvaluationClocks(NOW))


@cache
def _load_shop_events() -> list[JSON]:
    lines = (FIXTURES / "events" / "shop.ndjson").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


@cache
def _make_export() -> tuple[FlaskClient, list[JSON]]:
    """Return a client of an emulator with messages, and the lines of its export."""
    client = create_app(Config(db=":memory:"), load_preset_workspace("guide")).test_client()
    for event in _load_shop_events()[:3]:
        client.post("/v1/batch", json={"writeKey": "wk_demo", "batch": [event]})
    lines = client.get("/emulator/v1/export").data.splitlines()
    return client, [orjson.loads(line) for line in lines]


def read_workspace(text: str) -> None:
    """Load a workspace file with journeys."""
    with suppress(EmulatorError):
        document = parse_document(
            _to_json_bytes(replace_values(_load_journeys_workspace(), text)), "file"
        )
        if not any(each.severity == "error" for each in lint_document(document)):
            load_workspace_from_document(document, "file")


def read_yaml(text: str) -> None:
    """Load a workspace file that is only *text*."""
    with suppress(EmulatorError):
        orjson.dumps(
            [each.what for each in validate_document(parse_document(text.encode(), "file"))]
        )


def read_journey(text: str) -> None:
    """Parse a journey of a workspace file."""
    insider = replace_values(_load_journeys_workspace()["insider"], text)
    with suppress(EmulatorError):
        document = parse_document(
            _to_json_bytes({**_load_journeys_workspace(), "insider": insider}), "file"
        )
        if not any(each.severity == "error" for each in validate_document(document)):
            parse_journeys(document["insider"].get("journeys", ()))


def read_state(text: str) -> None:
    """Import Terraform's state."""
    _import_workspace(_to_json_bytes(replace_values(_load_terraform_state(), text)))


def read_public_api(text: str) -> None:
    """Import answers of Segment's Public API."""
    _import_workspace(
        b"\n".join(
            _to_json_bytes(replace_values(each, text)) for each in _load_public_api_answers()
        )
    )


def read_terraform(text: str) -> None:
    """Import Terraform configuration."""
    _import_workspace(f'resource "segment_source" "a" {{ name = {text} }}'.encode(errors="replace"))


def _import_workspace(raw: bytes) -> None:
    with suppress(EmulatorError):
        made = build_imported_workspace(read_import_file(raw, "file"))
        format_workspace_yaml(made.document, made.skipped_subscriptions)


def read_fault(text: str) -> None:
    """Parse a fault of Segment and of Insider One."""
    sample = {"status": 503, "times": 2, "retryAfter": 1, "body": {}, "share": 0.5, "taken": True}
    fault = replace_values(sample, text)
    with suppress(EmulatorError):
        checked = check_fault_json(fault, INSIDER_FAULT_VALIDATOR, INSIDER_FAULT_REMEDY)
        parse_insider_fault(checked).build_response(503)
    with suppress(EmulatorError):
        checked = check_fault_json(fault, SEGMENT_FAULT_VALIDATOR, SEGMENT_FAULT_REMEDY)
        fault_from_json(checked)


def read_archived(text: str) -> None:
    """Evaluate a line of Segment's archive."""
    for event in _load_shop_events()[:8]:
        line = _to_json_bytes(replace_values(event, text))
        with suppress(InvalidEventLine):
            if call := parse_event_line(line):
                _make_evaluator().evaluate_call(call, line, bytes(16))


def read_exported(text: str) -> None:
    """Import an export."""
    client, lines = _make_export()
    made = replace_values(lines, text)
    raw = b"\n".join(map(_to_json_bytes, made if isinstance(made, list) else [made]))
    assert client.post("/emulator/v1/import", data=raw).status_code < 500
    assert client.get("/emulator/v1/messages").status_code == 200


REPLACEMENT_WORDS = (
    *"§§abcdefgABCDEFG0123456789",
    "null", "true", "1", "-1", "0.5", "1e999", "[]", "{}", '""', '"x"', '"\\ud800"', '"\\u0000"',
    "99999999999999999999", '{"a":1}', "[[]]", '"2026-11-23T10:00:00Z"', '"45 minutes"', '"*"',
    '{"@path":"$.a"}', '{"@if":{"exists":1}}', "once", "email", "purchase", "é", "💥",
)  # fmt: skip
TARGETS: Mapping[str, Callable[[str], None]] = {
    each.__name__.removeprefix("read_"): each
    for each in (
        read_workspace, read_yaml, read_journey, read_state, read_public_api, read_terraform,
        read_fault, read_archived, read_exported,
    )
}  # fmt: skip
WORDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TARGETS, REPLACEMENT_WORDS),
    "yaml": (
        "a: ", "- ", "\n", "  ", "&a ", "*a", "<<: ", "{", "}", "[", "]", ",", ":", "|", ">", "'",
        '"', "#", "? ", "!!str ", "!x ", "---", "...", "source: ", "destination: ", "null", "1e9",
    ),
    "terraform": (
        '"', "${", "}", "%{", "{", "(", ")", "[", "]", "jsonencode(", "var.a", "local.b", "<<E\n",
        "E\n", "\n", "=", ",", "\\", "\\u12", "1e5", "-", "!", "? ", ": ", "for x in ", "if ", "==",
        "&&", ".", "a", "null", "/*", "*/", "#",
    ),
}  # fmt: skip
