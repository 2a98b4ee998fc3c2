"""Query parameters of the lists: filters, `after` and `limit`, checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.errors import EmulatorError

PROFILE_FILTERS = ("identifier",)  # a type and a value, such as uuid:u1
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_ID = 2**63 - 1
ID_ROUTE = (
    f"<int(max={MAX_ID}):id>"  # in a route: a larger one is no id, and no number to a database
)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """One page asked for: rows after id *after*, at most *limit*, oldest first."""

    filters: dict[str, str]
    after: int
    limit: int


def parse_page_query(args: Mapping[str, str], filters: Collection[str]) -> PageQuery:
    """Read *args*, of which those named in *filters* narrow the list; empty ones do not count.

    Raises: EmulatorError, for an unknown parameter or a value that cannot be meant.
    """
    filter_values = _known_filters(args, filters, [*filters, "after", "limit"])
    after = _parse_number("after", args.get("after") or "0", 0, MAX_ID)
    limit = _parse_number("limit", args.get("limit") or str(DEFAULT_LIMIT), 1, MAX_LIMIT)
    return PageQuery(filter_values, after, limit)


def parse_filters(args: Mapping[str, str], filters: Collection[str]) -> dict[str, str]:
    """Read *args* of what gives one thing: filters alone. Raises: EmulatorError."""
    return _known_filters(args, filters, list(filters))


def _known_filters(
    args: Mapping[str, str], filters: Collection[str], known_parameters: list[str]
) -> dict[str, str]:
    for name in args:
        if name not in known_parameters:
            raise EmulatorError(
                f"unknown parameter {name!r}", "query", f"Known: {', '.join(known_parameters)}."
            )
    filter_values = {name: args[name] for name in filters if args.get(name)}
    if ":" not in filter_values.get("identifier", ":"):
        remedy = "Give its type and value, such as uuid:u1."
        raise EmulatorError(
            f"{filter_values['identifier']!r} is no identifier", "identifier", remedy
        )
    if (verdict := filter_values.get("verdict", VERDICTS[0])) not in VERDICTS:
        remedy = f"Known: {', '.join(VERDICTS)}."
        raise EmulatorError(f"unknown verdict {verdict!r}", "verdict", remedy)
    return filter_values


def refuse_parameters(args: Mapping[str, str]) -> None:
    """For what takes no parameter. Raises: EmulatorError, naming the first of *args*."""
    for name in args:
        raise EmulatorError(f"unknown parameter {name!r}", "query", "Send none.")


def _parse_number(name: str, text: str, minimum: int, maximum: int) -> int:
    # A long run of digits is refused before Python spends time on it.
    number = int(text) if text.isdecimal() and len(text) < 20 else -1
    if not minimum <= number <= maximum:
        remedy = f"Give a whole number from {minimum} to {maximum}."
        raise EmulatorError(f"{text[:40]!r} cannot be used", name, remedy)
    return number
