"""Metrics of a dry run, with sample lines and the value of orders.

The result does not depend on how an archive is split or on the order of the parts: sums are whole
numbers, samples are the first lines of the archive, and a hash of the row's names chooses which of
too many rows stay.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import isfinite
from typing import NamedTuple, Self, TypeAlias

import orjson

from segment_insider_emulator.insider.formats import load_schema_file
from segment_insider_emulator.types import JSON, JSONObject

REDACTED_VALUE = "[redacted]"
_SECRET_NAME = re.compile(
    r"passw|secret|token|api_?key|write_?key|authorization|cookie|card_?n|cvv|cvc|iban|ssn", re.I
)
_MAX_TEXT_LENGTH = 200
_MAX_MEMBERS = 30
_MAX_LEVELS = 6
_MAX_SAMPLE_BYTES = 4_000  # bytes of one example
UNKNOWN_CURRENCY = "?"  # instead of a currency
ORDER_COMPLETED = "Order Completed"
RowKey: TypeAlias = tuple[str, ...]
MAX_SAMPLES = 2  # of each row
# Table -> its columns, and its maximum of rows.
TABLE_COLUMNS: Mapping[str, tuple[RowKey, int]] = {
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
_TOTAL_PROPERTIES = ("revenue", "total", "value")
_MAX_AMOUNT = 1e9  # a larger amount is a mistake and would hide all others
_CURRENCIES = frozenset(load_schema_file("codes")["currencies"])
_COUNT_NAMES = ("lines", "events", "losing", "bytes", "differing")


def format_event_sample(event: JSONObject, **bodies: bytes | None) -> str:
    """Return an event and the users of its requests as short JSON text."""
    sample_json: JSONObject = {"event": shorten_and_redact_json(event)}
    for name, body in bodies.items():
        if body is not None:
            sample_json[name] = shorten_and_redact_json(_parse_users_of_request_body(body))
    text = orjson.dumps(sample_json)
    if len(text) <= _MAX_SAMPLE_BYTES:
        return text.decode()
    return orjson.dumps({"event": text[:_MAX_SAMPLE_BYTES].decode(errors="replace") + "…"}).decode()


def _parse_users_of_request_body(body: bytes) -> JSON:
    try:
        return orjson.loads(body).get("users")
    except orjson.JSONDecodeError:
        return "(invalid JSON: half of a surrogate pair)"


def shorten_and_redact_json(value: JSON, max_levels: int = _MAX_LEVELS) -> JSON:
    """Return *value* with secrets redacted and long or deep parts cut."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT_LENGTH else f"{value[:_MAX_TEXT_LENGTH]}…"
    if not isinstance(value, dict | list):
        return value
    if max_levels == 0:
        return "…"
    if isinstance(value, list):
        more = ["…"] if len(value) > _MAX_MEMBERS else []
        return [
            shorten_and_redact_json(entry, max_levels - 1) for entry in value[:_MAX_MEMBERS]
        ] + more
    first_members = list(value.items())[:_MAX_MEMBERS]
    short = {
        name[:_MAX_TEXT_LENGTH]: REDACTED_VALUE
        if _SECRET_NAME.search(name)
        else shorten_and_redact_json(member, max_levels - 1)
        for name, member in first_members
    }
    return short | (
        {"…": f"{len(value) - len(first_members)} more"} if len(first_members) < len(value) else {}
    )


def compute_order_value(event: JSONObject) -> tuple[str, int] | None:
    """Return the currency and value of an order in hundredths; None for other events.

    Source: Segment, Spec: V2 Ecommerce Events, "Order Completed".
    """
    properties = event.get("properties")
    if event.get("event") != ORDER_COMPLETED or not isinstance(properties, dict):
        return None
    amounts = (_parse_amount(properties.get(name)) for name in _TOTAL_PROPERTIES)
    amount = next((number for number in amounts if number is not None), None)
    if amount is None:
        amount = _sum_product_prices(properties.get("products"))
    currency = properties.get("currency")
    if not isinstance(currency, str) or currency not in _CURRENCIES:
        currency = UNKNOWN_CURRENCY
    return (currency, round(amount * 100)) if amount else None


def _sum_product_prices(products: JSON) -> float:
    product_list = products if isinstance(products, list) else []
    product_objects = [product for product in product_list if isinstance(product, dict)]
    total = sum(
        (_parse_amount(product.get("price")) or 0.0)
        * (_parse_amount(product.get("quantity", 1)) or 0.0)
        for product in product_objects
    )
    return total if total < _MAX_AMOUNT else 0.0


def _parse_amount(value: JSON) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and 0 <= value < _MAX_AMOUNT else None


class LinePosition(NamedTuple):
    """Position of an archive line: file index, start of its part, line number in that part."""

    file_index: int
    part_start: int
    line_in_part: int


class LineSample(NamedTuple):
    """An example line of a metric row; *text* is short JSON without secrets."""

    position: LinePosition
    text: str


@dataclass(slots=True)
class RowTally:
    """Count, order value and sample lines of a row of a metric table.

    Args:
        order_value: Currency -> hundredths of it, of the orders in this row.
        samples: The first in the archive, at most SAMPLES.
    """

    count: int = 0
    order_value: dict[str, int] = field(default_factory=dict)
    samples: list[LineSample] = field(default_factory=list)

    def add_samples(self, samples: Iterable[LineSample]) -> None:
        """Add sample lines to a tally and keep the first ones of the archive."""
        self.samples = sorted([*self.samples, *samples])[:MAX_SAMPLES]

    def add_tally(self, other: Self) -> None:
        """Add the counts of another tally."""
        self.count += other.count
        for currency, amount in other.order_value.items():
            self.order_value[currency] = self.order_value.get(currency, 0) + amount
        self.add_samples(other.samples)


@dataclass(slots=True)
class MetricTable:
    """A metric table: tallies by row key, at most *max_rows*; *overflow* sums the rest.

    A row that was dropped once stays dropped, so the counts of the other rows are exact: with more
    rows its rank by hash cannot improve.
    """

    max_rows: int
    rows: dict[RowKey, RowTally] = field(default_factory=dict)
    overflow: RowTally = field(default_factory=RowTally)

    def get_tally(self, row: RowKey) -> RowTally:
        """Return the tally of a metric table's *row*, created when it is missing."""
        tally = self.rows.get(row)
        if tally is None:
            if len(self.rows) >= 2 * self.max_rows:
                self.drop_excess_rows()
            tally = self.rows[row] = RowTally()
        return tally

    def add_table(self, other: Self) -> None:
        """Add the counts of another metric table."""
        for row, tally in other.rows.items():
            self.get_tally(row).add_tally(tally)
        self.overflow.add_tally(other.overflow)
        self.drop_excess_rows()

    def drop_excess_rows(self) -> None:
        """Drop the metric rows above *max_rows* into *overflow*."""
        if len(self.rows) > self.max_rows:
            for row in sorted(self.rows, key=_hash_row_key)[self.max_rows :]:
                self.overflow.add_tally(
                    RowTally(self.rows[row].count, self.rows.pop(row).order_value)
                )


def _hash_row_key(row: RowKey) -> bytes:
    return blake2b("\0".join(row).encode(errors="surrogatepass"), digest_size=8).digest()


def _create_empty_metric_tables() -> dict[str, MetricTable]:
    return {name: MetricTable(most) for name, (_, most) in TABLE_COLUMNS.items()}


@dataclass(slots=True)
class ReplayMetrics:
    """All dry-run metrics of some archive lines.

    Args:
        lines: Lines read, empty and broken ones among them.
        events: Events found on them.
        losing: Events that are lost, or of which a part is.
        bytes: Of the lines, unpacked.
        differing: Events with different requests in the two workspaces.
    """

    lines: int = 0
    events: int = 0
    losing: int = 0
    bytes: int = 0
    differing: int = 0
    tables: dict[str, MetricTable] = field(default_factory=_create_empty_metric_tables)

    def add_metrics(self, other: Self) -> None:
        """Add the dry-run metrics of other archive lines."""
        for name in _COUNT_NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, table in self.tables.items():
            table.add_table(other.tables[name])

    def drop_excess_rows(self) -> None:
        """Drop the excess rows of all metric tables."""
        for table in self.tables.values():
            table.drop_excess_rows()


def metrics_to_json(metrics: ReplayMetrics) -> JSONObject:
    """Return the metrics of a replay as JSON for a checkpoint."""
    return {
        **{name: getattr(metrics, name) for name in _COUNT_NAMES},
        "tables": {
            name: {
                "rows": [[list(row), _tally_to_json(tally)] for row, tally in table.rows.items()],
                "beyond": _tally_to_json(table.overflow),
            }
            for name, table in metrics.tables.items()
        },
    }


def metrics_from_json(document: JSONObject) -> ReplayMetrics:
    """Build the metrics of a replay from the JSON saved to continue an interrupted replay."""
    tables = _create_empty_metric_tables()
    for name, table in tables.items():
        written = document["tables"][name]
        table.rows = {tuple(row): _tally_from_json(tally) for row, tally in written["rows"]}
        table.overflow = _tally_from_json(written["beyond"])
    return ReplayMetrics(**{name: document[name] for name in _COUNT_NAMES}, tables=tables)


def _tally_to_json(tally: RowTally) -> list[object]:
    return [
        tally.count,
        tally.order_value,
        [[*sample.position, sample.text] for sample in tally.samples],
    ]


def _tally_from_json(tally_json: list[object]) -> RowTally:
    count, value, samples = tally_json
    assert isinstance(count, int)
    assert isinstance(value, dict)
    assert isinstance(samples, list)
    return RowTally(
        count, value, [LineSample(LinePosition(*place), text) for *place, text in samples]
    )
