"""Changes of the destination's settings and mappings since the workspace was loaded."""

from collections.abc import Sequence

from segment_insider_emulator.delivery.pipeline import DeliveryPipeline
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.panel_settings import DestinationChangesStore
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import fingerprint_document


class DestinationOverrides:
    """The workspace's destination with the changes that users saved in the emulator.

    Changes survive a restart unless the destination in the workspace file changes.

    Args:
        original: The destination as the workspace file has it.
    Raises: EmulatorError, when it cannot be compiled.
    """

    def __init__(
        self,
        original: JSONObject,
        store: DestinationChangesStore,
        pipeline: DeliveryPipeline,
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self._original, self._store, self._pipeline = original, store, pipeline
        self._original_fingerprint = fingerprint_document(original)
        self._overrides = store.load_changes(self._original_fingerprint)
        self._apply_overrides_to_pipeline(self._overrides)
        self._guard = guard_factory("destination", self)

    @property
    def current_destination(self) -> JSONObject:
        """The destination with all saved changes, in the shape of Segment's Public API."""
        return apply_overrides(self._original, self._overrides)

    def save_destination_settings(
        self, *, enabled: bool | None = None, settings: JSONObject | None = None
    ) -> JSONObject:
        """Save the destination's enabled switch and given settings; return the destination."""
        with self._guard.lock_for_update:
            changes = dict(self._overrides)
            if enabled is not None:
                changes["enabled"] = enabled
            changes["settings"] = {**changes.get("settings", {}), **(settings or {})}
            return self._store_overrides(changes)

    def set_subscription_enabled(self, index: int, enabled: bool) -> JSONObject:
        """Enable or disable the destination's subscription *index* (from 0); return it."""
        with self._guard.lock_for_update:
            switches = {**self._overrides.get("subscriptions", {}), str(index): enabled}
            return self._store_overrides({**self._overrides, "subscriptions": switches})

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
            return self._store_overrides({**self._overrides, "edited": all_edits})

    def replace_subscriptions(self, subscriptions: Sequence[JSONObject]) -> JSONObject:
        """Replace all subscriptions of the destination; return the destination."""
        with self._guard.lock_for_update:
            preserved = {
                key: self._overrides[key]
                for key in ("enabled", "settings") & self._overrides.keys()
            }
            return self._store_overrides({**preserved, "replaced": list(subscriptions)})

    def discard_all_changes(self) -> None:
        """Discard all saved changes and use the destination of the workspace file."""
        with self._guard.lock_for_update:
            self._store.delete_all_changes()
            self._apply_overrides_to_pipeline({})

    def export_state(self) -> JSONObject:
        """Return an empty state: the changes of the destination themselves are in the database."""
        return {}

    def load_state(self, state: JSONObject) -> None:
        """Reload the changes of the destination that another process stored."""
        self._apply_overrides_to_pipeline(self._store.load_changes(self._original_fingerprint))

    def _store_overrides(self, overrides: JSONObject) -> JSONObject:
        self._store.replace_changes(self._original_fingerprint, overrides)
        self._apply_overrides_to_pipeline(overrides)
        return self.current_destination

    def _apply_overrides_to_pipeline(self, overrides: JSONObject) -> None:
        destination = apply_overrides(self._original, overrides)
        self._pipeline.replace_destination(
            Destination(destination), Destination(_invert_enabled_switches(destination))
        )
        self._overrides = overrides


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
