"""Delivering to a real account, and comparing what it answers with what is emulated."""

import orjson

from segment_insider_emulator import __version__
from segment_insider_emulator.capture.differences import Differences
from segment_insider_emulator.clock import Clock, iso
from segment_insider_emulator.contract.running import value_differences
from segment_insider_emulator.delivery.account import REDACTED, TOKEN, RealAccount, redacted
from segment_insider_emulator.delivery.policy import retried
from segment_insider_emulator.delivery.senders import Sender
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.http import HttpRequest, HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

SHORTEST_SECRET = 4  # characters; anything shorter would take ordinary words out of an answer


class PassThrough:
    """Sends to *real*, and keeps each kind of difference to what *emulated* answers.

    An answer that Segment would retry says something about load, not about the contract: it is
    not compared, and the emulated account does not get the request.
    """

    def __init__(
        self,
        real: Sender,
        emulated: Sender,
        account: RealAccount,
        differences: Differences,
        clock: Clock,
        hold: Hold = alone,
    ) -> None:
        self._real, self._emulated = real, emulated
        self._account = account
        self._differences = differences
        self._clock = clock
        self._compared = 0
        self._held = hold("compared", self)

    @property
    def compared(self) -> int:
        """Answers compared since the start."""
        return self._compared

    def __call__(self, request: HttpRequest, /) -> HttpResponse:
        headers = self._account.headers(request.headers)
        sent = HttpRequest(request.method, request.path, headers, request.body)
        secrets = [headers.get(TOKEN, ""), request.headers.get(TOKEN, "")]
        answer = without(secrets, self._real(sent))
        if not retried(str(answer.status)):
            self._compare(sent, answer, without(secrets, self._emulated(request)))
        return answer

    def state(self) -> JSONObject:
        """For other processes: {"compared"}."""
        return {"compared": self._compared}

    def restore(self, state: JSONObject) -> None:
        """Count on from what `state` gave."""
        self._compared = state["compared"]

    def _compare(self, sent: HttpRequest, real: HttpResponse, emulated: HttpResponse) -> None:
        with self._held.changing():
            self._compared += 1
        expected, actual = _shown(real), _shown(emulated)
        found = list(value_differences(expected, actual, "answer"))
        if not found:
            return
        document: JSONObject = {
            "name": f"{sent.method} {sent.path} answered {real.status}",
            "about": "A real account and the emulated one answered the same request differently.",
            "emulator": __version__,
            "request": {
                "method": sent.method,
                "url": self._account.url + sent.path,
                "headers": redacted(sent.headers),
                "json": _json(sent.body),
            },
            "expect": expected,
            "actual": actual,
            "differences": found,
        }
        self._differences.record("\n".join(found), iso(self._clock()), document)


def without(secrets: list[str], answer: HttpResponse) -> HttpResponse:
    """*answer* without *secrets*, wherever it repeats them."""
    body, headers = answer.body, dict(answer.headers)
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret.encode(), REDACTED.encode())
            headers = {name: each.replace(secret, REDACTED) for name, each in headers.items()}
    return HttpResponse(answer.status, body, headers)


def _shown(answer: HttpResponse) -> JSONObject:
    return {"status": answer.status, "json": _json(answer.body)}


def _json(body: bytes) -> JSON:
    """The value of *body*; what is no JSON, such as a proxy's page, as text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
