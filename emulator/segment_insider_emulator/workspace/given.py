"""Which workspace a sandbox is to have, whichever process was told."""

from segment_insider_emulator.held import StateGuardFactory, process_local
from segment_insider_emulator.types import JSONObject


class WorkspaceVersion:
    """What a sandbox was made of in this process, and what another has given it since.

    Args:
        asked: A document, the name of a preset, or None for the emulator's own.
        basis: Fingerprint of the emulator's own, without which None says nothing: a process that
            was started with another file goes by that file.
    """

    def __init__(
        self,
        applied: JSONObject | str | None,
        base_fingerprint: str = "",
        state_guards: StateGuardFactory = process_local,
    ) -> None:
        self.applied = self.latest = applied
        self._base_fingerprint = base_fingerprint
        self._guard = state_guards("workspace", self)

    @property
    def is_stale(self) -> bool:
        """Whether another one is wanted by now."""
        return self.latest != self.applied

    def publish(self) -> None:
        """Have other processes give the sandbox this one, too."""
        with self._guard.updating():
            self.latest = self.applied

    def state(self) -> JSONObject:
        """For other processes: {"basis", "wanted"}."""
        return {"basis": self._base_fingerprint, "wanted": self.latest}

    def restore(self, state: JSONObject) -> None:
        """Know what another process has announced."""
        self.latest = state["wanted"] if state["basis"] == self._base_fingerprint else self.applied
