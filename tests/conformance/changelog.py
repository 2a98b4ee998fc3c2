"""What one version of the published destination does otherwise than another, told as changes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segment_insider_emulator.contract.cases import find_result_differences
from segment_insider_emulator.types import JSONObject

_NUMBERED = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Change:
    """One place in which an action's outcome changed.

    Args:
        place: Without the numbers of lists, e.g. "requests[].json.users[].not_append".
        example: The difference in the first case that showed it.
        cases: Names of the cases.
    """

    action: str
    place: str
    example: str
    cases: tuple[str, ...]


def changes(pairs: Iterable[tuple[JSONObject, JSONObject]]) -> list[Change]:
    """Changes from the "expect" of each case to what was received instead; most cases first."""
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    examples: dict[tuple[str, str], str] = {}
    for case, received in pairs:
        for difference in find_result_differences(case["expect"], received):
            where, _, said = difference.partition(": ")
            group = (case["subscription"]["actionSlug"], _NUMBERED.sub("[]", where))
            examples.setdefault(group, said)
            named[group].append(case["name"])
    found = [Change(*group, examples[group], tuple(names)) for group, names in named.items()]
    return sorted(found, key=lambda each: -len(each.cases))


def told(found: list[Change]) -> Iterator[str]:
    """The changes as lines of text, by action."""
    for action in dict.fromkeys(each.action for each in found):
        yield action
        for each in found:
            if each.action == action:
                more = f", and {len(each.cases) - 1} more" if len(each.cases) > 1 else ""
                yield f"  {each.place}: {each.example}"
                yield f"      {each.cases[0]}{more}"
