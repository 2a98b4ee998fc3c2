"""Coverage of a scenario run: what of each workspace and of the guide the scenarios have used.

It asserts nothing, so pytest need not rewrite it: PYTEST_DONT_REWRITE
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.coverage import CoverageOptions, find_coverage
from segment_insider_emulator.analysis.coverage_document import (
    build_coverage_document,
    format_coverage_page,
    format_coverage_rows,
    format_coverage_summary,
)
from segment_insider_emulator.analysis.coverage_rows import (
    CoverageReport,
    CoverageState,
    TrafficMessage,
    count_journey_arrivals,
    describe_violation,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.context import ScenarioContext, load_named_workspace


def collect_scenario_traffic(scene: ScenarioContext, scenario: str) -> JSONObject:
    """Return what a scenario has sent, as JSON, while its sandbox still exists.

    Args:
        scenario: Its place and name, e.g. "features/cart.feature:3 A cart".
    """
    client: ControlClient = scene.emulator.client
    subscriptions: dict[str, list[str]] = {}
    for delivery in client.list_deliveries():
        subscriptions.setdefault(delivery["messageId"], []).append(delivery["subscription"])
    name, folder = scene.workspace_origin
    return {
        "workspace": [name, str(folder)],
        "scenario": scenario,
        "messages": [
            {
                "event": message["normalised"] or {},
                "verdict": message["verdict"],
                "reason": message["reason"] or "",
                "subscriptions": subscriptions.get(message["messageId"], []),
                "violations": [
                    describe_violation(violation["field"], violation["description"])
                    for violation in message["violations"]
                ],
            }
            for message in client.list_messages()
        ],
        "arrivals": [
            [journey, step, count]
            for (journey, step), count in count_journey_arrivals(client.list_journeys()).items()
        ],
    }


@dataclass(frozen=True, slots=True)
class WorkspaceCoverage:
    """Coverage of one workspace by the scenarios that use it.

    Args:
        is_counted: Whether the coverage has to reach the required percentage.
    """

    workspace: str
    scenario_count: int
    report: CoverageReport
    is_counted: bool

    @property
    def title(self) -> str:
        """Return the workspace and the number of its scenarios, e.g. "guide, 3 scenarios"."""
        plural = "s" * (self.scenario_count != 1)
        return f"{self.workspace}, {self.scenario_count} scenario{plural}"


def find_run_coverage(
    records: Sequence[JSONObject], workspace: str | None, *, counts_branches: bool
) -> list[WorkspaceCoverage]:
    """Return the coverage of each workspace that scenarios used.

    Args:
        records: From `collect_scenario_traffic`.
        workspace: The workspace that the run was started with, which alone is counted; None
            counts all.
    Raises: EmulatorError, when a workspace cannot be read any more, or no event was sent.
    """
    by_workspace: dict[tuple[str, str], list[JSONObject]] = {}
    for record in records:
        name, folder = record["workspace"]
        by_workspace.setdefault((name, folder), []).append(record)
    if workspace and not any(_is_named(name, folder, workspace) for name, folder in by_workspace):
        by_workspace[workspace, ""] = []
    coverages = [
        WorkspaceCoverage(
            name,
            len(used),
            _find_workspace_coverage(name, Path(folder), used, counts_branches),
            workspace is None or _is_named(name, folder, workspace),
        )
        for (name, folder), used in sorted(by_workspace.items())
    ]
    if not any(coverage.report.event_count for coverage in coverages if coverage.is_counted):
        what = "nothing was covered: the scenarios sent no event"
        raise EmulatorError(what, workspace or "", "Choose scenarios that send some.")
    return sorted(coverages, key=lambda coverage: not coverage.is_counted)


def _is_named(name: str, folder: str, workspace: str) -> bool:
    return workspace in (name, str(Path(folder, name).resolve()))


def _find_workspace_coverage(
    name: str, folder: Path, records: Sequence[JSONObject], counts_branches: bool
) -> CoverageReport:
    workspace = load_named_workspace(name, folder)
    arrivals: Counter[tuple[str, str]] = Counter()
    for record in records:
        for journey, step, count in record["arrivals"]:
            arrivals[journey, step] += count
    options = CoverageOptions(
        workspace.tracking_plan, arrivals, is_test_run=True, counts_branches=counts_branches
    )
    return find_coverage(
        build_context(workspace.document), list(_iterate_messages(records)), options
    )


def _iterate_messages(records: Sequence[JSONObject]) -> Iterator[TrafficMessage]:
    for record in records:
        for message in record["messages"]:
            yield TrafficMessage(
                message["event"],
                0,
                message["verdict"],
                message["reason"],
                frozenset(message["subscriptions"]),
                tuple(message["violations"]),
                record["scenario"],
            )


def build_run_coverage_document(coverages: Sequence[WorkspaceCoverage]) -> list[JSONObject]:
    """Return the coverage of a run as a JSON document, one object for each workspace."""
    return [
        {
            "workspace": coverage.workspace,
            "scenarios": coverage.scenario_count,
            "counted": coverage.is_counted,
            **build_coverage_document(coverage.report),
        }
        for coverage in coverages
    ]


def format_run_coverage(
    coverages: Sequence[WorkspaceCoverage],
) -> Iterator[tuple[CoverageState | None, str]]:
    """Yield the lines of a run's coverage: what is missing or lost in each workspace."""
    for coverage in coverages:
        yield None, f"Coverage of {coverage.title}"
        yield None, ""
        yield from format_coverage_rows(coverage.report, only_gaps=True)
        counted = "" if coverage.is_counted else " (not counted)"
        yield None, f"{format_coverage_summary(coverage.report)}{counted}"
        yield None, ""


def format_run_coverage_page(coverages: Sequence[WorkspaceCoverage]) -> str:
    """Return the coverage of a run as one HTML page."""
    return format_coverage_page([(coverage.title, coverage.report) for coverage in coverages])
