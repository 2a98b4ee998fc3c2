"""Which properties of the messages in a list reached nobody."""

import time
from collections.abc import Iterable
from typing import Final

from segment_insider_emulator.capture.listed import Listed
from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import unread
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.census import unnumbered

# Of messages that came to no subscription, so that none is to blame.
STOPPED: Final[frozenset[Verdict]] = frozenset(("rejected", "filtered", "disabled"))
PATIENCE: Final = 0.2  # seconds for all messages of a list


def unmapped(
    messages: Iterable[Listed], destination: JSONObject, stopwatch: Stopwatch = time.monotonic
) -> dict[int, list[str] | None]:
    """The properties that no subscription reads, of each message that one took.

    They are those that the page of the message tells of, by the mappings as they are now.

    Returns: Id of the message -> paths, the entries of a list as one, e.g.
        "properties.products[].sku"; None where there was no time to look.
    """
    compiled, until = Destination(destination), stopwatch() + PATIENCE
    looked_at = (each for each in messages if each.verdict not in STOPPED)
    return {
        each.id: _unmapped(each, compiled) if stopwatch() < until else None for each in looked_at
    }


def _unmapped(message: Listed, destination: Destination) -> list[str]:
    found = unread(destination, message.document)
    if not found.taken and not message.deliveries:
        return []
    return list(dict.fromkeys(map(unnumbered, found.paths)))
