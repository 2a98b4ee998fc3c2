"""What each address of the control API takes and answers, by the name of its view."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from jsonschema import Draft202012Validator

from segment_insider_emulator.capture.journey import STATUSES
from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.capture.store import DELIVERY_FILTERS, MESSAGE_FILTERS
from segment_insider_emulator.delivery.fault import SHAPE as INSIDER_FAULT
from segment_insider_emulator.harness.answers_schemas import (
    ANSWERS,
    BOOLEAN,
    COUNT,
    NUMBER,
    OBJECT,
    OBJECTS,
    TEXT,
    closed,
    many,
    maybe,
    page,
    ref,
)
from segment_insider_emulator.harness.queries import LARGEST_ID, LARGEST_LIMIT
from segment_insider_emulator.harness.subjects import SUBJECTS
from segment_insider_emulator.insider.panel import ROLES
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS
from segment_insider_emulator.segment.faults import SHAPE as SEGMENT_FAULT
from segment_insider_emulator.types import JSONObject

JSON_TYPE: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Operation:
    """One address with one method.

    Args:
        answer: Schema of the answer with *status*.
        body: Schema of the request's; None where there is none.
        example: A body that is taken.
        query, headers: Schemas of parameters by name.
        refusals: Statuses besides those of every address.
        media: Content type of the answer.
        body_media: Content types of the request's body, which is read as what it is.
    """

    answer: JSONObject
    body: JSONObject | None = None
    example: JSONObject | None = None
    query: Mapping[str, JSONObject] | None = None
    headers: Mapping[str, JSONObject] | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    media: str = JSON_TYPE
    body_media: tuple[str, ...] = (JSON_TYPE,)


def optional(**properties: JSONObject) -> JSONObject:
    """An object with any of *properties*."""
    return closed(dict(properties), [])


_PAGED: Final[JSONObject] = {
    "after": {"type": "integer", "minimum": 0, "maximum": LARGEST_ID},
    "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT},
}
_DONE = closed({})
_TIME: Final[JSONObject] = {"type": "string", "format": "date-time"}
_NOW = optional(now=_TIME)
_WHEN: Final[JSONObject] = {"now": "2026-11-23T10:00:00Z"}
_WORKSPACE: Final[JSONObject] = {"type": ["string", "object"]}
_WHERE: Final[JSONObject] = {"type": "object", "maxProperties": 50}
_CLAIM: Final[JSONObject] = {
    "of": {"enum": list(SUBJECTS)},
    "where": _WHERE,
    "exactly": COUNT,
    "atLeast": COUNT,
    "atMost": COUNT,
    "after": COUNT,
}
_CLAIMED: Final[JSONObject] = {"of": "messages", "where": {"type": {"regex": "^identify$"}}}
_SAVED = optional(
    enabled=BOOLEAN,
    settings=optional(**{field.key: {"type": "string", "minLength": 1} for field in SETTINGS}),
)
_SUBSCRIPTION = closed(
    {
        "name": {"type": "string", "minLength": 1},
        "actionSlug": {"enum": list(ACTIONS)},
        "enabled": BOOLEAN,
        "trigger": TEXT,
        "settings": OBJECT,
    },
    ["name", "actionSlug"],
)
_INTEGRATION = closed({"name": {"type": "string", "minLength": 1}, "type": {"const": "Source"}})
_SANDBOX = optional(
    id={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"},
    workspace=_WORKSPACE,
    writeKey=TEXT,
    account=TEXT,
    key=TEXT,
    now=_TIME,
)
_ORDER: Final[JSONObject] = {
    "anyOf": [
        closed({"advance": TEXT}),
        closed({"set": _TIME}),
        closed({"freeze": {"const": True}}),
        closed({"resume": {"const": True}}),
    ]
}
_DIFFERENCE: Final[JSONObject] = {
    "type": "object",
    "required": ["id", "times", "at"],
    "properties": {"id": COUNT, "times": COUNT, "at": TEXT},
}
_RUN: Final[JSONObject] = {"startedAt": "2026-11-23T10:00:00Z", "features": []}
_EVENT: Final[JSONObject] = {"type": "track", "event": "Order Completed", "userId": "ada"}
_VERDICT: Final[JSONObject] = {"enum": list(VERDICTS)}
_MESSAGES = dict.fromkeys(MESSAGE_FILTERS, TEXT) | {"verdict": _VERDICT}
_DELIVERIES = dict.fromkeys(DELIVERY_FILTERS, TEXT) | {"verdict": _VERDICT}
_IDENTIFIER = {"identifier": {"type": "string", "pattern": ":"}}
_ROLE = {"X-InOne-Role": {"enum": list(ROLES)}}
_INSIDER_FAULTS = closed({"faults": OBJECTS})
_CHANGED = Operation(_DONE, _NOW, _WHEN)


def _shape(validator: Draft202012Validator) -> JSONObject:
    """The schema that *validator* checks, which is an object."""
    schema = validator.schema
    assert isinstance(schema, Mapping)
    return dict(schema)


def schemas() -> JSONObject:
    """The components that operations refer to."""
    text = files(__package__).joinpath("scenario_run.schema.json").read_text("utf-8")
    run = json.loads(text.replace("#/$defs/", "#/components/schemas/ScenarioRun/$defs/"))
    return {**ANSWERS, "ScenarioRun": run}


@cache
def operations() -> Mapping[str, Operation]:
    """Endpoint of a view -> its operation."""
    return {
        "harness.health": Operation(closed({"status": {"const": "ok"}, "version": TEXT})),
        "openapi.described": Operation(OBJECT),
        "insider.described": Operation(OBJECT),
        "openapi.segment": Operation(OBJECT),
        "harness.messages": Operation(page("messages", ref("Message")), query=_MESSAGES | _PAGED),
        "harness.newest_message": Operation(
            ref("MessageWithDeliveries"), query=_MESSAGES, refusals=(404,)
        ),
        "harness.message": Operation(ref("MessageWithDeliveries"), refusals=(404,)),
        "harness.deliveries": Operation(
            page("deliveries", ref("Delivery")), query=_DELIVERIES | _PAGED
        ),
        "harness.newest_delivery": Operation(ref("Delivery"), query=_DELIVERIES, refusals=(404,)),
        "harness.delivery": Operation(ref("Delivery"), refusals=(404,)),
        "harness.profiles": Operation(page("profiles", ref("Profile")), query=_IDENTIFIER | _PAGED),
        "harness.profile": Operation(ref("Profile"), refusals=(404,)),
        "harness.profile_events": Operation(
            page("events", {"type": "object"}), query=_PAGED, refusals=(404,)
        ),
        "harness.reset": _CHANGED,
        "harness.reset_captures": Operation(_DONE),
        "harness.reset_profiles": Operation(_DONE),
        "harness.reset_faults": Operation(_DONE),
        "harness.reset_clock": _CHANGED,
        "clock.show": Operation(ref("Clock")),
        "clock.move": Operation(ref("Clock"), _ORDER, {"advance": "45 minutes"}),
        "delivery.retry": Operation(closed({"attempts": COUNT, "retrying": COUNT})),
        "delivery.upsert": Operation(ref("Upsert"), refusals=(404,)),
        "delivery.faults": Operation(_INSIDER_FAULTS),
        "delivery.add_fault": Operation(
            _INSIDER_FAULTS, _shape(INSIDER_FAULT), {"status": 503, "times": 1}
        ),
        "delivery.clear_faults": Operation(_INSIDER_FAULTS),
        "delivery.fidelity": Operation(
            page("differences", _DIFFERENCE, compared=COUNT), query=_PAGED
        ),
        "segment_faults.waiting": Operation(_INSIDER_FAULTS),
        "segment_faults.add": Operation(_INSIDER_FAULTS, _shape(SEGMENT_FAULT), {"status": 500}),
        "segment_faults.clear": Operation(_INSIDER_FAULTS),
        "storage.storage": Operation(
            closed(
                {
                    **dict.fromkeys(
                        ("messages", "deliveries", "rememberedIds", "usedBytes"), COUNT
                    ),
                    "oldest": maybe(TEXT),
                    "fileBytes": maybe(COUNT),
                    "keep": closed(dict.fromkeys(("days", "messages", "bytes"), maybe(NUMBER))),
                }
            )
        ),
        "panel.integrations": Operation(page("integrations", ref("Integration")), query=_PAGED),
        "panel.create": Operation(
            ref("Integration"),
            _INTEGRATION,
            {"name": "Segment", "type": "Source"},
            headers=_ROLE,
            status=201,
        ),
        "panel.revoke": Operation(ref("Integration"), headers=_ROLE, refusals=(404,)),
        "destination.destination": Operation(ref("Destination")),
        "destination.save": Operation(ref("Destination"), _SAVED, {"enabled": True}),
        "destination.add": Operation(
            ref("Subscription"),
            _SUBSCRIPTION,
            {"name": "Songs", "actionSlug": "trackEvent"},
            status=201,
        ),
        "destination.change": Operation(
            ref("Subscription"),
            optional(enabled=BOOLEAN, trigger=TEXT, settings=OBJECT),
            {"enabled": False},
            refusals=(404,),
        ),
        "destination.remove": Operation(ref("Destination"), refusals=(404,)),
        "journeys.journeys": Operation(
            closed({"simulated": TEXT, "journeys": many(ref("Journey")), "next": {"const": None}})
        ),
        "journeys.journey": Operation(ref("Journey"), refusals=(404,)),
        "journeys.runs": Operation(
            page("runs", ref("Run"), simulated=TEXT),
            query=_IDENTIFIER | {"status": {"enum": list(STATUSES)}} | _PAGED,
            refusals=(404,),
        ),
        "sandboxes.sandboxes": Operation(
            closed({"sandboxes": many(ref("Sandbox")), "next": {"const": None}})
        ),
        "sandboxes.create": Operation(
            ref("Sandbox"), _SANDBOX, {"workspace": "guide"}, status=201, refusals=(409,)
        ),
        "sandboxes.sandbox": Operation(ref("Sandbox"), refusals=(404,)),
        "sandboxes.reset": Operation(_DONE, _NOW, _WHEN, refusals=(404,)),
        "sandboxes.delete": Operation(_DONE, refusals=(404, 409)),
        "scenario_runs.add": Operation(closed({"id": COUNT}), ref("ScenarioRun"), _RUN, status=201),
        "scenario_runs.runs": Operation(page("scenarioRuns", OBJECT)),
        "dry_run.dry_run": Operation(closed({"messages": many(ref("Rehearsed"))}), OBJECT, _EVENT),
        "verifying.verify": Operation(
            closed({"ok": BOOLEAN, "claims": many(ref("Outcome"))}),
            closed({"claims": {"type": "array", "minItems": 1, "items": closed(_CLAIM, [])}}),
            {"claims": [_CLAIMED]},
        ),
        "verifying.wait_for": Operation(
            ref("Outcome"), optional(**_CLAIM, timeout=TEXT), {**_CLAIMED, "timeout": "5 seconds"}
        ),
        "exporting.export": Operation(TEXT, media=NDJSON),
        "exporting.export_har": Operation(OBJECT),
        "exporting.import_": Operation(
            closed({"imported": COUNT}), TEXT, body_media=(NDJSON, "text/plain")
        ),
        "workspaces.workspace": Operation(OBJECT),
        "workspaces.current": Operation(OBJECT),
        "workspaces.replace": Operation(
            OBJECT, closed({"workspace": _WORKSPACE}), {"workspace": "guide"}
        ),
    }
