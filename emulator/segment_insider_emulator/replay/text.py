"""The report for a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from segment_insider_emulator.cli.terminal import styled
from segment_insider_emulator.replay.report import losses, remarks
from segment_insider_emulator.types import JSONObject

_ROWS = 15  # of a table; all of them are in --json
_LONGEST = 100  # characters of a cell


def text(document: JSONObject) -> str:
    """The report as tables, the costliest losses first."""
    return "\n".join(_lines(document))


def _lines(document: JSONObject) -> Iterator[str]:
    archive = document["archive"]
    events, losing = archive["events"], archive["losing"]
    yield f"Of {events:,} events, {losing:,} would be lost, in whole or in part."
    verdicts = ((row["verdict"], row["count"]) for row in document["verdicts"])
    yield from _table("What became of them", ("verdict", "events"), verdicts)
    received = ((row["eventName"], row["count"]) for row in document["received"])
    yield from _table("What Insider One would have stored", ("event", "count"), received)
    yield from _losses(document)
    yield from _remarks(document)
    if document["comparison"]:
        yield from _comparison(document["comparison"], events)
    unread = ((row["what"], row["count"], _first(row)) for row in document["unread"])
    yield from _table("What could not be read", ("what", "count", "first at"), unread)
    for name, count in document["beyond"].items():
        yield f"\n{count:,} more are counted in {name!r}, under more names than are kept apart."


def _losses(document: JSONObject) -> Iterator[str]:
    rows = (
        (row["count"], worth(row), row["verdict"], called(row), reason(row))
        for row in losses(document)
    )
    head = ("count", "orders worth", "verdict", "event", "why it is lost")
    yield from _table("What would be lost, the costliest first", head, rows)


def _remarks(document: JSONObject) -> Iterator[str]:
    rows = (
        (
            row["count"],
            row["verdict"],
            _several(called(each) for each in row["of"]),
            _several(each["subscription"] for each in row["of"]),
            reason(row),
        )
        for row in remarks(document)
    )
    head = ("count", "verdict", "event", "subscription", "what is to know")
    yield from _table("What would not do as meant, or is not sent", head, rows)


def _comparison(comparison: JSONObject, events: int) -> Iterator[str]:
    yield f"\n{comparison['differing']:,} of {events:,} events make other requests"
    changes = (
        (row["count"], row["change"], called(row), row["subscription"], row["field"])
        for row in comparison["changes"]
    )
    head = ("events", "change", "event", "subscription", "field")
    yield from _table("What changes in the requests", head, changes)
    turned = (
        (row["count"], called(row), row["before"], row["after"]) for row in comparison["turned"]
    )
    yield from _table("What changes in verdicts", ("events", "event", "before", "after"), turned)


def called(row: JSONObject) -> str:
    """What people call the event of a row: the name of a track call, else its type."""
    return str(row["event"] or row["type"] or "(no type)")


def reason(row: JSONObject) -> str:
    """Why, in one line, with its place."""
    place = f"{row['where']}: " if row["where"] else ""
    return f"{place}{row['what']}"


def worth(row: JSONObject) -> str:
    """What the orders of a row are worth, e.g. "1,200.50 EUR"."""
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in row["value"].items())


def _several(names: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    first, *more = dict.fromkeys(names)
    return f"{first} and {len(more)} more" if more else first


def _first(row: JSONObject) -> str:
    return str(row["samples"][0]["at"]) if row.get("samples") else ""


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    listed = [[_cell(each) for each in row] for row in rows]
    if not listed:
        return
    shown = [list(head), *listed[:_ROWS]]
    widths = [max(len(row[at]) for row in shown) for at in range(len(head))]
    yield ""
    yield styled(title, bold=True)
    for row in shown:
        cells = (
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        )
        yield f"  {'  '.join(cells)}".rstrip()
    if len(listed) > _ROWS:
        yield f"  … and {len(listed) - _ROWS:,} more, see --json"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    # Names come from outside, and could hold what moves a terminal's cursor.
    plain = "".join(each if each.isprintable() else "�" for each in str(value))
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
