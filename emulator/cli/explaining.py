"""Explanations for people, and the same as JSON."""

from collections.abc import Iterable, Iterator

import click
import orjson

from emulator.mapping import Destination, Failure
from emulator.mapping.explanation import Account, Explanation, Origin, explain
from emulator.types import JSON, JSONObject


def print_explanations(
    destination: Destination, events: Iterable[JSONObject], *, as_json: bool
) -> None:
    """Print one explanation for each event, as text or as a JSON line."""
    for event in events:
        explanation = explain(destination, event)
        if as_json:
            click.echo(orjson.dumps(explanation, default=_as_json))
        else:
            click.echo("\n".join([*_text(event, explanation), ""]))


def _as_json(value: object) -> JSON:
    """A failure as an object; a value that is missing in a list as null."""
    return value._asdict() if isinstance(value, Failure) else None


def _text(event: JSONObject, explanation: Explanation) -> Iterator[str]:
    name = f" {event['event']!r}" if event.get("event") else ""
    yield click.style(f"{event.get('type')}{name}  {explanation.message_id or ''}", bold=True)
    for account in explanation.accounts:
        yield from _account(account)
    if explanation.dropped:
        yield "  dropped: no matching subscription reads"
        yield from (f"    {path}" for path in explanation.dropped)


def _account(account: Account) -> Iterator[str]:
    title = f"{account.subscription} ({account.action_slug})"
    if not account.matched:
        yield f"  not matched  {title}: {_why_not(account)}"
        return
    if account.failure:
        yield f"  failed       {title}: {account.failure.message}"
    else:
        yield f"  matched      {title}"
    for origin in account.origins:
        yield from _origin(origin, sent=account.failure is None)


def _why_not(account: Account) -> str:
    if account.failure:
        return account.failure.message
    failed = [each for each in account.conditions if not each.holds]
    return "; ".join(f"{each.condition}, but it is {_shown(each.found)}" for each in failed)


def _origin(origin: Origin, *, sent: bool) -> Iterator[str]:
    source = ", ".join(origin.read) or "the mapping itself"
    if origin.at:
        yield f"    {origin.at[0]} = {_shown(origin.value)}"
        yield from (f"    {place}" for place in origin.at[1:])
        yield f"        from {source}, by {origin.field}"
    elif sent:
        yield f"    lost: {origin.field} = {_shown(origin.value)} from {source}"


def _shown(value: JSON) -> str:
    return "missing" if value is None else orjson.dumps(value).decode()
