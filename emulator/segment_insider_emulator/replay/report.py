"""The report as one JSON document; text, page and Parquet are made of it."""

from collections.abc import Iterable, Sequence

import orjson

from segment_insider_emulator.replay.archive import File
from segment_insider_emulator.replay.figures import TABLES, Row, Sample, Tally
from segment_insider_emulator.replay.ledger import Ledger
from segment_insider_emulator.types import JSON, JSONObject


def report(ledger: Ledger, files: Sequence[File], *, compared: bool) -> JSONObject:
    """What the dry run found. docs/replay.md names its parts.

    Args:
        compared: Whether events were tried with a second workspace too.
    """
    figures = ledger.figures
    tables = figures.tables

    def listed(name: str) -> list[JSONObject]:
        return [
            _row(name, row, tally, ledger, files)
            for row, tally in sorted(tables[name].rows.items(), key=_by_count)
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
        "reasons": sorted(listed("reasons"), key=_by_cost),
        "days": sorted(listed("days"), key=lambda row: (row["day"], row["verdict"])),
        "unread": listed("unread"),
        "comparison": {
            "differing": figures.differing,
            "changes": listed("changes"),
            "turned": listed("turned"),
        }
        if compared
        else None,
        "beyond": {
            name: table.beyond.count for name, table in tables.items() if table.beyond.count
        },
    }


def losses(document: JSONObject) -> list[JSONObject]:
    """The reasons for which events are lost, the costliest first."""
    return [row for row in document["reasons"] if row["lost"]]


def remarks(document: JSONObject) -> list[JSONObject]:
    """What befalls events that are not lost, the most frequent first; no text is told twice.

    Returns: Rows of `verdict`, `where`, `what`, `remedy`, `count` and, where there are any,
        `samples`. What is said of requests is told once, `of` all subscriptions whose it is: rows
        of `type`, `event`, `subscription` and `count`. An event without a request is a row.
    """
    told: dict[tuple[str, ...], JSONObject] = {}
    for row in document["reasons"]:
        if row["lost"]:
            continue
        same = [row[name] for name in ("verdict", "where", "what", "remedy")]
        key = (*same, *((row["type"], row["event"]) if not row["subscription"] else ()))
        remark = told.setdefault(key, {**row, "count": 0, "of": []})
        remark["count"] += row["count"]
        remark["of"].append(
            {name: row[name] for name in ("type", "event", "subscription", "count")}
        )
    return sorted(told.values(), key=lambda remark: -remark["count"])


def _row(name: str, row: Row, tally: Tally, ledger: Ledger, files: Sequence[File]) -> JSONObject:
    named: JSONObject = dict(zip(TABLES[name][0], row, strict=True))
    if "lost" in named:
        named["lost"] = bool(named["lost"])
        named["value"] = {currency: amount / 100 for currency, amount in _sorted(tally.value)}
    named["count"] = tally.count
    if tally.samples:
        named["samples"] = [_sample(each, ledger, files) for each in tally.samples]
    return named


def _sample(sample: Sample, ledger: Ledger, files: Sequence[File]) -> JSON:
    at = f"{files[sample.place.file].name}:{ledger.line(sample.place)}"
    return {"at": at, **orjson.loads(sample.text)}


def _sorted(value: dict[str, int]) -> Iterable[tuple[str, int]]:
    return sorted(value.items(), key=lambda each: (-each[1], each[0]))


def _by_count(named: tuple[Row, Tally]) -> tuple[int, Row]:
    row, tally = named
    return -tally.count, row


def _by_cost(row: JSONObject) -> tuple[bool, float, int]:
    # Amounts of two currencies cannot be added; the larger one stands for the row.
    return not row["lost"], -max(row["value"].values(), default=0.0), -row["count"]
