"""Which workspace a sandbox is to have, whichever process was told."""

from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.types import JSONObject


class Given:
    """What a sandbox was made of in this process, and what another has given it since.

    Args:
        asked: A document, the name of a preset, or None for the emulator's own.
        basis: Fingerprint of the emulator's own, without which None says nothing: a process that
            was started with another file goes by that file.
    """

    def __init__(self, asked: JSONObject | str | None, basis: str = "", hold: Hold = alone) -> None:
        self.asked = self.wanted = asked
        self._basis = basis
        self._held = hold("workspace", self)

    @property
    def is_over(self) -> bool:
        """Whether another one is wanted by now."""
        return self.wanted != self.asked

    def announce(self) -> None:
        """Have other processes give the sandbox this one, too."""
        with self._held.changing():
            self.wanted = self.asked

    def state(self) -> JSONObject:
        """For other processes: {"basis", "wanted"}."""
        return {"basis": self._basis, "wanted": self.wanted}

    def restore(self, state: JSONObject) -> None:
        """Know what another process has announced."""
        self.wanted = state["wanted"] if state["basis"] == self._basis else self.asked
