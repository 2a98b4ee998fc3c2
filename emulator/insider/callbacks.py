"""Calling an error_callback_endpoint back, beside the answer and never in its way.

Assumed: Insider One publishes that the address is called when the unification of a user fails, and
nothing of the call itself; here it is one POST of JSON, without a second attempt.
"""

import logging
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Self
from urllib.parse import urlsplit

import requests

log = logging.getLogger(__name__)

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT = 2.0  # seconds
MOST_WAITING = 100


def allowed(address: str, hosts: Collection[str]) -> bool:
    """Whether *address* is http or https on this machine or one of *hosts*: what arrives in a
    request must not make the emulator call just anybody."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and (host in THIS_MACHINE or host in hosts)


class Callbacks:
    """Posts bodies one after the other; a failure is logged and goes no further."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="error-callback")
        self._room = BoundedSemaphore(MOST_WAITING)

    def __call__(self, address: str, body: bytes) -> None:
        """Have *body* posted to *address* soon; given up when too many calls wait already."""
        if not self._room.acquire(blocking=False):
            log.warning("gave up error callback waiting=%d", MOST_WAITING)
            return
        self._worker.submit(self._post, address, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the calls that were accepted."""
        self._worker.shutdown()

    def _post(self, address: str, body: bytes) -> None:
        try:
            with requests.Session() as session:
                # No proxy and no password of this machine has business with the address.
                session.trust_env = False
                answer = session.post(
                    address,
                    data=body,
                    headers={"content-type": "application/json"},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    stream=True,
                )
                log.info("called back host=%r status=%d", _host(address), answer.status_code)
        except (requests.RequestException, ValueError) as error:
            log.warning(
                "failed error callback host=%r error=%s", _host(address), type(error).__name__
            )
        finally:
            self._room.release()


def _host(address: str) -> str | None:
    return urlsplit(address).hostname
