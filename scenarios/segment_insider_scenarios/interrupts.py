"""Signals with which machines end a run: they end it as Ctrl-C does, with its reports."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# SIGTERM is a time-out of CI, SIGHUP a terminal that is closed; Windows has no SIGHUP.
TERMINATION_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@contextmanager
def interrupt_on_termination() -> Iterator[None]:
    """Raise KeyboardInterrupt on the first such signal during the block, and ignore the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _raise_keyboard_interrupt) for each in TERMINATION_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def install_termination_handlers() -> None:
    """Do the same until this process ends, in a worker of pytest-xdist."""
    if threading.current_thread() is threading.main_thread():
        for each in TERMINATION_SIGNALS:
            signal.signal(each, _raise_keyboard_interrupt)


def _raise_keyboard_interrupt(number: int, frame: FrameType | None) -> None:
    for each in TERMINATION_SIGNALS:  # what ends the run cleanly must not be ended itself
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
