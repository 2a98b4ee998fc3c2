"""Parts counted by the workers of a Dask cluster, on as many machines as it has."""

from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from importlib import import_module
from itertools import islice
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import Part
from segment_insider_emulator.replay.counting import Counted, Job, count

distributed: Any = import_module("distributed")  # its functions are typed in part only

_AHEAD = 2  # parts handed out to each thread of a worker
_PORT = 8786  # Dask's own, where the address has none
_PATIENCE = 15  # seconds until the scheduler answers, and until the first worker is there
_REMEDY = "Start `dask scheduler` and `dask worker` where this package is installed."


def counted_there(job: Job, parts: Iterable[Part], scheduler: str) -> Iterator[Counted]:
    """Count *parts*, in the order in which they are done.

    A part whose worker dies is given to another one; what a part gives does not depend on that.

    Args:
        scheduler: Its address, e.g. "tcp://10.0.0.5:8786".
    Raises: EmulatorError, when the cluster cannot be reached or gives up.
    """
    _reach(scheduler)
    try:
        with distributed.Client(scheduler, timeout=_PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=_PATIENCE)
            yield from _windowed(client, job, iter(parts))
    except (OSError, TimeoutError) as error:
        what = f"the cluster cannot be reached ({' '.join(str(error).split())})"
        raise EmulatorError(what, scheduler, _REMEDY) from None
    except (distributed.KilledWorker, CancelledError) as error:
        what = f"the cluster gave up ({error})"
        remedy = "See its workers' logs; --resume goes on where it stopped."
        raise EmulatorError(what, scheduler, remedy) from None


def _reach(scheduler: str) -> None:
    # Dask goes on trying in the background, and tells so when the program is over.
    try:
        address = urlsplit(scheduler)
        if address.scheme not in ("tcp", "tls"):
            raise ValueError("it does not begin with tcp:// or tls://")
        create_connection((address.hostname, address.port or _PORT), _PATIENCE).close()
    except (OSError, ValueError) as error:
        what = f"the cluster cannot be reached ({error})"
        raise EmulatorError(what, scheduler, _REMEDY) from None


def _windowed(client: Any, job: Job, parts: Iterator[Part]) -> Iterator[Counted]:
    waiting = distributed.as_completed(loop=client.loop)
    _fill(waiting, client, job, parts)
    for future in waiting:
        # Workers come and go meanwhile.
        _fill(waiting, client, job, parts)
        yield future.result()


def _fill(waiting: Any, client: Any, job: Job, parts: Iterator[Part]) -> None:
    wanted = max(1, sum(client.nthreads().values()) * _AHEAD)
    for part in islice(parts, max(0, wanted - waiting.count())):
        waiting.add(client.submit(count, job, part, pure=False))
