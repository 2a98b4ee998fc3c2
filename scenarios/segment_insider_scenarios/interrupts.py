"""Signals with which machines end a run: they end it as Ctrl-C does, with its reports."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGTERM is a time-out of CI, SIGHUP a terminal that is closed; Windows has no SIGHUP.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def ending_signals_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on the first such signal during the block, and ignore the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _interrupt) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def interrupt_on_ending_signals() -> None:
    """Do the same until this process ends, in a worker of pytest-xdist."""
    if threading.current_thread() is threading.main_thread():
        for each in ENDING:
            signal.signal(each, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in ENDING:  # what ends the run cleanly must not be ended itself
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
