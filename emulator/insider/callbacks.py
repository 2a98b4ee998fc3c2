"""Calling an error_callback_endpoint back, beside the answer and never in its way.

Assumed: Insider One publishes that the address is called when the unification of a user fails, and
nothing of the call itself; here it is one POST of JSON, without a second attempt.
"""

import logging
import socket
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore
from typing import Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

log = logging.getLogger(__name__)

Resolve: TypeAlias = Callable[[str], list[str]]  # a host's name -> its addresses

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT = 2.0  # seconds
MOST_WAITING = 100


class Elsewhere(OSError):
    """A host that is listed, and whose name leads to where nobody is to be called."""


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


def addresses(host: str) -> list[str]:
    """What *host* resolves to now. Raises: OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def pinned(host: str, hosts: Collection[str], resolve: Resolve = addresses) -> str:
    """The address at which *host*, an allowed one, is called.

    A name may lead anywhere, and somewhere else a moment later: it is asked once, and what it leads
    to must be this machine for this machine's names, and for a listed one an address of the public
    network, or of one that is listed, too, such as "172.18.0.0/16".

    Raises: OSError, Elsewhere among them.
    """
    found = [ip_address(each.partition("%")[0]) for each in resolve(host)]
    for each in found:
        if not (each.is_loopback if host in THIS_MACHINE else _listed(each, hosts)):
            raise Elsewhere(f"{host} is at {each}")
    return str(found[0])


def _listed(address: IPv4Address | IPv6Address, hosts: Collection[str]) -> bool:
    if address.is_global and not address.is_multicast:
        return True
    for each in hosts:
        try:
            network = ip_network(each, strict=False)
        except ValueError:  # a name
            continue
        if address in network:
            return True
    return False


class Callbacks:
    """Posts bodies one after the other; a failure is logged and goes no further.

    Args:
        hosts: Those that may be called besides this machine, and networks that they may be in.
    """

    def __init__(self, hosts: Collection[str] = (), resolve: Resolve = addresses) -> None:
        self._hosts = hosts
        self._resolve = resolve
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="error-callback")
        self._room = BoundedSemaphore(MOST_WAITING)

    def __call__(self, address: str, body: bytes) -> None:
        """Have *body* posted to *address* soon; given up when too many calls wait already."""
        if not self._room.acquire(blocking=False):
            log.warning("gave up error callback waiting=%d", MOST_WAITING)
            return
        self._worker.submit(self._post, urlsplit(address), body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the calls that were accepted."""
        self._worker.shutdown()

    def _post(self, address: SplitResult, body: bytes) -> None:
        host = address.hostname or ""
        try:
            at = pinned(host, self._hosts, self._resolve)
            with _pool(address, at) as pool:
                # No proxy, no password of this machine and no redirect: it goes where it was sent.
                answer = pool.request(
                    "POST",
                    address._replace(scheme="", netloc="", fragment="").geturl() or "/",
                    body=body,
                    headers={
                        "Host": address.netloc.rpartition("@")[2],
                        "Content-Type": "application/json",
                    },
                    timeout=TIMEOUT,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                log.info("called back host=%r status=%d", host, answer.status)
                answer.close()
        except (HTTPError, OSError, ValueError) as error:
            log.warning("failed error callback host=%r error=%s", host, type(error).__name__)
        finally:
            self._room.release()


def _pool(address: SplitResult, at: str) -> HTTPConnectionPool:
    host = f"[{at}]" if ":" in at else at
    if address.scheme == "https":
        name = address.hostname
        return HTTPSConnectionPool(host, address.port, server_hostname=name, assert_hostname=name)
    return HTTPConnectionPool(host, address.port)
