"""What the steps of a scenario prepared, and whether anything used it."""

from dataclasses import dataclass

from segment_insider_emulator.errors import EmulatorError

PREPARED_ORDER, PREPARED_DEVICE, PREPARED_PERSON, PREPARED_ROLE = (
    "order",
    "device",
    "person",
    "role",
)
# Of each kind: what its step did, and what to do when nothing used it.
UNUSED_PREPARATION_TEXTS = {
    PREPARED_ORDER: (
        "the details of order {!r} are not used",
        "Complete this order in the scenario",
    ),
    PREPARED_DEVICE: ("nothing happens on the device {!r}", "Let the person do something there"),
    PREPARED_PERSON: (
        "the scenario prepares {} and does not use it",
        "Name this person in another step",
    ),
    PREPARED_ROLE: ("{} does not use the role", "Let this person do something in InOne"),
}


@dataclass(frozen=True, slots=True)
class _Preparation:
    kind: str
    name: str
    step: str


class UnusedPreparations:
    """The preparations that nothing has used so far, in the order of the steps.

    Args:
        step: The step that runs; empty where a background runs, which serves other scenarios, too.
    """

    def __init__(self) -> None:
        self.current_step = ""
        self._preparations: list[_Preparation] = []

    def add(self, kind: str, name: str) -> None:
        """Take that the running step prepared something."""
        if self.current_step:
            self._preparations.append(_Preparation(kind, name, self.current_step))

    def mark_used(self, kind: str, name: str) -> None:
        """Take that a step used something."""
        self._preparations = [
            each for each in self._preparations if (each.kind, each.name) != (kind, name)
        ]

    def first_error(self) -> EmulatorError | None:
        """Return what to say of the first preparation that nothing used; None when all was used."""
        for unused in self._preparations:
            what, remedy = UNUSED_PREPARATION_TEXTS[unused.kind]
            where = unused.step.rstrip(":")
            return EmulatorError(what.format(unused.name), where, f"{remedy}, or remove the step.")
        return None
