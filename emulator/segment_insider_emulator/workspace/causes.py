"""Causes of problems: their names, which of them are known, and which a mapping alone causes.

A cause is a rule and what it is about, e.g. "wrong-format attributes.birthday", in one mapping.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import (
    CHANNEL_ATTRIBUTE,
    DEFAULT_UNDER_CUSTOM,
    INVALID_NAME,
    UNDEFINED_CUSTOM,
    UNKNOWN_NAME,
    UNLISTED_IDENTIFIER,
)
from segment_insider_emulator.mapping.directives import get_product_mapping, list_written_keys
from segment_insider_emulator.mapping.upserts import PROFILE_ATTRIBUTE_NAMES, normalise_name
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.types import JSON, JSONObject

MAX_KNOWN_CAUSES: Final = 1000
MAX_CAUSE_LENGTH: Final = 500  # characters, as in the schema of workspace files
MAX_NOTE_LENGTH: Final = 1000
SENDER_WARNING: Final = "sent"  # rule of what is wrong in a call itself
_MAX_TEXT_LENGTH = 240
_VALUES_IN_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"|\b\d(?:[\d.,:TZ+-]*[\dZ])?")


class KnownCause(NamedTuple):
    """A cause that a user knows, so that it causes no warning.

    Args:
        cause: Rule and what it is about.
        mapping: Name of the subscription; "" means any, and causes without one.
        note: Why it is known; may be empty.
    """

    cause: str
    mapping: str = ""
    note: str = ""

    def to_json(self) -> JSONObject:
        """Return the entry of `knownCauses` in a workspace file."""
        return {name: value for name, value in self._asdict().items() if value}


def name_text_cause(rule: str, text: str) -> str:
    """Return the name of a cause that is known only by a *text*: without the values in it."""
    return f"{rule} {remove_values(text)}"


def remove_values(text: str) -> str:
    """Return the beginning of a text with … for each value in it."""
    beginning = " ".join(text[: 4 * _MAX_TEXT_LENGTH].split())
    return _VALUES_IN_TEXT.sub("…", beginning)[:_MAX_TEXT_LENGTH]


def list_known_causes(document: JSONObject) -> list[KnownCause]:
    """Return the known causes of a valid workspace document."""
    return [KnownCause(**entry) for entry in document.get("knownCauses", ())]


class KnownCauseChanges:
    """Changes of a sandbox's known causes since its workspace was loaded; they survive a restart.

    A cause that was marked is in `marked`, one that was unmarked has None there.
    """

    def __init__(self, guard_factory: StateGuardFactory = create_process_local_guard) -> None:
        self.marked: dict[tuple[str, str], str | None] = {}  # (cause, mapping) -> note
        self.guard = guard_factory("known_causes", self)

    def export_state(self) -> JSONObject:
        """Return the changes as JSON."""
        return {"marked": [[*key, note] for key, note in self.marked.items()]}

    def load_state(self, state: JSONObject) -> None:
        """Replace the changes by those that `export_state` returned."""
        self.marked = {(cause, mapping): note for cause, mapping, note in state["marked"]}


@dataclass(frozen=True, slots=True)
class KnownCauses:
    """The known causes of a sandbox: those of its workspace file, with the later changes.

    Args:
        listed: The known causes of the workspace file.
    """

    listed: tuple[KnownCause, ...]
    changes: KnownCauseChanges

    def list_all(self) -> list[KnownCause]:
        """Return all known causes, those of the file first."""
        marked = self.changes.marked
        listed = [entry for entry in self.listed if (entry.cause, entry.mapping) not in marked]
        added = (KnownCause(*key, note) for key, note in marked.items() if note is not None)
        return [*listed, *added]

    def find(self, cause: str, mapping: str) -> KnownCause | None:
        """Return the entry that makes a *cause* of a *mapping* known; None if it is new."""
        return find_known_cause(self.list_all(), cause, mapping)

    def mark(self, cause: str, mapping: str, note: str = "") -> None:
        """Mark a cause as known.

        Raises: EmulatorError, when a text is too long, or there are too many.
        """
        for name, text, limit in (
            ("cause", cause, MAX_CAUSE_LENGTH),
            ("mapping", mapping, MAX_CAUSE_LENGTH),
            ("note", note, MAX_NOTE_LENGTH),
        ):
            if len(text) > limit:
                what = f"the text has more than {limit} characters"
                raise EmulatorError(what, name, "Shorten it.")
        if not cause:
            remedy = "Give the name of a cause, as GET /emulator/v1/causes lists it."
            raise EmulatorError("the name is empty", "cause", remedy)
        with self.changes.guard.lock_for_update:
            is_new = (cause, mapping) not in self.changes.marked
            if is_new and len(self.changes.marked) >= MAX_KNOWN_CAUSES:
                what = f"there are {MAX_KNOWN_CAUSES} changes of known causes"
                remedy = "Export the workspace file and load it, or correct some of the causes."
                raise EmulatorError(what, "knownCauses", remedy)
            self.changes.marked[cause, mapping] = note

    def unmark(self, cause: str, mapping: str) -> None:
        """Treat a known cause as new again; an entry for any mapping is removed as a whole."""
        with self.changes.guard.lock_for_update:
            entry = self.find(cause, mapping)
            if entry is None:
                return
            self.changes.marked.pop((entry.cause, entry.mapping), None)
            if any(entry[:2] == listed[:2] for listed in self.listed):
                self.changes.marked[entry.cause, entry.mapping] = None

    def mark_findings(
        self, findings: Iterable[JSONObject], subscription_name: str, mapping: JSONObject
    ) -> tuple[JSONObject, ...]:
        """Return *findings* with `quiet` in those that make no event a warning.

        Its value is "known" or "mapping": the cause is known, or the mapping alone causes it.
        """
        return tuple(
            self._mark_finding(finding, subscription_name, mapping) for finding in findings
        )

    def _mark_finding(
        self, finding: JSONObject, subscription_name: str, mapping: JSONObject
    ) -> JSONObject:
        cause = finding.get("cause", "")
        if finding["verdict"] != "warning":
            return finding
        if self.find(cause, subscription_name):
            return {**finding, "quiet": "known"}
        if is_caused_by_mapping(cause, mapping):
            return {**finding, "quiet": "mapping"}
        return finding


def find_known_cause(
    known_causes: Iterable[KnownCause], cause: str, mapping: str
) -> KnownCause | None:
    """Return the first entry that makes a *cause* of a *mapping* known; None if none does."""
    return next(
        (
            entry
            for entry in known_causes
            if entry.cause == cause and entry.mapping in ("", mapping)
        ),
        None,
    )


# Rules about the name of a value: whatever an event has, the mapping that writes it decides.
_NAME_RULES = frozenset(
    (
        *(UNKNOWN_NAME, UNDEFINED_CUSTOM, INVALID_NAME, CHANNEL_ATTRIBUTE, DEFAULT_UNDER_CUSTOM),
        UNLISTED_IDENTIFIER,
    )
)


def is_caused_by_mapping(cause: str, mapping: JSONObject) -> bool:
    """Return whether a mapping alone causes a warning, so that its events cannot avoid it.

    That is so for a name that the mapping writes, and for a value that it does not read from the
    event. Names that the mapping copies from events are theirs.

    Args:
        cause: Name of the cause of a finding about the mapping's request.
    """
    rule, _, place = cause.partition(" ")
    root, _, name = place.partition(".")
    written = _list_written_values(mapping, root)
    values = [written[key] for key in (name, name.removeprefix("custom.")) if key in written]
    return any(rule in _NAME_RULES or _is_constant(value) for value in values)


def _list_written_values(mapping: JSONObject, root: str) -> Mapping[str, JSON]:
    """Return the names that a mapping writes at a place of the request -> their mappings."""
    if root == "identifiers":
        own: JSONObject = {
            key: mapping[key] for key in ("uuid", "segment_anonymous_id") if key in mapping
        }
        return {**own, **list_written_keys(mapping.get("custom_identifiers"))}
    if root == "event_params":
        products = get_product_mapping(mapping.get("products"))
        keys = {**list_written_keys(products), **list_written_keys(mapping.get("parameters"))}
        return {normalise_name(key): value for key, value in keys.items()}
    if root != "attributes":
        return {}
    profile = {
        name: mapping[field] for field, name in PROFILE_ATTRIBUTE_NAMES.items() if field in mapping
    }
    fields = (mapping.get("custom"), mapping.get("attributes"))
    keys = {key: value for field in fields for key, value in list_written_keys(field).items()}
    return {**profile, **{normalise_name(key): value for key, value in keys.items()}}


def _is_constant(mapping: JSON) -> bool:
    """Return whether a mapping's value does not depend on the event."""
    if isinstance(mapping, dict):
        return all(
            key == "@literal" or (not key.startswith("@") and _is_constant(value))
            for key, value in mapping.items()
        )
    return not isinstance(mapping, list) or all(map(_is_constant, mapping))
