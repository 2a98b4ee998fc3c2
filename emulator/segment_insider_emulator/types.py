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
class EndpointReport:
    """What an emulated endpoint reports about a request, as in the headers of its response.

    Args:
        verdict: "accepted", "warning" or "dropped"; None if it gives none.
        findings: [{"verdict", "where", "what", "remedy", "cause"}], errors first.
        changes: Of profiles; None if it reports none.
    """

    verdict: str | None
    findings: list[JSONObject]
    changes: list[JSONObject] | None


@record
class HttpResponse:
    """An HTTP response as a plain value, without Flask; header names are lower case.

    Args:
        report: The values of the report headers, for readers in the same process; else None.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    report: EndpointReport | None = field(default=None, compare=False)
