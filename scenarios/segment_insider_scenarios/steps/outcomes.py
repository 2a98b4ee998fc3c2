"""What became of a call on its way."""

from pytest_bdd import then

from segment_insider_emulator.capture.records import VERDICTS
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import row_of
from segment_insider_scenarios.naming import expect_text
from segment_insider_scenarios.scene import Scene, newest
from segment_insider_scenarios.story import unread
from segment_insider_scenarios.tables import Table, expect_header
from segment_insider_scenarios.verdicts import expect, expect_rows


@then(parsers.parse('the call "{call}" ends as {verdict:w}'))
def ends_as(scene: Scene, call: str, verdict: str) -> None:
    """The newest call of this event, page or screen, or of this type."""
    _known(verdict)
    message = newest(scene, call)
    expect(
        scene,
        f'the call "{call}" ends as {verdict}',
        holds=message["verdict"] == verdict,
        found=f"It ended as {_ending(message)}.",
    )


@then(parsers.parse('the call "{call}" ends as {verdict:w} because "{reason}"'))
def ends_as_because(scene: Scene, call: str, verdict: str, reason: str) -> None:
    """The reason may be a part of what the emulator says."""
    _known(verdict)
    expect_text("reason", reason, f'the call "{call}" ends as {verdict} because ""')
    message = newest(scene, call)
    expect(
        scene,
        f'the call "{call}" ends as {verdict} because "{reason}"',
        holds=message["verdict"] == verdict and reason in (message["reason"] or ""),
        found=f"It ended as {_ending(message)}.",
    )


@then(parsers.parse('no mapping reads exactly these properties of the call "{call}":'))
def reads_not(scene: Scene, call: str, datatable: Table) -> None:
    """A table with one column: properties.gift_wrap, traits.nickname.

    | property             |
    | properties.gift_wrap |
    """
    expect_header(datatable, ("property",))
    columns = datatable[0]
    paths = unread(scene, newest(scene, call))
    received = [row_of({columns[0]: path}, columns) for path in sorted(paths)]
    expected = sorted(tuple(line) for line in datatable[1:])
    claim = f'no mapping reads exactly these properties of the call "{call}"'
    expect_rows(scene, claim, columns, expected, received)


def _known(verdict: str) -> None:
    if verdict not in VERDICTS:
        raise EmulatorError(f"unknown verdict {verdict!r}", "", f"Known: {', '.join(VERDICTS)}.")


def _ending(message: JSONObject) -> str:
    because = f', because "{message["reason"]}"' if message["reason"] else ""
    return f"{message['verdict']}{because}"
