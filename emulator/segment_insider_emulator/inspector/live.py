"""The Live page: every message as it comes, newest first."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.capture.counting import are_counted
from segment_insider_emulator.capture.listed import Listed
from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.capture.walking import PATIENCE
from segment_insider_emulator.clock import NEVER
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import volume
from segment_insider_emulator.inspector.addresses import here
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.sdks import sdks
from segment_insider_emulator.inspector.sending import sample, send_all
from segment_insider_emulator.inspector.unmapped import unmapped
from segment_insider_emulator.inspector.view import View, number, read
from segment_insider_emulator.parts import parts
from segment_insider_emulator.segment.rules import TYPES

bp = Blueprint("live", __name__)

PAGE = 100  # messages
FURTHER = 2.0  # seconds
WATCHED = 200  # messages on a page whose verdict may still change


@bp.get("/")
def page() -> str | tuple[str, int]:
    """What arrived, newest first.

    Parts: `rows` has those after id `after`, and those of `watch` as they are now; `list` and
    `totals` are the rest of the page.
    """
    own = parts()
    try:
        view = read(request.args, own.clock)
    except EmulatorError as error:
        empty: dict[str, object] = {"rows": [], "stages": [], "bars": []}
        return render("live.html", view=View(), fault=error, **_choices(), **empty), 400
    if request.args.get("part") == "rows":
        return render("live.html", "rows", view=view, **_news(view))
    listing = _listing(view) if request.args.get("part") != "totals" else {}
    totals = _totals(view) if request.args.get("part") != "list" else {}
    return render("live.html", "list", "totals", view=view, **_choices(), **listing, **totals)


@bp.post("/sample")
def shopper() -> Redirect:
    """Send what a sample shopper does."""
    send_all(sample())
    return redirect(url_for("inspector.live.page"), 303)


@bp.post("/clear")
def clear() -> Redirect:
    """Forget all that happened; the clock follows the machine again."""
    parts().reset()
    return redirect(url_for("inspector.live.page"), 303)


def _listing(view: View) -> dict[str, object]:
    # Whoever has a search go on has said that it may take its time.
    patience = PATIENCE if view.before is None else FURTHER
    browsing = parts().store.browsing
    found = browsing.page(view.filters, before=view.before, limit=PAGE, patience=patience)
    return {**_rows(found.messages), "older": found.before, "reach": found.reach}


def _news(view: View) -> dict[str, object]:
    """What came after the newest message of a page, and what became of those it watches."""
    after = number(request.args.get("after", ""), "after") or 0
    watched = [number(each, "watch") or 0 for each in request.args.getlist("watch")[:WATCHED]]
    browsing = parts().store.browsing
    found = browsing.page(view.filters, after=after, limit=PAGE)
    changed = browsing.those(watched, view.filters) if watched else []
    return {**_rows([*found.messages, *changed]), "gap": found.before is not None}


def _rows(messages: list[Listed]) -> dict[str, object]:
    own = parts()
    unread = unmapped(messages, own.configuration.destination)
    return {"rows": messages, "unmapped": unread, "now": own.clock()}


def _totals(view: View) -> dict[str, object]:
    browsing = parts().store.browsing
    span = browsing.span()
    if span is None or ("part" not in request.args and not are_counted(view.filters)):
        # Messages are looked at to count these: the list does not wait, the script asks.
        return {"stages": volume.stages({}), "bars": [], "pending": span is not None}
    # Of a time that is asked for, the part that has messages.
    since, until = max(view.filters.since, span[0]), min(view.filters.until or NEVER, span[1])
    cut = volume.unit(since, until)
    counts, reach = browsing.counts(view.filters, cut.prefix)
    return {
        "stages": volume.stages(counts),
        "bars": volume.bars(counts, reach.received_at if reach else since, until, cut),
        "drawing": (volume.WIDTH, volume.HEIGHT),
        "counted": reach,
    }


def _choices() -> dict[str, object]:
    """What the fields of the filters offer."""
    own = parts()
    host = here()
    return {
        "host": host,
        "sdks": sdks(host, own.workspace.write_key),
        "types": TYPES,
        "verdicts": VERDICTS,
        "sources": [each.name for each in own.workspace.sources],
        "names": own.store.browsing.names(),
    }
