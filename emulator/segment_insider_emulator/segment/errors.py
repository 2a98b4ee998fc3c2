"""What Segment tells a sender: everything else it finds wrong, it swallows."""

from segment_insider_emulator.errors import EmulatorError


class IngestError(EmulatorError):
    """A request that is refused as a whole.

    Args:
        status: The HTTP status, e.g. 400.
        message: What Segment says, e.g. "malformed JSON"; SDKs put it into their exception.
        code: Segment's code, e.g. "invalid_request".
    """

    def __init__(
        self, status: int, message: str, code: str, what: str, where: str, remedy: str
    ) -> None:
        super().__init__(what, where, remedy)
        self.status = status
        self.message = message
        self.code = code


def malformed_request_error(what: str, where: str, remedy: str) -> IngestError:
    """A body that cannot be read as a call."""
    return IngestError(400, "malformed JSON", "invalid_request", what, where, remedy)


def request_too_large_error(what: str, where: str, remedy: str) -> IngestError:
    """A body over one of Segment's size limits."""
    return IngestError(400, "Exceed payload limit", "invalid_request", what, where, remedy)
