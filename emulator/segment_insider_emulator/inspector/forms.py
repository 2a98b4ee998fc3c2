"""Form handling of all inspector pages: redirects, one-time notices and rejected input.

A submitted form is answered with a redirect, so that reloading the page changes nothing. A
short-lived cookie carries the notice to the next page.
"""

from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from flask import Blueprint, Response, request, url_for

from segment_insider_emulator.errors import EmulatorError

NOTICE_COOKIE = "notice"
SECRET_COOKIE = "shown-once"
COOKIE_LIFETIME_S = 60
MAX_NOTICE_CHARS = 300


class RejectedForm(NamedTuple):
    """A rejected form of an inspector page: its error and values, so that no input is lost.

    Args:
        form_name: Name of the form on its page; the error is shown next to it.
    """

    form_name: str
    error: EmulatorError
    submitted_values: dict[str, str]


def build_rejected_form(form_name: str, error: EmulatorError) -> RejectedForm:
    """Return *error* together with the submitted values of the form, to show both again."""
    return RejectedForm(form_name, error, request.form.to_dict())


def redirect_to_endpoint(
    notice: str, endpoint: str, *, secret: str = "", **values: Any
) -> Response:
    """Redirect to an inspector page by *endpoint*; that page shows *notice* once.

    Args:
        secret: What that page shows once, such as a key.
    """
    return redirect_to_path(notice, url_for(endpoint, **values), _get_notice_cookie_path(), secret)


def redirect_to_path(notice: str, target_path: str, cookie_path: str, secret: str = "") -> Response:
    """Redirect to the page *target_path*, below *cookie_path*; that page shows *notice* once."""
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
    """Make the pages of blueprint *bp* show the notice of the previously submitted form once."""
    bp.context_processor(
        lambda: {
            "notice": _read_notice_cookie(NOTICE_COOKIE),
            "shown_once": _read_notice_cookie(SECRET_COOKIE),
        }
    )
    bp.after_request(_delete_read_notice_cookies)


def _read_notice_cookie(name: str) -> str:
    return unquote(request.cookies.get(name, ""))


def _delete_read_notice_cookies(response: Response) -> Response:
    is_shown = (
        request.method == "GET" and response.mimetype == "text/html" and "part" not in request.args
    )
    for name in (NOTICE_COOKIE, SECRET_COOKIE):
        if is_shown and name in request.cookies:
            response.delete_cookie(name, path=_get_notice_cookie_path())
    return response


def _get_notice_cookie_path() -> str:
    return request.script_root or "/"
