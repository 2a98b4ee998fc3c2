"""What the steps of a scenario prepared, and whether anything used it."""

from dataclasses import dataclass

from segment_insider_emulator.errors import EmulatorError

ORDER, DEVICE, PERSON, ROLE = "order", "device", "person", "role"
# Of each kind: what its step did, and what to do when nothing used it.
UNUSED = {
    ORDER: ("the details of order {!r} are not used", "Complete this order in the scenario"),
    DEVICE: ("nothing happens on the device {!r}", "Let the person do something there"),
    PERSON: ("the scenario prepares {} and does not use it", "Name this person in another step"),
    ROLE: ("{} does not use the role", "Let this person do something in InOne"),
}


@dataclass(frozen=True, slots=True)
class _Prepared:
    kind: str
    name: str
    step: str


class Preparations:
    """The preparations that nothing has used so far, in the order of the steps.

    Args:
        step: The step that runs; empty where a background runs, which serves other scenarios, too.
    """

    def __init__(self) -> None:
        self.step = ""
        self._unused: list[_Prepared] = []

    def add(self, kind: str, name: str) -> None:
        """Take that the running step prepared something."""
        if self.step:
            self._unused.append(_Prepared(kind, name, self.step))

    def use(self, kind: str, name: str) -> None:
        """Take that a step used something."""
        self._unused = [each for each in self._unused if (each.kind, each.name) != (kind, name)]

    def unused(self) -> EmulatorError | None:
        """Return what to say of the first preparation that nothing used; None when all was used."""
        for unused in self._unused:
            what, remedy = UNUSED[unused.kind]
            where = unused.step.rstrip(":")
            return EmulatorError(what.format(unused.name), where, f"{remedy}, or remove the step.")
        return None
