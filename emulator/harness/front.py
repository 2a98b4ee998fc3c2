"""The page at /: what runs here and where its addresses are."""

from flask import Blueprint, Response

from emulator import __version__
from emulator.parts import parts

bp = Blueprint("front", __name__)

PAGE = """\
Segment to Insider One emulator {version}, source "{source}"

Send events here:     POST /v1/track, /v1/identify, /v1/batch ...  with the write key {write_key}
Insider One answers:  POST /api/user/v1/upsert
See what happened:    GET  /emulator/v1/messages
                      GET  /emulator/v1/deliveries
                      GET  /emulator/v1/profiles
                      GET  /emulator/v1/journeys
Let time pass:        POST /emulator/v1/clock  {{"advance": "45 minutes"}}
Start afresh:         POST /emulator/v1/reset
Is it up:             GET  /emulator/v1/health
"""


@bp.get("/")
def front() -> Response:
    """What runs here, as plain text."""
    workspace = parts().workspace
    page = PAGE.format(version=__version__, source=workspace.name, write_key=workspace.write_key)
    return Response(page, mimetype="text/plain")
