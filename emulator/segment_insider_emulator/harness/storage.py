"""Control API: how much is kept, and how much may be."""

from flask import Blueprint, request

from segment_insider_emulator.harness import queries
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.types import JSONObject

storage_routes = Blueprint("storage", __name__, url_prefix="/emulator/v1")


@storage_routes.get("/storage")
def storage() -> JSONObject:
    """Counted at this moment; with millions of messages that takes a while."""
    queries.refuse_parameters(request.args)
    services = current_services()
    sizes, config = services.store.measure_size(), services.config
    return {
        "messages": sizes.messages,
        "deliveries": sizes.deliveries,
        "oldest": sizes.oldest,
        "rememberedIds": sizes.remembered,
        "usedBytes": sizes.used_bytes,
        "fileBytes": sizes.file_bytes,
        "keep": {
            "days": config.keep_days,
            "messages": config.keep_messages,
            "bytes": config.keep_bytes,
        },
    }
