"""Types of JSON values, and of HTTP requests and responses independent of a framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# A checker cannot follow JSON of unknown depth: documents are validated where they enter.
JSON: TypeAlias = Any
JSONObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request as sent, as a plain value; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response as a plain value, without Flask; header names are lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
