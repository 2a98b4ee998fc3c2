"""Which names the emulator answers to, so that a page on the web cannot rebind its own to it."""

import re
from collections.abc import Callable

from flask import request

from emulator.errors import EmulatorError

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
        if guarded and re.sub(r":\d*$", "", request.host) not in known:
            raise ForeignHost(
                "this emulator answers only to this machine's own names",
                f"Host: {request.host}",
                "Use localhost or 127.0.0.1, or serve with --host 0.0.0.0.",
            )

    return check
