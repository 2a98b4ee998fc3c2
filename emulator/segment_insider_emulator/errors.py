"""Base classes of errors for users: what is wrong, where, and what to do."""


class EmulatorError(Exception):
    """Error of the input or the environment, with a one-line message for users.

    Args:
        what: The fault in the data's own words, e.g. "unknown action 'orderComplete'".
        where: The file, place or path at fault, e.g. "shop.yaml: destination.subscriptions[3]".
        remedy: What to do instead, a full sentence.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{what}." + (f" {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[type["EmulatorError"], tuple[str, str, str]]:
        # Raised in another process, it is made again of what it was made of.
        return type(self), (self.what, self.where, self.remedy)


class ConflictError(EmulatorError):
    """Error when a request conflicts with something that exists already."""


class TemporarilyUnavailable(EmulatorError):
    """Error that may pass: the same request may succeed later."""
