"""The engine survives hostile functions, which reach nothing outside their own context."""

import os
import sys
from collections.abc import Iterator

import pytest
from function_app import needs_node

from segment_insider_emulator.functions.engine import EngineProcess
from segment_insider_emulator.functions.runner import FunctionRunner
from segment_insider_emulator.functions.segment_function import (
    SegmentFunction,
    WorkspaceFunctions,
)
from segment_insider_emulator.types import JSON, JSONObject

pytestmark = needs_node
LIMIT_S = 30.0
EVENT: JSONObject = {"type": "track", "event": "Song Played", "properties": {}}
# Tries to reach Node.js with what `found` is; the function returns what came of it.
TRY_TO_ESCAPE = """
const power = value => {
  try {
    return String(value.constructor.constructor('return process')().pid)
  } catch (error) {
    return error instanceof Error || String(error) === String(error) ? error.name : 'odd'
  }
}
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    engine = EngineProcess()
    yield engine
    engine.close()


def run(engine: EngineProcess, code: str, timeout_s: float = LIMIT_S) -> JSON:
    """Load a function, call its onTrack, and return the result of the last step."""
    loaded = engine.load("context", code, [], timeout_s)
    if loaded.result["kind"] != "loaded":
        return loaded.result
    answer = engine.call("context", "onTrack", '{"properties": {}}', "{}", timeout_s)
    return answer.result


def is_alive(engine: EngineProcess) -> bool:
    """Return whether an ordinary function still works."""
    result = run(engine, "function onTrack (event) { return { fine: true } }")
    return bool(result == {"kind": "returned", "value": {"fine": True}})


@pytest.mark.parametrize(
    "expression",
    [
        "typeof process",
        "typeof require",
        "typeof module",
        "typeof globalThis.process",
        "this === undefined ? 'undefined' : typeof this.process",
    ],
)
def test_a_function_has_no_nodejs(engine: EngineProcess, expression: str) -> None:
    result = run(engine, f"function onTrack () {{ return {{ found: {expression} }} }}")
    assert result["value"] == {"found": "undefined"}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param("[]", id="an own object"),
        pytest.param("console.log", id="the console"),
        pytest.param("fetch", id="fetch"),
        pytest.param("crypto.createHash", id="crypto"),
        pytest.param("Buffer", id="Buffer"),
        pytest.param("event", id="the event"),
        pytest.param("Segment.track", id="Segment"),
        pytest.param("await import('fs').catch(error => error)", id="import()"),
        pytest.param("await fetch('http://x').catch(error => error)", id="an error of fetch"),
        pytest.param("(() => { try { new URL('') } catch (e) { return e } })()", id="a URL error"),
        pytest.param(
            "(() => { try { crypto.createHash('none') } catch (e) { return e } })()",
            id="an error of crypto",
        ),
        pytest.param(
            "(() => { Error.prepareStackTrace = (e, t) => t; return new Error().stack })()",
            id="the stack",
        ),
        pytest.param(
            "(() => { Error.prepareStackTrace = (e, t) => t;"
            " return new Error().stack.map(c => c.getThis() ?? c.getFunction()).find(Boolean) })()",
            id="frames of the stack",
        ),
        pytest.param(
            "(() => { let q; const f = () => { try { f() } catch { try { console.log('x') }"
            " catch (e) { q = e } } }; f(); return q ?? [] })()",
            id="too deep recursion into the host",
        ),
    ],
)
def test_no_object_leads_out_of_the_context(engine: EngineProcess, found: str) -> None:
    code = f"{TRY_TO_ESCAPE} async function onTrack (event) {{ return {{ pid: power({found}) }} }}"
    assert run(engine, code)["value"]["pid"] in (
        "ReferenceError",  # the code ran, and its own global object has no process
        "EvalError",  # no code can be made from text outside the context
        "TypeError",
    )
    assert is_alive(engine)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("Object.prototype.fine = 'polluted'", id="prototypes"),
        pytest.param("Promise.prototype.then = () => 'hijacked'", id="promises"),
        pytest.param("JSON.parse = JSON.stringify = () => 'hijacked'", id="JSON"),
        pytest.param("Array.prototype[Symbol.iterator] = () => 'hijacked'", id="iteration"),
        pytest.param("Function.prototype.call = () => 'hijacked'", id="calls"),
        pytest.param("globalThis.shared = 'seen'", id="globals"),
        pytest.param(
            "Object.defineProperty(Object.prototype, 'kind', { set () {} })", id="setters"
        ),
    ],
)
def test_a_function_breaks_only_its_own_context(engine: EngineProcess, code: str) -> None:
    run(engine, f"{code}; function onTrack (event) {{ return event }}")
    look = "function onTrack () { return { fine: {}.fine ?? null, shared: typeof shared } }"
    assert run(engine, look)["value"] == {"fine": None, "shared": "undefined"}


@pytest.mark.parametrize(
    ("thrown", "message"),
    [
        ("null", "null"),
        ("'just text'", "just text"),
        ("{ a: 1 }", '{"a":1}'),
        ("{ get message () { throw 1 }, toJSON () { throw 2 } }", "[object]"),
        ("new Proxy({}, { get () { throw 3 } })", "[object]"),
        ("Symbol('x')", "Symbol(x)"),
    ],
)
def test_anything_can_be_thrown(engine: EngineProcess, thrown: str, message: str) -> None:
    result = run(engine, f"function onTrack () {{ throw {thrown} }}")
    assert result == {"kind": "error", "name": "Error", "message": message, "line": None}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("return { text: 'x'.repeat(2e6) }", "too_large", id="a giant value"),
        pytest.param("return new Promise(() => {})", "unsettled", id="a promise forever open"),
        pytest.param("const a = {}; a.a = a; return a", "error", id="a cycle"),
        pytest.param("return { n: 10n }", "error", id="a big integer"),
        pytest.param("return () => 1", "nothing", id="a function"),
        pytest.param("for (let i = 0; i < 1e5; i++) console.log('y'.repeat(100))", "nothing",
                     id="a flood of lines"),
        pytest.param("for (let i = 0; i < 1e5; i++) Segment.track({ userId: 'y'.repeat(100) })",
                     "sent_too_much", id="a flood of calls"),
        pytest.param("for (let i = 0; i < 1e5; i++) setTimeout(() => { throw 1 }, 0)", "nothing",
                     id="a flood of timers"),
        pytest.param("Promise.reject(new Error('forgotten'))", "nothing", id="a forgotten error"),
    ],
)  # fmt: skip
def test_odd_results_end_in_an_answer(engine: EngineProcess, body: str, kind: str) -> None:
    assert run(engine, f"function onTrack () {{ {body} }}")["kind"] == kind
    assert is_alive(engine)


def test_an_endless_loop_is_stopped_and_the_next_function_runs(engine: EngineProcess) -> None:
    assert is_alive(engine)
    assert run(engine, "function onTrack () { for (;;); }", timeout_s=0.5) == {"kind": "timeout"}
    assert is_alive(engine)


@pytest.mark.extended
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("const a = []; for (;;) a.push(new Array(1e6).fill(a))", id="objects"),
        pytest.param("let t = 'x'; const a = []; for (;;) a.push(t += t + 'y')", id="text"),
        pytest.param("const a = []; for (;;) a.push(new Uint8Array(5e7).fill(1))", id="buffers"),
        pytest.param("new ArrayBuffer(2 ** 40)", id="one giant buffer"),
    ],
)
def test_a_function_that_uses_too_much_memory_ends_alone(engine: EngineProcess, code: str) -> None:
    assert run(engine, f"function onTrack () {{ {code} }}")["kind"] in ("crash", "error")
    assert is_alive(engine)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
def test_the_kernel_gives_the_engine_no_file_and_no_connection(engine: EngineProcess) -> None:
    import resource

    assert is_alive(engine)
    assert engine.process_id is not None
    limits = [resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE]
    assert [resource.prlimit(engine.process_id, limit) for limit in limits] == [(0, 0)] * 3
    with open(f"/proc/{engine.process_id}/environ", "rb") as environment:
        assert environment.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
def test_the_kernel_ends_a_function_that_outlives_the_emulator(engine: EngineProcess) -> None:
    import resource

    assert is_alive(engine)
    assert engine.process_id is not None
    soft, _ = resource.prlimit(engine.process_id, resource.RLIMIT_CPU)
    with open(f"/proc/{engine.process_id}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert 0 < soft - used_s <= LIMIT_S + 5


def test_a_function_that_hangs_is_not_started_for_every_event() -> None:
    function = SegmentFunction("insert", "Slow", "function onTrack () { for (;;); }", {})
    runner = FunctionRunner(WorkspaceFunctions((function,), timeout_s=0.3))
    runs = [runner.run_on_event(function, EVENT) for _ in range(10)]
    assert [run.code for run in runs] == ["FUNCTION_TIMEOUT"] * 10
    assert len([run for run in runs if run.duration_ms > 100]) == 2
