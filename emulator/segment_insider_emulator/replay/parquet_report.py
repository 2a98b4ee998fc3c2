"""The replay report as a Parquet file, one row per metric."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]  # the package ships no types
from pyarrow import parquet

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject

_TEXT_COLUMNS = (
    "section", "day", "type", "event", "subscription", "actionSlug", "verdict", "where", "what",
    "remedy", "eventName", "field", "change", "before", "after", "kind", "value", "sample",
)  # fmt: skip
_REPORT_SECTIONS = ("verdicts", "events", "received", "deliveries", "reasons", "days", "unread")


def write_parquet_report(report_json: JSONObject, path: Path) -> None:
    """Write all tables of a replay report into one Parquet file; `section` names the table.

    Raises: EmulatorError, when the file cannot be written.
    """
    columns = {name: pyarrow.string() for name in _TEXT_COLUMNS}
    schema = pyarrow.schema(columns | {"lost": pyarrow.bool_(), "count": pyarrow.int64()})
    table = pyarrow.Table.from_pylist(list(_iter_parquet_rows(report_json)), schema=schema)
    try:
        parquet.write_table(table, path)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise EmulatorError(what, str(path), "Choose another file.") from None


def _iter_parquet_rows(report_json: JSONObject) -> Iterator[JSONObject]:
    for section in _REPORT_SECTIONS:
        yield from (_build_parquet_row(section, row) for row in report_json[section])
    for section in ("changes", "turned"):
        comparison_rows = (report_json["comparison"] or {}).get(section, ())
        yield from (_build_parquet_row(section, row) for row in comparison_rows)


def _build_parquet_row(section: str, row: JSONObject) -> JSONObject:
    samples = row.get("samples")
    value = ", ".join(
        f"{amount:.2f} {currency}" for currency, amount in row.get("value", {}).items()
    )
    return {
        **row,
        "section": section,
        "value": value or None,
        "sample": samples[0]["at"] if samples else None,
    }
