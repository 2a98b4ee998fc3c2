"""HTTP load over persistent connections, as fast as possible or at a steady rate."""

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

REQUEST_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    "Authorization: Basic d2tfZGVtbzo=\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Duration and latencies of the requests of one run.

    Args:
        seconds: From the first to the last.
        latencies: Seconds of each, in rising order.
    """

    seconds: float
    latencies: list[float]

    @property
    def requests_per_second(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the seconds within which *share* of the requests were answered."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def post_bodies(
    port: int, path: str, bodies: Sequence[bytes], connections: int, rate: float | None = None
) -> LoadResult:
    """Post *bodies* to 127.0.0.1.

    Args:
        rate: Requests a second that are begun; None for one after the other on each connection.
    """
    parts = [list(islice(bodies, first, None, connections)) for first in range(connections)]
    pause = connections / rate if rate else 0.0
    start = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        latencies = [
            latency
            for part in pool.map(
                lambda part: _post_on_one_connection(port, path, part, pause), parts
            )
            for latency in part
        ]
    return LoadResult(time.perf_counter() - start, sorted(latencies))


def _post_on_one_connection(
    port: int, path: str, bodies: Sequence[bytes], pause: float
) -> list[float]:
    latencies = []
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, body in enumerate(bodies):
            # From the moment it was due: a late answer delays the next request, and counts for it.
            due = begun + number * pause if pause else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            head = REQUEST_HEAD.format(path=path, port=port, length=len(body)).encode()
            connection.sendall(head + body)
            _read_response(connection)
            latencies.append(time.perf_counter() - due)
    return latencies


def _read_response(connection: socket.socket) -> None:
    """Read one response to its end.

    Raises: AssertionError, when it is no 200.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], received
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65_536)
