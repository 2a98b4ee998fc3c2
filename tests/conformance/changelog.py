"""List the changes between two versions of the published destination."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segment_insider_emulator.contract.cases import find_result_differences
from segment_insider_emulator.types import JSONObject

_LIST_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class ResultChange:
    """One path at which the result of an action changed.

    Args:
        path: Without list indexes, e.g. "requests[].json.users[].not_append".
        example: The difference in the first case that has it.
        cases: Names of the cases.
    """

    action: str
    path: str
    example: str
    cases: tuple[str, ...]


def find_changes(pairs: Iterable[tuple[JSONObject, JSONObject]]) -> list[ResultChange]:
    """Return the changes from the "expect" of each case to the result; most cases first."""
    case_names: dict[tuple[str, str], list[str]] = defaultdict(list)
    examples: dict[tuple[str, str], str] = {}
    for case, received in pairs:
        for difference in find_result_differences(case["expect"], received):
            path, _, text = difference.partition(": ")
            group = (case["subscription"]["actionSlug"], _LIST_INDEX.sub("[]", path))
            examples.setdefault(group, text)
            case_names[group].append(case["name"])
    changes = [
        ResultChange(*group, examples[group], tuple(names)) for group, names in case_names.items()
    ]
    return sorted(changes, key=lambda change: -len(change.cases))


def format_changes(changes: list[ResultChange]) -> Iterator[str]:
    """Yield the changes as lines of text, by action."""
    for action in dict.fromkeys(change.action for change in changes):
        yield action
        for change in changes:
            if change.action == action:
                more = f", and {len(change.cases) - 1} more" if len(change.cases) > 1 else ""
                yield f"  {change.path}: {change.example}"
                yield f"      {change.cases[0]}{more}"
