"""What a test claims to have happened: of messages, deliveries, profiles or runs, so many match."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import bodies, matchers, places
from segment_insider_emulator.harness.matchers import Matcher
from segment_insider_emulator.harness.places import Step
from segment_insider_emulator.harness.subjects import ONE, SUBJECTS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import did_you_mean

MOST_EXPECTATIONS: Final = 50  # of one claim
MOST_COUNTED: Final = 1_000_000
MOST_SHOWN: Final = 10  # matches in an answer
NEAREST: Final = 3
FIELDS: Mapping[str, bodies.Kind] = {
    "of": str,
    "where": dict,
    "exactly": int,
    "atLeast": int,
    "atMost": int,
    "after": int,
}
_COUNTS: Mapping[str, Callable[[int, int], bool]] = {
    "exactly": int.__eq__,
    "atLeast": int.__ge__,
    "atMost": int.__le__,
}
_WORDS = {"exactly": "exactly", "atLeast": "at least", "atMost": "at most"}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is to stand at one place."""

    path: str
    steps: tuple[Step, ...]
    matcher: Matcher

    def difference(self, candidate: JSON) -> JSONObject | None:
        """What keeps *candidate* from meeting it; None when nothing does."""
        found = list(places.values(candidate, self.steps))
        wanted = self.matcher
        if not found if wanted.absent else any(map(wanted.holds, found)):
            return None
        received = " and ".join(matchers.shown(each) for each in found[:3]) or "nothing"
        return {
            "path": self.path,
            "expected": wanted.wanted,
            "received": received,
            "why": f"{self.path}: expected {wanted.wanted}, received {received}",
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """A number of things that meet all expectations.

    Args:
        of: One of SUBJECTS.
        exact: Path -> the text that is expected there, for a search that narrows by it.
        counts: Keys of _COUNTS -> number.
        after: Only what was captured after this id.
    """

    of: str
    expectations: tuple[Expectation, ...]
    exact: Mapping[str, str]
    counts: Mapping[str, int]
    after: int

    @property
    def expected(self) -> str:
        """The count in words, e.g. "at least 1"."""
        return " and ".join(f"{_WORDS[name]} {number}" for name, number in self.counts.items())

    def is_met_by(self, count: int) -> bool:
        """Whether *count* is what is claimed."""
        return all(_COUNTS[name](count, number) for name, number in self.counts.items())

    def differences(self, candidate: JSON) -> list[JSONObject]:
        """What keeps *candidate* from matching."""
        return [told for each in self.expectations if (told := each.difference(candidate))]


@dataclass(slots=True)
class Outcome:
    """What became of a claim; *matched* holds the first few of the matches."""

    claim: Claim
    count: int
    matched: list[JSONObject]

    @property
    def is_met(self) -> bool:
        return self.claim.is_met_by(self.count)


def read(given: JSON, where: str = "body") -> Claim:
    """The claim that *given* makes.

    Args:
        given: {"of", "where": {path: matcher}, "exactly" | "atLeast" | "atMost", "after"}.
    Raises: EmulatorError, naming the first mistake.
    """
    form = bodies.check(given, FIELDS, where)
    of = form.get("of", "deliveries")
    if of not in SUBJECTS:
        remedy = did_you_mean(of, list(SUBJECTS))
        raise EmulatorError(f"unknown subject {of[:80]!r}", f"{where}.of", remedy)
    wanted = form.get("where", {})
    if len(wanted) > MOST_EXPECTATIONS:
        remedy = f"Keep to {MOST_EXPECTATIONS}."
        raise EmulatorError("these are too many expectations", f"{where}.where", remedy)
    counts = {name: _number(form[name], f"{where}.{name}") for name in _COUNTS if name in form}
    return Claim(
        of,
        tuple(_expectation(path, each, f"{where}.where") for path, each in wanted.items()),
        {path: each for path, each in wanted.items() if isinstance(each, str)},
        counts or {"atLeast": 1},
        _number(form.get("after", 0), f"{where}.after"),
    )


def check(claim: Claim, candidates: Iterable[JSONObject]) -> Outcome:
    """Count those of *candidates* that match."""
    outcome = Outcome(claim, 0, [])
    for each in candidates:
        if not claim.differences(each):
            outcome.count += 1
            if len(outcome.matched) < MOST_SHOWN:
                outcome.matched.append(each)
    return outcome


def nearest(claim: Claim, candidates: Iterable[JSONObject]) -> list[JSONObject]:
    """Those of *candidates* that miss the claim by the least, and why; newest first among equals.

    Args:
        candidates: Newest first.
    """
    missed = ((each, told) for each in candidates if (told := claim.differences(each)))
    near = nsmallest(NEAREST, missed, key=lambda each: len(each[1]))
    return [{"id": each["id"], "differences": told, ONE[claim.of]: each} for each, told in near]


def _expectation(path: str, given: JSON, where: str) -> Expectation:
    steps = places.parse(path, where)
    return Expectation(path, steps, matchers.read(given, f"{where}.{path}"))


def _number(given: JSON, where: str) -> int:
    if isinstance(given, bool) or not 0 <= given <= MOST_COUNTED:
        remedy = f"Give a whole number from 0 to {MOST_COUNTED:,}."
        raise EmulatorError("this is no count", where, remedy)
    return int(given)
