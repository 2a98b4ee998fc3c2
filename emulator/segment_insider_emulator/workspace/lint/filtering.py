"""What is wrong before the destination: filters that cannot work, controls without effect."""

from collections.abc import Iterator

from segment_insider_emulator.segment.filtering.fql.checks import find_constant_conditions
from segment_insider_emulator.segment.filtering.fql.lexer import FqlSyntaxError
from segment_insider_emulator.segment.filtering.fql.syntax import parse_statement
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.lint.subject import AnalysisContext
from segment_insider_emulator.workspace.structure import format_path


def find_unparsable_filters(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """A filter whose statement cannot be read drops every event."""
    for where, filter_ in _enabled_filters(context):
        try:
            parse_statement(filter_["if"])
        except FqlSyntaxError as error:
            what = f"Segment cannot read this filter and drops every event: {error}"
            remedy = "Correct it, or switch the filter off with enabled: false."
            yield WorkspaceFinding("error", f"{where}.if", what, remedy)


def find_constant_filter_conditions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find conditions that every event answers alike, such as a number compared with a text."""
    for where, filter_ in _enabled_filters(context):
        try:
            conditions = [*find_constant_conditions(parse_statement(filter_["if"]))]
        except FqlSyntaxError:
            continue  # another rule says so
        for condition in dict.fromkeys(conditions):
            remedy = "Write what is meant, or take this part out."
            yield WorkspaceFinding("warning", f"{where}.if", str(condition), remedy)


def find_filters_without_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """An action that names no fields changes nothing."""
    for where, filter_ in _enabled_filters(context):
        for index, action in enumerate(filter_["actions"]):
            if action["type"].endswith("_PROPERTIES") and not action.get("fields"):
                what = "this action names no fields and does nothing"
                remedy = "Name them, such as fields: {properties: [email]}."
                yield WorkspaceFinding("warning", f"{where}.actions[{index}]", what, remedy)


def find_controls_without_plan(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Without a tracking plan there is nothing to violate."""
    document = context.workspace.document
    if "trackingPlan" in document:
        return
    for kind in ("track", "identify", "group"):
        if document["source"].get("settings", {}).get(kind):
            what = "no tracking plan is connected, so these controls do nothing"
            remedy = "Name the plan's file as trackingPlan."
            yield WorkspaceFinding("warning", f"source.settings.{kind}", what, remedy)


def _enabled_filters(context: AnalysisContext) -> Iterator[tuple[str, JSONObject]]:
    filters = context.workspace.destination.get("filters", [])
    for index, filter_ in enumerate(filters):
        if filter_.get("enabled", True):
            yield format_path("destination", "filters", index), filter_
