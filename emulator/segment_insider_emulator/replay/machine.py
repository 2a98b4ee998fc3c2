"""Parts counted by the processes of this machine."""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import Part
from segment_insider_emulator.replay.counting import Counted, Job, count

_AHEAD = 2  # parts handed out to each process, so that none waits for the next


def counted_here(job: Job, parts: Iterable[Part], workers: int) -> Iterator[Counted]:
    """Count *parts*, in the order in which they are done.

    Args:
        workers: Processes; 1 counts in this one.
    Raises: EmulatorError, when a process dies.
    """
    if workers == 1:
        yield from (count(job, part) for part in parts)
        return
    own = set(multiprocessing.active_children())
    # Forked, they would share locks and signals with a process that may have threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _leave_interrupts)
    try:
        yield from _windowed(pool, job, iter(parts), workers * _AHEAD)
    except BrokenProcessPool:
        remedy = "Was it out of memory? Give fewer --workers; --resume goes on where it stopped."
        raise EmulatorError("a process was ended from outside", "", remedy) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - own:
            child.terminate()


def _windowed(
    pool: ProcessPoolExecutor, job: Job, parts: Iterator[Part], most: int
) -> Iterator[Counted]:
    waiting: set[Future[Counted]] = {pool.submit(count, job, part) for part in islice(parts, most)}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for each in done:
            yield each.result()
        waiting |= {pool.submit(count, job, part) for part in islice(parts, len(done))}


def _leave_interrupts() -> None:
    # Ctrl-C reaches the whole group; the first process decides what becomes of the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
