"""What became of the calls of a scenario, for whoever reads a failed step."""

from collections.abc import Iterator

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import Account, ConditionCheck, explain
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.dropped import dropped_of
from segment_insider_emulator.workspace.lint.subject import Subject, subject_of
from segment_insider_scenarios.comparison import text_of
from segment_insider_scenarios.scene import Scene, called


def story(scene: Scene, name: str | None = None) -> list[str]:
    """One or more lines for each call made for *name*, or for anybody."""
    messages = scene.messages(name)
    whose = f" for {name}" if name else ""
    if not messages:
        return [f"Segment received no call{whose}."]
    workspace = scene.emulator.workspace
    destination = Destination(workspace.destination)
    subject = subject_of({**workspace.document, "destination": workspace.destination})
    told = [line for message in messages for line in _told(destination, subject, message)]
    return [f"What became of the calls{whose}:", *told]


def unread(scene: Scene, message: JSONObject) -> list[str]:
    """Paths of the message's properties and traits that no mapping read."""
    destination = Destination(scene.emulator.workspace.destination)
    return explain(destination, message["normalised"]).dropped


def _told(destination: Destination, subject: Subject, message: JSONObject) -> Iterator[str]:
    why = f": {message['reason']}" if message["reason"] else ""
    yield f"  {called(message)} - {message['verdict']}{why}"
    if not message["normalised"]:
        return
    event = message["normalised"]
    explained = explain(destination, event)
    matched = [account.subscription for account in explained.accounts if account.matched]
    if matched:
        yield f"    matched {', '.join(matched)}"
        if explained.dropped:
            yield f"    no mapping read {', '.join(explained.dropped)}"
            # Several products that lack the same would be told the same line each.
            yield from dict.fromkeys(_mending(subject, event, explained.dropped))
    elif near := _nearest(explained.accounts):
        yield f"    nearest is {near}"


def _mending(subject: Subject, event: JSONObject, unread: list[str]) -> Iterator[str]:
    """The lines of the workspace file that would map what was not read."""
    for each in dropped_of(subject, event, unread):
        if each.told:
            yield f"      {each.told}"
        if each.replaces:
            yield "      once `emulator export FILE --format workspace` has written `settings`"


def _nearest(accounts: list[Account]) -> str | None:
    """The subscription whose trigger came closest, with the conditions that did not hold."""
    candidates = [account for account in accounts if any(c.holds for c in account.conditions)]
    if not candidates:
        return None
    account = max(candidates, key=lambda each: _share(each.conditions))
    wanted = "; ".join(_wanted(check) for check in account.conditions if not check.holds)
    return f"{account.subscription}, which wants {wanted}"


def _share(conditions: list[ConditionCheck]) -> float:
    return sum(check.holds for check in conditions) / len(conditions)


def _wanted(check: ConditionCheck) -> str:
    found = "nothing" if check.found is None else text_of(check.found)
    return f"{check.condition} and finds {found}"
