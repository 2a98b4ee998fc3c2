"""Recorded scenarios: a Gherkin feature that sends captured messages again and checks the result.

Calls become steps of the step library where these send the same event, or JSON that an app posts.
Whether they do is tried: both ways must lead to the same in an emulator that starts without data.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Final, NamedTuple

import orjson

from segment_insider_emulator.clock import format_duration
from segment_insider_emulator.inspector.copy_as import build_call_request
from segment_insider_emulator.inspector.scenario_claims import (
    OTHER_DAY,
    ClaimWriter,
    Person,
    PostedCall,
    Replay,
    ReplayTurns,
    Step,
    Turn,
    escape_placeholders,
    format_step_lines,
    format_table_cell,
    get_call_title,
    is_plain_text,
)
from segment_insider_emulator.inspector.shopper_steps import (
    TRANSPORT_KEYS,
    PlannedStep,
    plan_call,
)
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import explain_event
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.similar_names import (
    find_intended_name,
    is_one_edit_apart,
    is_typo_of_text,
    list_quoted_texts,
    normalise_name,
)
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.known_names import ALL_SPEC_NAMES, KnownNames

MAX_MESSAGES: Final = 200  # of one recording
MAX_CALL_BYTES: Final = 400_000  # of its calls as JSON
MIN_WAIT: Final = timedelta(minutes=1)
PEOPLE_NAMES: Final = (
    *("Somebody", "Ada", "Bruno", "Chiara", "Deniz", "Frederik", "Gudrun", "Hannah", "Ismail"),
    *("Katharina", "Leopold", "Mehmet", "Nadezhda", "Olivier", "Patricia", "Quentin", "Rosalind"),
)
VISITOR_NAME: Final = "Visitor"
_ADDED_CONTEXT: Final = ("ip", "library")  # by Segment and by the SDK
_FIRST_NAME: Final = re.compile(r"[A-Za-z]{1,30}")
# With a clock that a step sets, a later run differs by seconds alone.
_LATER: Final = timedelta(seconds=3, milliseconds=217)
_LIST_INDEX: Final = re.compile(r"\[(\d+)\]")
_WORD_PATTERN: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Recording:
    """Captured messages to be turned into one scenario.

    Args:
        messages: Oldest first, without secrets.
        workspace_name: A preset, or the name of a workspace file in the folder of the feature.
        destination: The current one, whose mappings decide which context is needed.
        vocabulary: The names of the workspace; a call with a slip of one is posted as JSON.
        ended_at: When the recording was stopped, by the clock of the sandbox; None if the last
            message ends it.
    """

    messages: Sequence[MessageRecord]
    workspace_name: str
    destination: JSONObject
    vocabulary: KnownNames
    ended_at: datetime | None = None


class ChangedVerdict(NamedTuple):
    """A recorded message that ends otherwise when the scenario starts without data."""

    id: int
    title: str
    captured: str
    replayed: str


@dataclass(frozen=True, slots=True)
class RecordedFeature:
    """A recorded scenario: the text of its feature file, and what people should know about it.

    Args:
        people: Their names, each with the user id or anonymous id.
    """

    text: str
    people: tuple[tuple[str, str], ...]
    changed_verdicts: tuple[ChangedVerdict, ...]


def build_recorded_feature(recording: Recording, replay: ReplayTurns) -> RecordedFeature:
    """Return the feature that sends the messages of *recording* again and checks the result.

    Args:
        replay: Sends calls to an emulator without data and returns what they lead to.
    """
    posts = [build_post(message.sent, message.type) for message in recording.messages]
    waits, reference = _choose_waits(posts, _measure_waits(recording), replay)
    planner = _StepPlanner(recording, _name_people(recording.messages))
    plan, replayed = planner.plan_posts(waits), reference
    for with_context in (False, True):
        steps = planner.plan_steps(waits, with_context=with_context)
        tried = replay(_list_turns(steps), timedelta())
        if tried.summarise() == reference.summarise():
            plan, replayed = steps, tried
            break
    shift = _LATER if any(waits) else OTHER_DAY
    other = replay(_list_turns(plan), shift)
    return _write_feature(recording, plan, replayed, other)


def build_post(call: JSONObject, call_type: str | None) -> PostedCall:
    """Return the request that posts a captured call again, at the time at which it is posted."""
    kept = {name: value for name, value in call.items() if name not in TRANSPORT_KEYS}
    path, body = build_call_request(kept, call_type)
    return PostedCall(path.rpartition("/")[2], body)


def _measure_waits(recording: Recording) -> list[timedelta]:
    """Return the time before each message and after the last one; short times are zero."""
    times = [datetime.fromisoformat(message.received_at) for message in recording.messages]
    last = max(recording.ended_at or times[-1], times[-1])
    gaps = [timedelta(), *(later - time for time, later in pairwise([*times, last]))]
    return [gap if gap >= MIN_WAIT else timedelta() for gap in gaps]


def _choose_waits(
    posts: Sequence[PostedCall], waits: list[timedelta], replay: ReplayTurns
) -> tuple[list[timedelta], Replay]:
    """Return the shortest way to write the waits that leads to the same journeys, and its replay.

    That is no waits, whole minutes, or whole seconds.
    """
    exact = replay(_join_turns(posts, waits), timedelta())
    if not any(waits):
        return waits, exact
    for unit in (None, timedelta(minutes=1)):
        rounded = [wait - wait % unit if unit else timedelta() for wait in waits]
        tried = replay(_join_turns(posts, rounded), timedelta())
        if tried.summarise_runs() == exact.summarise_runs():
            return rounded, tried
    in_seconds = [timedelta(seconds=ceil(wait.total_seconds())) for wait in waits]
    return in_seconds, replay(_join_turns(posts, in_seconds), timedelta())


def _join_turns(posts: Sequence[PostedCall], waits: Sequence[timedelta]) -> list[Turn]:
    turns: list[Turn] = []
    for wait, post in zip(waits, posts, strict=False):
        turns += [*([wait] if wait else []), post]
    return [*turns, *([waits[-1]] if waits[-1] else [])]


def _list_turns(plan: Sequence[PlannedStep]) -> list[Turn]:
    return [turn for planned in plan for turn in planned.turns]


def _name_people(messages: Sequence[MessageRecord]) -> list[str | None]:
    """Return the name of the person of each message; None for one without ids.

    An anonymous message belongs to the user who is known on its device next.
    """
    keys: list[str | None] = []
    next_users: dict[str, str] = {}
    for message in reversed(messages):
        if message.user_id:
            keys.append(f"user:{message.user_id}")
            if message.anonymous_id:
                next_users[message.anonymous_id] = f"user:{message.user_id}"
        elif message.anonymous_id:
            visitor = f"anonymous:{message.anonymous_id}"
            keys.append(next_users.get(message.anonymous_id, visitor))
        else:
            keys.append(None)
    keys.reverse()
    names: dict[str, str] = {}
    for key in dict.fromkeys(keys):
        if key:
            wanted = [*_list_wanted_names(key, keys, messages), *PEOPLE_NAMES]
            # Each number twice, so that no two names are one letter apart.
            wanted += [f"Person{number:03}{number:03}" for number in range(MAX_MESSAGES)]
            names[key] = next(name for name in wanted if _is_distinct(name, names.values()))
    return [names[key] if key else None for key in keys]


def _list_wanted_names(
    key: str, keys: Sequence[str | None], messages: Sequence[MessageRecord]
) -> Iterator[str]:
    """Yield names for a person: from the user id or the trait firstName."""
    kind, _, id = key.partition(":")
    if kind == "anonymous":
        yield VISITOR_NAME
    elif _FIRST_NAME.fullmatch(id):
        yield id.capitalize()
    for other_key, message in zip(keys, messages, strict=True):
        traits = message.sent.get("traits")
        first_name = traits.get("firstName") if isinstance(traits, dict) else None
        if other_key == key and isinstance(first_name, str) and _FIRST_NAME.fullmatch(first_name):
            yield first_name.capitalize()


def _is_distinct(name: str, others: Collection[str]) -> bool:
    """Return whether no step takes *name* for a slip of another person's name."""
    taken = [other.casefold() for other in others]
    folded = name.casefold()
    return (
        folded not in taken
        and not any(is_one_edit_apart(folded, other) for other in taken)
        and not any(find_intended_name(folded, [other]) for other in taken)
        and not any(find_intended_name(other, [folded]) for other in taken)
    )


class _StepPlanner:
    """Plans the Given and When steps of a recording."""

    def __init__(self, recording: Recording, names: Sequence[str | None]) -> None:
        self._recording, self._names = recording, names
        paths = _list_read_context_paths(recording)
        self._context_of_messages = [
            _select_context(message, paths) for message in recording.messages
        ]

    def plan_posts(self, waits: Sequence[timedelta]) -> list[PlannedStep]:
        """Plan steps that post every call as JSON."""
        return self._plan(waits, with_steps=False, with_context=False)

    def plan_steps(self, waits: Sequence[timedelta], *, with_context: bool) -> list[PlannedStep]:
        """Plan steps of the step library, as far as these can express the calls.

        Args:
            with_context: Whether a step sets the context that mappings read.
        """
        return self._plan(waits, with_steps=True, with_context=with_context)

    def _plan(
        self, waits: Sequence[timedelta], *, with_steps: bool, with_context: bool
    ) -> list[PlannedStep]:
        plan: list[PlannedStep] = []
        ids: dict[str, tuple[str | None, str | None]] = {}
        contexts: dict[str, dict[str, JSON]] = {}
        orders: set[str] = set()
        for number, message in enumerate(self._recording.messages):
            if waits[number]:
                plan.append(_plan_wait(waits[number]))
            person = self._names[number]
            if person and ids.get(person) != (message.user_id, message.anonymous_id):
                ids[person] = (message.user_id, message.anonymous_id)
                plan.append(_plan_introduction(person, message))
            context = self._context_of_messages[number] if with_context else {}
            calls = (
                plan_call(person, message, context, self._recording.vocabulary, orders)
                if person and with_steps
                else None
            )
            if person and calls and contexts.get(person, {}) != context:
                contexts[person] = context
                plan.append(_plan_context(person, context))
            _append_calls(plan, calls or [_plan_post(message, keeps_context=not with_steps)])
        return [*plan, *([_plan_wait(waits[-1])] if waits[-1] else [])]


def _list_read_context_paths(recording: Recording) -> set[str]:
    """Return the paths below `context` that mappings read, e.g. "context.page.url"."""
    destination = Destination(recording.destination)
    return {
        path
        for message in recording.messages
        if message.normalised
        for trace in explain_event(destination, message.normalised).accounts
        for origin in trace.origins
        for path in origin.read
        if path.startswith("context.") and path.split(".")[1] not in _ADDED_CONTEXT
    }


def _select_context(message: MessageRecord, paths: set[str]) -> dict[str, JSON]:
    """Return what a message has at the context *paths*, by dotted place below `context`."""
    leaves = iter_leaves({"context": message.sent.get("context")})
    return {
        _LIST_INDEX.sub(r".\1", path).removeprefix("context."): value
        for path, value in leaves
        if path in paths and value is not None
    }


def _plan_wait(wait: timedelta) -> PlannedStep:
    text = format_duration(wait)
    return PlannedStep(Step(f"{text} pass{'' if text.endswith('s') else 'es'}"), None, (wait,))


def _plan_introduction(person: str, message: MessageRecord) -> PlannedStep:
    ids = {"user_id": message.user_id, "anonymous_id": message.anonymous_id}
    rows = [(name, format_table_cell(value) if value else "") for name, value in ids.items()]
    step = Step(f"{person} is known to the shop as:", (("detail", "value"), *rows))
    return PlannedStep(step, person, introduces=True)


def _plan_context(person: str, context: dict[str, JSON]) -> PlannedStep:
    if not context:
        return PlannedStep(Step(f"the calls of {person} have no context"), person)
    rows = [(place, format_table_cell(value)) for place, value in context.items()]
    return PlannedStep(
        Step(f"the calls of {person} have this context:", (("place", "value"), *rows)), person
    )


def _plan_post(message: MessageRecord, *, keeps_context: bool) -> PlannedStep:
    call = message.sent
    if not keeps_context:
        call = {name: value for name, value in call.items() if name != "context"}
    post = build_post(call, message.type)
    body = orjson.dumps(post.body, option=orjson.OPT_INDENT_2).decode()
    step = Step(f'an app posts to "/v1/{post.kind}":', docstring=escape_placeholders(body))
    return PlannedStep(step, None, (post,))


def _append_calls(plan: list[PlannedStep], calls: Sequence[PlannedStep]) -> None:
    """Append steps to *plan*; the same step with another product becomes a row of its table."""
    last = plan[-1] if plan else None
    first = calls[0]
    if (
        last
        and len(calls) == 1
        and first.step.text.endswith(_ONE_CALL_A_ROW)
        and (last.step.text, last.person) == (first.step.text, first.person)
    ):
        rows = _join_tables(last.step.rows, first.step.rows)
        plan[-1] = last._replace(step=Step(last.step.text, rows), turns=(*last.turns, *first.turns))
        return
    plan.extend(calls)


_ONE_CALL_A_ROW: Final = ("views these products:", 'to cart "', 'from cart "')


def _join_tables(
    first: Sequence[tuple[str, ...]], second: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Return one table with the columns and rows of two."""
    columns = list(dict.fromkeys([*first[0], *second[0]]))
    rows = [dict(zip(table[0], row, strict=True)) for table in (first, second) for row in table[1:]]
    return (tuple(columns), *(tuple(row.get(name, "") for name in columns) for row in rows))


def _write_feature(
    recording: Recording, plan: list[PlannedStep], replayed: Replay, other: Replay
) -> RecordedFeature:
    quoted = frozenset(text for planned in plan for text in list_quoted_texts(planned.step.text))
    people = _list_people(recording.messages, _name_people(recording.messages))
    claims = ClaimWriter(replayed, other, quoted).write_claims(people)
    acting = {planned.person for planned in plan if planned.turns}
    claimed = {
        person.name
        for person in people
        if any(person.name in _WORD_PATTERN.findall(claim.text) for claim in claims)
    }
    plan = [
        planned for planned in plan if not planned.introduces or planned.person in acting | claimed
    ]
    last_call = max(number for number, planned in enumerate(plan) if planned.sends)
    given = [*_write_setup_steps(recording, plan), *(one.step for one in plan[:last_call])]
    when = [planned.step for planned in plan[last_call:]]
    given[1 if recording.workspace_name != "guide" else 0 : 0] = _confirm_names(
        recording.vocabulary, [*given, *when], claims
    )
    lines = ["Feature: Captured messages", "", f"  Scenario: {_build_title(replayed)}"]
    for keyword, steps in (("Given", given), ("When", when), ("Then", claims)):
        for number, step in enumerate(steps):
            lines += format_step_lines("And" if number else keyword, step)
    return RecordedFeature(
        "\n".join(lines) + "\n",
        tuple(
            (person.name, person.user_id or person.anonymous_id or "")
            for person in people
            if person.name in acting | claimed
        ),
        tuple(_find_changed_verdicts(recording.messages, replayed)),
    )


def _list_people(messages: Sequence[MessageRecord], names: Sequence[str | None]) -> list[Person]:
    """Return each person with the ids of the last message."""
    people = {
        name: Person(name, message.user_id, message.anonymous_id)
        for name, message in zip(names, messages, strict=True)
        if name
    }
    return list(people.values())


def _write_setup_steps(recording: Recording, plan: Sequence[PlannedStep]) -> Iterator[Step]:
    if recording.workspace_name != "guide":
        yield Step(f'the workspace "{recording.workspace_name}"')
    if any(isinstance(turn, timedelta) for planned in plan for turn in planned.turns):
        yield Step(f'the clock stands at "{recording.messages[0].received_at}"')


def _confirm_names(
    vocabulary: KnownNames, steps: Sequence[Step], claims: Sequence[Step]
) -> Iterator[Step]:
    """Yield steps that confirm names which differ from another name by one typing error."""
    quoted = {text for step in steps for text in list_quoted_texts(step.text)} - ALL_SPEC_NAMES
    texts = {text for step in (*steps, *claims) for text in _list_texts(step)}
    others = texts - ALL_SPEC_NAMES
    confirmed = {
        text
        for text in quoted
        for other in others - {text}
        if is_typo_of_text(text, other)
        or (other in quoted and normalise_name(text) == normalise_name(other))
    }
    parts = {part for text in texts for part in text.split(".") if "_" in part}
    known = vocabulary.properties | vocabulary.traits
    confirmed |= {
        part
        for step in steps
        for name in _list_names(step)
        for part in name.split(".")
        if part not in known and find_intended_name(part, parts - {part})
    }
    for text in sorted(confirmed):
        if is_plain_text(text):
            yield Step(f'the name "{text}" is correct')


def _list_texts(step: Step) -> Iterator[str]:
    yield from list_quoted_texts(step.text)
    for row in step.rows:
        yield from (_unescape_table_cell(cell) for cell in row if cell)


def _list_names(step: Step) -> Iterator[str]:
    """Yield the names of properties, traits or products in the table of a step."""
    if step.rows and step.rows[0][0] in ("property", "trait"):
        yield from (row[0] for row in step.rows[1:])
    elif step.rows and step.rows[0] not in (("detail", "value"), ("place", "value")):
        yield from step.rows[0]


def _unescape_table_cell(cell: str) -> str:
    return cell.replace("\\n", "\n").replace("\\|", "|").replace("\\\\", "\\")


def _build_title(replayed: Replay) -> str:
    messages = replayed.messages
    titles = list(dict.fromkeys(get_call_title(message) for message in messages))
    if len(messages) == 1:
        text = f"{titles[0]} is {messages[0].verdict.replace('_', ' ')}"
    elif len(titles) > MAX_TITLES:
        text = f"{', '.join(titles[:MAX_TITLES])} and {len(titles) - MAX_TITLES} more"
    else:
        text = " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
    return " ".join(text.replace("<", " ").replace(">", " ").split())[:120] or "Captured messages"


MAX_TITLES: Final = 3


def _find_changed_verdicts(
    messages: Sequence[MessageRecord], replayed: Replay
) -> Iterator[ChangedVerdict]:
    if len(messages) != len(replayed.messages):
        return
    for message, again in zip(messages, replayed.messages, strict=True):
        if message.verdict != again.verdict:
            yield ChangedVerdict(
                message.id, get_call_title(message), message.verdict, again.verdict
            )
