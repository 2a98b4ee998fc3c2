"""Control API route for coverage: what of the workspace and the guide a sandbox's traffic used."""

from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, request

from segment_insider_emulator.control_api.models import CoverageModel
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.request_parsing import refuse_query_parameters
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.validation import validate_document

if TYPE_CHECKING:
    from segment_insider_emulator.analysis.coverage import CoverageReport

coverage_routes = Blueprint("coverage", __name__, url_prefix="/emulator/v1/coverage")

MAX_COVERED_MESSAGES = 1000  # the newest; `emulator coverage` reads all


@coverage_routes.get("", endpoint="report")
@api_operation()
def get_coverage() -> CoverageModel:
    """Return what of the current workspace and of the guide the newest 1000 messages have used."""
    # The analysis is imported when it is asked for: most emulators inside tests never do.
    from segment_insider_emulator.analysis.coverage_document import build_coverage_document

    refuse_query_parameters(request.args)
    document = build_coverage_document(find_current_coverage(current_services()))
    return msgspec.convert(document, CoverageModel)


def find_current_coverage(services: SandboxServices) -> "CoverageReport":
    """Compare the newest messages of a sandbox with its current workspace and the guide.

    Raises: EmulatorError, when the workspace was changed to an invalid one.
    """
    from segment_insider_emulator.analysis.context import build_context
    from segment_insider_emulator.analysis.coverage import TrafficMessage, find_coverage

    destination = services.destination_overrides.current_destination
    document = {**services.workspace.document, "destination": destination}
    for finding in validate_document(document):
        raise EmulatorError(finding.what, finding.where, finding.remedy)
    newest, _ = services.store.list_latest_messages(MAX_COVERED_MESSAGES)
    traffic = [
        TrafficMessage(message.normalised or {}, message.id, message.verdict, message.reason or "")
        for message in reversed(newest)
    ]
    return find_coverage(build_context(document), traffic)
