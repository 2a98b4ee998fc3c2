"""Conversions of a captured message to a curl command, a contract case or a Gherkin scenario."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.contract.cases import compile_case, run_case
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.upsert import parse_users
from segment_insider_emulator.insider.users import ParsedUser
from segment_insider_emulator.inspector.event_view_model import EventViewModel
from segment_insider_emulator.json_text import DECIMAL_COMMA_NUMBER, is_json_text
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.records import MessageRecord, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.known_names import KnownNames


def remove_message_id(message: MessageRecord) -> JSONObject:
    """Return a call without its messageId, because Segment drops duplicate ids."""
    return {name: value for name, value in message.sent.items() if name != "messageId"}


def build_call_request(call: JSONObject, call_type: str | None) -> tuple[str, JSON]:
    """Return the path and JSON body of the Segment request that sends one call."""
    if call_type in MESSAGE_TYPES and call.get("type") in (None, call_type):
        return f"/v1/{call_type}", call
    return "/v1/batch", {"batch": [call]}


def build_curl_command(
    call: JSONObject, call_type: str | None, base_url: str, write_key: str
) -> str:
    """Return a curl command that sends *call* to the emulator's Segment API at *base_url*."""
    path, body = build_call_request(call, call_type)
    return (
        f"curl -sS {shlex.quote(base_url + path)} -u {shlex.quote(write_key + ':')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  --data-raw {shlex.quote(orjson.dumps(body).decode())}"
    )


def build_contract_cases(message: MessageRecord, event: JSONObject, destination: JSONObject) -> str:
    """Return contract cases as JSON lines, one for each subscription that matched the message.

    The account key is replaced, because cases are committed to repositories.
    """
    settings = {**destination["settings"], "ucd_key": "test-key"}
    return "".join(_iter_contract_cases(message, event, {**destination, "settings": settings}))


def _iter_contract_cases(
    message: MessageRecord, event: JSONObject, destination: JSONObject
) -> Iterator[str]:
    taking_subscriptions = [
        (delivery.subscription, delivery.action_slug) for delivery in message.deliveries
    ]
    batched_subscriptions = {(e.subscription, e.action_slug) for e in message.deliveries if e.batch}
    for subscription in Destination(destination).subscriptions:
        name = (subscription.name, subscription.action_slug)
        if name not in taking_subscriptions:
            continue
        document: JSONObject = {
            "name": f"{message.event or message.type} by {subscription.name}",
            "about": f"Captured at {message.received_at}.",
            "destination": {"settings": destination["settings"]},
            "subscription": {
                "name": subscription.name,
                "actionSlug": subscription.action_slug,
                "trigger": subscription.trigger,
                "settings": subscription.mapping,
            },
            "batch": name in batched_subscriptions,
            "events": [event],
        }
        expect = run_case(compile_case(document, ""))
        # A missing list item is sent as null.
        yield orjson.dumps({**document, "expect": expect}, default=lambda _: None).decode() + "\n"


# All characters that Gherkin reads as a line break or as invisible space.
_LINE_BREAK_CHARS = "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_LINE_BREAK = re.compile(f"[{_LINE_BREAK_CHARS}]")
_PLAIN_TEXT = re.compile(rf'[^"\\<>|{_LINE_BREAK_CHARS}]{{1,120}}')
_FIRST_NAME = re.compile(r"[A-Za-z]{1,30}")
_CALL_PATH_PREFIXES = (
    *("properties.", "traits.", "event", "type", "userId", "anonymousId", "timestamp"),
    *("name", "messageId", "receivedAt"),
)
# Verdicts that do not depend on earlier messages.
_STATELESS_VERDICTS = ("dropped", "not_subscribed", "filtered", "disabled", "rejected")
_SCENARIO_IDENTIFIERS = {"uuid", "segment_anonymous_id"}


@dataclass(frozen=True, slots=True)
class InsiderAccountSettings:
    """Settings of the Insider One account that decide which profile a user updates."""

    identifiers: Sequence[str]
    options: InsiderAccountOptions


def build_gherkin_scenario(
    event_view: EventViewModel,
    call: JSONObject,
    workspace_name: str,
    account: InsiderAccountSettings,
    vocabulary: KnownNames,
) -> str:
    """Return the text of a feature file that sends the message again and checks the result.

    Args:
        call: The call to send.
        workspace_name: A preset, or the name of a workspace file in the folder of the feature.
        vocabulary: Its names; a call with a slip of one is sent as JSON, which is not checked.
    """
    message = event_view.message
    lines = ["Feature: Captured messages", "", f"  Scenario: {_build_scenario_title(message)}"]
    if workspace_name != "guide":
        lines.append(f'    Given the workspace "{workspace_name}"')
    person = _choose_person_name(message)
    lines += _build_given_steps(person, message)
    lines += _build_when_steps(
        event_view, call, None if vocabulary.has_misspelled_name(call) else person
    )
    then = [*_build_then_steps(event_view, person, account)] or ["Insider One knows nobody"]
    lines += [f"    Then {then[0]}", *(_prefix_step_with_and(line) for line in then[1:])]
    return "\n".join(lines) + "\n"


def _build_scenario_title(message: MessageRecord) -> str:
    name = message.event or message.type or "a call without a type"
    return " ".join(f"{name} is {message.verdict.replace('_', ' ')}".split())[:120]


def _choose_person_name(message: MessageRecord) -> str | None:
    """Return the person's name for a copied Gherkin scenario; None if the message has no user."""
    if message.user_id and _FIRST_NAME.fullmatch(message.user_id):
        return message.user_id.capitalize()
    return "Somebody" if message.user_id or message.anonymous_id else None


def _build_given_steps(person: str | None, message: MessageRecord) -> Iterator[str]:
    if person is None:
        return
    yield f"    Given {person} is known to the shop as:"
    ids = {"user_id": message.user_id, "anonymous_id": message.anonymous_id}
    yield from _format_table_lines(
        ("detail", "value"), [(name, _format_table_cell(value)) for name, value in ids.items()]
    )


def _build_when_steps(
    event_view: EventViewModel, call: JSONObject, person: str | None
) -> Iterator[str]:
    if person and (steps := _build_shopper_steps(event_view, call, person)):
        yield from steps
        return
    path, body = build_call_request(call, event_view.message.type)
    yield f'    When an app posts to "{path}":'
    yield "      ```"
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    yield from (f"      {_escape_line_breaks(line)}" for line in text.split("\n"))
    yield "      ```"


def _build_shopper_steps(
    event_view: EventViewModel, call: JSONObject, person: str
) -> list[str] | None:
    """Return a call as the When steps of a shopper; None if only its JSON is exact."""
    read = {
        path
        for subscription in event_view.matched_subscriptions
        for origin in subscription.trace.origins
        for path in origin.read
    }
    part = "traits" if call.get("type") == "identify" else "properties"
    values, name = call.get(part, {}), call.get("event") or call.get("name")
    step_text, column = {
        "track": (f'{person} does "{name}"', "property"),
        "page": (f'{person} visits the page "{name}"', "property"),
        "identify": (f"{person} tells the shop these traits:", "trait"),
    }.get(str(call.get("type")), ("", ""))
    in_reach = all(path.startswith(_CALL_PATH_PREFIXES) for path in read)
    if not (
        step_text
        and in_reach
        and isinstance(values, dict)
        and _can_be_written_as_gherkin_step(values, name, part)
    ):
        return None
    rows = [(key, _format_table_cell(value)) for key, value in values.items()]
    if column == "trait":
        return (
            [f"    When {step_text}", *_format_table_lines((column, "value"), rows)]
            if rows
            else None
        )
    with_table = [f"    When {step_text} with:", *_format_table_lines((column, "value"), rows)]
    return with_table if rows else [f"    When {step_text}"]


def _can_be_written_as_gherkin_step(values: JSONObject, name: JSON, section: str) -> bool:
    named = section == "traits" or (isinstance(name, str) and bool(_PLAIN_TEXT.fullmatch(name)))
    return named and all(
        _PLAIN_TEXT.fullmatch(key) and key.strip() == key and "." not in key and value is not None
        for key, value in values.items()
    )


def _build_then_steps(
    event_view: EventViewModel, person: str | None, account: InsiderAccountSettings
) -> Iterator[str]:
    """Yield Then steps and their tables for what Insider One received from a message."""
    users = [
        user
        for subscription in event_view.matched_subscriptions
        for user in _read_upsert_users(subscription.request_body, event_view.message, account)
    ]
    # Steps can find a profile only by these two identifiers.
    is_identifiable = any(_SCENARIO_IDENTIFIERS & user.identifiers.keys() for user in users)
    message, call = event_view.message, _get_message_title(event_view.message)
    is_duplicate = (message.reason or "").startswith("duplicate")
    is_sure = message.verdict in _STATELESS_VERDICTS and not is_duplicate
    if is_sure or (users and not is_identifiable):
        is_plain = _PLAIN_TEXT.fullmatch(call)
        yield f'the call "{call}" ends as {message.verdict}' if is_plain else "Segment answers 200"
    if person and (is_identifiable or not users):
        yield from _build_profile_then_steps(person, users)


def _build_profile_then_steps(person: str, users: list[ParsedUser]) -> Iterator[str]:
    events = [event for user in users for _, event in user.events]
    attributes = {name: value for user in users for name, value in user.attributes.items()}
    if events:
        yield from _build_event_then_steps(person, events)
    rows = [
        (_escape_table_cell(name), _format_table_cell(value))
        for name, value in attributes.items()
        if _fits_in_table_cell(name)
    ]
    if rows:
        yield f"Insider One knows these attributes of {person}:"
        yield from _format_table_lines(("attribute", "value"), rows)
    if not events and not rows:
        yield f"Insider One receives no events for {person}"


def _get_message_title(message: MessageRecord) -> str:
    """Return the title of a message: its event, page or screen name, or its type."""
    return str(message.event or message.sent.get("name") or message.type or "a call without a type")


def _read_upsert_users(
    body: JSON, message: MessageRecord, account: InsiderAccountSettings
) -> list[ParsedUser]:
    """Return the users that Insider One reads from the body of an upsert request."""
    if not isinstance(body, dict):
        return []
    now = datetime.fromisoformat(message.received_at)
    rules = build_identity_rules(account.identifiers, account.options)
    return parse_users(body["users"], rules, account.options, now, skip_hook=False)[0]


def _build_event_then_steps(person: str, events: list[ProfileEvent]) -> Iterator[str]:
    flat = [
        {"event_name": event.name, **dict(_flatten_event_params(event.params))} for event in events
    ]
    names = list(dict.fromkeys(name for row in flat for name in row))
    columns = [name for name in names if _fits_in_table_cell(name)]
    # Table columns cannot have some names; the step without parameters ignores those.
    what = "events and parameters" if columns == names else "events"
    yield f"Insider One receives exactly these {what} for {person}:"
    yield from _format_table_lines(
        columns, [[_format_table_cell(row.get(name)) for name in columns] for row in flat]
    )


def _flatten_event_params(value: JSONObject, prefix: str = "") -> Iterator[tuple[str, JSON]]:
    for name, param in value.items():
        if isinstance(param, dict):
            yield from _flatten_event_params(param, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", param


def _prefix_step_with_and(line: str) -> str:
    return line if line.startswith("      |") else f"    And {line}"


def _format_table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [[_escape_table_cell(column) for column in columns], *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"      | {cells} |"


def _format_table_cell(value: JSON) -> str:
    """Format a JSON value as a Gherkin table cell; plain text if it is not valid JSON."""
    if value is None:
        return ""
    if isinstance(value, str) and _is_unquoted_table_cell(value):
        return _escape_table_cell(value)
    return _escape_table_cell(_escape_line_breaks(orjson.dumps(value).decode()))


def _is_unquoted_table_cell(text: str) -> bool:
    return (
        _fits_in_table_cell(text)
        and not is_json_text(text)
        and not DECIMAL_COMMA_NUMBER.fullmatch(text)
    )


def _fits_in_table_cell(text: str) -> bool:
    """Return whether *text* can be a Gherkin table cell unchanged."""
    is_stripped = text != "" and text == text.strip()
    return is_stripped and not _LINE_BREAK.search(text.replace("\n", ""))


def _escape_line_breaks(text: str) -> str:
    """Escape the characters in a JSON line that Gherkin reads as line breaks."""
    return _LINE_BREAK.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape_table_cell(text: str) -> str:
    """Escape backslash, pipe and line feed for a Gherkin table cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
