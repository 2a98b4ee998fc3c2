"""Calling an error_callback_endpoint back, beside the answer and never in its way.

Assumed: Insider One publishes that the address is called when the unification of a user fails, and
nothing of the call itself; here it is one POST of JSON, without a second attempt.
"""

import logging
import socket
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import BoundedSemaphore
from typing import Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

log = logging.getLogger(__name__)

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str], list[str]]  # a host's name -> its addresses

LOCALHOST = "localhost"
TRANSLATED = IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address: RFC 6052
MARK = "X-Emulator-Callback"  # no emulator takes a request that has this header
TIMEOUT = 2.0  # seconds
MOST_WAITING = 100
_USUAL_PORTS = {"http": 80, "https": 443}


class Elsewhere(OSError):
    """A host that is listed, and whose name leads to where nobody is to be called."""


def addresses(host: str) -> list[str]:
    """What *host* resolves to now. Raises: OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class CallbackHosts:
    """Where error callbacks may go: what arrives in a request must not call just anybody.

    Args:
        listed: Names, addresses and networks, such as "172.18.0.0/16".
        own: Those of them that may be this machine: "localhost", or an address or network. They
            are the operator's to list, not those of a team that shares the emulator.
        port: Where this emulator listens, which is never called; 0 when that is not known.
    """

    listed: Collection[str] = ()
    own: Collection[str] = ()
    port: int = 0

    def allows(self, address: str) -> bool:
        """Check whether *address* is http or https at a listed host, as far as its text says."""
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port or _USUAL_PORTS.get(parts.scheme)
        except ValueError:  # a port that is no number
            return False
        if parts.scheme not in ("http", "https") or host not in (*self.listed, *self.own):
            return False
        try:
            literal = "127.0.0.1" if host == LOCALHOST else str(ip_address(host))
            self.pin(host, port, lambda _: [literal])
        except ValueError:  # another name, which is asked for when it is called
            return True
        except Elsewhere:
            return False
        return True

    def pin(self, host: str, port: int | None, resolve: Resolve = addresses) -> str:
        """Return the address at which *host*, a listed one, is called.

        A name may lead anywhere, and somewhere else a moment later: it is asked once. It has to
        lead to the public network, or to an address or network that is listed, too.

        Raises: OSError, Elsewhere among them.
        """
        found = [ip_address(each.partition("%")[0]) for each in resolve(host)]
        for address in (inner for each in found for inner in _unwrapped(each)):
            if not self._takes(host, port, address):
                raise Elsewhere(f"{host} is at {address}")
        return str(found[0])

    def _takes(self, host: str, port: int | None, address: Address) -> bool:
        if host == LOCALHOST and not address.is_loopback:
            return False
        if _is_this_machine(address):
            is_listed = host == LOCALHOST in self.own or _in_networks(address, self.own)
            return is_listed and not (port and port == self.port)
        is_public = address.is_global and not address.is_multicast
        return is_public or _in_networks(address, (*self.listed, *self.own))


def _unwrapped(address: Address) -> list[Address]:
    """*address*, and the one that it is a longer way to write."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address in TRANSLATED:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return [inner] if address.ipv4_mapped and inner else [address, *([inner] if inner else [])]


def _is_this_machine(address: Address) -> bool:
    """Whether *address* is this machine's, or its link's, where a cloud has its secrets."""
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # as an address of another machine cannot be
    except OSError:
        return False
    return True


def _in_networks(address: Address, listed: Collection[str]) -> bool:
    for each in listed:
        try:
            network = ip_network(each, strict=False)
        except ValueError:  # a name
            continue
        if address in network:
            return True
    return False


NO_HOSTS = CallbackHosts()


class Callbacks:
    """Posts bodies one after the other; a failure is logged and goes no further.

    Args:
        hosts: Those that may be called.
    """

    def __init__(self, hosts: CallbackHosts = NO_HOSTS, resolve: Resolve = addresses) -> None:
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
            at = self._hosts.pin(host, address.port or _USUAL_PORTS[address.scheme], self._resolve)
            with _pool(address, at) as pool:
                # No proxy, no password of this machine and no redirect: it goes where it was sent.
                answer = pool.request(
                    "POST",
                    address._replace(scheme="", netloc="", fragment="").geturl() or "/",
                    body=body,
                    headers={
                        "Host": address.netloc.rpartition("@")[2],
                        "Content-Type": "application/json",
                        MARK: "1",
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
