"""Explanations for people, and the same as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import TypeAlias

import click
import orjson

from segment_insider_emulator.cli.spelling_out import spelling_out
from segment_insider_emulator.cli.terminal import escaped, styled, tell
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.shape import Fault, faults
from segment_insider_emulator.mapping import Destination, Failure, Request
from segment_insider_emulator.mapping.explanation import (
    Account,
    ConditionCheck,
    Explanation,
    explain,
)
from segment_insider_emulator.mapping.javascript import json_text
from segment_insider_emulator.mapping.origins import Origin
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.segment.rules import TYPES
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.drift.dropped import deciding, dropped_of, lost, unsent
from segment_insider_emulator.workspace.lint.parameters import kept_key
from segment_insider_emulator.workspace.lint.subject import Subject, subject_of

Refused: TypeAlias = dict[int, list[Fault]]

_REFUSALS = 3  # told of one request
_CONDITIONS = 3  # told of the subscriptions that are told together


def print_explanations(
    workspace: Workspace, name: str, events: Iterable[JSONObject], *, as_json: bool
) -> None:
    """Print one explanation for each event, as text or as a JSON line.

    Args:
        name: Of the workspace, as commands take it.
    """
    destination, subject = Destination(workspace.destination), subject_of(workspace.document)
    for event in events:
        explanation = explain(destination, event)
        refused = _refused(destination, event, workspace.options)
        if as_json:
            told = {**_members(explanation), "refused": _listed(explanation, refused)}
            click.echo(escaped(orjson.dumps(told, default=_as_json)))
        else:
            dropped = _dropped(event, explanation, subject, name)
            tell([*_text(event, explanation, refused), *dropped, ""])


def _members(explanation: Explanation) -> JSONObject:
    return {each.name: getattr(explanation, each.name) for each in fields(explanation)}


def _listed(explanation: Explanation, refused: Refused) -> list[JSONObject]:
    return [
        {
            "subscription": explanation.accounts[at].subscription,
            "where": each.where,
            "what": each.text,
            "remedy": each.remedy,
        }
        for at, found in refused.items()
        for each in found
    ]


def _as_json(value: object) -> JSON:
    """A failure as an object; a value that is missing in a list as null."""
    return value._asdict() if isinstance(value, Failure) else None


def _refused(destination: Destination, event: JSONObject, options: Options) -> Refused:
    """Why Insider One would take nothing of what a subscription sends, by its place."""
    found = ((at, each.deliver(event)) for at, each in enumerate(destination.subscriptions))
    return {
        at: _once(fault for user in result.json["users"] for fault in faults(user, options))
        for at, result in found
        if isinstance(result, Request)
    }


def _once(found: Iterable[Fault]) -> list[Fault]:
    """Of *found*, the first of those that say the same."""
    said: dict[tuple[str, str], Fault] = {}
    for each in found:
        said.setdefault((each.text, each.remedy), each)
    return list(said.values())


def _text(event: JSONObject, explanation: Explanation, refused: Refused) -> Iterator[str]:
    name = f" {event['event']!r}" if event.get("event") else ""
    yield styled(f"{event.get('type')}{name}  {explanation.message_id or ''}", bold=True)
    if event.get("type") not in TYPES:
        known = f"{', '.join(TYPES[:-1])} and {TYPES[-1]}"
        kind = f"of the type {_shown(event['type'])}" if event.get("type") else "without a type"
        yield f"  Segment takes no call {kind}, only {known}"
        return
    yield from _accounts(event, explanation.accounts, refused)


def _accounts(event: JSONObject, accounts: Sequence[Account], refused: Refused) -> Iterator[str]:
    """Each that matched, and the others together; where none did, the reasons are what is asked."""
    together = []
    if any(each.matched for each in accounts):
        together = [each for each in accounts if not each.failure and _unmet(each)]
    if len(together) == 1:
        together = []
    for at, account in enumerate(accounts):
        if account not in together:
            yield from _account(account, event)
            yield from _refusals(refused.get(at, []))
    if together:
        yield f"  not matched  {len(together)} others, which want {_wanted(together)}"


def _unmet(account: Account) -> list[ConditionCheck]:
    return [] if account.matched else [each for each in account.conditions if not each.holds]


def _wanted(accounts: Sequence[Account]) -> str:
    """The first condition of each that does not hold."""
    wanted = list(dict.fromkeys(_unmet(each)[0].condition for each in accounts))
    told = " or ".join(wanted[:_CONDITIONS])
    more = len(wanted) - _CONDITIONS
    return f"{told} or {more} more, see --json" if more > 0 else told


def _dropped(
    event: JSONObject, explanation: Explanation, subject: Subject, name: str
) -> Iterator[str]:
    if event.get("type") not in TYPES:
        return
    yield from (f"  {sentence}" for sentence in deciding(explanation, event))
    if explanation.dropped:
        yield "  dropped: no matching subscription reads"
    for each in dropped_of(subject, event, explanation.dropped):
        yield f"    {each.path} {each.why}".rstrip()
        if each.told:
            yield f"      {each.told}"
        if each.replaces:
            yield f"      {spelling_out(name)}"


def _refusals(found: Sequence[Fault]) -> Iterator[str]:
    for each in found[:_REFUSALS]:
        yield f'    Insider One answers 200 and refuses it: "{each.text}". {each.remedy}'


def _account(account: Account, event: JSONObject) -> Iterator[str]:
    title = f"{account.subscription} ({account.action_slug})"
    if not account.matched:
        yield f"  not matched  {title}: {_why_not(account)}"
        return
    if account.failure:
        yield f"  failed       {title}: {account.failure.message}"
    else:
        yield f"  matched      {title}"
    for origin in account.origins:
        yield from _origin(origin)
    for origin in lost(account):
        made = f"{origin.field} = {_shown(origin.value)} from {_source(origin)}"
        yield f"    lost: {made}{_renamed(origin)}"
    yield from (f"    {sentence}" for sentence in unsent(account, event))


def _why_not(account: Account) -> str:
    if account.failure:
        return account.failure.message
    return "; ".join(
        f"{each.condition}, but it is {_shown(each.found)}" for each in _unmet(account)
    )


def _origin(origin: Origin) -> Iterator[str]:
    if origin.at:
        yield f"    {origin.at[0]} = {json_text(origin.value)}"
        yield from (f"    {place}" for place in origin.at[1:])
        yield f"        from {_source(origin)}, by {origin.field}"


def _renamed(origin: Origin) -> str:
    """What to do about a key that is sent under another name, and so without its value."""
    key = origin.field.partition(".")[2].partition(".")[0]
    if not key or normalised(key) == key:
        return ""
    return f". A key with a capital or a space loses its value: map it to {kept_key(key)}"


def _source(origin: Origin) -> str:
    """The paths that a value was made from, and those that only decided which value it is."""
    made = [path for path in origin.read if path not in origin.decided_by]
    source = ", ".join(made) or "the mapping itself"
    decided = f", decided by {', '.join(origin.decided_by)}" if origin.decided_by else ""
    return f"{source}{decided}"


def _shown(value: JSON) -> str:
    return "missing" if value is None else json_text(value)
