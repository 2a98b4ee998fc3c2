"""Claims of recorded scenarios: a replay of the calls in an empty emulator, and its Then steps.

A claim is what the calls lead to when they start without data, so it holds at once. A second replay
on another day finds the values that change from run to run; no claim is about those.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Final, TypeAlias

import orjson

from segment_insider_emulator.insider.profile_json import serialize_profile
from segment_insider_emulator.json_text import DECIMAL_COMMA_NUMBER, is_json_text
from segment_insider_emulator.segment.ingest import assign_sources, parse_messages
from segment_insider_emulator.storage.records import MessageRecord, Profile
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace.known_names import TEXT_VALUED_NAMES

CALL_INTERVAL: Final = timedelta(milliseconds=50)  # as between two calls of the step library
OTHER_DAY: Final = timedelta(days=-403, hours=-5, minutes=-7, seconds=-11)
MAX_PROFILES: Final = 500
MAX_RUNS: Final = 500  # of one journey
INSIDER_ONE_EVENTS: Final = ("journey_entered",)  # Insider One creates these itself


@dataclass(frozen=True, slots=True)
class PostedCall:
    """One request to Segment's API.

    Args:
        kind: The last part of its path, such as "track".
        from_sdk: Whether an SDK adds the time of each call in the batch.
    """

    kind: str
    body: JSONObject
    from_sdk: bool = False


Turn: TypeAlias = PostedCall | timedelta  # a call, or a time to wait


@dataclass(frozen=True, slots=True)
class ReplayedRun:
    """A journey run of a replay: journey, profile, status, and the messages it would send."""

    journey: str
    profile_id: str
    status: str
    sent: tuple[tuple[str, str], ...]  # channel and address


@dataclass(frozen=True, slots=True)
class Replay:
    """What a sequence of calls leads to in an emulator that starts without data."""

    messages: list[MessageRecord]
    profiles: list[Profile]
    runs: list[ReplayedRun]

    def find_profile(self, identifiers: Sequence[str]) -> Profile | None:
        """Return the profile of the first known identifier, e.g. "uuid:ada", as steps find it."""
        for identifier in identifiers:
            kind, _, value = identifier.partition(":")
            for profile in self.profiles:
                if value in profile.identifiers.get(kind, ()):
                    return profile
        return None

    def summarise(self) -> JSON:
        """Return everything that two equal replays have in common."""
        return [
            [message.verdict for message in self.messages],
            [
                [profile.identifiers, profile.attributes, list_event_rows(profile)]
                for profile in self.profiles
            ],
            self.summarise_runs(),
        ]

    def summarise_runs(self) -> JSON:
        """Return the journey runs without ids that differ between replays."""
        order = {profile.id: number for number, profile in enumerate(self.profiles)}
        return sorted(
            [run.journey, order.get(run.profile_id, -1), run.status, list(map(list, run.sent))]
            for run in self.runs
        )


def replay_turns(
    services: SandboxServices, turns: Sequence[Turn], started_at: datetime, client_ip: str
) -> Replay:
    """Send the calls of *turns* to an empty sandbox, wait in between, and return the result.

    Args:
        started_at: Where its clock begins.
        client_ip: The address from which the calls seem to come.
    """
    numbers, clock = count(1), services.clock
    clock.reset(started_at)
    for turn in turns:
        if isinstance(turn, timedelta):
            clock.advance(turn)
            services.journeys.advance_due_runs()
            continue
        messages = parse_messages(
            {**_add_times(turn, format_time(clock())), "writeKey": services.sources[0].write_key},
            kind=turn.kind,
            authorization=None,
            received_at=clock(),
            new_id=lambda: f"{started_at:%j}-{next(numbers)}",
            client_ip=client_ip,
        )
        services.pipeline.submit_messages(
            assign_sources(messages, services.sources, strict=services.config.strict)
        )
        clock.advance(CALL_INTERVAL)
    return Replay(
        services.store.list_latest_messages(len(turns) + 1)[0][::-1],
        services.profiles.list_profiles_with_events(limit=MAX_PROFILES)[0],
        list(_list_runs(services)),
    )


def format_time(moment: datetime) -> str:
    """Return a time as SDKs send it, ISO 8601 in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds")


def _add_times(turn: PostedCall, now: str) -> JSONObject:
    """Return the body of a call of Segment's SDK with its times; other bodies have none."""
    if not turn.from_sdk:
        return turn.body
    return {"batch": [{**call, "timestamp": now} for call in turn.body["batch"]], "sentAt": now}


def _list_runs(services: SandboxServices) -> Iterator[ReplayedRun]:
    for number, journey in services.journeys.definitions.items():
        runs, _ = services.journeys.run_store.list_runs(number, {}, limit=MAX_RUNS)
        for run, trail in runs:
            sent = tuple(
                (entry.details["channel"], entry.details["address"])
                for entry in trail
                if entry.kind == "would_send"
            )
            yield ReplayedRun(journey.name, run.profile_id, run.status, sent)


EventRow: TypeAlias = dict[str, JSON]  # column -> value, e.g. "event_name", "custom.sku"


def list_event_rows(profile: Profile) -> list[EventRow]:
    """Return the events of a profile as steps compare them, oldest first."""
    return [
        {"event_name": event.name, **dict(flatten_values(event.params))}
        for event in profile.events
        if event.name not in INSIDER_ONE_EVENTS
    ]


def flatten_values(value: JSONObject, prefix: str = "") -> Iterator[tuple[str, JSON]]:
    """Yield path and value of nested objects, e.g. "custom.sku"; a list is one value."""
    for name, member in value.items():
        if isinstance(member, dict):
            yield from flatten_values(member, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", member


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a recorded scenario: name, and the ids that the last steps gave them."""

    name: str
    user_id: str | None
    anonymous_id: str | None

    @property
    def identifiers(self) -> list[str]:
        """Return the identifiers by which steps find the profile, strongest first."""
        ids = {"uuid": self.user_id, "segment_anonymous_id": self.anonymous_id}
        return [f"{name}:{value}" for name, value in ids.items() if value]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a recorded scenario: its text, and the rows of its table or its docstring."""

    text: str
    rows: tuple[tuple[str, ...], ...] = ()
    docstring: str = ""


@dataclass(frozen=True, slots=True)
class ClaimWriter:
    """Writes the Then steps of a replay.

    Args:
        other: The same replay on another day.
        quoted_texts: Texts in quotes in the other steps: they decide how a cell is read.
    """

    replay: Replay
    other: Replay
    quoted_texts: frozenset[str] = field(default_factory=frozenset)

    def write_claims(self, people: Sequence[Person]) -> list[Step]:
        """Return the claims about each person, about calls and about the number of people."""
        claims = [claim for person in people for claim in self._write_person_claims(person)]
        claims += self._write_call_claims()
        known = {
            profile.id for person in people if (profile := self._find_profile(person)) is not None
        }
        number = len(self.replay.profiles)
        if number != len(known) or not claims:
            text = {0: "nobody", 1: "1 person"}.get(number, f"{number} people")
            claims.append(Step(f"Insider One knows {text}"))
        return claims

    def _find_profile(self, person: Person) -> Profile | None:
        return self.replay.find_profile(person.identifiers)

    def _write_person_claims(self, person: Person) -> Iterator[Step]:
        profile = self._find_profile(person)
        other = self.other.find_profile(person.identifiers)
        if profile is None or other is None:
            if profile is other:
                yield Step(f"Insider One does not know {person.name}")
            return
        yield from self._write_event_claims(person, list_event_rows(profile), other)
        for part in ("attributes", "identifiers"):
            yield from self._write_profile_claim(
                person, part, serialize_profile(profile), serialize_profile(other)
            )
        yield from self._write_journey_claims(person, profile, other)

    def _write_event_claims(
        self, person: Person, rows: list[EventRow], other: Profile
    ) -> Iterator[Step]:
        other_rows = list_event_rows(other)
        if [row["event_name"] for row in rows] != [row["event_name"] for row in other_rows]:
            return
        if not rows:
            yield Step(f"Insider One receives no events for {person.name}")
            return
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [
            name
            for name in names
            if fits_in_table_cell(name)
            and all(
                row.get(name, ...) == twin.get(name, ...)
                and (name not in row or self._can_be_claimed(name, row[name]))
                for row, twin in zip(rows, other_rows, strict=True)
            )
        ]
        what = "events and parameters" if columns == names else "events"
        if "event_name" in columns:
            yield Step(
                f"Insider One receives exactly these {what} for {person.name}:",
                (
                    tuple(map(escape_table_cell, columns)),
                    *(tuple(_format_member(row, name) for name in columns) for row in rows),
                ),
            )

    def _write_profile_claim(
        self, person: Person, part: str, profile: JSONObject, other: JSONObject
    ) -> Iterator[Step]:
        values, twins = (dict(flatten_values(document[part])) for document in (profile, other))
        stable = [
            name
            for name, value in values.items()
            if fits_in_table_cell(name)
            and value is not None
            and name in twins
            and twins[name] == value
            and self._can_be_claimed(name, value)
        ]
        noun = part.removesuffix("s")
        rows = tuple((escape_table_cell(name), format_table_cell(values[name])) for name in stable)
        exactly = "exactly " if len(stable) == len(values) == len(twins) else ""
        if not rows or (part == "identifiers" and not exactly):
            return
        if exactly and values == {"uuid": person.user_id}:
            return  # the other steps find the profile by it
        text = {
            "attributes": f"Insider One knows {exactly}these attributes of {person.name}:",
            "identifiers": f"Insider One knows {person.name} by exactly these identifiers:",
        }[part]
        yield Step(text, ((noun, "value"), *rows))

    def _can_be_claimed(self, name: str, value: JSON) -> bool:
        """Return whether a cell can say *value*: a number may be read as a text there."""
        if isinstance(value, bool | int | float):
            is_text = name in TEXT_VALUED_NAMES or (
                "." in name and format_table_cell(value) in self.quoted_texts
            )
            return not is_text and reads_back(value)
        return reads_back(value)

    def _write_journey_claims(
        self, person: Person, profile: Profile, other: Profile
    ) -> Iterator[Step]:
        for journey in dict.fromkeys(run.journey for run in self.replay.runs):
            runs = [
                r for r in self.replay.runs if (r.journey, r.profile_id) == (journey, profile.id)
            ]
            twins = [r for r in self.other.runs if (r.journey, r.profile_id) == (journey, other.id)]
            if not runs or [r.status for r in runs] != [r.status for r in twins]:
                continue
            if not is_plain_text(journey):
                continue
            times = f"{len(runs)} time{'s' if len(runs) > 1 else ''}"
            yield Step(f'{person.name} enters the journey "{journey}" {times}')
            if runs[-1].status == "in_progress":
                yield Step(f'{person.name} waits in the journey "{journey}"')
            else:
                end = runs[-1].status
                yield Step(f'the journey "{journey}" ends for {person.name} as {end}')
            sent = [pair for run in runs for pair in run.sent]
            everywhere = [
                pair for run in self.replay.runs if run.journey == journey for pair in run.sent
            ]
            for channel, address in sent:
                if everywhere.count((channel, address)) == 1 and _is_address(address):
                    yield Step(f'the journey "{journey}" would send {channel} to {address}')

    def _write_call_claims(self) -> Iterator[Step]:
        """Yield a claim for the newest call of each name that Insider One did not simply accept."""
        claimed: set[str] = set()
        for message, twin in zip(
            reversed(self.replay.messages), reversed(self.other.messages), strict=False
        ):
            names = {message.event, message.type, title := get_call_title(message)}
            if (
                title not in claimed
                and message.verdict == twin.verdict
                and message.verdict != "accepted"
                and is_plain_text(title)
            ):
                yield Step(f'the call "{title}" ends as {message.verdict}')
            claimed.update(name for name in names if name)


def get_call_title(message: MessageRecord) -> str:
    """Return the title of a message: its event, page or screen name, or its type."""
    return str(message.event or message.sent.get("name") or message.type or "a call without a type")


ReplayTurns: TypeAlias = Callable[[Sequence[Turn], timedelta], Replay]  # moved by this time


# All characters that Gherkin reads as a line break or as invisible space.
_LINE_BREAK_CHARS = "\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_LINE_BREAK = re.compile(f"[{_LINE_BREAK_CHARS}]")
_PLAIN_TEXT = re.compile(rf'[^"\\<>|{_LINE_BREAK_CHARS}]{{1,120}}')
_ADDRESS = re.compile(r"[\w.+@-]{1,120}")


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.fullmatch(text))


def is_plain_text(text: JSON) -> bool:
    """Return whether *text* can be in quotes in a step."""
    return isinstance(text, str) and bool(_PLAIN_TEXT.fullmatch(text)) and text == text.strip()


def format_step_lines(keyword: str, step: Step) -> Iterator[str]:
    """Yield the lines of a step with its table or docstring."""
    yield f"    {keyword} {step.text}"
    if step.rows:
        widths = [max(map(len, column)) for column in zip(*step.rows, strict=True)]
        for row in step.rows:
            cells = " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield f"      | {cells} |"
    if step.docstring:
        yield "      ```"
        yield from (f"      {escape_line_breaks(line)}" for line in step.docstring.split("\n"))
        yield "      ```"


def _format_member(row: EventRow, name: str) -> str:
    return format_table_cell(row[name]) if name in row else ""


def format_table_cell(value: JSON) -> str:
    """Format a JSON value as a Gherkin table cell; plain text if it is not valid JSON."""
    if isinstance(value, str) and _is_unquoted_table_cell(value):
        return escape_table_cell(value)
    return escape_table_cell(escape_placeholders(escape_line_breaks(orjson.dumps(value).decode())))


def reads_back(value: JSON) -> bool:
    """Return whether steps read the table cell of *value* as this value."""
    try:
        return bool(orjson.loads(orjson.dumps(value)) == value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False


def _is_unquoted_table_cell(text: str) -> bool:
    return (
        fits_in_table_cell(text)
        and not is_json_text(text)
        and not DECIMAL_COMMA_NUMBER.fullmatch(text)
    )


def fits_in_table_cell(text: str) -> bool:
    """Return whether *text* can be a Gherkin table cell unchanged, and names no placeholder."""
    is_stripped = text != "" and text == text.strip()
    return is_stripped and "<" not in text and not _LINE_BREAK.search(text.replace("\n", ""))


def escape_placeholders(json_text: str) -> str:
    """Escape what Gherkin would read as a placeholder in JSON, `<word>`."""
    return json_text.replace("<", "\\u003c")


def escape_line_breaks(text: str) -> str:
    """Escape the characters in a JSON line that Gherkin reads as line breaks."""
    return _LINE_BREAK.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def escape_table_cell(text: str) -> str:
    """Escape backslash, pipe and line feed for a Gherkin table cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
