"""Messages that a page sends of its own: a sample shopper's, and one that was edited."""

from importlib.resources import files

from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.segment.ingest import BATCH_KIND
from segment_insider_emulator.segment.intake import ingest_call
from segment_insider_emulator.types import JSON, JSONObject


def send_call(call: JSONObject) -> None:
    """Send one *call* as an SDK does. Raises: IngestError, when Segment refuses it."""
    send_calls([call])


def send_calls(calls: list[JSON]) -> None:
    """Send *calls* in one batch with the write key of the first source."""
    body = {"writeKey": current_services().workspace.write_key, "batch": calls}
    ingest_call(body, BATCH_KIND)


def load_sample_calls() -> list[JSON]:
    """What a shopper does, with the mistakes that real integrations make."""
    text = files(__package__).joinpath("sample.json").read_text("utf-8")
    calls: list[JSON] = parse_json(text.encode())
    return calls
