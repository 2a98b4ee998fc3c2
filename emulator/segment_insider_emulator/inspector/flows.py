"""The Flow page: which events become what at Insider One, as a drawing and as a table."""

from flask import Blueprint

from segment_insider_emulator.inspector.flow import count_flow_links
from segment_insider_emulator.inspector.flow_drawing import draw_flow, list_flow_verdicts
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.parts import current_services

bp = Blueprint("flow", __name__, url_prefix="/flow")

MAX_FLOW_MESSAGES = 1000  # messages


@bp.get("")
def show_flow() -> str:
    """The last messages, by event name, subscription and Insider One event."""
    messages, deliveries = current_services().store.recent_activity.load_latest(MAX_FLOW_MESSAGES)
    links = count_flow_links(messages, deliveries)
    return render_page(
        "flow.html",
        "flow_now",
        drawing=draw_flow(links),
        links=sorted(links, key=lambda link: (link.source.column, -link.count)),
        verdicts=list_flow_verdicts(links),
        looked_at=len(messages),
        is_all=len(messages) < MAX_FLOW_MESSAGES,
    )
