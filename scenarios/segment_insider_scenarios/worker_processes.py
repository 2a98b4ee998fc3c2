"""Worker processes of a run of scenarios: forks of this process, which has read everything.

pytest-xdist starts each worker anew: it imports all modules and reads all features again, which
takes as long as a hundred scenarios. Only Linux forks safely; elsewhere, pytest-xdist is used.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, pairwise
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

CAN_FORK: Final = sys.platform == "linux"
# CI sends SIGTERM at a time-out, a closed terminal sends SIGHUP; Windows has no SIGHUP.
TERMINATION_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
CHUNKS_PER_WORKER: Final = 8  # the last chunks are small enough that no worker waits long
CHECK_INTERVAL_S: Final = 1.0
CRASH_MESSAGE: Final = "The process that ran this scenario ended without a result."
INTERRUPT_MESSAGE: Final = "a scenario interrupted the run"


class Terminated(KeyboardInterrupt):
    """Interrupt by SIGTERM or SIGHUP."""


class ForkedWorkers:
    """Pytest plugin that runs the collected tests in forks of this process.

    Args:
        count: Number of processes.
        result_plugin: Plugin that collects the results, which forks send to this process.
        add_record: Called with the report of a test whose fork has ended, and the test.
    """

    def __init__(
        self,
        count: int,
        result_plugin: object,
        add_record: Callable[[pytest.TestReport, pytest.Item], None],
    ) -> None:
        self._count, self._result_plugin = count, result_plugin
        self._add_record = add_record
        self._unfinished: dict[str, pytest.Item] = {}  # by node id, in order

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Pytest hook: run the collected tests in forks; in this process if it has threads."""
        if session.config.option.collectonly or threading.active_count() > 1:
            return None
        self._unfinished = {item.nodeid: item for item in session.items}
        while self._unfinished and not _must_stop(session):
            count_before = len(self._unfinished)
            self._run_in_forks(session, list(self._unfinished.values()))
            # What a crashed process leaves behind runs in new ones, unless they crash at once.
            if len(self._unfinished) == count_before and not _must_stop(session):
                for node_id in list(self._unfinished):
                    self._report_crash(session, node_id)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _run_in_forks(self, session: pytest.Session, items: Sequence[pytest.Item]) -> None:
        """Run tests until all are finished, the run must stop, or all processes have ended."""
        from multiprocessing import get_context  # here, because most runs have one process

        context = get_context("fork")
        processes: dict[Connection, BaseProcess] = {}
        try:
            for number in range(min(self._count, len(items))):
                ours, theirs = context.Pipe()
                worker = _Worker(session, items, theirs, self._result_plugin, f"gw{number}")
                process: BaseProcess = context.Process(
                    target=worker.run, args=([*processes, ours],)
                )
                process.start()
                processes[ours] = process
                theirs.close()  # the fork has it: its end is then the end of the connection
            self._serve_forks(session, items, processes)
        except BaseException:
            for process in processes.values():
                process.terminate()
            raise
        finally:
            for process in processes.values():
                process.join()

    def _serve_forks(
        self,
        session: pytest.Session,
        items: Sequence[pytest.Item],
        processes: "Mapping[Connection, BaseProcess]",
    ) -> None:
        """Answer the messages of forks until all of them have ended."""
        connections = list(processes)
        size = max(1, len(items) // (len(connections) * CHUNKS_PER_WORKER))
        chunks = iter([range(len(items))[at : at + size] for at in range(0, len(items), size)])
        running_ids: dict[Connection, str] = {}
        while connections:
            for connection in _wait_for_messages(connections, processes):
                kind, content = _receive_message(connection)
                match kind:
                    case "ready":
                        with suppress(OSError):  # it may have ended since
                            connection.send(None if _must_stop(session) else next(chunks, None))
                    case "start":
                        running_ids[connection] = content
                    case "report":
                        _pass_on_report(session, content)
                    case "end":
                        self._unfinished.pop(running_ids.pop(connection))
                        session.shouldstop = session.shouldstop or content
                    case "gone":
                        connections.remove(connection)
                        connection.close()
                        self._report_crash(session, running_ids.pop(connection, None))

    def _report_crash(self, session: pytest.Session, node_id: str | None) -> None:
        """Report the test as failed that ran in a process when it ended; None is no test."""
        if node_id is None:
            return
        item = self._unfinished.pop(node_id)
        failed = pytest.TestReport(node_id, item.location, {}, "failed", CRASH_MESSAGE, "call")
        self._add_record(failed, item)
        ended = pytest.TestReport(node_id, item.location, {}, "passed", None, "teardown")
        for report in (failed, ended):
            session.config.hook.pytest_runtest_logreport(report=report)


def _wait_for_messages(
    connections: "Sequence[Connection]", processes: "Mapping[Connection, BaseProcess]"
) -> "list[Connection]":
    """Return the connections with a message, and those whose fork has ended without one.

    A process that a step has forked keeps its connection open after the fork has ended.
    """
    from multiprocessing.connection import Connection, wait

    if ready := wait(connections, CHECK_INTERVAL_S):
        return [connection for connection in ready if isinstance(connection, Connection)]
    return [connection for connection in connections if not processes[connection].is_alive()]


def _receive_message(connection: "Connection") -> tuple[str, Any]:
    """Return the kind and content of a fork's next message; "gone" if the fork has ended."""
    try:
        message: tuple[str, Any] = connection.recv() if connection.poll() else ("gone", None)
    except (EOFError, OSError):
        return "gone", None
    return message


def _must_stop(session: pytest.Session) -> bool:
    return bool(session.shouldfail or session.shouldstop)


def _pass_on_report(session: pytest.Session, content: object) -> None:
    hook = session.config.hook
    report = hook.pytest_report_from_serializable(config=session.config, data=content)
    hook.pytest_runtest_logreport(report=report)


class _Worker:
    """What a fork does: runs chunks of tests and sends their results.

    For other plugins it is a worker of pytest-xdist.
    """

    def __init__(
        self,
        session: pytest.Session,
        items: Sequence[pytest.Item],
        connection: "Connection",
        result_plugin: object,
        id: str,
    ) -> None:
        self._session, self._items, self._connection = session, items, connection
        self._result_plugin, self._id = result_plugin, id

    def run(self, parent_ends: "Sequence[Connection]") -> None:
        """Run tests until there are no more, then end all fixtures.

        Args:
            parent_ends: Connections of the parent. An open one hides that the parent was killed.
        """
        for parent_end in parent_ends:
            parent_end.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it, too, and ends its forks
        install_termination_handlers()
        config: Any = self._session.config
        config.workerinput = {"workerid": self._id}
        os.environ["PYTEST_XDIST_WORKER"] = self._id
        config.pluginmanager.unregister(self._result_plugin)
        config.pluginmanager.register(self)
        _discard_output()
        with suppress(KeyboardInterrupt, EOFError, OSError):  # without a parent, fixtures end, too
            try:
                self._run_items()
            finally:
                config.hook.pytest_sessionfinish(session=self._session, exitstatus=0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pytest hook: send a report to the parent."""
        config = self._session.config
        content = config.hook.pytest_report_to_serializable(config=config, report=report)
        self._connection.send(("report", content))

    def _run_items(self) -> None:
        for item, following in pairwise(chain(self._receive_items(), (None,))):
            assert item is not None
            self._connection.send(("start", item.nodeid))
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except Terminated:
                raise  # the parent listens no more
            except (KeyboardInterrupt, pytest.exit.Exception) as interrupt:
                error = pytest.ExceptionInfo.from_exception(interrupt)
                item.config.hook.pytest_keyboard_interrupt(excinfo=error)
                self._session.shouldstop = str(interrupt) or INTERRUPT_MESSAGE
            self._connection.send(("end", self._session.shouldstop))
            if _must_stop(self._session):
                return

    def _receive_items(self) -> Iterator[pytest.Item]:
        while True:
            self._connection.send(("ready", None))
            chunk: range | None = self._connection.recv()
            if chunk is None:
                return
            yield from self._items[chunk.start : chunk.stop]


def _discard_output() -> None:
    """Discard what a fork and the programs that it starts write to their outputs."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


@contextmanager
def interrupt_on_termination() -> Iterator[None]:
    """Raise Terminated at the first SIGTERM or SIGHUP during the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous_handlers = {
        number: signal.signal(number, _raise_terminated) for number in TERMINATION_SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)


def install_termination_handlers() -> None:
    """Raise Terminated on SIGTERM or SIGHUP in a worker, so that its fixtures end."""
    if threading.current_thread() is threading.main_thread():
        for number in TERMINATION_SIGNALS:
            signal.signal(number, _raise_terminated)


def _raise_terminated(_number: int, _frame: FrameType | None) -> None:
    for number in TERMINATION_SIGNALS:  # a second signal must not stop the clean-up
        signal.signal(number, signal.SIG_IGN)
    raise Terminated
