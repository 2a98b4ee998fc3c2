"""What is to be said of the properties of one event that no mapping read."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from emulator.mapping.tracing import leaves
from emulator.types import JSON, JSONObject
from emulator.workspace.drift.census import unnumbered
from emulator.workspace.drift.departure import Found
from emulator.workspace.drift.traffic import from_traffic
from emulator.workspace.lint.subject import Subject


@dataclass(frozen=True, slots=True)
class Dropped:
    """A property that nobody read.

    Args:
        path: In the event, e.g. "properties.gift_wrap".
        why: What was seen, and what to do, in full sentences.
        where: Place of the line in the workspace file that would map it; "" when there is none.
        line: What to write there.
        replaces: Whether the line alone would replace a whole mapping, see `Placed.mapped`.
    """

    path: str
    value: JSON
    why: str = ""
    where: str = ""
    line: JSON = None
    replaces: bool = False

    @property
    def told(self) -> str:
        """The line that would map it, as commands tell it; "" when there is none."""
        return f"write at {self.where}: {orjson.dumps(self.line).decode()}" if self.where else ""


def dropped_of(subject: Subject, event: JSONObject, unread: Sequence[str]) -> Iterator[Dropped]:
    """Each of the paths *unread* of *event*, with what to do about it where something can be."""
    values = dict(leaves(event))
    remedies = {each.path: each for each in from_traffic(subject, [event]) if each.path}
    unmapped = {each.where for each in subject.subscriptions if not each.mapped}
    for path in unread:
        everywhere = unnumbered(path)
        yield _dropped(path, values.get(path), everywhere, remedies.get(everywhere), unmapped)


def once(dropped: Iterable[Dropped]) -> dict[str, Dropped]:
    """Unnumbered path -> the first of all entries of a list."""
    told: dict[str, Dropped] = {}
    for each in dropped:
        told.setdefault(unnumbered(each.path), each)
    return told


def _dropped(
    path: str, value: JSON, everywhere: str, found: Found | None, unmapped: Container[str]
) -> Dropped:
    if found is None:
        return Dropped(path, value)
    why = f"{found.what.removeprefix(everywhere).strip()}. {found.remedy}"
    if found.change is None:
        return Dropped(path, value, why)
    replaces = found.change.maps and found.at in unmapped
    return Dropped(path, value, why, found.change.where, found.change.value, replaces)
