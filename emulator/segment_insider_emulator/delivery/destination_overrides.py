"""Changes of the destination and of the account's identifiers since the workspace was loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from secrets import token_hex
from typing import Final

from segment_insider_emulator.clock import Clock, format_iso_utc, utc_now
from segment_insider_emulator.delivery.pipeline import DeliveryPipeline
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth
from segment_insider_emulator.mapping import Destination, compile_destination
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.panel_settings import DestinationChangesStore
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import DEFAULT_IDENTIFIERS, fingerprint_document

MAX_CHANGES: Final = 20  # that can be undone
FORGOTTEN_CHANGE_REMEDY: Final = (
    "It was undone or reset, or the emulator was started again without its database."
)
_LOG_KEY: Final = "log"
_IDENTIFIERS_KEY: Final = "identifiers"


@dataclass(frozen=True, slots=True)
class DestinationChange:
    """One change of the destination or the identifiers, which can be undone.

    Args:
        title: What changed, in a few words, e.g. "Track Event: set parameters.note".
        at: The time, ISO 8601.
        before, after: The destination.
        identifiers_before, identifiers_after: Of the account, strongest first.
        is_newest: Whether no later change is in its way.
    """

    id: str
    title: str
    at: str
    before: JSONObject
    after: JSONObject
    identifiers_before: tuple[str, ...]
    identifiers_after: tuple[str, ...]
    is_newest: bool


class DestinationOverrides:
    """The workspace's destination with the changes that users saved in the emulator.

    Changes survive a restart unless the destination in the workspace file changes.

    Args:
        original: The destination as the workspace file has it.
        original_identifiers: The account's identifiers as the workspace file has them.
        use_identifiers: Called with the current identifiers, at once and after each change.
    Raises: EmulatorError, when it cannot be compiled.
    """

    def __init__(
        self,
        original: JSONObject,
        store: DestinationChangesStore,
        pipeline: DeliveryPipeline,
        guard_factory: StateGuardFactory = create_process_local_guard,
        *,
        original_identifiers: Sequence[str] = DEFAULT_IDENTIFIERS,
        use_identifiers: Callable[[tuple[str, ...]], None] = lambda identifiers: None,
        clock: Clock = utc_now,
    ) -> None:
        self._original, self._store, self._pipeline = original, store, pipeline
        self._original_identifiers, self._use_identifiers = original_identifiers, use_identifiers
        self._clock = clock
        self._original_fingerprint = fingerprint_document(original)
        self._overrides: JSONObject = {}
        self._load_overrides()
        self._guard = guard_factory("destination", self)

    @property
    def current_destination(self) -> JSONObject:
        """Return the destination with all saved changes, in the shape of Segment's Public API."""
        return apply_overrides(self._original, self._overrides)

    @property
    def current_identifiers(self) -> tuple[str, ...]:
        """Return the identifiers that resolve profiles, strongest first, with all saved changes."""
        return self._get_identifiers(self._overrides)

    @property
    def fingerprint(self) -> str:
        """Return a hash that changes with each change of the destination or the identifiers."""
        identifiers = list(self.current_identifiers)
        return fingerprint_document(
            {"destination": self.current_destination, "identifiers": identifiers}
        )

    @property
    def changes(self) -> tuple[DestinationChange, ...]:
        """Return the changes that can be undone, oldest first."""
        log = self._log
        return tuple(
            self._build_change(entry, following) for entry, following in zip_longest(log, log[1:])
        )

    @property
    def were_changes_reset(self) -> bool:
        """Return whether earlier changes no longer count, as the workspace file has changed."""
        return self._store.has_changes_of_other_workspace(self._original_fingerprint)

    def find_change(self, id: str) -> DestinationChange:
        """Return the change *id*.

        Raises: ConflictError, when it was undone or reset.
        """
        for change in self.changes:
            if change.id == id:
                return change
        raise ConflictError(
            "this change does not exist any more", "change", FORGOTTEN_CHANGE_REMEDY
        )

    def replace_destination(
        self,
        destination: JSONObject,
        title: str,
        seen_fingerprint: str | None = None,
        *,
        identifiers: Sequence[str] | None = None,
    ) -> DestinationChange:
        """Change the destination to *destination*.

        Args:
            destination: A valid destination, made from the current one.
            title: What changes, in a few words.
            seen_fingerprint: The `fingerprint` that its author saw; None when it does not matter.
            identifiers: The account's identifiers, strongest first; None when they stay.
        Raises: ConflictError, when the workspace has changed since; EmulatorError, when the new
            destination cannot be compiled, or differs in what only the workspace file can change.
        """
        with self._guard.lock_for_update:
            if seen_fingerprint is not None and seen_fingerprint != self.fingerprint:
                what = "the workspace has changed since this page was loaded"
                raise ConflictError(what, "", "Load the page again, then repeat.")
            before = self.current_destination
            _refuse_other_changes(before, destination)
            overrides = _build_overrides(self._overrides, before, destination)
            if identifiers is not None:
                basis = list(self._original_identifiers)
                overrides[_IDENTIFIERS_KEY] = {"basis": basis, "names": list(identifiers)}
            self._store_overrides(overrides, title)
            return self.changes[-1]

    def undo_change(self, id: str) -> DestinationChange:
        """Undo the newest change, *id*: the destination and the identifiers are as before.

        Raises: ConflictError, when there is a later change, or this one was undone or reset.
        """
        with self._guard.lock_for_update:
            change = self.find_change(id)
            if not change.is_newest:
                what = f"a later change is in the way: {self.changes[-1].title}"
                raise ConflictError(what, "change", "Undo the later changes first.")
            entry = self._log[-1]
            self._save_and_use({**entry["before"], _LOG_KEY: self._log[:-1]})
            return change

    def save_destination_settings(
        self, *, enabled: bool | None = None, settings: JSONObject | None = None
    ) -> JSONObject:
        """Save the destination's enabled switch and given settings; return the destination."""
        with self._guard.lock_for_update:
            changes = dict(self._overrides)
            if enabled is not None:
                changes["enabled"] = enabled
            changes["settings"] = {**changes.get("settings", {}), **(settings or {})}
            return self._store_overrides(changes, "Destination settings saved")

    def set_subscription_enabled(self, index: int, enabled: bool) -> JSONObject:
        """Enable or disable the destination's subscription *index* (from 0); return it."""
        with self._guard.lock_for_update:
            switches = {**self._overrides.get("subscriptions", {}), str(index): enabled}
            title = f"{self._get_name(index)} switched {'on' if enabled else 'off'}"
            return self._store_overrides({**self._overrides, "subscriptions": switches}, title)

    def edit_subscription(self, index: int, edits: JSONObject) -> JSONObject:
        """Change the trigger or mapping of the destination's subscription *index* (from 0).

        Args:
            edits: {"trigger", "settings"}; a missing key keeps its value.
        Raises: EmulatorError, when the mapping is nested too deep.
        """
        if measure_nesting_depth(edits) > MAX_DEPTH:
            what = f"the mapping is nested deeper than {MAX_DEPTH} levels"
            raise EmulatorError(what, "settings", "Flatten it.")
        with self._guard.lock_for_update:
            all_edits = dict(self._overrides.get("edited", {}))
            all_edits[str(index)] = {**all_edits.get(str(index), {}), **edits}
            title = f"{self._get_name(index)} edited"
            return self._store_overrides({**self._overrides, "edited": all_edits}, title)

    def replace_subscriptions(
        self, subscriptions: Sequence[JSONObject], title: str = "All mappings replaced"
    ) -> JSONObject:
        """Replace all subscriptions of the destination; return the destination."""
        with self._guard.lock_for_update:
            overrides = _replace_all_subscriptions(self._overrides, subscriptions)
            return self._store_overrides(overrides, title)

    def discard_all_changes(self) -> None:
        """Discard all saved changes and use the destination of the workspace file."""
        with self._guard.lock_for_update:
            self._store.delete_all_changes()
            self._use_overrides({}, self._compile({}))

    def export_state(self) -> JSONObject:
        """Return an empty state: the changes of the destination themselves are in the database."""
        return {}

    def load_state(self, state: JSONObject) -> None:
        """Reload the changes of the destination that another process stored."""
        self._load_overrides()

    @property
    def _log(self) -> list[JSONObject]:
        log: list[JSONObject] = self._overrides.get(_LOG_KEY, [])
        return log

    def _build_change(self, entry: JSONObject, following: JSONObject | None) -> DestinationChange:
        before = entry["before"]
        after = following["before"] if following else self._overrides
        return DestinationChange(
            entry["id"],
            entry["title"],
            entry["at"],
            apply_overrides(self._original, before),
            apply_overrides(self._original, after),
            self._get_identifiers(before),
            self._get_identifiers(after),
            is_newest=following is None,
        )

    def _get_identifiers(self, overrides: JSONObject) -> tuple[str, ...]:
        original = self._original_identifiers
        entry = overrides.get(_IDENTIFIERS_KEY, {})
        # A workspace file with other identifiers wins over an earlier change.
        return tuple(entry["names"] if entry.get("basis") == list(original) else original)

    def _get_name(self, index: int) -> str:
        subscriptions = self.current_destination["subscriptions"]
        name = subscriptions[index].get("name") if index < len(subscriptions) else None
        return str(name or f"Mapping {index + 1}")

    def _store_overrides(self, overrides: JSONObject, title: str) -> JSONObject:
        """Store changed *overrides* and note how to undo the change."""
        before = {key: value for key, value in self._overrides.items() if key != _LOG_KEY}
        at = format_iso_utc(self._clock())
        entry = {"id": token_hex(6), "title": title, "at": at, "before": before}
        return self._save_and_use({**overrides, _LOG_KEY: [*self._log, entry][-MAX_CHANGES:]})

    def _save_and_use(self, overrides: JSONObject) -> JSONObject:
        compiled = self._compile(overrides)  # first: what cannot be compiled is not stored
        self._store.replace_changes(self._original_fingerprint, overrides)
        self._use_overrides(overrides, compiled)
        return self.current_destination

    def _compile(self, overrides: JSONObject) -> tuple[Destination, Destination]:
        destination = apply_overrides(self._original, overrides)
        inverted = _invert_enabled_switches(destination)
        return compile_destination(destination), compile_destination(inverted)

    def _use_overrides(
        self, overrides: JSONObject, compiled: tuple[Destination, Destination]
    ) -> None:
        self._pipeline.replace_destination(*compiled)
        self._use_identifiers(self._get_identifiers(overrides))
        self._overrides = overrides

    def _load_overrides(self) -> None:
        overrides = self._store.load_changes(self._original_fingerprint)
        self._use_overrides(overrides, self._compile(overrides))


def _refuse_other_changes(before: JSONObject, after: JSONObject) -> None:
    """Raise EmulatorError when destinations differ in what a change cannot store."""
    names = [
        name
        for name in {**before, **after}
        if name not in ("enabled", "settings", "subscriptions")
        and before.get(name) != after.get(name)
    ]
    names += [f"settings.{name}" for name in before["settings"] if name not in after["settings"]]
    if names:
        what = "only the workspace file can change this"
        raise EmulatorError(what, f"destination.{names[0]}", "Edit the file, and load it again.")


def _build_overrides(overrides: JSONObject, before: JSONObject, after: JSONObject) -> JSONObject:
    """Return *overrides* with what differs between two destinations; most stay as they are."""
    changed = dict(overrides)
    if after["enabled"] != before["enabled"]:
        changed["enabled"] = after["enabled"]
    settings = {
        key: value
        for key, value in after["settings"].items()
        if value != before["settings"].get(key)
    }
    if settings:
        changed["settings"] = {**changed.get("settings", {}), **settings}
    pairs = list(zip_longest(before["subscriptions"], after["subscriptions"]))
    if not all(old and new and _is_edit(old, new) for old, new in pairs):
        return _replace_all_subscriptions(changed, after["subscriptions"])
    switches, edits = dict(changed.get("subscriptions", {})), dict(changed.get("edited", {}))
    for index, (old, new) in enumerate(pairs):
        if old["enabled"] != new.get("enabled", True):
            switches[str(index)] = new.get("enabled", True)
        edit = {key: new[key] for key in _EDITED_KEYS if new.get(key) != old.get(key)}
        if edit:
            edits[str(index)] = {**edits.get(str(index), {}), **edit}
    groups = {"subscriptions": switches, "edited": edits}
    return {**changed, **{key: group for key, group in groups.items() if group}}


_EDITED_KEYS: Final = ("trigger", "settings")


def _is_edit(old: JSONObject, new: JSONObject) -> bool:
    """Return whether two subscriptions differ only in trigger, mapping and switch."""
    names = {*old, *new} - {"enabled", *_EDITED_KEYS}
    return new.keys() >= old.keys() and all(old.get(name) == new.get(name) for name in names)


def _replace_all_subscriptions(
    overrides: JSONObject, subscriptions: Sequence[JSONObject]
) -> JSONObject:
    superseded = ("subscriptions", "edited", "replaced", _LOG_KEY)
    preserved = {key: value for key, value in overrides.items() if key not in superseded}
    return {**preserved, "replaced": list(subscriptions)}


def apply_overrides(destination: JSONObject, overrides: JSONObject) -> JSONObject:
    """Return *destination* with the changes that users saved applied.

    *overrides* may have "enabled", "settings", "replaced" (all subscriptions) and, by index as
    text, "subscriptions" (whether each is enabled) and "edited" (its {"trigger", "settings"}).

    An index is text, "0" for the first.
    """
    switches, edits = overrides.get("subscriptions", {}), overrides.get("edited", {})
    replaced: list[JSONObject] | None = overrides.get("replaced")
    subscriptions = destination["subscriptions"] if replaced is None else replaced
    return {
        **destination,
        "enabled": overrides.get("enabled", destination.get("enabled", True)),
        "settings": {**destination["settings"], **overrides.get("settings", {})},
        "subscriptions": [
            {
                **subscription,
                "enabled": switches.get(str(index), subscription.get("enabled", True)),
                **edits.get(str(index), {}),
            }
            for index, subscription in enumerate(subscriptions)
        ],
    }


def _invert_enabled_switches(destination: JSONObject) -> JSONObject:
    """Return *destination* with its enabled subscriptions disabled and the others enabled."""
    inverted = [
        {**subscription, "enabled": not subscription["enabled"]}
        for subscription in destination["subscriptions"]
    ]
    return {**destination, "subscriptions": inverted}
