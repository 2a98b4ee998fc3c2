"""List the files that one call runs through: `python tests/structure/request_trace.py`."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import orjson

import segment_insider_emulator
from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

PACKAGE = Path(segment_insider_emulator.__file__).parent
EVENT = {
    "writeKey": "wk_demo",
    "userId": "ada",
    "event": "Order Completed",
    "properties": {
        "order_id": "o-17",
        "currency": "EUR",
        "products": [{"product_id": "mug", "price": 8.5, "quantity": 2}],
    },
}


BODY = orjson.dumps(EVENT)


def trace_files(action: Callable[[], object]) -> list[str]:
    """Run *action* and return the files of the project whose functions ran, in order of entry."""
    files: dict[str, None] = {}

    def record(frame: FrameType, event: str, _argument: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and Path(file).is_relative_to(PACKAGE):
            files[str(Path(file).relative_to(PACKAGE))] = None

    sys.setprofile(record)
    try:
        action()
    finally:
        sys.setprofile(None)
    return list(files)


def trace_post() -> list[str]:
    """Return the files that one call passes, from the socket's side to Insider One's answer.

    The emulator has answered such calls before, so that nothing is compiled for the first time.
    """
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    client = app.test_client()
    try:
        for _ in range(3):  # the first calls compile the statements that later calls need
            assert client.post("/v1/track", data=BODY).status_code == 200
        return trace_files(lambda: client.post("/v1/track", data=BODY))
    finally:
        app.extensions["sandboxes"].close()


if __name__ == "__main__":
    files = trace_post()
    sys.stdout.write("\n".join([*files, f"{len(files)} files"]) + "\n")
