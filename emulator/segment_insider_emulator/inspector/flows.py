"""The Flow page: which events become what at Insider One, as a drawing and as a table."""

from flask import Blueprint

from segment_insider_emulator.inspector.flow import flow
from segment_insider_emulator.inspector.flow_drawing import draw, verdicts
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.parts import parts

bp = Blueprint("flow", __name__, url_prefix="/flow")

LOOKED_AT = 1000  # messages


@bp.get("")
def page() -> str:
    """The last messages, by event name, subscription and Insider One event."""
    messages, deliveries = parts().store.overview.latest(LOOKED_AT)
    links = flow(messages, deliveries)
    return render(
        "flow.html",
        "flow_now",
        drawing=draw(links),
        links=sorted(links, key=lambda link: (link.source.column, -link.count)),
        verdicts=verdicts(links),
        looked_at=len(messages),
        is_all=len(messages) < LOOKED_AT,
    )
