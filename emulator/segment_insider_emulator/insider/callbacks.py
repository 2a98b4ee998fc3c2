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

IpAddress: TypeAlias = IPv4Address | IPv6Address
HostResolver: TypeAlias = Callable[[str], list[str]]  # a host's name -> its addresses

LOCALHOST = "localhost"
NAT64_PREFIX = IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address: RFC 6052
CALLBACK_HEADER = "X-Emulator-Callback"  # no emulator takes a request that has this header
CALLBACK_TIMEOUT_S = 2.0  # seconds
MAX_PENDING_CALLBACKS = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForbiddenCallbackHost(OSError):
    """A host that is listed, and whose name leads to where nobody is to be called."""


def resolve_host(host: str) -> list[str]:
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

    allowed_hosts: Collection[str] = ()
    allowed_local_hosts: Collection[str] = ()
    emulator_port: int = 0

    def allows_url(self, url: str) -> bool:
        """Check whether *address* is http or https at a listed host, as far as its text says."""
        try:
            url_parts = urlsplit(url)
            host, port = (
                url_parts.hostname or "",
                url_parts.port or _DEFAULT_PORTS.get(url_parts.scheme),
            )
        except ValueError:  # a port that is no number
            return False
        if url_parts.scheme not in ("http", "https") or host not in (
            *self.allowed_hosts,
            *self.allowed_local_hosts,
        ):
            return False
        try:
            literal = "127.0.0.1" if host == LOCALHOST else str(ip_address(host))
            self.resolve_allowed_address(host, port, lambda _: [literal])
        except ValueError:  # another name, which is asked for when it is called
            return True
        except ForbiddenCallbackHost:
            return False
        return True

    def resolve_allowed_address(
        self, host: str, port: int | None, resolver: HostResolver = resolve_host
    ) -> str:
        """Return the address at which *host*, a listed one, is called.

        A name may lead anywhere, and somewhere else a moment later: it is asked once. It has to
        lead to the public network, or to an address or network that is listed, too.

        Raises: OSError, Elsewhere among them.
        """
        addresses = [ip_address(each.partition("%")[0]) for each in resolver(host)]
        for address in (inner for each in addresses for inner in _list_equivalent_addresses(each)):
            if not self._is_address_allowed(host, port, address):
                raise ForbiddenCallbackHost(f"{host} is at {address}")
        return str(addresses[0])

    def _is_address_allowed(self, host: str, port: int | None, address: IpAddress) -> bool:
        if host == LOCALHOST and not address.is_loopback:
            return False
        if _is_local_address(address):
            is_listed = host == LOCALHOST in self.allowed_local_hosts or _is_in_networks(
                address, self.allowed_local_hosts
            )
            return is_listed and not (port and port == self.emulator_port)
        is_public = address.is_global and not address.is_multicast
        return is_public or _is_in_networks(
            address, (*self.allowed_hosts, *self.allowed_local_hosts)
        )


def _list_equivalent_addresses(address: IpAddress) -> list[IpAddress]:
    """*address*, and the one that it is a longer way to write."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64_PREFIX:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return [inner] if address.ipv4_mapped and inner else [address, *([inner] if inner else [])]


def _is_local_address(address: IpAddress) -> bool:
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


def _is_in_networks(address: IpAddress, networks: Collection[str]) -> bool:
    for network_text in networks:
        try:
            network = ip_network(network_text, strict=False)
        except ValueError:  # a name
            continue
        if address in network:
            return True
    return False


NO_CALLBACK_HOSTS = CallbackHosts()


class ErrorCallbackSender:
    """Posts bodies one after the other; a failure is logged and goes no further.

    Args:
        hosts: Those that may be called.
    """

    def __init__(
        self, hosts: CallbackHosts = NO_CALLBACK_HOSTS, resolver: HostResolver = resolve_host
    ) -> None:
        self._hosts = hosts
        self._resolver = resolver
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="error-callback")
        self._pending_slots = BoundedSemaphore(MAX_PENDING_CALLBACKS)

    def __call__(self, url: str, body: bytes) -> None:
        """Have *body* posted to *address* soon; given up when too many calls wait already."""
        if not self._pending_slots.acquire(blocking=False):
            log.warning("gave up error callback waiting=%d", MAX_PENDING_CALLBACKS)
            return
        self._executor.submit(self._post_callback, urlsplit(url), body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the calls that were accepted."""
        self._executor.shutdown()

    def _post_callback(self, url: SplitResult, body: bytes) -> None:
        host = url.hostname or ""
        try:
            ip = self._hosts.resolve_allowed_address(
                host, url.port or _DEFAULT_PORTS[url.scheme], self._resolver
            )
            with _open_connection_pool(url, ip) as pool:
                # No proxy, no password of this machine and no redirect: it goes where it was sent.
                response = pool.request(
                    "POST",
                    url._replace(scheme="", netloc="", fragment="").geturl() or "/",
                    body=body,
                    headers={
                        "Host": url.netloc.rpartition("@")[2],
                        "Content-Type": "application/json",
                        CALLBACK_HEADER: "1",
                    },
                    timeout=CALLBACK_TIMEOUT_S,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                log.info("called back host=%r status=%d", host, response.status)
                response.close()
        except (HTTPError, OSError, ValueError) as error:
            log.warning("failed error callback host=%r error=%s", host, type(error).__name__)
        finally:
            self._pending_slots.release()


def _open_connection_pool(url: SplitResult, ip: str) -> HTTPConnectionPool:
    host = f"[{ip}]" if ":" in ip else ip
    if url.scheme == "https":
        server_name = url.hostname
        return HTTPSConnectionPool(
            host, url.port, server_hostname=server_name, assert_hostname=server_name
        )
    return HTTPConnectionPool(host, url.port)
