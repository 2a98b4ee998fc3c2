"""What is wrong with the functions of a workspace, before Segment runs them."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from small_workspaces import make_subscription, make_workspace, run_rule

from segment_insider_emulator.analysis.lint import function_rules
from segment_insider_emulator.cli import main
from segment_insider_emulator.functions import engine
from segment_insider_emulator.types import JSONObject

needs_node = pytest.mark.skipif(engine.find_engine_problem() is not None, reason="needs Node.js 20")
ALL_TYPES = "function onTrack (e) { return e }\nfunction onIdentify (e) { return e }"
NEVER_RUN = "function onTrack (e) { return { never: 'run' } }"  # no engine has loaded it
INSERT = "functions.insert[0] 'F'"


def make_document(**functions: str) -> JSONObject:
    return make_workspace(make_subscription("trackEvent", trigger='type = "track"')) | {
        "functions": {kind: [{"name": "F", "code": code}] for kind, code in functions.items()}
    }


@needs_node
@pytest.mark.parametrize(
    ("functions", "findings"),
    [
        pytest.param({"insert": ALL_TYPES}, [], id="nothing"),
        pytest.param(
            {"insert": "function onTrack (e) {\n  return e\n}}"},
            [("error", f"{INSERT}.code", "the code does not load: SyntaxError at line 3: "
              "Unexpected token '}'", "Correct the code: Segment does not run it either.")],
            id="a syntax error with its line",
        ),
        pytest.param(
            {"insert": "function onIdentify (e) { return e }"},
            [("warning", INSERT, "it has no onTrack, so Segment stops the track calls of 'S'",
              "Define onTrack; `return event` passes the event on.")],
            id="a handler that the mapping needs",
        ),
        pytest.param(
            {"insert": "function onBatch (e) { return e }"},
            [("warning", INSERT, "it has only onBatch, and Segment needs a handler for single "
              "events, too", "Define onTrack, onIdentify and so on.")],
            id="only onBatch",
        ),
        pytest.param(
            {"source": "fetch('https://fn.segmentapis.com/'); function onTrack () {}"},
            [
                ("error", "functions.source[0] 'F'",
                 "it has no onRequest, which Segment calls for each webhook",
                 "Define onRequest(request, settings)."),
                ("error", "functions.source[0] 'F'",
                 "it names fn.segmentapis.com, so Segment does not save it",
                 "A function must not call itself."),
            ],
            id="a source function",
        ),
    ],
)  # fmt: skip
def test_a_function_is_checked(
    functions: dict[str, str], findings: list[tuple[str, str, str, str]]
) -> None:
    found = run_rule(function_rules.find_function_problems, make_document(**functions))
    assert found == findings


def test_without_nodejs_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    engine.find_node.cache_clear()
    try:
        found = run_rule(function_rules.find_function_problems, make_document(insert=NEVER_RUN))
    finally:
        engine.find_node.cache_clear()
    assert found == [
        (
            "error",
            "functions",
            "functions do not run: Node.js is not installed, so each event that reaches a "
            "function fails",
            "Install Node.js 20 or later; all other parts work without it.",
        )
    ]


def test_a_missing_code_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "source: {name: Shop, writeKey: wk_demo}\n"
        "destination: {settings: {account_name: a, ucd_key: k}, subscriptions: []}\n"
        "functions: {insert: [{name: F, codeFile: f.js}]}\n"
    )
    result = CliRunner().invoke(main, ["lint", str(tmp_path / "shop.yaml")])
    assert (result.exit_code, result.stderr) == (
        2,
        f"emulator: {tmp_path}/f.js: the JavaScript file cannot be read (No such file or "
        "directory). Name a JavaScript file by its path from the workspace file's folder.\n",
    )
