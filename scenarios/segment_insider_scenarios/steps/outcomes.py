"""What became of a call on its way."""

from pytest_bdd import then

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import format_row
from segment_insider_scenarios.naming import require_text
from segment_insider_scenarios.scene import ScenarioContext, find_newest_call
from segment_insider_scenarios.story import find_unread_paths
from segment_insider_scenarios.tables import StepTable, require_header
from segment_insider_scenarios.verdicts import assert_claim, assert_rows_equal


@then(parsers.StepPattern('the call "{call}" ends as {verdict:w}'))
def call_ends_as(scene: ScenarioContext, call: str, verdict: str) -> None:
    """The newest call of this event, page or screen, or of this type."""
    _require_known_verdict(verdict)
    message = find_newest_call(scene, call)
    assert_claim(
        scene,
        f'the call "{call}" ends as {verdict}',
        holds=message["verdict"] == verdict,
        actual_text=f"It ended as {_describe_outcome(message)}.",
    )


@then(parsers.StepPattern('the call "{call}" ends as {verdict:w} because "{reason}"'))
def call_ends_as_because(scene: ScenarioContext, call: str, verdict: str, reason: str) -> None:
    """The reason may be a part of what the emulator says."""
    _require_known_verdict(verdict)
    require_text("reason", reason, f'the call "{call}" ends as {verdict} because ""')
    message = find_newest_call(scene, call)
    assert_claim(
        scene,
        f'the call "{call}" ends as {verdict} because "{reason}"',
        holds=message["verdict"] == verdict and reason in (message["reason"] or ""),
        actual_text=f"It ended as {_describe_outcome(message)}.",
    )


@then(parsers.StepPattern('no mapping reads exactly these properties of the call "{call}":'))
def no_mapping_reads(scene: ScenarioContext, call: str, datatable: StepTable) -> None:
    """A table with one column: properties.gift_wrap, traits.nickname.

    | property             |
    | properties.gift_wrap |
    """
    require_header(datatable, ("property",))
    columns = datatable[0]
    paths = find_unread_paths(scene, find_newest_call(scene, call))
    received = [format_row({columns[0]: path}, columns) for path in sorted(paths)]
    expected = sorted(tuple(line) for line in datatable[1:])
    claim = f'no mapping reads exactly these properties of the call "{call}"'
    assert_rows_equal(scene, claim, columns, expected, received)


def _require_known_verdict(verdict: str) -> None:
    if verdict not in VERDICTS:
        raise EmulatorError(f"unknown verdict {verdict!r}", "", f"Known: {', '.join(VERDICTS)}.")


def _describe_outcome(message: JSONObject) -> str:
    because = f', because "{message["reason"]}"' if message["reason"] else ""
    return f"{message['verdict']}{because}"
