"""Query parameters of the lists: filters, `after` and `limit`, checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.errors import EmulatorError

PROFILE_FILTERS = ("identifier",)  # a type and a value, such as uuid:u1
DEFAULT_LIMIT = 100
LARGEST_LIMIT = 1000
LARGEST_ID = 2**63 - 1
ID = f"<int(max={LARGEST_ID}):id>"  # in a route: a larger one is no id, and no number to a database


@dataclass(frozen=True, slots=True)
class Query:
    """One page asked for: rows after id *after*, at most *limit*, oldest first."""

    filters: dict[str, str]
    after: int
    limit: int


def read(args: Mapping[str, str], filters: Collection[str]) -> Query:
    """Read *args*, of which those named in *filters* narrow the list; empty ones do not count.

    Raises: EmulatorError, for an unknown parameter or a value that cannot be meant.
    """
    wanted = _wanted(args, filters, [*filters, "after", "limit"])
    after = _number("after", args.get("after") or "0", 0, LARGEST_ID)
    limit = _number("limit", args.get("limit") or str(DEFAULT_LIMIT), 1, LARGEST_LIMIT)
    return Query(wanted, after, limit)


def one(args: Mapping[str, str], filters: Collection[str]) -> dict[str, str]:
    """Read *args* of what gives one thing: filters alone. Raises: EmulatorError."""
    return _wanted(args, filters, list(filters))


def _wanted(args: Mapping[str, str], filters: Collection[str], known: list[str]) -> dict[str, str]:
    for name in args:
        if name not in known:
            raise EmulatorError(
                f"unknown parameter {name!r}", "query", f"Known: {', '.join(known)}."
            )
    wanted = {name: args[name] for name in filters if args.get(name)}
    if ":" not in wanted.get("identifier", ":"):
        remedy = "Give its type and value, such as uuid:u1."
        raise EmulatorError(f"{wanted['identifier']!r} is no identifier", "identifier", remedy)
    if (verdict := wanted.get("verdict", VERDICTS[0])) not in VERDICTS:
        remedy = f"Known: {', '.join(VERDICTS)}."
        raise EmulatorError(f"unknown verdict {verdict!r}", "verdict", remedy)
    return wanted


def refuse(args: Mapping[str, str]) -> None:
    """For what takes no parameter. Raises: EmulatorError, naming the first of *args*."""
    for name in args:
        raise EmulatorError(f"unknown parameter {name!r}", "query", "Send none.")


def _number(name: str, text: str, least: int, most: int) -> int:
    # A long run of digits is refused before Python spends time on it.
    number = int(text) if text.isdecimal() and len(text) < 20 else -1
    if not least <= number <= most:
        remedy = f"Give a whole number from {least} to {most}."
        raise EmulatorError(f"{text[:40]!r} cannot be used", name, remedy)
    return number
