"""Insider One's error callbacks: which hosts may be called, and a background sender.

Assumed: Insider One publishes that it calls error_callback_endpoint when the unification of a user
fails, but not how; here it is one POST of JSON without a retry, after the response.
"""

import logging
import socket
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Self, TypeAlias
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:  # slow to import, and few requests ask for callbacks
    from urllib3 import HTTPConnectionPool

log = logging.getLogger(__name__)

IpAddress: TypeAlias = IPv4Address | IPv6Address
HostResolver: TypeAlias = Callable[[str], list[str]]  # host name -> IP addresses

LOCALHOST = "localhost"
NAT64_PREFIX = IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address: RFC 6052
CALLBACK_HEADER = "X-Emulator-Callback"  # every emulator rejects requests with this header
CALLBACK_TIMEOUT_S = 2.0
MAX_PENDING_CALLBACKS = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForbiddenCallbackHost(OSError):
    """Error: an allowed callback host resolves to an IP address that must not be called."""


def resolve_host(host: str) -> list[str]:
    """Resolve the host name *host* to its current IP addresses. Raises: OSError."""
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(socket_address[0]) for *_, socket_address in entries]


@dataclass(frozen=True, slots=True)
class CallbackHosts:
    """The hosts to which error callbacks may be sent; a request cannot name any other host.

    Args:
        allowed_hosts: Names, addresses and networks, such as "172.18.0.0/16".
        allowed_local_hosts: Further hosts that may be this machine: "localhost", an address or a
            network. Only the operator may list them, not a team that shares the emulator.
        emulator_port: Port of this emulator, which is never called; 0 if it is not known.
    """

    allowed_hosts: Collection[str] = ()
    allowed_local_hosts: Collection[str] = ()
    emulator_port: int = 0

    def allows_url(self, url: str) -> bool:
        """Return whether a callback *url* is http(s) and its host is allowed; no DNS lookup."""
        try:
            url_parts = urlsplit(url)
            host = url_parts.hostname or ""
            port = url_parts.port or _DEFAULT_PORTS.get(url_parts.scheme)
        except ValueError:  # the port is not a number
            return False
        if url_parts.scheme not in ("http", "https"):
            return False
        if host not in (*self.allowed_hosts, *self.allowed_local_hosts):
            return False
        try:
            literal = "127.0.0.1" if host == LOCALHOST else str(ip_address(host))
            self.resolve_allowed_address(host, port, lambda _: [literal])
        except ValueError:  # a host name; it is resolved when it is called
            return True
        except ForbiddenCallbackHost:
            return False
        return True

    def resolve_allowed_address(
        self, host: str, port: int | None, resolver: HostResolver = resolve_host
    ) -> str:
        """Resolve the allowed callback host *host* to the one IP address to call.

        A second DNS lookup can return another address, so the name is resolved only once. The
        address must be public, or allowed itself (as an address or a network).

        Raises: OSError; ForbiddenCallbackHost, when the address is not allowed.
        """
        addresses = [ip_address(text.partition("%")[0]) for text in resolver(host)]
        for address in addresses:
            for equivalent in _list_equivalent_addresses(address):
                if not self._is_address_allowed(host, port, equivalent):
                    raise ForbiddenCallbackHost(f"{host} resolves to {equivalent}")
        return str(addresses[0])

    def _is_address_allowed(self, host: str, port: int | None, address: IpAddress) -> bool:
        if host == LOCALHOST and not address.is_loopback:
            return False
        if _is_local_address(address):
            is_listed = host == LOCALHOST in self.allowed_local_hosts or _is_address_in_networks(
                address, self.allowed_local_hosts
            )
            return is_listed and not (port and port == self.emulator_port)
        is_public = address.is_global and not address.is_multicast
        return is_public or _is_address_in_networks(
            address, (*self.allowed_hosts, *self.allowed_local_hosts)
        )


def _list_equivalent_addresses(address: IpAddress) -> list[IpAddress]:
    """Return the IP *address* and the IPv4 address embedded in it, if any."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64_PREFIX:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return [inner] if address.ipv4_mapped and inner else [address, *([inner] if inner else [])]


def _is_local_address(address: IpAddress) -> bool:
    """Return whether the IP *address* is local or link-local (where clouds serve secrets)."""
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # fails for an address of another machine
    except OSError:
        return False
    return True


def _is_address_in_networks(address: IpAddress, networks: Collection[str]) -> bool:
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
    """Sends error callbacks in the background, one after the other; failures are only logged.

    Args:
        hosts: The hosts that may be called.
    """

    def __init__(
        self, hosts: CallbackHosts = NO_CALLBACK_HOSTS, resolver: HostResolver = resolve_host
    ) -> None:
        self._hosts = hosts
        self._resolver = resolver
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="error-callback")
        self._pending_slots = BoundedSemaphore(MAX_PENDING_CALLBACKS)

    def __call__(self, url: str, body: bytes) -> None:
        """Queue an error callback: a POST of *body* to *url*; drop it when too many are pending."""
        if not self._pending_slots.acquire(blocking=False):
            log.warning("gave up error callback waiting=%d", MAX_PENDING_CALLBACKS)
            return
        self._executor.submit(self._post_callback, urlsplit(url), body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all queued error callbacks are sent."""
        self._executor.shutdown()

    def _post_callback(self, url: SplitResult, body: bytes) -> None:
        from urllib3.exceptions import HTTPError

        host = url.hostname or ""
        try:
            ip = self._hosts.resolve_allowed_address(
                host, url.port or _DEFAULT_PORTS[url.scheme], self._resolver
            )
            with open_pinned_connection_pool(url, ip) as pool:
                # No proxy, no credentials of this machine, no redirect: call this host only.
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


def open_pinned_connection_pool(url: SplitResult, ip: str) -> "HTTPConnectionPool":
    """Open connections to the host of *url* at one IP address that was checked before."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

    host = f"[{ip}]" if ":" in ip else ip
    if url.scheme == "https":
        server_name = url.hostname
        return HTTPSConnectionPool(
            host, url.port, server_hostname=server_name, assert_hostname=server_name
        )
    return HTTPConnectionPool(host, url.port)
