"""What the forms of all pages share: a page after a change, what it says, mistakes beside a form.

A form that was sent is answered with a redirect, so that loading a page again changes nothing; a
short-lived cookie carries what there is to say to the page after.
"""

from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from flask import Blueprint, Response, request, url_for

from segment_insider_emulator.errors import EmulatorError

NOTICE_COOKIE = "notice"
SECRET_COOKIE = "shown-once"
COOKIE_LIFETIME_S = 60  # seconds
MAX_NOTICE_CHARS = 300  # characters of a notice


class RejectedForm(NamedTuple):
    """What is wrong with a form that was sent, and what it said: no input is lost.

    Args:
        form: Name of the form on its page, beside which the mistake is told.
    """

    form_name: str
    error: EmulatorError
    submitted_values: dict[str, str]


def reject_form(form_name: str, error: EmulatorError) -> RejectedForm:
    """*error* of the form that was just sent."""
    return RejectedForm(form_name, error, request.form.to_dict())


def redirect_to_endpoint(
    notice: str, endpoint: str, *, secret: str = "", **values: Any
) -> Response:
    """Go to *endpoint*, which says *notice*.

    Args:
        secret: What that page shows once, such as a key.
    """
    return redirect_to_path(notice, url_for(endpoint, **values), _get_cookie_path(), secret)


def redirect_to_path(notice: str, target_path: str, cookie_path: str, secret: str = "") -> Response:
    """Go to *location*, a page below the path *root*, which says *notice*; see `done`."""
    answer = Response(status=303, headers={"Location": target_path})
    for name, value in ((NOTICE_COOKIE, notice[:MAX_NOTICE_CHARS]), (SECRET_COOKIE, secret)):
        if value:
            answer.set_cookie(
                name,
                quote(value),
                max_age=COOKIE_LIFETIME_S,
                path=cookie_path,
                httponly=True,
                samesite="Strict",
            )
    return answer


def register_form_notices(bp: Blueprint) -> None:
    """Have the pages of *bp* say what a form before them did, once."""
    bp.context_processor(
        lambda: {"notice": _read_cookie(NOTICE_COOKIE), "shown_once": _read_cookie(SECRET_COOKIE)}
    )
    bp.after_request(_delete_read_cookies)


def _read_cookie(name: str) -> str:
    return unquote(request.cookies.get(name, ""))


def _delete_read_cookies(response: Response) -> Response:
    is_shown = (
        request.method == "GET" and response.mimetype == "text/html" and "part" not in request.args
    )
    for name in (NOTICE_COOKIE, SECRET_COOKIE):
        if is_shown and name in request.cookies:
            response.delete_cookie(name, path=_get_cookie_path())
    return response


def _get_cookie_path() -> str:
    return request.script_root or "/"
