"""The replay report: built as JSON from a dry run, and formatted for a terminal."""

from collections.abc import Iterable, Iterator, Sequence

import orjson

from segment_insider_emulator.replay.archive import ArchiveFile
from segment_insider_emulator.replay.dry_run import CompletedArchiveParts
from segment_insider_emulator.replay.metrics import TABLE_COLUMNS, LineSample, RowKey, RowTally
from segment_insider_emulator.terminal_output import style_terminal_text
from segment_insider_emulator.types import JSON, JSONObject

_MAX_TEXT_ROWS = 15  # of a table; all of them are in --json
_MAX_CELL_LENGTH = 100  # characters of a cell


def build_replay_report(
    completed: CompletedArchiveParts, files: Sequence[ArchiveFile], *, has_comparison: bool
) -> JSONObject:
    """Build the JSON report of a dry run; docs/replay.md describes its parts.

    Args:
        has_comparison: Whether events were evaluated with a second workspace too.
    """
    figures = completed.metrics
    tables = figures.tables

    def list_report_rows(name: str) -> list[JSONObject]:
        return [
            _build_report_row(name, row, tally, completed, files)
            for row, tally in sorted(tables[name].rows.items(), key=_get_count_sort_key)
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
        "verdicts": list_report_rows("verdicts"),
        "events": list_report_rows("events"),
        "received": list_report_rows("received"),
        "deliveries": list_report_rows("deliveries"),
        "reasons": sorted(list_report_rows("reasons"), key=_get_lost_value_sort_key),
        "days": sorted(list_report_rows("days"), key=lambda row: (row["day"], row["verdict"])),
        "unread": list_report_rows("unread"),
        "comparison": {
            "differing": figures.differing,
            "changes": list_report_rows("changes"),
            "turned": list_report_rows("turned"),
        }
        if has_comparison
        else None,
        "beyond": {
            name: table.overflow.count for name, table in tables.items() if table.overflow.count
        },
    }


def list_loss_reasons(report_json: JSONObject) -> list[JSONObject]:
    """List a replay report's reasons for lost events, the most expensive first."""
    return [row for row in report_json["reasons"] if row["lost"]]


def list_warnings(report_json: JSONObject) -> list[JSONObject]:
    """List a replay report's warnings about events that are not lost, the most frequent first.

    Returns: Rows of `verdict`, `where`, `what`, `remedy`, `count` and, where there are any,
        `samples`. Equal warnings about requests are one row, with `of`: rows of `type`, `event`,
        `subscription` and `count`. Warnings about events without a request have a row per event.
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


def _build_report_row(
    table: str,
    row: RowKey,
    tally: RowTally,
    completed: CompletedArchiveParts,
    files: Sequence[ArchiveFile],
) -> JSONObject:
    row_json: JSONObject = dict(zip(TABLE_COLUMNS[table][0], row, strict=True))
    if "lost" in row_json:
        row_json["lost"] = bool(row_json["lost"])
        row_json["value"] = {
            currency: amount / 100 for currency, amount in _sort_order_values(tally.order_value)
        }
    row_json["count"] = tally.count
    if tally.samples:
        row_json["samples"] = [
            _build_sample_json(sample, completed, files) for sample in tally.samples
        ]
    return row_json


def _build_sample_json(
    sample: LineSample, completed: CompletedArchiveParts, files: Sequence[ArchiveFile]
) -> JSON:
    line_number = completed.compute_line_number_in_file(sample.position)
    at = f"{files[sample.position.file_index].name}:{line_number}"
    return {"at": at, **orjson.loads(sample.text)}


def _sort_order_values(value: dict[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(value.items(), key=lambda amount: (-amount[1], amount[0]))


def _get_count_sort_key(row_and_tally: tuple[RowKey, RowTally]) -> tuple[int, RowKey]:
    row, tally = row_and_tally
    return -tally.count, row


def _get_lost_value_sort_key(row: JSONObject) -> tuple[bool, float, int]:
    # Amounts of two currencies cannot be added: the larger one decides.
    return not row["lost"], -max(row["value"].values(), default=0.0), -row["count"]


def format_text_report(report_json: JSONObject) -> str:
    """Return the replay report as text tables, the most expensive losses first."""
    return "\n".join(_format_report_lines(report_json))


def _format_report_lines(report_json: JSONObject) -> Iterator[str]:
    archive = report_json["archive"]
    events, losing = archive["events"], archive["losing"]
    yield f"Of {events:,} events, {losing:,} would be lost, in whole or in part."
    verdicts = ((row["verdict"], row["count"]) for row in report_json["verdicts"])
    yield from _format_text_table("Results", ("verdict", "events"), verdicts)
    received = ((row["eventName"], row["count"]) for row in report_json["received"])
    yield from _format_text_table(
        "What Insider One would have stored", ("event", "count"), received
    )
    yield from _format_losses_table(report_json)
    yield from _format_warnings_table(report_json)
    if report_json["comparison"]:
        yield from _format_comparison_tables(report_json["comparison"], events)
    unread = (
        (row["what"], row["count"], _get_first_sample_location(row))
        for row in report_json["unread"]
    )
    yield from _format_text_table("What could not be read", ("what", "count", "first at"), unread)
    for name, count in report_json["beyond"].items():
        yield f"\n{count:,} more are counted in {name!r}, which has too many different names."


def _format_losses_table(report_json: JSONObject) -> Iterator[str]:
    rows = (
        (
            row["count"],
            format_order_value(row),
            row["verdict"],
            format_event_label(row),
            format_reason(row),
        )
        for row in list_loss_reasons(report_json)
    )
    head = ("count", "orders worth", "verdict", "event", "why it is lost")
    yield from _format_text_table("What would be lost, the most expensive first", head, rows)


def _format_warnings_table(report_json: JSONObject) -> Iterator[str]:
    rows = (
        (
            row["count"],
            row["verdict"],
            _format_first_name_and_count(format_event_label(group) for group in row["of"]),
            _format_first_name_and_count(group["subscription"] for group in row["of"]),
            format_reason(row),
        )
        for row in list_warnings(report_json)
    )
    head = ("count", "verdict", "event", "subscription", "what is to know")
    yield from _format_text_table("Warnings, and events that are not sent", head, rows)


def _format_comparison_tables(comparison: JSONObject, event_count: int) -> Iterator[str]:
    yield f"\n{comparison['differing']:,} of {event_count:,} events make other requests"
    changes = (
        (row["count"], row["change"], format_event_label(row), row["subscription"], row["field"])
        for row in comparison["changes"]
    )
    head = ("events", "change", "event", "subscription", "field")
    yield from _format_text_table("What changes in the requests", head, changes)
    turned = (
        (row["count"], format_event_label(row), row["before"], row["after"])
        for row in comparison["turned"]
    )
    yield from _format_text_table(
        "What changes in verdicts", ("events", "event", "before", "after"), turned
    )


def format_event_label(row: JSONObject) -> str:
    """Return the event name of a report row's track call, else the type of call."""
    return str(row["event"] or row["type"] or "(no type)")


def format_reason(row: JSONObject) -> str:
    """Return the reason of a report row in one line, with its path."""
    place = f"{row['where']}: " if row["where"] else ""
    return f"{place}{row['what']}"


def format_order_value(row: JSONObject) -> str:
    """Return the value of a report row's orders, e.g. "1,200.50 EUR"."""
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in row["value"].items())


def _format_first_name_and_count(names: Iterable[str]) -> str:
    """Return the first name and how many more there are."""
    first, *more = dict.fromkeys(names)
    return f"{first} and {len(more)} more" if more else first


def _get_first_sample_location(row: JSONObject) -> str:
    return str(row["samples"][0]["at"]) if row.get("samples") else ""


def _format_text_table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[str]:
    text_rows = [[_format_text_cell(cell) for cell in row] for row in rows]
    if not text_rows:
        return
    shown_rows = [list(head), *text_rows[:_MAX_TEXT_ROWS]]
    widths = [max(len(row[at]) for row in shown_rows) for at in range(len(head))]
    yield ""
    yield style_terminal_text(title, bold=True)
    for row in shown_rows:
        cells = (
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()
    if len(text_rows) > _MAX_TEXT_ROWS:
        yield f"  … and {len(text_rows) - _MAX_TEXT_ROWS:,} more, see --json"


def _format_text_cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    # Names come from outside and could contain terminal control characters.
    plain = "".join(character if character.isprintable() else "�" for character in str(value))
    return plain if len(plain) <= _MAX_CELL_LENGTH else f"{plain[: _MAX_CELL_LENGTH - 1]}…"
