"""One message in forms that are used elsewhere: a command, a contract case, a scenario."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.contract.cases import compile_case, run_case
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.upsert import parse_users
from segment_insider_emulator.insider.users import ParsedUser
from segment_insider_emulator.inspector.event_view_model import EventViewModel
from segment_insider_emulator.json_text import DECIMAL_COMMA_NUMBER
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.segment.validation import MESSAGE_TYPES
from segment_insider_emulator.storage.message_filters import is_json
from segment_insider_emulator.storage.records import MessageRecord, ProfileEvent
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.known_names import KnownNames


def without_message_id(message: MessageRecord) -> JSONObject:
    """The call as it can be sent once more: under its own id it would be a duplicate."""
    return {name: value for name, value in message.sent.items() if name != "messageId"}


def build_call_request(call: JSONObject, call_type: str | None) -> tuple[str, JSON]:
    """Where a call is sent to by itself, and the body to send there."""
    if call_type in MESSAGE_TYPES and call.get("type") in (None, call_type):
        return f"/v1/{call_type}", call
    return "/v1/batch", {"batch": [call]}


def build_curl_command(
    call: JSONObject, call_type: str | None, base_url: str, write_key: str
) -> str:
    """A command that sends *call* to the emulator at *url*."""
    path, body = build_call_request(call, call_type)
    return (
        f"curl -sS {shlex.quote(base_url + path)} -u {shlex.quote(write_key + ':')} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  --data-raw {shlex.quote(orjson.dumps(body).decode())}"
    )


def build_contract_cases(message: MessageRecord, event: JSONObject, destination: JSONObject) -> str:
    """A case a line for each subscription that took the message, as the mappings are now.

    The key is not the account's own: a case is kept beside the code.
    """
    settings = {**destination["settings"], "ucd_key": "test-key"}
    return "".join(_iter_contract_cases(message, event, {**destination, "settings": settings}))


def _iter_contract_cases(
    message: MessageRecord, event: JSONObject, destination: JSONObject
) -> Iterator[str]:
    taking_subscriptions = [(each.subscription, each.action_slug) for each in message.deliveries]
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
        # What is missing in a list is sent as null.
        yield orjson.dumps({**document, "expect": expect}, default=lambda _: None).decode() + "\n"


# All that ends a line for a reader of features, or is a blank to it that nobody sees.
_LINE_BREAK_CHARS = "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_LINE_BREAK = re.compile(f"[{_LINE_BREAK_CHARS}]")
_PLAIN_TEXT = re.compile(rf'[^"\\<>|{_LINE_BREAK_CHARS}]{{1,120}}')
_FIRST_NAME = re.compile(r"[A-Za-z]{1,30}")
_CALL_PATH_PREFIXES = ("properties.", "traits.", "event", "type", "userId", "anonymousId", "timestamp",
                "name", "messageId", "receivedAt")  # fmt: skip
# Verdicts that do not depend on what happened before.
_STATELESS_VERDICTS = ("dropped", "not_subscribed", "filtered", "disabled", "rejected")
_SCENARIO_IDENTIFIERS = {"uuid", "segment_anonymous_id"}


@dataclass(frozen=True, slots=True)
class InsiderAccountSettings:
    """The account behind the workspace: how it finds profiles, and what else is its own."""

    identifiers: Sequence[str]
    options: InsiderOptions


def build_gherkin_scenario(
    event_view: EventViewModel,
    call: JSONObject,
    workspace_name: str,
    account: InsiderAccountSettings,
    vocabulary: KnownNames,
) -> str:
    """A feature with one scenario: the message again, and what Insider One has to receive.

    Args:
        call: The call to send.
        workspace: A preset, or the name of a workspace file that lies beside the feature.
        known: Its names; a call with a slip of one is sent as JSON, which is not checked.
    """
    message = event_view.message
    lines = ["Feature: Captured messages", "", f"  Scenario: {_scenario_title(message)}"]
    if workspace_name != "guide":
        lines.append(f'    Given the workspace "{workspace_name}"')
    person = _choose_person_name(message)
    lines += _given_steps(person, message)
    lines += _when_steps(event_view, call, None if vocabulary.has_misspelled_name(call) else person)
    then = [*_then_claims(event_view, person, account)] or ["Insider One knows nobody"]
    lines += [f"    Then {then[0]}", *(_prefix_with_and(each) for each in then[1:])]
    return "\n".join(lines) + "\n"


def _scenario_title(message: MessageRecord) -> str:
    name = message.event or message.type or "a call without a type"
    return " ".join(f"{name} is {message.verdict.replace('_', ' ')}".split())[:120]


def _choose_person_name(message: MessageRecord) -> str | None:
    """What the scenario calls whoever the message is of; None when it is nobody's."""
    if message.user_id and _FIRST_NAME.fullmatch(message.user_id):
        return message.user_id.capitalize()
    return "Somebody" if message.user_id or message.anonymous_id else None


def _given_steps(person: str | None, message: MessageRecord) -> Iterator[str]:
    if person is None:
        return
    yield f"    Given {person} is known to the shop as:"
    ids = {"user_id": message.user_id, "anonymous_id": message.anonymous_id}
    yield from _table_lines(
        ("detail", "value"), [(name, _table_cell(value)) for name, value in ids.items()]
    )


def _when_steps(event_view: EventViewModel, call: JSONObject, person: str | None) -> Iterator[str]:
    if person and (told := _shopper_steps(event_view, call, person)):
        yield from told
        return
    path, body = build_call_request(call, event_view.message.type)
    yield f'    When an app posts to "{path}":'
    yield "      ```"
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    yield from (f"      {_escape_line_breaks(line)}" for line in text.split("\n"))
    yield "      ```"


def _shopper_steps(event_view: EventViewModel, call: JSONObject, person: str) -> list[str] | None:
    """The call as a shopper's; None where only its JSON says all that mattered."""
    read = {
        path
        for each in event_view.matched_subscriptions
        for origin in each.trace.origins
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
        step_text and in_reach and isinstance(values, dict) and _is_plain_call(values, name, part)
    ):
        return None
    rows = [(key, _table_cell(value)) for key, value in values.items()]
    if column == "trait":
        return [f"    When {step_text}", *_table_lines((column, "value"), rows)] if rows else None
    with_table = [f"    When {step_text} with:", *_table_lines((column, "value"), rows)]
    return with_table if rows else [f"    When {step_text}"]


def _is_plain_call(values: JSONObject, name: JSON, section: str) -> bool:
    named = section == "traits" or (isinstance(name, str) and bool(_PLAIN_TEXT.fullmatch(name)))
    return named and all(
        _PLAIN_TEXT.fullmatch(key) and key.strip() == key and "." not in key and value is not None
        for key, value in values.items()
    )


def _then_claims(
    event_view: EventViewModel, person: str | None, account: InsiderAccountSettings
) -> Iterator[str]:
    """The claims of the Then, with the tables that follow them."""
    users = [
        user
        for each in event_view.matched_subscriptions
        for user in _read_upsert_users(each.request_body, event_view.message, account)
    ]
    # A scenario finds people by these two; whom else an account knows them by has no step.
    is_identifiable = any(_SCENARIO_IDENTIFIERS & user.identifiers.keys() for user in users)
    message, call = event_view.message, _message_title(event_view.message)
    is_duplicate = (message.reason or "").startswith("duplicate")
    is_sure = message.verdict in _STATELESS_VERDICTS and not is_duplicate
    if is_sure or (users and not is_identifiable):
        is_plain = _PLAIN_TEXT.fullmatch(call)
        yield f'the call "{call}" ends as {message.verdict}' if is_plain else "Segment answers 200"
    if person and (is_identifiable or not users):
        yield from _person_claims(person, users)


def _person_claims(person: str, users: list[ParsedUser]) -> Iterator[str]:
    events = [event for user in users for _, event in user.events]
    attributes = {name: value for user in users for name, value in user.attributes.items()}
    if events:
        yield from _event_claims(person, events)
    rows = [
        (_escape_cell(name), _table_cell(value))
        for name, value in attributes.items()
        if _fits_in_cell(name)
    ]
    if rows:
        yield f"Insider One knows these attributes of {person}:"
        yield from _table_lines(("attribute", "value"), rows)
    if not events and not rows:
        yield f"Insider One receives no events for {person}"


def _message_title(message: MessageRecord) -> str:
    """What steps call a message: its event, page or screen, or else its type."""
    return str(message.event or message.sent.get("name") or message.type or "a call without a type")


def _read_upsert_users(
    body: JSON, message: MessageRecord, account: InsiderAccountSettings
) -> list[ParsedUser]:
    """The users that Insider One takes of an upsert's *body*."""
    if not isinstance(body, dict):
        return []
    now = datetime.fromisoformat(message.received_at)
    rules = build_identity_rules(account.identifiers, account.options)
    return parse_users(body["users"], rules, account.options, now, skip_hook=False)[0]


def _event_claims(person: str, events: list[ProfileEvent]) -> Iterator[str]:
    flat = [{"event_name": each.name, **dict(_flatten_params(each.params))} for each in events]
    names = list(dict.fromkeys(name for each in flat for name in each))
    columns = [name for name in names if _fits_in_cell(name)]
    # A parameter whose name no table can have is not looked at by the step without them.
    what = "events and parameters" if columns == names else "events"
    yield f"Insider One receives exactly these {what} for {person}:"
    yield from _table_lines(
        columns, [[_table_cell(each.get(name)) for name in columns] for each in flat]
    )


def _flatten_params(value: JSONObject, prefix: str = "") -> Iterator[tuple[str, JSON]]:
    for name, param in value.items():
        if isinstance(param, dict):
            yield from _flatten_params(param, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", param


def _prefix_with_and(line: str) -> str:
    return line if line.startswith("      |") else f"    And {line}"


def _table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [[_escape_cell(each) for each in columns], *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"      | {cells} |"


def _table_cell(value: JSON) -> str:
    """*value* as a cell that is read as it: text stands alone where it is no JSON."""
    if value is None:
        return ""
    if isinstance(value, str) and _is_plain_cell(value):
        return _escape_cell(value)
    return _escape_cell(_escape_line_breaks(orjson.dumps(value).decode()))


def _is_plain_cell(text: str) -> bool:
    return _fits_in_cell(text) and not is_json(text) and not DECIMAL_COMMA_NUMBER.fullmatch(text)


def _fits_in_cell(text: str) -> bool:
    """Check whether a table's cell can have *text* as it is."""
    is_stripped = text != "" and text == text.strip()
    return is_stripped and not _LINE_BREAK.search(text.replace("\n", ""))


def _escape_line_breaks(text: str) -> str:
    """*text*, a line of JSON, with what JSON leaves as it is and features take for a line's end."""
    return _LINE_BREAK.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escape_cell(text: str) -> str:
    """In a table's cell, these three are written with a backslash."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
