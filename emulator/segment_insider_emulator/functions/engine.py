"""JavaScript engine of Segment functions: Node.js child processes without files and network."""

import atexit
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from threading import Event, Lock, RLock, Timer
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.error_callbacks import (
    CALLBACK_HEADER,
    CallbackHosts,
    open_pinned_connection_pool,
)
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSONObject, record

log = logging.getLogger(__name__)

# A request of a function's fetch() -> the response, or {"error", "code"}.
Fetch: TypeAlias = Callable[[JSONObject, float], JSONObject]

MIN_NODE_MAJOR: Final = 20  # the first version with the permission model
NODE_REMEDY: Final = f"Install Node.js {MIN_NODE_MAJOR} or later; all other parts work without it."
MAX_MEMORY_MB: Final = 128  # of JavaScript objects; buffers have as much again
MAX_ANSWER_BYTES: Final = 32_000_000  # 1 million characters, each escaped, with logs and calls
MAX_PROCESSES: Final = 8
MAX_RESPONSE_BYTES: Final = 1_000_000  # of fetch()
START_TIMEOUT_S: Final = 30.0
CPU_TIME_RESERVE_S: Final = 3  # seconds besides the time limit of a run
STOPPED_TIMEOUT: Final = "timeout"
STOPPED_CRASH: Final = "crash"
_FOLDER = Path(__file__).parent
# Windows starts no program without it; elsewhere there is none.
_ENVIRONMENT = {"SYSTEMROOT": os.environ.get("SYSTEMROOT", "")} if os.name == "nt" else {}
# Of a request that fetch() sends; a function cannot set them.
_OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", CALLBACK_HEADER.lower())
)


class EngineUnavailable(EmulatorError):
    """Error when functions cannot run here, because Node.js is missing or too old."""


@record
class EngineAnswer:
    """Answer of the engine: the result of running a function.

    Args:
        result: {"kind", …} of the worker, or {"kind": "timeout"} and {"kind": "crash"}.
        logs: [{"level", "text"}] of console.log and others.
        sent: Calls that a source function sent, each as JSON text.
        duration_ms: How long it ran, in milliseconds.
    """

    result: JSONObject
    logs: list[JSONObject]
    sent: list[str]
    duration_ms: float


@cache
def find_node() -> tuple[str, int]:
    """Return the path of Node.js and its main version. Raises: EngineUnavailable."""
    path = shutil.which("node")
    if path is None:
        raise EngineUnavailable(
            "functions do not run: Node.js is not installed", "node", NODE_REMEDY
        )
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=START_TIMEOUT_S)
        major = int(answer.stdout.decode().strip().removeprefix("v").partition(".")[0])
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        what = f"functions do not run: Node.js does not start ({type(error).__name__})"
        raise EngineUnavailable(what, path, NODE_REMEDY) from error
    if major < MIN_NODE_MAJOR:
        what = f"functions do not run: Node.js {major} is too old"
        raise EngineUnavailable(what, path, NODE_REMEDY)
    return path, major


def find_engine_problem() -> str | None:
    """Return why functions cannot run here, as one line; None if they can."""
    try:
        find_node()
    except EngineUnavailable as error:
        return str(error)
    return None


class EngineProcess:
    """One Node.js process; it starts with the first function, and again after it was stopped.

    Calls run one after the other. A function that takes too long, or too much memory, ends the
    process; the next call starts another one, whose functions have forgotten their variables.

    Args:
        fetch: Sends the requests of fetch(); None refuses them.
    """

    def __init__(self, fetch: Fetch | None = None) -> None:
        self._fetch = fetch
        self._lock = RLock()  # of calls
        self._write_lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._last_id = 0
        self._unused_contexts: deque[str] = deque()
        self._fetch_threads: ThreadPoolExecutor | None = None
        self.generation = 0  # of the process: a new one knows no function

    def load(
        self, context: str, code: str, libraries: list[JSONObject], timeout_s: float
    ) -> EngineAnswer:
        """Run the top level of a function's code in a new context, and list its handlers.

        Raises: EngineUnavailable.
        """
        order = {
            "op": "load", "context": context, "name": "function", "code": code,
            "libraries": libraries,
        }  # fmt: skip
        return self._ask(order, timeout_s)

    def call(
        self, context: str, handler: str, payload: str, settings: str, timeout_s: float
    ) -> EngineAnswer:
        """Call a handler of a loaded function with JSON texts. Raises: EngineUnavailable."""
        order = {
            "op": "call", "context": context, "handler": handler, "payload": payload,
            "settings": settings,
        }  # fmt: skip
        return self._ask(order, timeout_s)

    def forget(self, context: str) -> None:
        """Drop a context with the next call. Safe in a finalizer: it takes no lock."""
        self._unused_contexts.append(context)

    def lock_calls(self) -> AbstractContextManager[bool]:
        """Return the lock that keeps other calls away while a function is loaded and called."""
        return self._lock

    def is_running(self, generation: int) -> bool:
        """Return whether the process of this generation still runs."""
        process = self._process
        return generation == self.generation and process is not None and process.poll() is None

    @property
    def process_id(self) -> int | None:
        """Return the id of the process; None while none runs."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the process of the engine, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        process.wait()

    def close_if_idle(self) -> None:
        """End the process if no function runs; it starts again with the next one."""
        if self._lock.acquire(blocking=False):
            try:
                self.close()
            finally:
                self._lock.release()

    def abandon(self) -> None:
        """Forget the process without ending it: after a fork, it belongs to the parent."""
        if self._process:
            self._process.returncode = 0  # this process must not wait for it
        self._process, self._lock, self._write_lock = None, RLock(), Lock()

    def _ask(self, order: JSONObject, timeout_s: float) -> EngineAnswer:
        with self._lock:
            self._start_if_needed()
            while self._unused_contexts:
                self._send({"op": "drop", "context": self._unused_contexts.popleft()}, 0)
            if self._process:
                _limit_cpu_time(self._process.pid, timeout_s)
            started = time.monotonic()
            answer = self._exchange(order, timeout_s)
            duration_ms = (time.monotonic() - started) * 1000
            if isinstance(answer, str):
                log.warning("stopped function engine reason=%s", answer)
                return EngineAnswer({"kind": answer}, [], [], duration_ms)
            try:
                result = parse_json(answer["result"].encode(errors="replace"))
            except orjson.JSONDecodeError:  # nested deeper than a parser goes
                result = {"kind": "too_large"}
            return EngineAnswer(result, answer["logs"], answer["sent"], duration_ms)

    def _start_if_needed(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self.close()
        path, major = find_node()
        self._process = subprocess.Popen(
            _build_command(path, major),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT, cwd=_FOLDER, start_new_session=True,
        )  # fmt: skip
        self.generation += 1
        source = (_FOLDER / "sandbox.js").read_text("utf-8")
        order = {"op": "start", "source": source}
        if isinstance(self._exchange(order, START_TIMEOUT_S), str):
            what = "functions do not run: the engine did not start"
            raise EngineUnavailable(what, path, NODE_REMEDY)
        _limit_process(self._process.pid)

    def _exchange(self, order: JSONObject, timeout_s: float) -> JSONObject | str:
        """Send an order and return its answer, or the reason why there is none."""
        self._last_id += 1
        deadline = time.monotonic() + timeout_s
        process, late = self._process, Event()

        def stop() -> None:
            late.set()
            if process:
                process.kill()

        watchdog = Timer(timeout_s, stop)
        watchdog.daemon = True
        watchdog.start()
        try:
            answer = self._read_answer(deadline) if self._send(order, self._last_id) else None
        finally:
            watchdog.cancel()
            watchdog.join()
        if answer is None or late.is_set():
            self.close()
        return answer or (STOPPED_TIMEOUT if late.is_set() else STOPPED_CRASH)

    def _send(self, order: JSONObject, id: int) -> bool:
        """Write an order; return False when the process does not take it."""
        with self._write_lock:
            pipe = self._process.stdin if self._process else None
            try:
                if pipe:
                    pipe.write(json.dumps({**order, "id": id}).encode() + b"\n")
                    pipe.flush()
            except (OSError, ValueError):  # it has ended, or was closed
                return False
        return pipe is not None

    def _read_answer(self, deadline: float) -> JSONObject | None:
        """Read the answer of the last order, and send the requests of fetch() before it."""
        pipe = self._process.stdout if self._process else None
        while pipe:
            line = pipe.readline(MAX_ANSWER_BYTES)
            if not line.endswith(b"\n"):
                return None
            answer: JSONObject = json.loads(line)
            if "fetch" in answer:
                self._start_fetch(answer, deadline)
            elif answer.get("id") == self._last_id:
                return answer
        return None

    def _start_fetch(self, request: JSONObject, deadline: float) -> None:
        if self._fetch_threads is None:
            self._fetch_threads = ThreadPoolExecutor(4, thread_name_prefix="function-fetch")
        self._fetch_threads.submit(self._answer_fetch, request, self.generation, deadline)

    def _answer_fetch(self, request: JSONObject, generation: int, deadline: float) -> None:
        response: JSONObject = {"error": "fetch() is off", "code": "EACCES"}
        try:
            if self._fetch:
                timeout_s = max(deadline - time.monotonic(), 0.1)
                response = self._fetch(orjson.loads(request["request"]), timeout_s)
        except (ValueError, KeyError, TypeError) as error:
            response = {"error": f"the request is invalid: {type(error).__name__}"}
        if generation == self.generation:
            order = {
                "op": "fetched", "context": request["context"], "fetch": request["fetch"],
                "response": json.dumps(response),
            }  # fmt: skip
            self._send(order, 0)


def create_fetch(hosts: CallbackHosts) -> Fetch:
    """Return what sends the requests of fetch() to the allowed *hosts*, and to no others."""

    def fetch(request: JSONObject, timeout_s: float) -> JSONObject:
        # Imported here because few functions send requests.
        from urllib3.exceptions import HTTPError

        url = urlsplit(request["url"])
        if not hosts.allows_url(request["url"]):
            host = (url.hostname or "")[:100]
            what = f"fetch() may not call {host!r}: list it under functions.allowedHosts"
            return {"error": what, "code": "EACCES"}
        try:
            return _send_request(hosts, url, request, timeout_s)
        except (HTTPError, OSError, ValueError) as error:
            what = f"request to {url.hostname} failed: {type(error).__name__}"
            return {"error": what, "code": "ECONNREFUSED"}

    return fetch


def _send_request(
    hosts: CallbackHosts, url: SplitResult, request: JSONObject, timeout_s: float
) -> JSONObject:
    port = url.port or (443 if url.scheme == "https" else 80)
    address = hosts.resolve_allowed_address(url.hostname or "", port)
    headers = {
        str(name): str(value)
        for name, value in request["headers"]
        if str(name).lower() not in _OWN_HEADERS
    }
    # No proxy, no credentials of this machine, no redirect: call this host only.
    with open_pinned_connection_pool(url, address) as pool:
        response = pool.request(
            request["method"],
            url._replace(scheme="", netloc="", fragment="").geturl() or "/",
            body=request["body"],
            headers={
                **headers,
                "Host": url.netloc.rpartition("@")[2],
                CALLBACK_HEADER: "1",  # no emulator takes it: a function does not drive one
            },
            timeout=timeout_s, redirect=False, retries=False, preload_content=False,
        )  # fmt: skip
        body = response.read(MAX_RESPONSE_BYTES, decode_content=True)
        response.close()
    return {
        "status": response.status,
        "statusText": response.reason or "",
        "url": request["url"],
        "headers": [[name, value] for name, value in response.headers.items()],
        "body": body.decode(errors="replace"),
    }


def _build_command(path: str, major: int) -> list[str]:
    worker = _FOLDER / "worker.js"
    return [
        path,
        "--permission" if major >= 24 else "--experimental-permission",
        f"--allow-fs-read={worker}",
        "--disallow-code-generation-from-strings",
        "--frozen-intrinsics",
        "--no-warnings",
        "--no-addons",
        f"--max-old-space-size={MAX_MEMORY_MB}",
        str(worker),
    ]


def _limit_process(pid: int) -> None:
    """Forbid the running process new files and connections, by limits of the Linux kernel.

    The permission model of Node.js covers files and processes, but no network before version 25.
    With no free descriptor, whatever escapes from its context opens no socket either.
    """
    if sys.platform != "linux":
        return
    import resource

    data_bytes = 4 * MAX_MEMORY_MB * 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, data_bytes),
    ):
        with suppress(OSError, ValueError):  # it has ended, or the system allows no such limit
            resource.prlimit(pid, limit, (value, value))


def _limit_cpu_time(pid: int, timeout_s: float) -> None:
    """Let the kernel end the process when it computes for longer than *timeout_s* from now on.

    It matters when the emulator is killed while a function hangs: nothing else ends the process.
    """
    if sys.platform != "linux":
        return
    import resource

    with suppress(OSError, ValueError, IndexError):  # it has ended
        # Source: proc(5), stat: after the name in parentheses, fields 3 on; 14 and 15 are ticks.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        soft_s = int(used_s + timeout_s) + CPU_TIME_RESERVE_S
        _, hard = resource.prlimit(pid, resource.RLIMIT_CPU)
        resource.prlimit(pid, resource.RLIMIT_CPU, (soft_s, hard))


class EnginePool:
    """The engine processes of this Python process: one for each set of functions and settings.

    Sandboxes with the same functions share a process, but no context; others share nothing.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._engines: OrderedDict[str, EngineProcess] = OrderedDict()

    def get_engine(self, key: str, fetch: Fetch | None) -> EngineProcess:
        """Return the engine of *key*; the one unused for longest ends when there are too many."""
        with self._lock:
            engine = self._engines.get(key)
            if engine is None:
                engine = self._engines[key] = EngineProcess(fetch)
            self._engines.move_to_end(key)
            surplus = [*self._engines.values()][:-MAX_PROCESSES]
        for old in surplus:
            old.close_if_idle()
        return engine

    def close(self) -> None:
        """End all processes of the pool."""
        for engine in [*self._engines.values()]:
            engine.close()

    def abandon(self) -> None:
        """Forget all processes after a fork: they belong to the parent."""
        self._lock = Lock()
        for engine in [*self._engines.values()]:
            engine.abandon()


ENGINES = EnginePool()
atexit.register(ENGINES.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ENGINES.abandon)
