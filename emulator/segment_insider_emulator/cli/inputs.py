"""Inputs of commands: the workspace (file, preset or running emulator) and recorded traffic."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segment_insider_emulator.clock import utc_now
from segment_insider_emulator.config import load_config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.transformations import transform_events
from segment_insider_emulator.json_text import InvalidEventLine, parse_event_line
from segment_insider_emulator.text_encoding import check_utf8_and_strip_bom
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import loading
from segment_insider_emulator.workspace.model import Workspace, select_transformations

if TYPE_CHECKING:
    from segment_insider_emulator.interchange.import_resources import ImportedResources
    from segment_insider_scenarios.client import ControlClient

DEFAULT_WORKSPACE = "guide"

emulator_url_option = click.option(
    "--url", default="http://127.0.0.1:8282", show_default=True,
    help="A running emulator, or a sandbox of it: URL/sandboxes/ID. Set EMULATOR_TOKEN if it has "
    "a password.",
)  # fmt: skip


def add_workspace_options(
    workspace_help: str = f"Workspace file or preset.  [{DEFAULT_WORKSPACE}]",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command with the options --workspace FILE and --preset NAME.

    Args:
        workspace_help: Help of --workspace.
    """

    def add_options_to_command(command: Callable[..., Any]) -> Callable[..., Any]:
        presets = click.Choice(loading.PRESET_NAMES)
        preset = click.option("--preset", type=presets, help="A preset, by its name.")
        return click.option("--workspace", metavar="FILE", help=workspace_help)(preset(command))

    return add_options_to_command


def get_selected_workspace_name(workspace: str | None, preset: str | None) -> str | None:
    """Return the file or preset that a command's options or the settings name; None without one.

    Raises: UsageError; EmulatorError, when the settings cannot be used.
    """
    if workspace and preset:
        raise click.UsageError("Give --workspace or --preset, not both.")
    return workspace or preset or load_config(os.environ, {}).workspace


def load_workspace(workspace: str | None, preset: str | None) -> Workspace:
    """Load the workspace that a command's options name, by default the preset guide.

    Raises: UsageError; EmulatorError, when the file cannot be used.
    """
    name = get_selected_workspace_name(workspace, preset)
    if preset or name is None:  # a file of that name is not meant
        return loading.load_preset_workspace(preset or DEFAULT_WORKSPACE)
    return loading.load_workspace_or_preset(name)


def is_emulator_url(source: str) -> bool:
    """Return whether a command's input is the URL of an emulator and not a file."""
    return source.startswith(("http://", "https://"))


def fetch_running_workspace(url: str) -> JSONObject:
    """Ask a running emulator for its current workspace document.

    The account's key is replaced, as in a file without secrets.

    Raises: EmulatorError, when no emulator answers there.
    """
    # Imported here because most commands get a file and not a URL.
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.connect(url) as client:
        return read_running_workspace(client)


def read_running_workspace(client: "ControlClient") -> JSONObject:
    """Ask the emulator of *client* for its current workspace document, without the account's key.

    Raises: EmulatorError.
    """
    from segment_insider_emulator.interchange.export_workspace import replace_account_key

    return replace_account_key(client.get_current_workspace())


_PAGE_SIZE = 500
_FILTERED_VERDICTS = ("filtered", "disabled")
_SQLITE_MAGIC = b"SQLite format 3\0"
_TRAFFIC_HINT = (
    "Give the address of a running emulator, a database that `emulator serve --db` wrote, or "
    "events as JSON, one a line."
)


def read_traffic(
    source: str,
    filtered_counts: Counter[str] | None = None,
    workspace_document: JSONObject | None = None,
    *,
    before_functions: bool = False,
) -> Iterator[JSONObject]:
    """Yield the events of a file, database or emulator as destinations receive them.

    Args:
        workspace_document: A valid workspace, whose transformations change the events of a file;
            a database and an emulator have changed events.
        source: An http address, a path, or the address of a PostgreSQL database.
        filtered_counts: If given, events that a running emulator filtered are left out and
            counted here by reason.
        before_functions: Yield captured events as the insert functions got them.
    Raises: EmulatorError, when they cannot be read.
    """
    if is_emulator_url(source):
        yield from _read_emulator_traffic(source, filtered_counts, before_functions)
    elif "://" in source:
        yield from _read_database_traffic(source, before_functions)
    else:
        scopes = select_transformations(workspace_document or {})
        transformations = [entry for scope in scopes for entry in scope]
        events = _read_traffic_file(source, before_functions)
        yield from transform_events(transformations, events)


def fetch_segment_resources(destination_id: str, region: str) -> "ImportedResources":
    """Read a destination and what belongs to it from Segment.

    Args:
        region: "us" or "eu".
    Raises: EmulatorError, when there is no token or Segment refuses it.
    """
    # Imported here because all commands load this module, and two of them ask Segment.
    from segment_insider_emulator.interchange.segment_api import (
        SegmentApi,
        fetch_workspace_resources,
    )

    api = SegmentApi.from_environment(os.environ, region)
    return fetch_workspace_resources(api, destination_id)


def read_numbered_events(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Yield location and event, e.g. ("events.ndjson:3", {...}), for each line of a file.

    Raises: EmulatorError, when it cannot be read.
    """
    try:
        content = check_utf8_and_strip_bom(path.read_bytes(), str(path))
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file of events.") from error
    yield from _parse_numbered_event_lines(content, str(path))


def _parse_numbered_event_lines(content: bytes, name: str) -> Iterator[tuple[str, JSONObject]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        where = f"{name}:{number}"
        try:
            event = parse_event_line(line)
        except InvalidEventLine as fault:
            raise EmulatorError(str(fault), where, "Correct or remove the line.") from fault
        if event is not None:
            yield where, event


def _read_traffic_file(name: str, before_functions: bool) -> Iterator[JSONObject]:
    try:
        with Path(name).open("rb") as file:  # once: it may be a pipe
            beginning = file.read(len(_SQLITE_MAGIC))
            content = None if beginning == _SQLITE_MAGIC else beginning + file.read()
    except OSError as error:
        from segment_insider_scenarios.client_http import suggest_http_scheme

        what = f"the traffic cannot be read ({error.strerror})"
        raise EmulatorError(what, name, suggest_http_scheme(name) or _TRAFFIC_HINT) from None
    if content is None:
        yield from _read_database_traffic(name, before_functions)
    else:
        numbered = enumerate(
            (
                event
                for _, event in _parse_numbered_event_lines(
                    check_utf8_and_strip_bom(content, name), name
                )
            ),
            start=1,
        )
        yield from (_normalise_raw_event(event, number) for number, event in numbered)


def _normalise_raw_event(event: JSONObject, number: int) -> JSONObject:
    """Return an event with the id and times that Segment adds, unless it has them already."""
    if event.get("timestamp") is not None:
        return event
    # Imported here because most commands read no traffic.
    from segment_insider_emulator.segment.normalise import normalise_call

    return normalise_call(event, str(event.get("messageId") or f"message-{number}"), utc_now())


def read_emulator_messages(url: str) -> Iterator[JSONObject]:
    """Yield the messages of a running emulator with their verdicts, oldest first.

    Raises: EmulatorError, when no emulator answers there.
    """
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.connect(url) as client:
        yield from client.list_messages()


def _read_emulator_traffic(
    url: str, filtered_counts: Counter[str] | None, before_functions: bool
) -> Iterator[JSONObject]:
    for message in read_emulator_messages(url):
        if filtered_counts is not None and message["verdict"] in _FILTERED_VERDICTS:
            filtered_counts[message["reason"]] += 1
        elif message["normalised"]:
            before = message.get("triggerEvent") if before_functions else None
            yield before or message["normalised"]


def _read_database_traffic(url: str, before_functions: bool) -> Iterator[JSONObject]:
    from segment_insider_emulator.storage.database import open_database
    from segment_insider_emulator.storage.messages import MessageStore

    store = MessageStore(open_database(url))
    after: int | None = 0
    try:
        while after is not None:
            page, after = store.list_messages(after_id=after, limit=_PAGE_SIZE)
            for message in page:
                if message.normalised:
                    before = (message.filtering or {}).get("trigger_event")
                    yield before if before and before_functions else message.normalised
    finally:
        store.close()


# Options of behave and Cucumber that `emulator verify` does not have -> what to write instead.
_FAMILIAR_OPTIONS = {
    **dict.fromkeys(("--name", "-i", "--include", "-e", "--exclude"), "Write -k WORDS."),
    **dict.fromkeys(("--stop", "--exit"), "Write -x."),
    **dict.fromkeys(
        ("-f", "--format", "-o", "--out", "--outfile", "--junit-directory", "--publish"),
        "Write --junit, --html, --cucumber-json or --cucumber-messages with a file.",
    ),
    **dict.fromkeys(("--parallel", "--processes", "--jobs", "-j"), "Write -n 2."),
    **dict.fromkeys(("-w", "--wip"), "Write --tags @wip."),
    **dict.fromkeys(("--rerun", "--rerun-failed"), "Write --last-failed."),
    "-d": "Write --dry-run.",
    "--steps-catalog": "Run: emulator steps.",
    **dict.fromkeys(
        ("-r", "--require", "--import", "--steps-dir", "--stage", "--glue"),
        "Steps of your own are found through conftest.py.",
    ),
    **dict.fromkeys(("-D", "--define", "--world-parameters"), "Use a variable of the environment."),
    **dict.fromkeys(
        ("--capture", "--no-capture", "--logcapture", "--no-logcapture"),
        "Leave it out: output of steps is shown only where a step fails.",
    ),
    **dict.fromkeys(("--lang", "--language"), "Write # language: tr in the first line of a file."),
    **dict.fromkeys(("--retry", "--retries"), "A failed scenario is not run again."),
}


class ScenarioCommand(click.Command):
    """Click command that translates the options of behave and Cucumber."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = _FAMILIAR_OPTIONS.get(error.option_name)
            if hint is None:
                raise
            raise click.UsageError(f"No such option: {error.option_name}. {hint}", ctx) from None
