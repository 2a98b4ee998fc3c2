"""Names for the JSON that every part of the road passes on."""

from typing import Any, TypeAlias

# A checker cannot follow JSON of unknown depth: documents are validated where they enter.
JSON: TypeAlias = Any
JSONObject: TypeAlias = dict[str, Any]
