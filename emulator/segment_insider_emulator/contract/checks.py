"""Checks of contract cases, alone and with the deployed workspace."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson
from flask.testing import FlaskClient

from segment_insider_emulator.contract.cases import (
    ContractCase,
    find_known_difference_reason,
    find_result_differences,
    run_case,
)
from segment_insider_emulator.contract.deployed_workspace import DeployedWorkspace, MappingState
from segment_insider_emulator.contract.junit_xml import JUnitCase
from segment_insider_emulator.types import JSONObject


def build_uncovered_junit_case(where: str, name: str, reason: str) -> JUnitCase:
    """Return a skipped JUnit case for a mapping without contract cases."""
    return JUnitCase(where, name, outcome="skipped", message=reason, text=reason)


def build_junit_case(where: str, name: str, problems: list[str]) -> JUnitCase:
    """Return a JUnit case named after its file; it fails if there are *problems*.

    Args:
        where: Its place, e.g. "cases.ndjson:3".
    """
    classname = where.partition(":")[0].removesuffix(".ndjson").removesuffix(".json")
    if not problems:
        return JUnitCase(classname, name)
    return JUnitCase(
        classname, name, outcome="failure", message=problems[0], text="\n".join([where, *problems])
    )


ACCOUNT_CHECK_NAME: Final = "account and keys"
UNCOVERED_MAPPING: Final = "uncovered-mapping"  # name of the cause
NOTHING_RECORDED: Final = "expect: nothing recorded yet"
SAME_RESULT_NOTE: Final = "result: unchanged; no recorded event shows the effect of the change"


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """The check result of one contract case, or of the workspace itself.

    Args:
        where: Place of the case, e.g. "cases.ndjson:3", or the workspace.
        verdict: "uncovered" is a mapping that no case runs.
        differences: One line for each.
        known_reason: Why a difference is known.
        mapping_state: The mapping in the workspace against the copy in the case; "new" has no
            case. None without a workspace.
        result_state: Whether the requests and results are as expected. None without a workspace.
        updated_case: The case as --update writes it; None where it cannot be.
    """

    where: str
    name: str
    verdict: Literal["passed", "failed", "known", "uncovered"]
    differences: list[str]
    known_reason: str | None = None
    mapping_state: MappingState | Literal["new"] | None = None
    result_state: Literal["same", "changed"] | None = None
    updated_case: JSONObject | None = None

    @property
    def is_about_account(self) -> bool:
        """Return whether the case verdict concerns the account or a key, not a case or mapping."""
        return self.name == ACCOUNT_CHECK_NAME

    def to_json(self) -> JSONObject:
        """Return the case verdict as JSON for the command-line option --json."""
        document: JSONObject = {
            "where": self.where,
            "name": self.name,
            "verdict": self.verdict,
            "differences": self.differences,
            "reason": self.known_reason,
        }
        if self.mapping_state:
            document |= {"mapping": self.mapping_state, "result": self.result_state}
        return document


def check_case(case: ContractCase) -> CaseVerdict:
    """Run the recorded mapping of a contract case and compare the result with "expect"."""
    actual_result = run_case(case)
    expected = case.document.get("expect")
    lines = (
        [NOTHING_RECORDED] if expected is None else find_result_differences(expected, actual_result)
    )
    if not lines:
        return CaseVerdict(case.where, case.name, "passed", [])
    reason = find_known_difference_reason(case) if expected is not None else None
    renewed = None if reason else {**case.document, "expect": actual_result}
    verdict: Literal["known", "failed"] = "known" if reason else "failed"
    return CaseVerdict(case.where, case.name, verdict, lines, reason, updated_case=renewed)


def check_deployed_case(
    case: ContractCase, deployed_workspace: DeployedWorkspace, all_cases: Sequence[ContractCase]
) -> CaseVerdict:
    """Run a contract case with the deployed mapping; report changes of mapping and result.

    Args:
        all_cases: All that are checked.
    """
    proof = check_case(case)
    deployed = deployed_workspace.run_case(case, all_cases)
    mapping = [f"mapping: {line}" for line in deployed.mapping_differences]
    expected = case.document.get("expect")
    changed = []
    if expected is not None and deployed.actual_result is not None:
        changed = [
            f"result: {line}" for line in find_result_differences(expected, deployed.actual_result)
        ]
    if proof.verdict == "known" and not mapping:
        return proof
    copy = [f"recorded copy: {line}" for line in proof.differences if expected is not None]
    lines = [*mapping, *changed] or copy or proof.differences
    if mapping and not changed and deployed.mapping_state in ("changed", "renamed"):
        lines.append(SAME_RESULT_NOTE)
    same = deployed.actual_result is not None and not changed
    return CaseVerdict(
        case.where,
        case.name,
        "failed" if lines else "passed",
        lines,
        mapping_state=deployed.mapping_state,
        result_state="same" if same else "changed",
        updated_case=deployed.updated_case,
    )


def check_account_and_coverage(
    deployed_workspace: DeployedWorkspace, cases: Sequence[ContractCase], *, strict: bool
) -> Iterator[CaseVerdict]:
    """Yield verdicts for account differences and for mappings without a case.

    Args:
        strict: Fail mappings that no case covers; those that take a recorded event fail anyway.
    """
    if lines := deployed_workspace.find_account_differences(cases):
        yield CaseVerdict(deployed_workspace.name, ACCOUNT_CHECK_NAME, "failed", lines)
    for uncovered in deployed_workspace.find_uncovered_mappings(cases):
        title = f"mapping {uncovered.title}"
        if uncovered.matching_case_names:
            count = len(uncovered.matching_case_names)
            first = (
                "no case covers it, but it matches the event of "
                f"{uncovered.matching_case_names[0]!r}"
            )
            line = f"{first} and {count - 1} more" if count > 1 else first
            yield CaseVerdict(deployed_workspace.name, title, "failed", [line], mapping_state="new")
        else:
            known = deployed_workspace.find_known_cause(UNCOVERED_MAPPING, uncovered.name)
            verdict: Literal["known", "failed", "uncovered"] = "failed" if strict else "uncovered"
            yield CaseVerdict(
                deployed_workspace.name,
                title,
                "known" if known else verdict,
                ["no case covers it"],
                (known.note or "listed under knownCauses") if known else None,
                mapping_state="new",
            )


ACCEPTED_VERDICT: Final = "accepted"
TOLERATED_VERDICTS: Final = ("warning", "not_subscribed")


@dataclass(frozen=True, slots=True)
class EventCheckResult:
    """Result of checking one event against the tracking plan, the mappings and Insider One's rules.

    Args:
        where: The place it was read from, e.g. "events.ndjson:3".
        name: Its event, page or screen, or its type.
        verdict: As GET /emulator/v1/messages has it.
        problems: One line for each thing that is wrong: of the tracking plan, of a mapping, of
            Insider One.
        known_causes: Names of the known causes that were left out.
    """

    where: str
    name: str
    verdict: str
    problems: list[str]
    known_causes: list[str] = field(default_factory=list)

    def is_accepted(self, *, strict: bool) -> bool:
        """Return whether a checked event passes; *strict* refuses warnings and unmatched events."""
        return self.verdict == ACCEPTED_VERDICT or (
            self.verdict in TOLERATED_VERDICTS and not strict
        )


def check_producer_events(
    events: Iterable[tuple[str, JSONObject]], client: FlaskClient, write_key: str
) -> Iterator[EventCheckResult]:
    """Send each event of a producer through the whole emulator and yield its check result.

    Args:
        events: Place and event.
        client: Of an emulator that may be reset before each event.
        write_key: Of the source that the events are sent to.
    """
    for where, event in events:
        client.post("/emulator/v1/reset")
        call_type = event.get("type", "track")
        body = orjson.dumps({**event, "writeKey": write_key})
        answer = client.post(f"/v1/{call_type}", data=body, content_type="application/json")
        if answer.status_code != 200:
            why = [f"Segment answers {answer.status_code}: {answer.get_data(as_text=True)}"]
            yield EventCheckResult(where, str(call_type), "rejected", why)
            continue
        messages = orjson.loads(client.get("/emulator/v1/messages").data)["messages"]
        deliveries = orjson.loads(client.get("/emulator/v1/deliveries").data)["deliveries"]
        yield _build_event_check_result(where, messages[-1], deliveries)


def _build_event_check_result(
    where: str, message: JSONObject, deliveries: list[JSONObject]
) -> EventCheckResult:
    sent = message["message"]
    name = message["event"] or sent.get("name") or message["type"]
    why = [str(violation) for violation in message["violations"]]
    why += [
        f"{delivery['subscription']}: {delivery['reason']}"
        for delivery in deliveries
        if delivery["reason"]
    ]
    # The reason of the message may repeat the reasons of its deliveries.
    reason = message["reason"] or ""
    for delivery in deliveries:
        reason = reason.removeprefix(delivery["reason"] or "").removeprefix("; ")
    if reason and (deliveries or not why):
        why.append(reason)
    known = [
        finding["cause"]
        for delivery in deliveries
        for finding in delivery["findings"]
        if finding.get("quiet") == "known"
    ]
    return EventCheckResult(where, str(name), message["verdict"], why, known)
