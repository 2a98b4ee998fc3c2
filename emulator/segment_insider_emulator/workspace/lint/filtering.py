"""What is wrong before the destination: filters that cannot work, controls without effect."""

from collections.abc import Iterator

from segment_insider_emulator.segment.filtering.fql.checks import constant_conditions
from segment_insider_emulator.segment.filtering.fql.lexer import FqlError
from segment_insider_emulator.segment.filtering.fql.syntax import parse
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint.subject import Subject
from segment_insider_emulator.workspace.structure import place


def broken_filters(subject: Subject) -> Iterator[Finding]:
    """A filter whose statement cannot be read drops every event."""
    for where, filter_ in _enabled(subject):
        try:
            parse(filter_["if"])
        except FqlError as error:
            what = f"Segment cannot read this filter and drops every event: {error}"
            remedy = "Correct it, or switch the filter off with enabled: false."
            yield Finding("error", f"{where}.if", what, remedy)


def constant_filters(subject: Subject) -> Iterator[Finding]:
    """Find conditions that every event answers alike, such as a number compared with a text."""
    for where, filter_ in _enabled(subject):
        try:
            conditions = [*constant_conditions(parse(filter_["if"]))]
        except FqlError:
            continue  # another rule says so
        for condition in dict.fromkeys(conditions):
            remedy = "Write what is meant, or take this part out."
            yield Finding("warning", f"{where}.if", str(condition), remedy)


def idle_filters(subject: Subject) -> Iterator[Finding]:
    """An action that names no fields changes nothing."""
    for where, filter_ in _enabled(subject):
        for index, action in enumerate(filter_["actions"]):
            if action["type"].endswith("_PROPERTIES") and not action.get("fields"):
                what = "this action names no fields and does nothing"
                remedy = "Name them, such as fields: {properties: [email]}."
                yield Finding("warning", f"{where}.actions[{index}]", what, remedy)


def idle_controls(subject: Subject) -> Iterator[Finding]:
    """Without a tracking plan there is nothing to violate."""
    document = subject.workspace.document
    if "trackingPlan" in document:
        return
    for kind in ("track", "identify", "group"):
        if document["source"].get("settings", {}).get(kind):
            what = "no tracking plan is connected, so these controls do nothing"
            remedy = "Name the plan's file as trackingPlan."
            yield Finding("warning", f"source.settings.{kind}", what, remedy)


def _enabled(subject: Subject) -> Iterator[tuple[str, JSONObject]]:
    filters = subject.workspace.destination.get("filters", [])
    for index, filter_ in enumerate(filters):
        if filter_.get("enabled", True):
            yield place("destination", "filters", index), filter_
