"""One message as a Gherkin scenario, in steps that `emulator verify` knows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.capture.json_paths import is_json
from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.insider.identity import rules_of
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.upsert import read_users
from segment_insider_emulator.insider.users import User
from segment_insider_emulator.inspector.copies import path_of
from segment_insider_emulator.inspector.stations import EventRoad
from segment_insider_emulator.json_text import DECIMAL_COMMA
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.vocabulary import Vocabulary

# All that ends a line for a reader of features, or is a blank to it that nobody sees.
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_PLAIN = re.compile(rf'[^"\\<>|{_LINE_ENDS}]{{1,120}}')
_NAME = re.compile(r"[A-Za-z]{1,30}")
_OF_THE_CALL = ("properties.", "traits.", "event", "type", "userId", "anonymousId", "timestamp",
                "name", "messageId", "receivedAt")  # fmt: skip
# Verdicts that do not depend on what happened before.
_SURE = ("dropped", "not_subscribed", "filtered", "disabled", "rejected")
_FOUND_BY = {"uuid", "segment_anonymous_id"}


@dataclass(frozen=True, slots=True)
class Account:
    """The account behind the workspace: how it finds profiles, and what else is its own."""

    identifiers: Sequence[str]
    options: Options


def scenario(
    road: EventRoad, call: JSONObject, workspace: str, account: Account, known: Vocabulary
) -> str:
    """A feature with one scenario: the message again, and what Insider One has to receive.

    Args:
        call: The call to send.
        workspace: A preset, or the name of a workspace file that lies beside the feature.
        known: Its names; a call with a slip of one is sent as JSON, which is not checked.
    """
    message = road.message
    lines = ["Feature: Captured messages", "", f"  Scenario: {_title(message)}"]
    if workspace != "guide":
        lines.append(f'    Given the workspace "{workspace}"')
    person = _person(message)
    lines += _known(person, message)
    lines += _when(road, call, None if known.has_slip(call) else person)
    then = [*_received(road, person, account)] or ["Insider One knows nobody"]
    lines += [f"    Then {then[0]}", *(_follows(each) for each in then[1:])]
    return "\n".join(lines) + "\n"


def _title(message: Captured) -> str:
    name = message.event or message.type or "a call without a type"
    return " ".join(f"{name} is {message.verdict.replace('_', ' ')}".split())[:120]


def _person(message: Captured) -> str | None:
    """What the scenario calls whoever the message is of; None when it is nobody's."""
    if message.user_id and _NAME.fullmatch(message.user_id):
        return message.user_id.capitalize()
    return "Somebody" if message.user_id or message.anonymous_id else None


def _known(person: str | None, message: Captured) -> Iterator[str]:
    if person is None:
        return
    yield f"    Given {person} is known to the shop as:"
    ids = {"user_id": message.user_id, "anonymous_id": message.anonymous_id}
    yield from _table(("detail", "value"), [(name, _cell(value)) for name, value in ids.items()])


def _when(road: EventRoad, call: JSONObject, person: str | None) -> Iterator[str]:
    if person and (told := _in_words(road, call, person)):
        yield from told
        return
    path, body = path_of(call, road.message.type)
    yield f'    When an app posts to "{path}":'
    yield "      ```"
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    yield from (f"      {_without_line_ends(line)}" for line in text.split("\n"))
    yield "      ```"


def _in_words(road: EventRoad, call: JSONObject, person: str) -> list[str] | None:
    """The call as a shopper's; None where only its JSON says all that mattered."""
    read = {path for each in road.taken for origin in each.account.origins for path in origin.read}
    part = "traits" if call.get("type") == "identify" else "properties"
    said, name = call.get(part, {}), call.get("event") or call.get("name")
    begun, column = {
        "track": (f'{person} does "{name}"', "property"),
        "page": (f'{person} visits the page "{name}"', "property"),
        "identify": (f"{person} tells the shop these traits:", "trait"),
    }.get(str(call.get("type")), ("", ""))
    in_reach = all(path.startswith(_OF_THE_CALL) for path in read)
    if not (begun and in_reach and isinstance(said, dict) and _is_plain(said, name, part)):
        return None
    rows = [(key, _cell(value)) for key, value in said.items()]
    if column == "trait":
        return [f"    When {begun}", *_table((column, "value"), rows)] if rows else None
    with_table = [f"    When {begun} with:", *_table((column, "value"), rows)]
    return with_table if rows else [f"    When {begun}"]


def _is_plain(said: JSONObject, name: JSON, part: str) -> bool:
    named = part == "traits" or (isinstance(name, str) and bool(_PLAIN.fullmatch(name)))
    return named and all(
        _PLAIN.fullmatch(key) and key.strip() == key and "." not in key and value is not None
        for key, value in said.items()
    )


def _received(road: EventRoad, person: str | None, account: Account) -> Iterator[str]:
    """The claims of the Then, with the tables that follow them."""
    users = [user for each in road.taken for user in _users(each.body, road.message, account)]
    # A scenario finds people by these two; whom else an account knows them by has no step.
    is_found = any(_FOUND_BY & user.identifiers.keys() for user in users)
    message, call = road.message, _called(road.message)
    is_duplicate = (message.reason or "").startswith("duplicate")
    is_sure = message.verdict in _SURE and not is_duplicate
    if is_sure or (users and not is_found):
        is_plain = _PLAIN.fullmatch(call)
        yield f'the call "{call}" ends as {message.verdict}' if is_plain else "Segment answers 200"
    if person and (is_found or not users):
        yield from _known_of(person, users)


def _known_of(person: str, users: list[User]) -> Iterator[str]:
    events = [event for user in users for _, event in user.events]
    attributes = {name: value for user in users for name, value in user.attributes.items()}
    if events:
        yield from _events(person, events)
    rows = [(_escaped(name), _cell(value)) for name, value in attributes.items() if _fits(name)]
    if rows:
        yield f"Insider One knows these attributes of {person}:"
        yield from _table(("attribute", "value"), rows)
    if not events and not rows:
        yield f"Insider One receives no events for {person}"


def _called(message: Captured) -> str:
    """What steps call a message: its event, page or screen, or else its type."""
    return str(message.event or message.sent.get("name") or message.type or "a call without a type")


def _users(body: JSON, message: Captured, account: Account) -> list[User]:
    """The users that Insider One takes of an upsert's *body*."""
    if not isinstance(body, dict):
        return []
    now = datetime.fromisoformat(message.received_at)
    rules = rules_of(account.identifiers, account.options)
    return read_users(body["users"], rules, account.options, now, skip_hook=False)[0]


def _events(person: str, events: list[ProfileEvent]) -> Iterator[str]:
    flat = [{"event_name": each.name, **dict(_flattened(each.params))} for each in events]
    names = list(dict.fromkeys(name for each in flat for name in each))
    columns = [name for name in names if _fits(name)]
    # A parameter whose name no table can have is not looked at by the step without them.
    what = "events and parameters" if columns == names else "events"
    yield f"Insider One receives exactly these {what} for {person}:"
    yield from _table(columns, [[_cell(each.get(name)) for name in columns] for each in flat])


def _flattened(value: JSONObject, prefix: str = "") -> Iterator[tuple[str, JSON]]:
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _flattened(each, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", each


def _follows(line: str) -> str:
    return line if line.startswith("      |") else f"    And {line}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    lines = [[_escaped(each) for each in columns], *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"      | {cells} |"


def _cell(value: JSON) -> str:
    """*value* as a cell that is read as it: text stands alone where it is no JSON."""
    if value is None:
        return ""
    if isinstance(value, str) and _is_plain_cell(value):
        return _escaped(value)
    return _escaped(_without_line_ends(orjson.dumps(value).decode()))


def _is_plain_cell(text: str) -> bool:
    return _fits(text) and not is_json(text) and not DECIMAL_COMMA.fullmatch(text)


def _fits(text: str) -> bool:
    """Check whether a table's cell can have *text* as it is."""
    is_stripped = text != "" and text == text.strip()
    return is_stripped and not _LINE_END.search(text.replace("\n", ""))


def _without_line_ends(text: str) -> str:
    """*text*, a line of JSON, with what JSON leaves as it is and features take for a line's end."""
    return _LINE_END.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(text: str) -> str:
    """In a table's cell, these three are written with a backslash."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
