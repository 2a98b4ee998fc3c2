"""Which properties of the messages in a list reached nobody."""

import time
from collections.abc import Iterable
from typing import Final

from segment_insider_emulator.capture.listed import MessageSummary
from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import find_unread_paths
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.census import remove_indexes

# Of messages that came to no subscription, so that none is to blame.
VERDICTS_BEFORE_MAPPING: Final[frozenset[Verdict]] = frozenset(("rejected", "filtered", "disabled"))
UNMAPPED_TIME_BUDGET_S: Final = 0.2  # seconds for all messages of a list


def find_unmapped_properties(
    messages: Iterable[MessageSummary],
    destination: JSONObject,
    stopwatch: Stopwatch = time.monotonic,
) -> dict[int, list[str] | None]:
    """The properties that no subscription reads, of each message that one took.

    They are those that the page of the message tells of, by the mappings as they are now.

    Returns: Id of the message -> paths, the entries of a list as one, e.g.
        "properties.products[].sku"; None where there was no time to look.
    """
    compiled, until = Destination(destination), stopwatch() + UNMAPPED_TIME_BUDGET_S
    looked_at = (each for each in messages if each.verdict not in VERDICTS_BEFORE_MAPPING)
    return {
        each.id: _find_message_unmapped_properties(each, compiled) if stopwatch() < until else None
        for each in looked_at
    }


def _find_message_unmapped_properties(
    message: MessageSummary, destination: Destination
) -> list[str]:
    unread_paths = find_unread_paths(destination, message.document)
    if not unread_paths.has_matching_subscription and not message.deliveries:
        return []
    return list(dict.fromkeys(map(remove_indexes, unread_paths.paths)))
