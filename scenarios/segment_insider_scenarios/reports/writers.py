"""Writers of scenario run reports: HTML, JUnit XML, Cucumber files, and the emulator's pages."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from segment_insider_emulator.contract.junit_xml import JUnitCase
from segment_insider_emulator.contract.junit_xml import render_junit_xml as document
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import mask_json_lines
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.reports import RunResults, ScenarioResult, StepResult
from segment_insider_scenarios.reports.cucumber import (
    render_cucumber_json,
    render_cucumber_messages,
)


def render_html_page(results: RunResults) -> str:
    """Return a scenario run as one HTML page without scripts or external files.

    Captured data may be hostile: everything is escaped, and the page allows no scripts.
    """
    verdicts = [scenario.verdict for scenario in results.scenarios]
    counts = {verdict: verdicts.count(verdict) for verdict in ("passed", "failed", "skipped")}
    tags = sorted({tag for scenario in results.scenarios for tag in scenario.tags})
    return _load_html_template().render(
        results=results, counts=counts, shown=_format_json, tags=tags
    )


def _format_json(value: JSON) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


@cache
def _load_html_template() -> Template:
    loader = PackageLoader("segment_insider_scenarios.reports")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html")


# The tags of the test and of the requirements of a scenario in Xray, and of its case in TestRail.
XRAY_TEST_TAG: Final = re.compile(r"TEST_([A-Z][A-Z0-9_]*-\d+)")
XRAY_REQUIREMENT_TAG: Final = re.compile(r"REQ_([A-Z][A-Z0-9_]*-\d+)")
TESTRAIL_CASE_TAG: Final = re.compile(r"C\d+")
SUITE_NAME: Final = "emulator verify"
OUTCOME_BY_VERDICT: Final[dict[str, Literal["passed", "failure", "skipped"]]] = {
    "passed": "passed",
    "failed": "failure",
    "skipped": "skipped",
}


def render_junit_report(results: RunResults) -> bytes:
    """Return a scenario run as JUnit XML; unreadable files and interruptions are errors."""
    seconds = (results.ended_at - results.started_at).total_seconds()
    return document(
        SUITE_NAME,
        _iterate_junit_test_cases(results),
        seconds=seconds,
        started_at=results.started_at,
    )


def _iterate_junit_test_cases(results: RunResults) -> Iterator[JUnitCase]:
    for _, scenarios in results.group_by_feature():
        yield from map(_build_junit_test_case, scenarios)
    for unreadable_file in results.unreadable:
        yield _build_junit_error(unreadable_file.where, unreadable_file.message)
    if results.interrupted:
        yield _build_junit_error(SUITE_NAME, "The run was interrupted: scenarios are missing.")


def _build_junit_test_case(scenario: ScenarioResult) -> JUnitCase:
    failure = scenario.failure or ""
    classname = f"{scenario.where.removesuffix('.feature')}.{scenario.feature}"
    end = OUTCOME_BY_VERDICT[scenario.verdict]
    return JUnitCase(
        classname,
        scenario.title or scenario.scenario,
        scenario.seconds,
        end,
        get_failure_headline(failure),
        failure,
        file=scenario.where,
        line=scenario.row_line or scenario.line,
        properties=tuple(_list_junit_properties(scenario.tags)),
    )


def _list_junit_properties(tags: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the tags as properties, also in the names that Xray and TestRail read."""
    names = [tag.removeprefix("@") for tag in tags]
    yield from (("tag", f"@{name}") for name in names)
    if names:
        yield "tags", ",".join(names)
    for name in names:
        if key := XRAY_TEST_TAG.fullmatch(name):
            yield "test_key", key[1]
    if requirements := [key[1] for name in names if (key := XRAY_REQUIREMENT_TAG.fullmatch(name))]:
        yield "requirements", ",".join(requirements)
    if cases := [name for name in names if TESTRAIL_CASE_TAG.fullmatch(name)]:
        yield "test_id", ",".join(cases)


def _build_junit_error(where: str, message: str) -> JUnitCase:
    file = where if where.endswith(".feature") else ""
    return JUnitCase(
        where, "it can be run", outcome="error", message=message, text=message, file=file
    )


def get_failure_headline(failure: str) -> str:
    """Return the first line of a step's failure, after the scenario's text."""
    _, _, why = failure.partition("\n\n")
    return (why or failure).partition("\n")[0]


# Option of `emulator verify` -> what it writes.
REPORT_WRITERS: dict[str, Callable[[RunResults], bytes]] = {
    "junit": render_junit_report,
    "cucumber_json": lambda results: render_cucumber_json(results, Path.cwd()),
    # They have the texts of the feature files, too.
    "cucumber_messages": lambda results: mask_json_lines(
        render_cucumber_messages(results, Path.cwd())
    ),
    "html": lambda results: render_html_page(results).encode(),
    "scenario_run": lambda results: orjson.dumps(build_scenario_run_document(results)),
}
# Those that show what each step sent and delivered.


def write_reports(results: RunResults, files: dict[str, Path]) -> None:
    """Write the requested reports of a scenario run to their files.

    Args:
        files: By one of REPORT_FORMATS.
    Raises: EmulatorError, when a file cannot be written.
    """
    for kind, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(REPORT_WRITERS[kind](results))
        except OSError as error:
            what = f"the report cannot be written ({error.strerror})"
            raise EmulatorError(what, str(path), "Name a file that you may write.") from error


MAX_BYTES_WITH_TABLES = 4_000_000  # of a report; above, passed scenarios have no tables
MAX_TABLE_ROWS, MAX_TABLE_COLUMNS = 200, 60
MAX_FEATURES, MAX_SCENARIOS, MAX_STEPS, MAX_MESSAGES = 1000, 2000, 500, 500
MAX_TEXT_LENGTH, MAX_STEP_LENGTH, MAX_FAILURE_LENGTH = 1000, 10_000, 20_000  # characters
# The emulator knows three verdicts of a step.
STEP_VERDICTS = {"passed": "passed", "skipped": "skipped"}


def send_run_to_emulator(results: RunResults, url: str) -> int:
    """Send the results of a scenario run to the emulator at *url* and return its id there.

    Raises: EmulatorError.
    """
    with ControlClient.connect(url) as client:
        return client.report_scenario_run(build_scenario_run_document(results))


# Variables in which GitHub, GitLab, Bitbucket, CircleCI, Azure and Jenkins name the branch.
BRANCH_VARIABLES = (
    *("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"),
    *("CI_COMMIT_REF_NAME", "BITBUCKET_BRANCH", "CIRCLE_BRANCH", "BUILD_SOURCEBRANCHNAME"),
    *("CHANGE_BRANCH", "BRANCH_NAME"),
)
ADDRESS_SECRET = re.compile(r"(?<=//)[^/@\s]*@")


def find_branch(environ: Mapping[str, str]) -> str | None:
    """Return the branch that CI names in environment variables; None outside CI."""
    return next((environ[name] for name in BRANCH_VARIABLES if environ.get(name)), None)


def describe_command(arguments: Sequence[str]) -> str:
    """Return the command line for people, without secrets in addresses."""
    return ADDRESS_SECRET.sub("…@", shlex.join(["emulator", *arguments]))


def build_scenario_run_document(results: RunResults) -> JSONObject:
    """Return a scenario run as body of POST /emulator/v1/scenario-runs, cut to its limits."""
    origin = {"command": results.command, "branch": results.branch}
    document: JSONObject = {
        "startedAt": results.started_at.isoformat(),
        **{name: text[:MAX_TEXT_LENGTH] for name, text in origin.items() if text},
        "features": list(_list_run_features(results))[:MAX_FEATURES],
    }
    if len(orjson.dumps(document)) > MAX_BYTES_WITH_TABLES:
        for feature in document["features"]:
            for scenario in feature["scenarios"]:
                if scenario["verdict"] != "failed":
                    _remove_step_tables(scenario)
    return document


def _remove_step_tables(scenario: JSONObject) -> None:
    for step in scenario["steps"]:
        for name in ("table", "docstring"):
            step.pop(name, None)


def _list_run_features(results: RunResults) -> Iterator[JSONObject]:
    for file, scenarios in results.group_by_feature():
        documents = [_build_scenario_document(scenario) for scenario in scenarios[:MAX_SCENARIOS]]
        yield {
            "name": scenarios[0].feature[:MAX_TEXT_LENGTH],
            "uri": file[:MAX_TEXT_LENGTH],
            "scenarios": documents,
        }
    for unreadable in results.unreadable:
        documents = [
            _build_scenario_document(
                ScenarioResult(
                    unreadable.where, "", "It can be run", "failed", 0, unreadable.message
                )
            )
        ]
        yield {
            "name": unreadable.where[:MAX_TEXT_LENGTH],
            "uri": unreadable.where[:MAX_TEXT_LENGTH],
            "scenarios": documents,
        }


def _build_scenario_document(result: ScenarioResult) -> JSONObject:
    return {
        "name": (result.title or result.scenario)[:MAX_TEXT_LENGTH],
        "line": result.line,
        "verdict": result.verdict,
        "seconds": result.seconds,
        "sandbox": _get_sandbox_id_from_url(result.sandbox),
        "messages": result.messages[:MAX_MESSAGES],
        "calls": [
            {**call, "name": call["name"][:MAX_TEXT_LENGTH]} for call in result.calls[:MAX_MESSAGES]
        ],
        "failure": result.failure and result.failure[:MAX_FAILURE_LENGTH],
        "steps": [_build_step_document(step) for step in result.steps[:MAX_STEPS]],
    }


def _build_step_document(result: StepResult) -> JSONObject:
    return {
        "keyword": result.keyword,
        "text": result.text[:MAX_STEP_LENGTH],
        "line": result.line,
        "verdict": STEP_VERDICTS.get(result.verdict, "failed"),
        "failure": result.failure and result.failure[:MAX_FAILURE_LENGTH],
        **_build_step_tables(result),
    }


def _build_step_tables(result: StepResult) -> JSONObject:
    """Return what a step has below it, and what a failed comparison found, cut to the limits."""
    tables: JSONObject = {}
    if result.table:
        tables["table"] = _cut_rows(result.table)
    if result.docstring is not None:
        tables["docstring"] = result.docstring[:MAX_STEP_LENGTH]
    if result.compared:
        columns = _cut_rows([result.compared["columns"]])[0]
        rows = [row[: len(columns) + 1] for row in _cut_rows(result.compared["rows"])]
        tables["compared"] = {"columns": columns, "rows": rows}
    return tables


def _cut_rows(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [
        [cell[:MAX_TEXT_LENGTH] for cell in row[:MAX_TABLE_COLUMNS]]
        for row in rows[:MAX_TABLE_ROWS]
    ]


def _get_sandbox_id_from_url(url: str | None) -> str | None:
    """Return the sandbox id at the end of a sandbox URL."""
    return url.rpartition("/sandboxes/")[2] if url and "/sandboxes/" in url else None
