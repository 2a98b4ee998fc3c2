"""Code that talks to Segment and Insider One by their own names, led to an emulator instead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import responses
from requests import PreparedRequest, Session

from segment_insider_scenarios.running import RunningEmulator

# What Segment's and Insider One's documentation tells code to talk to.
SEGMENT = (
    "api.segment.io",
    "events.eu1.segmentapis.com",
    "cdn.segment.com",
    "oauth2.segment.io",
    "oauth2.eu1.segmentapis.com",
)
INSIDER_ONE = ("unification.useinsider.com", "contact.useinsider.com")
HOSTS = (*SEGMENT, *INSIDER_ONE)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
ENCODING = ("Content-Encoding", "Content-Length", "Transfer-Encoding")  # of what is read already

_Answer: TypeAlias = tuple[int, dict[str, str], bytes]


@contextmanager
def intercepting(emulator: RunningEmulator) -> Iterator[responses.RequestsMock]:
    """Have *emulator* answer whatever `requests` sends to HOSTS during the block.

    Requests to other hosts go where they go without this; requests by other libraries do, too.
    """
    session = emulator.client.session

    def answer(request: PreparedRequest) -> _Answer:
        return _answered(session, emulator.url, request)

    # Not all hosts are talked to, and what goes elsewhere is no business of the emulator.
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_passthru(re.compile(rf"^https?://(?!({'|'.join(map(re.escape, HOSTS))})([:/]|$))"))
        for method in METHODS:
            for host in HOSTS:
                address = re.compile(rf"^https?://{re.escape(host)}(:\d+)?/")
                mock.add_callback(method, address, callback=answer)
        yield mock


def _answered(session: Session, url: str, request: PreparedRequest) -> _Answer:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    answer = session.request(
        str(request.method), url + request.path_url, data=request.body, headers=headers,
        allow_redirects=False,
    )  # fmt: skip
    told = {name: value for name, value in answer.headers.items() if name not in ENCODING}
    return answer.status_code, told, answer.content
