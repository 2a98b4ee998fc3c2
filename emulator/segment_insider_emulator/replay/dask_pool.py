"""Dry run of archive parts on a Dask cluster."""

from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from importlib import import_module
from itertools import islice
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import ArchivePart
from segment_insider_emulator.replay.dry_run import (
    ArchivePartResult,
    DryRunInputs,
    measure_archive_part,
)

distributed: Any = import_module("distributed")  # it is typed only in part

_PARTS_AHEAD_PER_THREAD = 2  # parts submitted per worker thread
_DEFAULT_SCHEDULER_PORT = 8786  # Dask's own, where the address has none
_CONNECT_TIMEOUT_S = 15  # seconds until the scheduler answers, and until the first worker is there
_CLUSTER_REMEDY = "Start `dask scheduler` and `dask worker` where this package is installed."


def measure_parts_on_cluster(
    job: DryRunInputs, parts: Iterable[ArchivePart], scheduler_url: str
) -> Iterator[ArchivePartResult]:
    """Dry-run archive parts on a Dask cluster and yield their metrics as they finish.

    When a worker dies, another one measures its part; the result is the same.

    Args:
        scheduler_url: URL of the scheduler, e.g. "tcp://10.0.0.5:8786".
    Raises: EmulatorError, when the cluster cannot be reached or gives up.
    """
    _check_scheduler_is_reachable(scheduler_url)
    try:
        with distributed.Client(
            scheduler_url, timeout=_CONNECT_TIMEOUT_S, set_as_default=False
        ) as client:
            client.wait_for_workers(1, timeout=_CONNECT_TIMEOUT_S)
            yield from _measure_parts_with_client(client, job, iter(parts))
    except (OSError, TimeoutError) as error:
        what = f"the cluster cannot be reached ({' '.join(str(error).split())})"
        raise EmulatorError(what, scheduler_url, _CLUSTER_REMEDY) from None
    except (distributed.KilledWorker, CancelledError) as error:
        what = f"the cluster failed ({error})"
        remedy = "See its workers' logs. --resume continues where it stopped."
        raise EmulatorError(what, scheduler_url, remedy) from None


def _check_scheduler_is_reachable(scheduler_url: str) -> None:
    # Dask would retry in the background and log it when the program ends.
    try:
        address = urlsplit(scheduler_url)
        if address.scheme not in ("tcp", "tls"):
            raise ValueError("it does not begin with tcp:// or tls://")
        create_connection(
            (address.hostname, address.port or _DEFAULT_SCHEDULER_PORT), _CONNECT_TIMEOUT_S
        ).close()
    except (OSError, ValueError) as error:
        what = f"the cluster cannot be reached ({error})"
        raise EmulatorError(what, scheduler_url, _CLUSTER_REMEDY) from None


def _measure_parts_with_client(
    client: Any, job: DryRunInputs, remaining_parts: Iterator[ArchivePart]
) -> Iterator[ArchivePartResult]:
    waiting = distributed.as_completed(loop=client.loop)
    _submit_more_parts(waiting, client, job, remaining_parts)
    for future in waiting:
        # The number of workers may have changed.
        _submit_more_parts(waiting, client, job, remaining_parts)
        yield future.result()


def _submit_more_parts(
    pending: Any, client: Any, job: DryRunInputs, remaining_parts: Iterator[ArchivePart]
) -> None:
    target_count = max(1, sum(client.nthreads().values()) * _PARTS_AHEAD_PER_THREAD)
    for part in islice(remaining_parts, max(0, target_count - pending.count())):
        pending.add(client.submit(measure_archive_part, job, part, pure=False))
