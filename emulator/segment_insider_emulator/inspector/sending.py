"""Messages that a page sends of its own: a sample shopper's, and one that was edited."""

from importlib.resources import files

from emulator.json_text import parse_json
from emulator.parts import parts
from emulator.segment.ingest import BATCH
from emulator.segment.intake import accept
from emulator.types import JSON, JSONObject


def send(call: JSONObject) -> None:
    """Send one *call* as an SDK does. Raises: IngestError, when Segment refuses it."""
    send_all([call])


def send_all(calls: list[JSON]) -> None:
    """Send *calls* in one batch with the write key of the first source."""
    body = {"writeKey": parts().workspace.write_key, "batch": calls}
    accept(body, BATCH)


def sample() -> list[JSON]:
    """What a shopper does, with the mistakes that real integrations make."""
    text = files("emulator.inspector").joinpath("sample.json").read_text("utf-8")
    calls: list[JSON] = parse_json(text.encode())
    return calls
