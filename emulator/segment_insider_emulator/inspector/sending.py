"""Messages that a page sends of its own: a sample shopper's, and one that was edited."""

from importlib.resources import files

from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.parts import parts
from segment_insider_emulator.segment.ingest import BATCH
from segment_insider_emulator.segment.intake import accept
from segment_insider_emulator.types import JSON, JSONObject


def send(call: JSONObject) -> None:
    """Send one *call* as an SDK does. Raises: IngestError, when Segment refuses it."""
    send_all([call])


def send_all(calls: list[JSON]) -> None:
    """Send *calls* in one batch with the write key of the first source."""
    body = {"writeKey": parts().workspace.write_key, "batch": calls}
    accept(body, BATCH)


def sample() -> list[JSON]:
    """What a shopper does, with the mistakes that real integrations make."""
    text = files(__package__).joinpath("sample.json").read_text("utf-8")
    calls: list[JSON] = parse_json(text.encode())
    return calls
