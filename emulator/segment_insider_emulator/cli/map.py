"""`emulator map`: events in, the requests that Insider One would receive out."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import orjson

from segment_insider_emulator.cli.explaining import print_explanations
from segment_insider_emulator.cli.terminal import escaped, tell
from segment_insider_emulator.cli.workspace_options import (
    DEFAULT,
    load_workspace,
    workspace_name,
    workspace_options,
)
from segment_insider_emulator.encoding import refuse_utf16, without_bom
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.lines import BadLine, event_of
from segment_insider_emulator.mapping import Destination, Outcome
from segment_insider_emulator.segment.notes import damaged_texts
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import read
from segment_insider_emulator.workspace.parsing import MAXIMUM_BYTES

_LINES_A_WRITE = 512


@click.command(epilog="Example: emulator map --explain fixtures/events/shop.ndjson")
@click.argument("files", metavar="[FILE…]", nargs=-1, type=click.Path(path_type=Path))
@workspace_options()
@click.option("--explain", "explained", is_flag=True, help="Say where each value comes from.")
@click.option("--json", "as_json", is_flag=True, help="With --explain: one JSON line an event.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    explained: bool,
    as_json: bool,
) -> None:
    """Print one line for each request that the events make.

    Events are read one a line from FILE, or from standard input, as Segment hands them on: a call
    with its type and timestamp. Counts are told on standard error.
    """
    name = workspace_name(workspace, preset) or DEFAULT
    if as_json and not explained:
        raise click.UsageError("--json goes with --explain; requests are JSON already.")
    chosen = load_workspace(workspace, preset)
    destination = Destination(chosen.destination)
    reader = _Reader(files)
    if explained:
        print_explanations(chosen, name, reader, as_json=as_json)
    else:
        _write(_lines(reader, destination))
    if not (reader.usable or reader.unusable):
        remedy = "Give events, one JSON object a line."
        raise EmulatorError("no event found", ", ".join(map(str, files)) or "stdin", remedy)
    ctx.exit(2 if reader.unusable else 0)


def _lines(events: Iterable[JSONObject], destination: Destination) -> Iterator[bytes]:
    read = made = failed = 0
    for event in events:
        read += 1
        for outcome in destination.outcomes(event):
            made += outcome.failure is None
            failed += outcome.failure is not None
            yield _line(event, outcome)
    click.echo(f"events: {read}, requests: {made}, failed: {failed}", err=True)


class _Reader:
    """The events of the files; lines that are none are told on stderr and counted."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self.usable = self.unusable = 0

    def __iter__(self) -> Iterator[JSONObject]:
        for where, lines in self._sources():
            began = False
            for number, line in enumerate(lines, start=1):
                try:
                    event = event_of(line)
                except BadLine as fault:
                    if not began:
                        _refuse_workspace(where)
                    began = True
                    self._refuse(str(fault), f"{where}:{number}")
                    continue
                if event is not None:
                    began = True
                    _name_damage(event, f"{where}:{number}")
                    self.usable += 1
                    yield event

    def _sources(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        if not self._files:
            yield "stdin", _text_lines(sys.stdin.buffer, "stdin")
        for file in self._files:
            with ExitStack() as opened:
                try:
                    lines = opened.enter_context(file.open("rb"))
                except OSError as error:
                    raise _unreadable(error, str(file)) from None
                yield str(file), _text_lines(lines, str(file))

    def _refuse(self, what: str, where: str) -> None:
        self.unusable += 1
        error = EmulatorError(what, where, "The line is left out; correct it to have it mapped.")
        tell([f"emulator: {error}"], err=True)


def _name_damage(event: JSONObject, where: str) -> None:
    for note in damaged_texts(event):
        tell([f"emulator: {where}: {note.what}"], err=True)


def _text_lines(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Leave the byte order mark out, and refuse UTF-16."""
    for number, line in enumerate(_readable(lines, where)):
        if number == 0:
            refuse_utf16(line, where)
            line = without_bom(line)
        yield line


def _readable(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    try:
        yield from lines
    except OSError as error:  # of a disk or a share that fails in the middle
        raise _unreadable(error, where) from None


def _unreadable(error: OSError, where: str) -> EmulatorError:
    what = f"cannot be read ({error.strerror})"
    return EmulatorError(what, where, "Name a file of events.")


def _refuse_workspace(file: str) -> None:
    """Say of a workspace file what it is, and not of each line that it is no event."""
    path = Path(file)
    if not path.is_file() or path.stat().st_size > MAXIMUM_BYTES:
        return
    try:
        document = read(path)
    except EmulatorError:
        return
    if "destination" in document:
        remedy = f"Give it as --workspace {shlex.quote(file)}, and a file of events."
        raise EmulatorError("this is a workspace file", file, remedy)


def _line(event: JSONObject, outcome: Outcome) -> bytes:
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


def _write(lines: Iterable[bytes]) -> None:
    out = sys.stdout.buffer
    if sys.stdout.isatty():
        lines = map(escaped, lines)
    waiting: list[bytes] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == _LINES_A_WRITE:
            out.write(b"".join(waiting))
            waiting.clear()
    out.write(b"".join(waiting))
    out.flush()
