"""Parts counted by the processes of this machine."""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import ArchivePart
from segment_insider_emulator.replay.counting import DryRunJob, PartResult, measure_part

_PARTS_AHEAD_PER_PROCESS = 2  # parts handed out to each process, so that none waits for the next


def measure_in_processes(
    job: DryRunJob, parts: Iterable[ArchivePart], workers: int
) -> Iterator[PartResult]:
    """Count *parts*, in the order in which they are done.

    Args:
        workers: Processes; 1 counts in this one.
    Raises: EmulatorError, when a process dies.
    """
    if workers == 1:
        yield from (measure_part(job, part) for part in parts)
        return
    earlier_children = set(multiprocessing.active_children())
    # Forked, they would share locks and signals with a process that may have threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _ignore_interrupts)
    try:
        yield from _measure_with_pool(pool, job, iter(parts), workers * _PARTS_AHEAD_PER_PROCESS)
    except BrokenProcessPool:
        remedy = "Was it out of memory? Give fewer --workers; --resume goes on where it stopped."
        raise EmulatorError("a process was ended from outside", "", remedy) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - earlier_children:
            child.terminate()


def _measure_with_pool(
    pool: ProcessPoolExecutor, job: DryRunJob, parts: Iterator[ArchivePart], max_pending: int
) -> Iterator[PartResult]:
    waiting: set[Future[PartResult]] = {
        pool.submit(measure_part, job, part) for part in islice(parts, max_pending)
    }
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        waiting |= {pool.submit(measure_part, job, part) for part in islice(parts, len(done))}


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole group; the first process decides what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
