"""What the forms of all pages share: a page after a change, what it says, mistakes beside a form.

A form that was sent is answered with a redirect, so that loading a page again changes nothing; a
short-lived cookie carries what there is to say to the page after.
"""

from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from flask import Blueprint, Response, request, url_for

from segment_insider_emulator.errors import EmulatorError

NOTICE = "notice"
SECRET = "shown-once"
SHORT = 60  # seconds
LONGEST = 300  # characters of a notice


class Mistake(NamedTuple):
    """What is wrong with a form that was sent, and what it said: no input is lost.

    Args:
        form: Name of the form on its page, beside which the mistake is told.
    """

    form: str
    error: EmulatorError
    given: dict[str, str]


def mistake(form: str, error: EmulatorError) -> Mistake:
    """*error* of the form that was just sent."""
    return Mistake(form, error, request.form.to_dict())


def done(notice: str, endpoint: str, *, secret: str = "", **values: Any) -> Response:
    """Go to *endpoint*, which says *notice*.

    Args:
        secret: What that page shows once, such as a key.
    """
    return moved(notice, url_for(endpoint, **values), _path(), secret)


def moved(notice: str, location: str, root: str, secret: str = "") -> Response:
    """Go to *location*, a page below the path *root*, which says *notice*; see `done`."""
    answer = Response(status=303, headers={"Location": location})
    for name, value in ((NOTICE, notice[:LONGEST]), (SECRET, secret)):
        if value:
            answer.set_cookie(
                name, quote(value), max_age=SHORT, path=root, httponly=True, samesite="Strict"
            )
    return answer


def register(bp: Blueprint) -> None:
    """Have the pages of *bp* say what a form before them did, once."""
    bp.context_processor(lambda: {"notice": _told(NOTICE), "shown_once": _told(SECRET)})
    bp.after_request(_forget)


def _told(name: str) -> str:
    return unquote(request.cookies.get(name, ""))


def _forget(answer: Response) -> Response:
    shown = (
        request.method == "GET" and answer.mimetype == "text/html" and "part" not in request.args
    )
    for name in (NOTICE, SECRET):
        if shown and name in request.cookies:
            answer.delete_cookie(name, path=_path())
    return answer


def _path() -> str:
    return request.script_root or "/"
