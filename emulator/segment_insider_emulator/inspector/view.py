"""What a list shows, as its address says it: filters, pinned columns and a page."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from flask import url_for
from werkzeug.datastructures import MultiDict

from segment_insider_emulator.capture.filters import Filters
from segment_insider_emulator.capture.json_paths import JsonPath
from segment_insider_emulator.capture.records import VERDICTS, Verdict
from segment_insider_emulator.clock import Clock, iso
from segment_insider_emulator.duration import duration
from segment_insider_emulator.errors import EmulatorError

TEXTS = ("type", "event", "user", "source", "subscription")
LISTS = ("verdict", "path", "column")
KNOWN = ("q", *TEXTS, "since", "until", *LISTS, "before")
LONGEST = 500  # characters of one value
MOST = 12  # values of one name
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class View:
    """One view of the messages.

    Args:
        given: Parameter of KNOWN -> its values, as the address has them.
        columns: Paths whose values are shown beside each message.
        before: Only messages with a lower id; None for the newest.
    """

    filters: Filters = field(default_factory=Filters)
    columns: tuple[JsonPath, ...] = ()
    before: int | None = None
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The value of a parameter that has one."""
        return next(iter(self.given.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """The values of a parameter that may have several."""
        return self.given.get(name, ())

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves messages out."""
        return self.filters != Filters()

    def parameters(self, **changes: object) -> dict[str, object]:
        """Its parameters with *changes* made to them; a change of filters begins at the newest."""
        kept: dict[str, object] = {name: list(values) for name, values in self.given.items()}
        kept.pop("before", None)
        return {name: value for name, value in {**kept, **changes}.items() if value not in ("", [])}

    def url(self, **changes: object) -> str:
        """The address of this view with *changes*; None or "" takes a parameter away."""
        return url_for("inspector.live.page", **self.parameters(**changes))  # type: ignore[arg-type]  # any value may stand in a query

    def without(self, name: str, value: str) -> str:
        """The address without one value of a parameter."""
        return self.url(**{name: [each for each in self.all(name) if each != value]})


def read(args: MultiDict[str, str], clock: Clock) -> View:
    """The view that an address asks for; parameters of other pages are left alone.

    Raises: EmulatorError, for a value that cannot be meant.
    """
    given = dict(_given(args))
    texts = {name: given[name][0] for name in TEXTS if name in given}
    filters = Filters(
        text=_first(given, "q"),
        verdicts=tuple(_verdicts(given.get("verdict", ()))),
        since=_time(_first(given, "since"), "since", clock),
        until=_time(_first(given, "until"), "until", clock),
        paths=tuple(_tests(given.get("path", ()))),
        **texts,
    )
    columns = tuple(JsonPath.parse(text, "column") for text in given.get("column", ()))
    return View(filters, columns, number(_first(given, "before"), "before"), given)


def number(text: str, where: str) -> int | None:
    """An id; None for "". Raises: EmulatorError."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_ID):
        raise EmulatorError(f"{text[:40]!r} is no id", where, "Give a whole number.")
    return int(text)


def _given(args: MultiDict[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in KNOWN:
        values = [each.strip() for each in args.getlist(name) if each.strip()]
        values = values if name in LISTS else values[:1]
        if any(len(each) > LONGEST or "\0" in each for each in values) or len(values) > MOST:
            remedy = f"Give at most {MOST} values of at most {LONGEST} characters."
            raise EmulatorError("this is too long", name, remedy)
        if values:
            yield name, tuple(dict.fromkeys(values))


def _first(given: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(given.get(name, ())), "")


def _verdicts(names: Iterable[str]) -> Iterator[Verdict]:
    for name in names:
        if name not in VERDICTS:
            known = ", ".join(VERDICTS)
            raise EmulatorError(f"unknown verdict {name!r}", "verdict", f"Known: {known}.")
        yield cast(Verdict, name)


def _tests(texts: Iterable[str]) -> Iterator[tuple[JsonPath, str | None]]:
    for text in texts:
        path, equals, wanted = text.partition("=")
        yield JsonPath.parse(path), wanted.strip() if equals else None


def _time(text: str, where: str, clock: Clock) -> str:
    """ISO 8601 with its zone, or UTC without one; a length of time counts back from now."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        pass
    try:
        # To the second, by which messages are counted.
        return iso((clock() - duration(text, where)).replace(microsecond=0))
    except EmulatorError:
        remedy = "Give a time such as 2026-11-23T10:00, or a length such as 15 minutes."
        raise EmulatorError(f"{text[:40]!r} is not a time", where, remedy) from None
