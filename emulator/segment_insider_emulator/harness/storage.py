"""Control API: how much is kept, and how much may be."""

from flask import Blueprint, request

from segment_insider_emulator.harness import queries
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("storage", __name__, url_prefix="/emulator/v1")


@bp.get("/storage")
def storage() -> JSONObject:
    """Counted at this moment; with millions of messages that takes a while."""
    queries.refuse(request.args)
    own = parts()
    sizes, config = own.store.sizes(), own.config
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
