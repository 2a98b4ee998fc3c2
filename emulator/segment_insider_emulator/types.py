"""Types of JSON values, and of HTTP requests and responses independent of a framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, dataclass_transform

# A checker cannot follow JSON of unknown depth: documents are validated where they enter.
JSON: TypeAlias = Any
JSONObject: TypeAlias = dict[str, Any]
RecordT = TypeVar("RecordT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[RecordT]) -> type[RecordT]:
    """Make *cls* a dataclass whose fields only the type checker protects from changes.

    For what each event creates many of: with `frozen=True`, creating one takes six times as long.
    """
    return dataclass(unsafe_hash=True)(cls)


@record
class HttpRequest:
    """An HTTP request as sent, as a plain value; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@record
class HttpResponse:
    """An HTTP response as a plain value, without Flask; header names are lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
