"""The command `emulator map`: map events to Insider One requests."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click
import orjson

from segment_insider_emulator.cli.event_explanations import (
    is_valid_call,
    print_event_explanations,
)
from segment_insider_emulator.cli.inputs import (
    DEFAULT_WORKSPACE,
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.delivery.filter_chain import (
    FilterChain,
    build_filter_chain,
    is_stopped_by_function,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.result import Rejection
from segment_insider_emulator.json_text import (
    InvalidEventLine,
    may_have_replacement_character,
    parse_event_line,
)
from segment_insider_emulator.mapping import Destination, SubscriptionOutcome
from segment_insider_emulator.segment.normalise import warn_of_lost_characters
from segment_insider_emulator.terminal_output import escape_controls_in_json, print_lines
from segment_insider_emulator.text_encoding import reject_utf16, strip_bom
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import MAX_DOCUMENT_BYTES
from segment_insider_emulator.workspace.loading import read_document

_LINES_PER_WRITE = 512


@click.command(epilog="Example: emulator map --explain fixtures/events/shop.ndjson")
@click.argument("files", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path))
@add_workspace_options()
@click.option("--explain", "explained", is_flag=True, help="Show where each value comes from.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: one JSON line an event.")
@click.pass_context
def map_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    explained: bool,
    as_json: bool,
) -> None:
    """Print one line for each request that the events make.

    Events are read from FILE or standard input, one a line, in the form that Segment sends to
    destinations: a call with its type and timestamp. The workspace's tracking plan, consent
    categories, filters and transformations apply. Counts are printed to standard error.
    """
    name = get_selected_workspace_name(workspace, preset) or DEFAULT_WORKSPACE
    if as_json and not explained:
        raise click.UsageError("--json needs --explain; requests are JSON already.")
    loaded = load_workspace(workspace, preset)
    reader = _EventReader(files)
    filter_chain = build_filter_chain(loaded)
    if explained:
        print_event_explanations(loaded, name, filter_chain, reader, as_json=as_json)
    else:
        _map_events(reader, Destination(loaded.destination), filter_chain)
    if not (reader.usable_count or reader.unusable_count):
        remedy = "Give events, one JSON object a line."
        raise EmulatorError("no event found", ", ".join(map(str, files)) or "stdin", remedy)
    ctx.exit(2 if reader.unusable_count else 0)


def _map_events(
    reader: "_EventReader", destination: Destination, filter_chain: FilterChain
) -> None:
    """Write a line for each outcome to standard output, and the counts to standard error."""
    lines: list[bytes] = []
    line_count = failure_count = filtered_count = 0
    for event in reader:
        trigger_event = None
        if is_valid_call(event):
            passed = filter_chain.filter_event(event, enabled=True, destination=destination)
            if passed.rejection:
                if is_stopped_by_function(passed):
                    failure_count += 1
                    lines.append(_format_function_stop(event, passed.rejection))
                else:
                    filtered_count += 1
                continue
            event, trigger_event = passed.event, passed.trigger_event
        for outcome in destination.iter_subscription_outcomes(event, trigger_event):
            failure_count += outcome.failure is not None
            lines.append(_format_mapping_outcome(event, outcome))
        if len(lines) >= _LINES_PER_WRITE:
            line_count += _write_lines_to_stdout(lines)
            lines.clear()
    line_count += _write_lines_to_stdout(lines)
    click.echo(
        f"events: {reader.usable_count}, requests: {line_count - failure_count}, "
        f"failed: {failure_count}" + (f", filtered: {filtered_count}" if filtered_count else ""),
        err=True,
    )


class _EventReader:
    """Iterator over the events of files; prints and counts lines that are not events."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self.usable_count = self.unusable_count = 0

    def __iter__(self) -> Iterator[JSONObject]:
        for where, lines in self._open_event_files():
            has_started = False
            for number, line in enumerate(lines, start=1):
                try:
                    event = parse_event_line(line)
                except InvalidEventLine as fault:
                    if not has_started:
                        _refuse_workspace_file(where)
                    has_started = True
                    self._report_unusable_line(str(fault), f"{where}:{number}")
                    continue
                if event is not None:
                    has_started = True
                    if may_have_replacement_character(line):
                        _warn_about_damaged_text(event, f"{where}:{number}")
                    self.usable_count += 1
                    yield event

    def _open_event_files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        if not self._files:
            yield "stdin", _read_lines(sys.stdin.buffer, "stdin")
        for file in self._files:
            with ExitStack() as opened:
                try:
                    lines = opened.enter_context(file.open("rb"))
                except OSError as error:
                    raise _build_unreadable_file_error(error, str(file)) from None
                yield str(file), _read_lines(lines, str(file))

    def _report_unusable_line(self, what: str, where: str) -> None:
        self.unusable_count += 1
        error = EmulatorError(what, where, "The line is skipped; correct it to map it.")
        print_lines([f"emulator: {error}"], err=True)


def _warn_about_damaged_text(event: JSONObject, where: str) -> None:
    for note in warn_of_lost_characters(event):
        print_lines([f"emulator: {where}: {note.text}"], err=True)


def _read_lines(file: BinaryIO, where: str) -> Iterator[bytes]:
    """Yield the lines without a byte order mark; reject UTF-16."""
    try:
        first_line = file.readline()
        reject_utf16(first_line, where)
        yield strip_bom(first_line)
        yield from file
    except OSError as error:  # e.g. a disk or network share that fails while reading
        raise _build_unreadable_file_error(error, where) from None


def _build_unreadable_file_error(error: OSError, where: str) -> EmulatorError:
    what = f"cannot be read ({error.strerror})"
    return EmulatorError(what, where, "Name a file of events.")


def _refuse_workspace_file(file: str) -> None:
    """Raise an error if *file* is a workspace file instead of a file of events."""
    path = Path(file)
    if not path.is_file() or path.stat().st_size > MAX_DOCUMENT_BYTES:
        return
    try:
        document = read_document(path)
    except EmulatorError:
        return
    if "destination" in document:
        remedy = f"Give it as --workspace {shlex.quote(file)}, and a file of events."
        raise EmulatorError("this is a workspace file", file, remedy)


def _format_function_stop(event: JSONObject, stop: Rejection) -> bytes:
    """Return the line of an event that an insert function stopped."""
    error = {"code": stop.code, "name": stop.step, "message": stop.detail}
    line = {"messageId": event.get("messageId"), "subscription": None, "actionSlug": None}
    return orjson.dumps({**line, "error": error}, option=orjson.OPT_APPEND_NEWLINE)


def _format_mapping_outcome(event: JSONObject, outcome: SubscriptionOutcome) -> bytes:
    line: JSONObject = {
        "messageId": event.get("messageId"),
        "subscription": outcome.subscription.name,
        "actionSlug": outcome.subscription.action_slug,
    }
    request, failure = outcome.request, outcome.failure
    if request:
        line["request"] = {
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "json": orjson.Fragment(request.body),
        }
    if failure:
        line["error"] = {
            "code": failure.code,
            "name": failure.name,
            "message": failure.message,
        }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _write_lines_to_stdout(lines: list[bytes]) -> int:
    """Write *lines* and return their number."""
    out, text = sys.stdout.buffer, b"".join(lines)
    out.write(escape_controls_in_json(text) if sys.stdout.isatty() else text)
    out.flush()
    return len(lines)
