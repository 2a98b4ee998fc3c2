"""What a test claims to have happened: of messages, deliveries, profiles or runs, so many match."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import bodies, matchers, places
from segment_insider_emulator.harness.matchers import Matcher
from segment_insider_emulator.harness.places import PathStep
from segment_insider_emulator.harness.subjects import RECORD_READERS, SINGULAR_NAMES
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import suggest_name

MAX_FIELD_EXPECTATIONS: Final = 50  # of one claim
MAX_EXPECTED_COUNT: Final = 1_000_000
MAX_SHOWN_MATCHES: Final = 10  # matches in an answer
MAX_NEAR_MISSES: Final = 3
ASSERTION_FIELDS: Mapping[str, bodies.FieldType] = {
    "of": str,
    "where": dict,
    "exactly": int,
    "atLeast": int,
    "atMost": int,
    "after": int,
}
_COUNT_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "exactly": int.__eq__,
    "atLeast": int.__ge__,
    "atMost": int.__le__,
}
_COUNT_WORDS = {"exactly": "exactly", "atLeast": "at least", "atMost": "at most"}


@dataclass(frozen=True, slots=True)
class FieldExpectation:
    """What is to stand at one place."""

    path: str
    steps: tuple[PathStep, ...]
    matcher: Matcher

    def find_difference(self, candidate: JSON) -> JSONObject | None:
        """What keeps *candidate* from meeting it; None when nothing does."""
        values = list(places.select_values(candidate, self.steps))
        matcher = self.matcher
        if not values if matcher.expects_absence else any(map(matcher.matches, values)):
            return None
        received = " and ".join(matchers.format_value(each) for each in values[:3]) or "nothing"
        return {
            "path": self.path,
            "expected": matcher.description,
            "received": received,
            "why": f"{self.path}: expected {matcher.description}, received {received}",
        }


@dataclass(frozen=True, slots=True)
class Assertion:
    """A number of things that meet all expectations.

    Args:
        of: One of SUBJECTS.
        exact: Path -> the text that is expected there, for a search that narrows by it.
        counts: Keys of _COUNTS -> number.
        after: Only what was captured after this id.
    """

    record_kind: str
    expectations: tuple[FieldExpectation, ...]
    exact_texts: Mapping[str, str]
    expected_counts: Mapping[str, int]
    after_id: int

    @property
    def count_in_words(self) -> str:
        """The count in words, e.g. "at least 1"."""
        return " and ".join(
            f"{_COUNT_WORDS[name]} {number}" for name, number in self.expected_counts.items()
        )

    def is_met_by(self, count: int) -> bool:
        """Whether *count* is what is claimed."""
        return all(
            _COUNT_COMPARISONS[name](count, number) for name, number in self.expected_counts.items()
        )

    def find_differences(self, candidate: JSON) -> list[JSONObject]:
        """What keeps *candidate* from matching."""
        return [told for each in self.expectations if (told := each.find_difference(candidate))]


@dataclass(slots=True)
class AssertionOutcome:
    """What became of a claim; *matched* holds the first few of the matches."""

    assertion: Assertion
    count: int
    first_matches: list[JSONObject]

    @property
    def is_met(self) -> bool:
        return self.assertion.is_met_by(self.count)


def parse_assertion(assertion_json: JSON, where: str = "body") -> Assertion:
    """The claim that *given* makes.

    Args:
        given: {"of", "where": {path: matcher}, "exactly" | "atLeast" | "atMost", "after"}.
    Raises: EmulatorError, naming the first mistake.
    """
    form = bodies.check_fields(assertion_json, ASSERTION_FIELDS, where)
    of = form.get("of", "deliveries")
    if of not in RECORD_READERS:
        remedy = suggest_name(of, list(RECORD_READERS))
        raise EmulatorError(f"unknown subject {of[:80]!r}", f"{where}.of", remedy)
    where_json = form.get("where", {})
    if len(where_json) > MAX_FIELD_EXPECTATIONS:
        remedy = f"Keep to {MAX_FIELD_EXPECTATIONS}."
        raise EmulatorError("these are too many expectations", f"{where}.where", remedy)
    counts = {
        name: _parse_count(form[name], f"{where}.{name}")
        for name in _COUNT_COMPARISONS
        if name in form
    }
    return Assertion(
        of,
        tuple(
            _parse_field_expectation(path, each, f"{where}.where")
            for path, each in where_json.items()
        ),
        {path: each for path, each in where_json.items() if isinstance(each, str)},
        counts or {"atLeast": 1},
        _parse_count(form.get("after", 0), f"{where}.after"),
    )


def check_assertion(assertion: Assertion, candidates: Iterable[JSONObject]) -> AssertionOutcome:
    """Count those of *candidates* that match."""
    outcome = AssertionOutcome(assertion, 0, [])
    for candidate in candidates:
        if not assertion.find_differences(candidate):
            outcome.count += 1
            if len(outcome.first_matches) < MAX_SHOWN_MATCHES:
                outcome.first_matches.append(candidate)
    return outcome


def find_near_misses(assertion: Assertion, candidates: Iterable[JSONObject]) -> list[JSONObject]:
    """Those of *candidates* that miss the claim by the least, and why; newest first among equals.

    Args:
        candidates: Newest first.
    """
    missed = ((each, told) for each in candidates if (told := assertion.find_differences(each)))
    near = nsmallest(MAX_NEAR_MISSES, missed, key=lambda each: len(each[1]))
    return [
        {"id": each["id"], "differences": told, SINGULAR_NAMES[assertion.record_kind]: each}
        for each, told in near
    ]


def _parse_field_expectation(path: str, matcher_json: JSON, where: str) -> FieldExpectation:
    steps = places.parse_json_path(path, where)
    return FieldExpectation(path, steps, matchers.parse_matcher(matcher_json, f"{where}.{path}"))


def _parse_count(count: JSON, where: str) -> int:
    if isinstance(count, bool) or not 0 <= count <= MAX_EXPECTED_COUNT:
        remedy = f"Give a whole number from 0 to {MAX_EXPECTED_COUNT:,}."
        raise EmulatorError("this is no count", where, remedy)
    return int(count)
