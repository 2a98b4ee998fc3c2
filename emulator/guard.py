"""Who may call: no page on the web can rebind its own name to the emulator, or drive it."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import request

from emulator.errors import EmulatorError

CONTROL = "/emulator/"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


class ForeignHost(EmulatorError):
    """A request addressed to a name that is not this machine's own."""


def guard(bound: str) -> Callable[[], None]:
    """A before-request check for an emulator bound to *bound*, a host name or address.

    One that is bound beyond the loopback is meant to be reached by names we cannot know.
    Source: the browser lets a page on attacker.example read what that name resolves to.
    """
    guarded = bound in LOOPBACK or bound.startswith("127.")
    known = LOOPBACK | {bound}

    def check() -> None:
        origin = request.headers.get("Origin")
        if origin and request.path.startswith(CONTROL) and urlsplit(origin).netloc != request.host:
            raise ForeignHost(
                "only this emulator's own pages may use its control API",
                f"Origin: {origin}",
                "Call it from a program; a browser sends Origin, other clients need not.",
            )
        if guarded and re.sub(r":\d*$", "", request.host) not in known:
            raise ForeignHost(
                "this emulator answers only to this machine's own names",
                f"Host: {request.host}",
                "Use localhost or 127.0.0.1, or serve with --host 0.0.0.0.",
            )

    return check
