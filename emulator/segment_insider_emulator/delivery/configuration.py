"""What is set at Segment's end: the destination's switch, its settings, its mappings."""

from collections.abc import Sequence

from segment_insider_emulator.capture.panel import ChangesStore
from segment_insider_emulator.delivery.road import Road
from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import fingerprint


class Configuration:
    """The destination of the workspace file, and what was changed of it since.

    A change outlives a restart, until the file's own destination is another.

    Args:
        original: The destination as the workspace file has it.
    Raises: EmulatorError, when it cannot be compiled.
    """

    def __init__(
        self, original: JSONObject, store: ChangesStore, road: Road, hold: Hold = alone
    ) -> None:
        self._original, self._store, self._road = original, store, road
        self._basis = fingerprint(original)
        self._changes = store.read(self._basis)
        self._take(self._changes)
        self._held = hold("destination", self)

    @property
    def destination(self) -> JSONObject:
        """The destination as it is now, in the shape of Segment's Public API, key included."""
        return changed(self._original, self._changes)

    def set(self, *, enabled: bool | None = None, settings: JSONObject | None = None) -> JSONObject:
        """Save the settings page: what is given replaces what was; gives the destination."""
        with self._held.changing():
            changes = dict(self._changes)
            if enabled is not None:
                changes["enabled"] = enabled
            changes["settings"] = {**changes.get("settings", {}), **(settings or {})}
            return self._keep(changes)

    def switch(self, index: int, enabled: bool) -> JSONObject:
        """Enable or disable one subscription, 0 for the first; gives the destination."""
        with self._held.changing():
            switches = {**self._changes.get("subscriptions", {}), str(index): enabled}
            return self._keep({**self._changes, "subscriptions": switches})

    def edit(self, index: int, edited: JSONObject) -> JSONObject:
        """Change the trigger or the mapping of one subscription, 0 for the first.

        Args:
            edited: {"trigger", "settings"}, of which what is missing stays as it is.
        Raises: EmulatorError, when the mapping is nested too deep.
        """
        if depth(edited) > MAX_DEPTH:
            what = f"the mapping is nested deeper than {MAX_DEPTH} levels"
            raise EmulatorError(what, "settings", "Flatten it.")
        with self._held.changing():
            edits = dict(self._changes.get("edited", {}))
            edits[str(index)] = {**edits.get(str(index), {}), **edited}
            return self._keep({**self._changes, "edited": edits})

    def replace(self, subscriptions: Sequence[JSONObject]) -> JSONObject:
        """Put *subscriptions* in the place of all there are; gives the destination."""
        with self._held.changing():
            kept = {
                key: self._changes[key] for key in ("enabled", "settings") & self._changes.keys()
            }
            return self._keep({**kept, "replaced": list(subscriptions)})

    def reset(self) -> None:
        """Back to what the workspace file says."""
        with self._held.changing():
            self._store.reset()
            self._take({})

    def state(self) -> JSONObject:
        """For other processes: nothing but that it has changed; the rest is in the store."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Go by what another process has stored."""
        self._take(self._store.read(self._basis))

    def _keep(self, changes: JSONObject) -> JSONObject:
        self._store.write(self._basis, changes)
        self._take(changes)
        return self.destination

    def _take(self, changes: JSONObject) -> None:
        destination = changed(self._original, changes)
        self._road.configure(Destination(destination), Destination(_inverted(destination)))
        self._changes = changes


def changed(destination: JSONObject, changes: JSONObject) -> JSONObject:
    """*destination* with *changes*, each optional: "enabled"; "settings"; "replaced", the
    subscriptions instead of its own; and of these, by index, "subscriptions", whether they are
    enabled, and "edited", their {"trigger", "settings"}.

    An index is text, "0" for the first.
    """
    switches, edits = changes.get("subscriptions", {}), changes.get("edited", {})
    replaced: list[JSONObject] | None = changes.get("replaced")
    subscriptions = destination["subscriptions"] if replaced is None else replaced
    return {
        **destination,
        "enabled": changes.get("enabled", destination.get("enabled", True)),
        "settings": {**destination["settings"], **changes.get("settings", {})},
        "subscriptions": [
            {
                **each,
                "enabled": switches.get(str(index), each.get("enabled", True)),
                **edits.get(str(index), {}),
            }
            for index, each in enumerate(subscriptions)
        ],
    }


def _inverted(destination: JSONObject) -> JSONObject:
    """The same destination with its disabled subscriptions enabled, and the others disabled."""
    inverted = [{**each, "enabled": not each["enabled"]} for each in destination["subscriptions"]]
    return {**destination, "subscriptions": inverted}
