"""The report as one JSON document; text, page and Parquet are made of it."""

from collections.abc import Iterable, Sequence

import orjson

from segment_insider_emulator.replay.archive import ArchiveFile
from segment_insider_emulator.replay.figures import TABLE_COLUMNS, LineSample, RowKey, RowTally
from segment_insider_emulator.replay.ledger import CompletedParts
from segment_insider_emulator.types import JSON, JSONObject


def build_report(
    completed: CompletedParts, files: Sequence[ArchiveFile], *, has_comparison: bool
) -> JSONObject:
    """What the dry run found. docs/replay.md names its parts.

    Args:
        compared: Whether events were tried with a second workspace too.
    """
    figures = completed.metrics
    tables = figures.tables

    def listed(name: str) -> list[JSONObject]:
        return [
            _row_json(name, row, tally, completed, files)
            for row, tally in sorted(tables[name].rows.items(), key=_order_by_count)
        ]

    return {
        "archive": {
            "files": len(files),
            "bytes": sum(file.size for file in files),
            "unpackedBytes": figures.bytes,
            "lines": figures.lines,
            "events": figures.events,
            "losing": figures.losing,
        },
        "verdicts": listed("verdicts"),
        "events": listed("events"),
        "received": listed("received"),
        "deliveries": listed("deliveries"),
        "reasons": sorted(listed("reasons"), key=_order_by_lost_value),
        "days": sorted(listed("days"), key=lambda row: (row["day"], row["verdict"])),
        "unread": listed("unread"),
        "comparison": {
            "differing": figures.differing,
            "changes": listed("changes"),
            "turned": listed("turned"),
        }
        if has_comparison
        else None,
        "beyond": {
            name: table.overflow.count for name, table in tables.items() if table.overflow.count
        },
    }


def list_losses(report_json: JSONObject) -> list[JSONObject]:
    """The reasons for which events are lost, the costliest first."""
    return [row for row in report_json["reasons"] if row["lost"]]


def list_warnings(report_json: JSONObject) -> list[JSONObject]:
    """What befalls events that are not lost, the most frequent first; no text is told twice.

    Returns: Rows of `verdict`, `where`, `what`, `remedy`, `count` and, where there are any,
        `samples`. What is said of requests is told once, `of` all subscriptions whose it is: rows
        of `type`, `event`, `subscription` and `count`. An event without a request is a row.
    """
    warnings: dict[tuple[str, ...], JSONObject] = {}
    for row in report_json["reasons"]:
        if row["lost"]:
            continue
        same = [row[name] for name in ("verdict", "where", "what", "remedy")]
        key = (*same, *((row["type"], row["event"]) if not row["subscription"] else ()))
        remark = warnings.setdefault(key, {**row, "count": 0, "of": []})
        remark["count"] += row["count"]
        remark["of"].append(
            {name: row[name] for name in ("type", "event", "subscription", "count")}
        )
    return sorted(warnings.values(), key=lambda remark: -remark["count"])


def _row_json(
    table: str,
    row: RowKey,
    tally: RowTally,
    completed: CompletedParts,
    files: Sequence[ArchiveFile],
) -> JSONObject:
    named: JSONObject = dict(zip(TABLE_COLUMNS[table][0], row, strict=True))
    if "lost" in named:
        named["lost"] = bool(named["lost"])
        named["value"] = {
            currency: amount / 100 for currency, amount in _sort_by_amount(tally.order_value)
        }
    named["count"] = tally.count
    if tally.samples:
        named["samples"] = [_sample_json(each, completed, files) for each in tally.samples]
    return named


def _sample_json(
    sample: LineSample, completed: CompletedParts, files: Sequence[ArchiveFile]
) -> JSON:
    at = f"{files[sample.position.file_index].name}:{completed.line_number(sample.position)}"
    return {"at": at, **orjson.loads(sample.text)}


def _sort_by_amount(value: dict[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(value.items(), key=lambda each: (-each[1], each[0]))


def _order_by_count(row_and_tally: tuple[RowKey, RowTally]) -> tuple[int, RowKey]:
    row, tally = row_and_tally
    return -tally.count, row


def _order_by_lost_value(row: JSONObject) -> tuple[bool, float, int]:
    # Amounts of two currencies cannot be added; the larger one stands for the row.
    return not row["lost"], -max(row["value"].values(), default=0.0), -row["count"]
