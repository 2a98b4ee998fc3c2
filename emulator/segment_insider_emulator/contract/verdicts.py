"""What a check says of contract cases, and of the workspace that they run through."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from segment_insider_emulator.contract.cases import Case
from segment_insider_emulator.contract.deployment import Deployment, State
from segment_insider_emulator.contract.running import actual, differences, known_reason
from segment_insider_emulator.types import JSONObject

ACCOUNT_AND_KEYS: Final = "account and keys"
UNRECORDED: Final = "expect: nothing is recorded yet"
SAME_RESULT: Final = "result: the same; no recorded event shows what the change does"


@dataclass(frozen=True, slots=True)
class Verdict:
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
    reason: str | None = None
    mapping: State | Literal["new"] | None = None
    result: Literal["same", "changed"] | None = None
    renewed: JSONObject | None = None

    @property
    def concerns_account(self) -> bool:
        """Whether this is about the account or a key, and not about a case or a mapping."""
        return self.name == ACCOUNT_AND_KEYS

    def document(self) -> JSONObject:
        """Return the verdict as --json prints it."""
        document: JSONObject = {
            "where": self.where,
            "name": self.name,
            "verdict": self.verdict,
            "differences": self.differences,
            "reason": self.reason,
        }
        if self.mapping:
            document |= {"mapping": self.mapping, "result": self.result}
        return document


def judge(case: Case) -> Verdict:
    """Run the copy of the mapping in *case*, and compare what happens with "expect"."""
    received = actual(case)
    expected = case.document.get("expect")
    found = [UNRECORDED] if expected is None else differences(expected, received)
    if not found:
        return Verdict(case.where, case.name, "passed", [])
    reason = known_reason(case) if expected is not None else None
    renewed = None if reason else {**case.document, "expect": received}
    verdict: Literal["known", "failed"] = "known" if reason else "failed"
    return Verdict(case.where, case.name, verdict, found, reason, renewed=renewed)


def judge_deployed(case: Case, deployment: Deployment, cases: Sequence[Case]) -> Verdict:
    """Run *case* through the workspace's own mapping, and say which of both is not as recorded.

    Args:
        cases: All that are checked.
    """
    proof = judge(case)
    deployed = deployment.run(case, cases)
    mapping = [f"mapping: {line}" for line in deployed.mapping]
    expected = case.document.get("expect")
    changed = []
    if expected is not None and deployed.actual is not None:
        changed = [f"result: {line}" for line in differences(expected, deployed.actual)]
    if proof.verdict == "known" and not mapping:
        return proof
    copy = [f"recorded copy: {line}" for line in proof.differences if expected is not None]
    lines = [*mapping, *changed] or copy or proof.differences
    if mapping and not changed and deployed.state in ("changed", "renamed"):
        lines.append(SAME_RESULT)
    same = deployed.actual is not None and not changed
    return Verdict(
        case.where,
        case.name,
        "failed" if lines else "passed",
        lines,
        mapping=deployed.state,
        result="same" if same else "changed",
        renewed=deployed.renewed,
    )


def judge_workspace(
    deployment: Deployment, cases: Sequence[Case], *, strict: bool
) -> Iterator[Verdict]:
    """Say what of the workspace is not as it was recorded, and which mappings have no case.

    Args:
        strict: Fail mappings that no case covers; those that take a recorded event fail anyway.
    """
    if lines := deployment.account_differences(cases):
        yield Verdict(deployment.name, ACCOUNT_AND_KEYS, "failed", lines)
    for uncovered in deployment.uncovered(cases):
        title = f"mapping {uncovered.title}"
        if uncovered.takes:
            count = len(uncovered.takes)
            first = f"no case covers it, and it takes the event of {uncovered.takes[0]!r}"
            line = f"{first} and {count - 1} more" if count > 1 else first
            yield Verdict(deployment.name, title, "failed", [line], mapping="new")
        else:
            verdict: Literal["failed", "uncovered"] = "failed" if strict else "uncovered"
            yield Verdict(deployment.name, title, verdict, ["no case covers it"], mapping="new")
