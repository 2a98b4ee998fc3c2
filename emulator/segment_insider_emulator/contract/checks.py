"""Contract cases as JUnit XML."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from segment_insider_emulator.contract.cases import (
    ContractCase,
    find_known_reason,
    find_result_differences,
    run_case,
)
from segment_insider_emulator.contract.deployed_workspace import DeployedWorkspace, MappingState
from segment_insider_emulator.contract.junit_xml import JUnitCase
from segment_insider_emulator.types import JSONObject


def build_uncovered_junit_case(where: str, name: str, reason: str) -> JUnitCase:
    """Return a mapping of the workspace *where* that no case covers."""
    return JUnitCase(where, name, outcome="skipped", message=reason, text=reason)


def build_junit_case(where: str, name: str, problems: list[str]) -> JUnitCase:
    """A case of the class of its file; without *why* it passed.

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
NOTHING_RECORDED: Final = "expect: nothing is recorded yet"
SAME_RESULT_NOTE: Final = "result: the same; no recorded event shows what the change does"


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """What came of one case, or of something in the workspace that no case is about.

    Args:
        where: Place of the case, e.g. "cases.ndjson:3", or the workspace.
        verdict: "uncovered" is a mapping that no case runs.
        differences: One line for each.
        reason: Why a difference is known.
        mapping: The mapping in the workspace against the copy in the case; "new" has no case. None
            without a workspace.
        result: Whether the requests and results are as expected. None without a workspace.
        renewed: The case as --update writes it; None where it cannot be.
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
        """Whether this is about the account or a key, and not about a case or a mapping."""
        return self.name == ACCOUNT_CHECK_NAME

    def to_json(self) -> JSONObject:
        """Return the verdict as --json prints it."""
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
    """Run the copy of the mapping in *case*, and compare what happens with "expect"."""
    actual_result = run_case(case)
    expected = case.document.get("expect")
    lines = (
        [NOTHING_RECORDED] if expected is None else find_result_differences(expected, actual_result)
    )
    if not lines:
        return CaseVerdict(case.where, case.name, "passed", [])
    reason = find_known_reason(case) if expected is not None else None
    renewed = None if reason else {**case.document, "expect": actual_result}
    verdict: Literal["known", "failed"] = "known" if reason else "failed"
    return CaseVerdict(case.where, case.name, verdict, lines, reason, updated_case=renewed)


def check_deployed_case(
    case: ContractCase, deployed_workspace: DeployedWorkspace, all_cases: Sequence[ContractCase]
) -> CaseVerdict:
    """Run *case* through the workspace's own mapping, and say which of both is not as recorded.

    Args:
        cases: All that are checked.
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


def check_deployed_workspace(
    deployed_workspace: DeployedWorkspace, cases: Sequence[ContractCase], *, strict: bool
) -> Iterator[CaseVerdict]:
    """Say what of the workspace is not as it was recorded, and which mappings have no case.

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
                f"no case covers it, and it takes the event of {uncovered.matching_case_names[0]!r}"
            )
            line = f"{first} and {count - 1} more" if count > 1 else first
            yield CaseVerdict(deployed_workspace.name, title, "failed", [line], mapping_state="new")
        else:
            verdict: Literal["failed", "uncovered"] = "failed" if strict else "uncovered"
            yield CaseVerdict(
                deployed_workspace.name, title, verdict, ["no case covers it"], mapping_state="new"
            )
