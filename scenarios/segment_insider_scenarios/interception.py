"""Code that talks to Segment and Insider One by their own names, led to an emulator instead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import responses
from requests import PreparedRequest, Session

from segment_insider_scenarios.running import RunningEmulator

# What Segment's and Insider One's documentation tells code to talk to.
SEGMENT_HOSTS = (
    "api.segment.io",
    "events.eu1.segmentapis.com",
    "cdn.segment.com",
    "oauth2.segment.io",
    "oauth2.eu1.segmentapis.com",
)
INSIDER_ONE_HOSTS = ("unification.useinsider.com", "contact.useinsider.com")
INTERCEPTED_HOSTS = (*SEGMENT_HOSTS, *INSIDER_ONE_HOSTS)
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
ENCODING_HEADERS = (
    "Content-Encoding",
    "Content-Length",
    "Transfer-Encoding",
)  # of what is read already

_CallbackResponse: TypeAlias = tuple[int, dict[str, str], bytes]


@contextmanager
def intercepting(emulator: RunningEmulator) -> Iterator[responses.RequestsMock]:
    """Have *emulator* answer whatever `requests` sends to HOSTS during the block.

    Requests to other hosts go where they go without this; requests by other libraries do, too.
    """
    session = emulator.client.session

    def answer(request: PreparedRequest) -> _CallbackResponse:
        return _forward_request(session, emulator.url, request)

    # Not all hosts are talked to, and what goes elsewhere is no business of the emulator.
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru(
            re.compile(rf"^https?://(?!({'|'.join(map(re.escape, INTERCEPTED_HOSTS))})([:/]|$))")
        )
        for method in HTTP_METHODS:
            for host in INTERCEPTED_HOSTS:
                address = re.compile(rf"^https?://{re.escape(host)}(:\d+)?/")
                mock.add_callback(method, address, callback=answer)
        yield mock


def _forward_request(
    session: Session, emulator_url: str, request: PreparedRequest
) -> _CallbackResponse:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    answer = session.request(
        str(request.method), emulator_url + request.path_url, data=request.body, headers=headers,
        allow_redirects=False,
    )  # fmt: skip
    headers_to_return = {
        name: value for name, value in answer.headers.items() if name not in ENCODING_HEADERS
    }
    return answer.status_code, headers_to_return, answer.content
