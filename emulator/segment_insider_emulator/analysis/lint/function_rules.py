"""Lint rules for Segment functions: code that does not load, handlers that are missing."""

from collections.abc import Iterator

from segment_insider_emulator.analysis.context import AnalysisContext
from segment_insider_emulator.analysis.sample_events import build_probe_events
from segment_insider_emulator.functions.segment_function import (
    BATCH_HANDLER,
    HANDLERS,
    REQUEST_HANDLER,
    SegmentFunction,
)
from segment_insider_emulator.workspace.validation import WorkspaceFinding

_MAX_LISTED_MAPPINGS = 3
# Source functions may not call themselves. (documented)
_OWN_ADDRESS = "fn.segmentapis.com"


def find_function_problems(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find functions whose code does not load, or that lack a handler for what mappings take."""
    functions = context.workspace.functions
    enabled = [function for function in functions.functions if function.enabled]
    if not enabled:
        return
    # Imported here because few workspaces have functions, and only they need the engine.
    from segment_insider_emulator.functions.engine import EngineUnavailable
    from segment_insider_emulator.functions.runner import FunctionCodeError, FunctionRunner

    runner = FunctionRunner(functions)
    libraries = context.workspace.document["functions"].get("libraries", {})
    for function in enabled:
        where = f"{function.where} {function.name!r}"
        try:
            handlers = runner.list_handlers(function)
        except EngineUnavailable as error:
            what = f"{error.what}, so each event that reaches a function fails"
            yield WorkspaceFinding("error", "functions", what, error.remedy)
            return
        except FunctionCodeError as error:
            # A library is a file beside the workspace file, which is not part of the document.
            if not any(f"ReferenceError at line {error.line}: {name} " in error.what
                       for name in libraries):  # fmt: skip
                remedy = "Correct the code: Segment does not run it either."
                yield WorkspaceFinding("error", f"{where}.code", error.what, remedy)
            continue
        yield from _find_missing_handlers(context, function, handlers, where)


def _find_missing_handlers(
    context: AnalysisContext, function: SegmentFunction, handlers: list[str], where: str
) -> Iterator[WorkspaceFinding]:
    if function.kind == "source":
        if REQUEST_HANDLER not in handlers:
            what = "it has no onRequest, which Segment calls for each webhook"
            yield WorkspaceFinding("error", where, what, "Define onRequest(request, settings).")
        if _OWN_ADDRESS in function.code:
            what = f"it names {_OWN_ADDRESS}, so Segment does not save it"
            yield WorkspaceFinding("error", where, what, "A function must not call itself.")
        return
    single = [handler for handler in handlers if handler != BATCH_HANDLER]
    if not single and BATCH_HANDLER in handlers:
        what = "it has only onBatch, and Segment needs a handler for single events, too"
        yield WorkspaceFinding("warning", where, what, "Define onTrack, onIdentify and so on.")
        return
    for call_type, mappings in _list_mappings_by_type(context).items():
        handler = HANDLERS.get(call_type)
        if handler and handler not in handlers:
            listed = ", ".join(repr(name) for name in mappings[:_MAX_LISTED_MAPPINGS])
            more = len(mappings) - _MAX_LISTED_MAPPINGS
            others = f" and {more} others" if more > 0 else ""
            what = (
                f"it has no {handler}, so Segment stops the {call_type} calls of {listed}{others}"
            )
            remedy = f"Define {handler}; `return event` passes the event on."
            yield WorkspaceFinding("warning", where, what, remedy)


def _list_mappings_by_type(context: AnalysisContext) -> dict[str, list[str]]:
    """Map each type of call to the names of the subscriptions that take such calls."""
    mappings: dict[str, list[str]] = {}
    for _, event in build_probe_events(context):
        for subscription in context.subscriptions:
            names = mappings.setdefault(event["type"], [])
            if subscription.name not in names and subscription.matches(event):
                names.append(subscription.name)
    return {call_type: names for call_type, names in mappings.items() if names}
