"""The command `emulator tail`: follow the messages of a running emulator in the terminal."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import click

from segment_insider_emulator.analysis.context import AnalysisContext, build_context
from segment_insider_emulator.analysis.drift.traffic_stats import remove_list_indexes
from segment_insider_emulator.analysis.drift.unsent_properties import (
    explain_moved_values,
    explain_unmapped_properties,
    keep_one_property_per_path,
)
from segment_insider_emulator.cli.inputs import emulator_url_option, read_running_workspace
from segment_insider_emulator.filtering.transformations import describe_change, find_sent_path
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.explanation import find_unmapped_event_paths
from segment_insider_emulator.terminal_output import print_json, print_lines, style_terminal_text
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.client_http import CONNECTION_ERRORS, ResourceNotFound

POLL_INTERVAL_S: Final = 0.3
RECONNECT_INTERVAL_S: Final = 1.0
WORKSPACE_LIFETIME_S: Final = 5.0  # until mappings are asked for again
AFTER_ALL: Final = 2**53  # no id is higher
MAX_WATCHED: Final = 20  # messages that are retried
VERDICT_COLOURS: Final = {
    "accepted": "green", "warning": "yellow", "dropped": "magenta", "rejected": "red",
    "failed": "red", "retrying": "blue",
}  # fmt: skip
VERDICTS_WITHOUT_MAPPING: Final = ("rejected", "filtered", "disabled")
MAX_NAME_LENGTH, MAX_LISTED_FIELDS = 60, 5


@click.command("tail", epilog="Example: emulator tail 'user:ada properties.price > 20' --explain")
@click.argument("query", required=False, default="")
@emulator_url_option
@click.option("--explain", is_flag=True, help="Add why, and what to change.")
@click.option("--since", metavar="TIME", help="Begin with messages since 10m or 2026-11-23T10:00.")
@click.option(
    "--limit", "--exit-after", "limit", metavar="N", type=click.IntRange(min=1),
    help="Exit after N messages.",
)  # fmt: skip
@click.option("--no-follow", is_flag=True, help="Exit after the messages that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each message.")
def tail_command(
    query: str,
    url: str,
    explain: bool,
    since: str | None,
    limit: int | None,
    no_follow: bool,
    as_json: bool,
) -> None:
    """Follow the messages of a running emulator that match QUERY.

    Each line has time, event, person, verdict, and the fields that no mapping reads. Messages
    that are retried get a further line when that ends. QUERY is as in the search line of the
    pages: see docs/queries.md. Ends with Ctrl-C and exit code 0; waits while the emulator
    restarts. Exits 2 when no emulator answers at first, or when QUERY has a mistake.
    """
    with ControlClient.connect(url) as client:
        try:
            client.get_health()
            messages = MessageFollower(client, query, since).iter_messages(follow=not no_follow)
            printer = MessagePrinter(client, explain=explain, as_json=as_json)
            for message in islice(messages, limit):
                printer.print_message(message)
        except KeyboardInterrupt:
            return


@dataclass
class MessageFollower:
    """Yields the messages of a running emulator as they arrive.

    Args:
        since: Begin with the messages since then; None begins with the next one.
    """

    client: ControlClient
    query: str
    since: str | None
    _last_id: int = 0
    _last_message_id: str = ""
    _retried: set[int] = field(default_factory=set)  # ids

    def iter_messages(self, *, follow: bool) -> Iterator[JSONObject]:
        """Yield new messages, and those again whose retries ended. Raises: EmulatorError."""
        next(self._list_messages(self.query, after=AFTER_ALL), None)  # a mistake ends it at once
        newest = self._find_newest()
        if self.since or not follow:
            since = f'since:"{_escape_quotes(self.since)}"' if self.since else ""
            own = f"({self.query})" if self.query.strip() else ""
            yield from self._iter_matching(f"{since} {own}".strip(), newest)
        self._remember(newest)
        while follow:
            yield from self._iter_retried()
            newest = self._wait_for_newer_message()
            try:
                yield from self._iter_matching(self.query, newest)
            except CONNECTION_ERRORS:
                continue  # the next request waits for the emulator
            self._remember(newest)

    def _iter_matching(self, query: str, newest: JSONObject | None) -> Iterator[JSONObject]:
        """Yield the matching messages after the last one, up to the newest."""
        last_id = newest["id"] if newest else 0
        for message in self._list_messages(query, after=self._last_id):
            if message["id"] > last_id:
                return  # the next round has them
            self._remember(message)
            if message["verdict"] == "retrying" and len(self._retried) < MAX_WATCHED:
                self._retried.add(message["id"])
            yield message

    def _list_messages(self, query: str, after: int) -> Iterator[JSONObject]:
        filters = {"query": query} if query.strip() else {}
        return self.client.iter_messages(after=after, **filters)

    def _iter_retried(self) -> Iterator[JSONObject]:
        for id in sorted(self._retried):
            try:
                message = self.client.get_message(id)
            except CONNECTION_ERRORS:
                return  # the next request waits for the emulator
            except ResourceNotFound:
                self._retried.remove(id)
                continue
            if message["verdict"] != "retrying":
                self._retried.remove(id)
                yield message

    def _wait_for_newer_message(self) -> JSONObject | None:
        """Return the newest message as soon as it is another, or a retry may have ended."""
        while True:
            time.sleep(POLL_INTERVAL_S)
            newest = self._find_newest_when_reachable()
            if newest is None or newest["id"] < self._last_id:
                self._forget_deleted_data()
            if self._retried or (newest and newest["id"] > self._last_id):
                return newest

    def _find_newest_when_reachable(self) -> JSONObject | None:
        is_lost = False
        while True:
            try:
                newest = self._find_newest()
            except CONNECTION_ERRORS as error:
                if not is_lost:
                    print_lines([f"emulator: {error.what}; waiting for {error.where}"], err=True)
                is_lost = True
                time.sleep(RECONNECT_INTERVAL_S)
                continue
            if is_lost:
                print_lines(["emulator: it answers again"], err=True)
                if not self._has_same_data():
                    self._forget_deleted_data()
            return newest

    def _find_newest(self) -> JSONObject | None:
        try:
            return self.client.get_newest_message()
        except ResourceNotFound:
            self.client.get_health()  # also not found if the sandbox does not exist
            return None

    def _has_same_data(self) -> bool:
        """Return whether the message seen last is still there: a database in memory is not."""
        if not self._last_id:
            return True
        try:
            return bool(
                self.client.get_message(self._last_id)["messageId"] == self._last_message_id
            )
        except ResourceNotFound:
            return False

    def _forget_deleted_data(self) -> None:
        if self._last_id:
            print_lines(["emulator: the messages were deleted; following new ones"], err=True)
        self._last_id, self._last_message_id = 0, ""
        self._retried.clear()

    def _remember(self, message: JSONObject | None) -> None:
        if message:
            self._last_id, self._last_message_id = message["id"], message["messageId"]


class MessagePrinter:
    """Prints messages of a running emulator, with the fields that its mappings lose.

    Args:
        explain: Whether to add reasons and remedies.
    """

    def __init__(self, client: ControlClient, *, explain: bool, as_json: bool) -> None:
        self._client = client
        self._explain, self._as_json = explain, as_json
        self._workspace: JSONObject = {}
        self._destination: Destination | None = None
        self._context: AnalysisContext | None = None
        self._refreshed_at = float("-inf")

    def print_message(self, message: JSONObject) -> None:
        """Print one message: a line of text, with --explain more lines, or a JSON line."""
        lost = self._find_lost_fields(message)
        explanation = list(self._explain_message(message, lost)) if self._explain else []
        if self._as_json:
            why = {"explanation": explanation} if self._explain else {}
            print_json({**message, "lost": lost, **why})
        else:
            print_lines([_format_message(message, lost), *(f"    {line}" for line in explanation)])

    def explain(self, message: JSONObject) -> tuple[list[str], list[str]]:
        """Return the fields that no mapping reads, and the lines of --explain."""
        lost = self._find_lost_fields(message)
        return lost, list(self._explain_message(message, lost))

    def _find_lost_fields(self, message: JSONObject) -> list[str]:
        event = message["normalised"]
        if not event or message["verdict"] in VERDICTS_WITHOUT_MAPPING:
            return []
        self._refresh_workspace()
        if self._destination is None:
            return []
        unread = find_unmapped_event_paths(self._destination, event)
        if not unread.has_matching_subscription:
            return []
        return list(dict.fromkeys(map(remove_list_indexes, unread.paths)))

    def _explain_message(self, message: JSONObject, lost: list[str]) -> Iterator[str]:
        findings = [
            f"{finding['where']}: {finding['what']}. {finding['remedy']}"
            for delivery in self._load_deliveries(message)
            for finding in delivery["findings"]
        ]
        reason = message["reason"] or ""
        # The reason of a warning is usually its first finding, without the remedy.
        if reason and not any(finding.startswith(reason) for finding in findings):
            yield reason
        yield from findings
        if self._context is None:
            return
        changes = message.get("changes", [])
        yield from (f"{change['by']}: {describe_change(change)}." for change in changes)
        missed = explain_moved_values(self._context, message["normalised"] or {}, changes)
        yield from (f"{name}: {sentence}" for name, sentence in missed)
        if not lost:
            return
        properties = explain_unmapped_properties(self._context, message["normalised"], lost)
        for path, note in keep_one_property_per_path(properties).items():
            sent_path = find_sent_path(changes, path)[0]
            sent = f" (sent as {sent_path})" if sent_path not in ("", path) else ""
            yield f"{path}{sent} {note.explanation}".rstrip()
            if note.suggestion_text:
                yield f"  {note.suggestion_text}"

    def _load_deliveries(self, message: JSONObject) -> list[JSONObject]:
        try:
            return self._client.get_message(message["id"])["deliveries"]  # type: ignore[no-any-return]  # JSON
        except (ResourceNotFound, *CONNECTION_ERRORS):
            return []  # deleted, or the emulator stopped in the meantime

    def _refresh_workspace(self) -> None:
        """Load the current mappings, unless that was done a moment ago."""
        if time.monotonic() - self._refreshed_at < WORKSPACE_LIFETIME_S:
            return
        try:
            workspace = read_running_workspace(self._client)
        except CONNECTION_ERRORS:
            return
        self._refreshed_at = time.monotonic()
        if workspace != self._workspace:
            self._workspace = workspace
            self._destination = Destination(workspace["destination"])
            self._context = build_context(workspace) if self._explain else None


def _format_message(message: JSONObject, lost: list[str]) -> str:
    verdict = message["verdict"]
    colour: dict[str, Any] = {"fg": VERDICT_COLOURS.get(verdict)}
    name = message["event"] or (message["normalised"] or {}).get("name")
    title = " ".join(str(text) for text in (message["type"] or "no type", name) if text)
    person = message["userId"] or message["anonymousId"] or "nobody"
    line = (
        f"{message['receivedAt'][11:23]}  {_shorten(title):32}  {_shorten(person):20}  "
        f"{style_terminal_text(verdict.replace('_', ' '), **colour)}"
    )
    if not lost:
        return line
    more = f" and {len(lost) - MAX_LISTED_FIELDS} more" if len(lost) > MAX_LISTED_FIELDS else ""
    listed = ", ".join(map(_shorten, lost[:MAX_LISTED_FIELDS]))
    return f"{line}  not mapped: {listed}{more}"


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"


def _escape_quotes(text: str | None) -> str:
    return (text or "").replace("\\", "\\\\").replace('"', '\\"')
