"""What is counted. Pure: figures of two parts put together are the figures of both.

However an archive is split, and in whatever order the parts are put together, the same comes out:
sums are whole numbers, samples are the first in the archive, and of too many rows those are kept
that a hash of their names chooses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Self, TypeAlias

from segment_insider_emulator.types import JSONObject

Row: TypeAlias = tuple[str, ...]

SAMPLES = 2  # of each row


class Place(NamedTuple):
    """A line: number of its file, where its part of the file starts, its number in that part."""

    file: int
    start: int
    line: int


class Sample(NamedTuple):
    """One line that a row counts; *text* is JSON, bounded and without secrets."""

    place: Place
    text: str


@dataclass(slots=True)
class Tally:
    """How often something was seen.

    Args:
        value: Currency -> hundredths of it, of the orders among what was seen.
        samples: The first in the archive, at most SAMPLES.
    """

    count: int = 0
    value: dict[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def sample(self, found: Iterable[Sample]) -> None:
        """Keep the first of those that there are and *found*."""
        self.samples = sorted([*self.samples, *found])[:SAMPLES]

    def add(self, other: Self) -> None:
        """Count what *other* counted."""
        self.count += other.count
        for currency, amount in other.value.items():
            self.value[currency] = self.value.get(currency, 0) + amount
        self.sample(other.samples)


@dataclass(slots=True)
class Table:
    """Rows by their names, at most *most* of them; what is beyond is counted as one.

    A row that was left out once is left out for good, so the counts of those that are kept are
    exact: among more names its hash is no lower than it was among fewer.
    """

    most: int
    rows: dict[Row, Tally] = field(default_factory=dict)
    beyond: Tally = field(default_factory=Tally)

    def at(self, row: Row) -> Tally:
        """The tally of *row*, to count in."""
        found = self.rows.get(row)
        if found is None:
            if len(self.rows) >= 2 * self.most:
                self.settle()
            found = self.rows[row] = Tally()
        return found

    def add(self, other: Self) -> None:
        """Count what *other* counted."""
        for row, tally in other.rows.items():
            self.at(row).add(tally)
        self.beyond.add(other.beyond)
        self.settle()

    def settle(self) -> None:
        """Come down to *most* rows."""
        if len(self.rows) > self.most:
            for row in sorted(self.rows, key=_chance)[self.most :]:
                self.beyond.add(Tally(self.rows[row].count, self.rows.pop(row).value))


def _chance(row: Row) -> bytes:
    return blake2b("\0".join(row).encode(errors="surrogatepass"), digest_size=8).digest()


# Table -> the names of a row, and how many rows are kept.
TABLES: Mapping[str, tuple[Row, int]] = {
    "verdicts": (("verdict",), 100),
    "events": (("type", "event", "verdict"), 10_000),
    "deliveries": (("type", "event", "subscription", "actionSlug", "verdict"), 10_000),
    "reasons": (
        ("type", "event", "subscription", "verdict", "lost", "where", "what", "remedy"),
        2_000,
    ),
    "received": (("eventName",), 10_000),
    "days": (("day", "verdict"), 10_000),
    "changes": (("type", "event", "subscription", "field", "change"), 2_000),
    "turned": (("type", "event", "before", "after"), 10_000),
    "unread": (("kind", "what"), 100),
}


_COUNTS = ("lines", "events", "losing", "bytes", "differing")


def _tables() -> dict[str, Table]:
    return {name: Table(most) for name, (_, most) in TABLES.items()}


@dataclass(slots=True)
class Figures:
    """Everything that is counted of some lines.

    Args:
        lines: Lines read, empty and broken ones among them.
        events: Events found on them.
        losing: Events that are lost, or of which a part is.
        bytes: Of the lines, unpacked.
        differing: Events whose requests differ between two workspaces.
    """

    lines: int = 0
    events: int = 0
    losing: int = 0
    bytes: int = 0
    differing: int = 0
    tables: dict[str, Table] = field(default_factory=_tables)

    def add(self, other: Self) -> None:
        """Count what *other* counted, which are other lines."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, table in self.tables.items():
            table.add(other.tables[name])

    def settle(self) -> None:
        """Come down to the rows that are kept."""
        for table in self.tables.values():
            table.settle()


def to_json(figures: Figures) -> JSONObject:
    """*figures* as JSON, for `from_json`."""
    return {
        **{name: getattr(figures, name) for name in _COUNTS},
        "tables": {
            name: {
                "rows": [[list(row), _tally(tally)] for row, tally in table.rows.items()],
                "beyond": _tally(table.beyond),
            }
            for name, table in figures.tables.items()
        },
    }


def from_json(document: JSONObject) -> Figures:
    """Figures that `to_json` wrote."""
    tables = _tables()
    for name, table in tables.items():
        written = document["tables"][name]
        table.rows = {tuple(row): _read_tally(tally) for row, tally in written["rows"]}
        table.beyond = _read_tally(written["beyond"])
    return Figures(**{name: document[name] for name in _COUNTS}, tables=tables)


def _tally(tally: Tally) -> list[object]:
    return [tally.count, tally.value, [[*each.place, each.text] for each in tally.samples]]


def _read_tally(written: list[object]) -> Tally:
    count, value, samples = written
    assert isinstance(count, int)
    assert isinstance(value, dict)
    assert isinstance(samples, list)
    return Tally(count, value, [Sample(Place(*place), text) for *place, text in samples])
