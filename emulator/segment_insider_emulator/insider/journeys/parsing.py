"""`insider.journeys` of a workspace file, already of the right shape, to journeys."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from segment_insider_emulator.duration import duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.insider.journeys.causes import read_attribute, read_cause
from segment_insider_emulator.insider.journeys.definition import Cause, EventCondition, Journey
from segment_insider_emulator.insider.journeys.steps import first, read_steps
from segment_insider_emulator.types import JSONObject

PURCHASE = "Purchase"
# Documented: every journey tracks purchases, and up to ten goals of its own.
ALWAYS: Mapping[str, Cause] = {PURCHASE: EventCondition(("confirmation_page_view",), {})}
MOST_GOALS = 10
# Documented as Architect's default for messages that were seen. Assumed: all of them are.
ATTRIBUTION = timedelta(days=3)


def read_journeys(documents: Sequence[JSONObject]) -> dict[int, Journey]:
    """Journeys by id, in the order of the file. Raises: EmulatorError, for the first mistake."""
    for mistake in mistakes(documents):
        raise mistake
    return {each["id"]: _journey(each, _where(index)) for index, each in enumerate(documents)}


def mistakes(documents: Sequence[JSONObject]) -> Iterator[EmulatorError]:
    """What is wrong with *documents*: the first mistake of each journey."""
    seen: dict[int, str] = {}
    for index, document in enumerate(documents):
        where = _where(index)
        try:
            _journey(document, where)
        except EmulatorError as mistake:
            yield mistake
        if document["id"] in seen:
            what = f"{seen[document['id']]} has the id {document['id']} already"
            yield EmulatorError(what, f"{where}.id", "Give each journey an id of its own.")
        seen.setdefault(document["id"], where)


def _where(index: int) -> str:
    return f"insider.journeys[{index}]"


def _journey(document: JSONObject, where: str) -> Journey:
    starter, ignored = _starter(document["starter"], f"{where}.starter")
    steps = document["steps"]
    return Journey(
        id=document["id"],
        name=document["name"],
        starter=starter,
        ignored=ignored,
        segment=tuple(
            read_attribute(each, f"{where}.starter.segment[{index}]")
            for index, each in enumerate(document["starter"].get("segment", ()))
        ),
        exits=tuple(
            read_cause(each, f"{where}.exits[{index}]")
            for index, each in enumerate(document.get("exits", ()))
        ),
        goals=_goals(document.get("goals", ()), f"{where}.goals"),
        period=_period(document["eligibility"], f"{where}.eligibility"),
        attribution=_attribution(document, f"{where}.attribution"),
        first=first(steps, "steps"),
        elements={each.place: each for each in read_steps(steps, "steps", where)},
        document=document,
    )


def _starter(given: JSONObject, where: str) -> tuple[Cause, tuple[str, ...]]:
    """The starter, and which of its parameters it ignores.

    Documented: parameters of a date type are ignored. Assumed: a value that is an RFC 3339 time
    tells one.
    """
    cause = read_cause(given, where)
    if not isinstance(cause, EventCondition):
        return cause, ()
    if "homepage_view" in cause.names and not given.get("segment"):
        remedy = "Add a segment, such as [{attribute: email_optin, is: true}]."
        raise EmulatorError("homepage_view starts a journey only with a segment", where, remedy)
    dates = tuple(place for place, test in cause.parameters.items() if _is_date(test.wanted))
    kept = {place: test for place, test in cause.parameters.items() if place not in dates}
    return EventCondition(cause.names, kept), dates


def _is_date(wanted: object) -> bool:
    return isinstance(wanted, str) and instant(wanted) is not None


def _goals(given: Sequence[JSONObject], where: str) -> dict[str, Cause]:
    if len(given) > MOST_GOALS:
        remedy = f"Keep {MOST_GOALS}."
        raise EmulatorError(f"a journey has {MOST_GOALS} goals at most", where, remedy)
    goals = dict(ALWAYS)
    for index, each in enumerate(given):
        if each["name"] in goals:
            what = f"there is a goal {each['name']!r} already"
            remedy = f"Choose another name; {PURCHASE} is always there."
            raise EmulatorError(what, f"{where}[{index}].name", remedy)
        goals[each["name"]] = read_cause(each, f"{where}[{index}]")
    return goals


def _period(given: JSONObject, where: str) -> timedelta | None:
    if (given["times"] == "multiple") != ("period" in given):
        remedy = "Write times: once, or times: multiple with a period such as 7 days."
        raise EmulatorError("the period goes with times: multiple", where, remedy)
    return duration(given["period"], f"{where}.period") if "period" in given else None


def _attribution(document: JSONObject, where: str) -> timedelta:
    given = document.get("attribution")
    return duration(given, where) if given else ATTRIBUTION
