"""Insider One's unification host: bytes in, bytes out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from hmac import compare_digest
from typing import TypeAlias
from uuid import uuid4

import orjson

from emulator.capture.profiles import ProfileStore
from emulator.clock import Clock
from emulator.http import HttpRequest, HttpResponse
from emulator.insider import replies, upsert
from emulator.insider.changes import Listener
from emulator.insider.identity import Rules
from emulator.insider.replies import Refusal
from emulator.insider.upsert import Upsert
from emulator.types import JSON

Handler: TypeAlias = Callable[[JSON, datetime], HttpResponse]

DEEPEST = 100  # levels


class Endpoint:
    """One account.

    Args:
        account_name, account_key: What X-PARTNER-NAME and X-REQUEST-TOKEN must say.
        identifiers: Types that identify, strongest first, e.g. ("uuid", "segment_anonymous_id").
        new_id: Makes Profile IDs.
        on_change: Told what an upsert changed, after that is stored and before it is answered.
    """

    def __init__(
        self,
        account_name: str,
        account_key: str,
        identifiers: Sequence[str],
        profiles: ProfileStore,
        clock: Clock,
        *,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        on_change: Listener = lambda changes: None,
    ) -> None:
        self._name, self._key, self._clock = account_name, account_key, clock
        self._handlers: dict[str, dict[str, Handler]] = {
            upsert.PATH: {"POST": Upsert(Rules(tuple(identifiers)), profiles, new_id, on_change)},
        }

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; a refusal is an answer too.

        Raises: StorageFault, when the profiles cannot be read or written.
        """
        methods = self._handlers.get(request.path)
        if methods is None:
            return self._unknown(request).response()
        if request.method not in methods:
            return _wrong_method(request, methods)
        try:
            self._admit(request)
            return methods[request.method](_json(request), self._clock())
        except Refusal as refusal:
            return refusal.response()

    def _admit(self, request: HttpRequest) -> None:
        if request.headers.get("x-partner-name", "") != self._name:
            raise replies.INVALID_PARTNER
        token = request.headers.get("x-request-token", "")
        if not compare_digest(token.encode(), self._key.encode()):
            raise replies.ACCESS_DENIED

    def _unknown(self, request: HttpRequest) -> Refusal:
        text = f"no such endpoint: {request.method} {request.path}"
        return replies.error(404, text, f"This emulator answers {', '.join(self._handlers)}.")


def _wrong_method(request: HttpRequest, methods: dict[str, Handler]) -> HttpResponse:
    allowed = ", ".join(methods)
    text = f"{request.path} does not take {request.method}"
    refusal = replies.error(405, text, f"Use {allowed}.")
    answer = refusal.response()
    return HttpResponse(answer.status, answer.body, {**answer.headers, "allow": allowed})


def _json(request: HttpRequest) -> JSON:
    if len(request.body) > replies.LARGEST_BODY:
        raise replies.TOO_LARGE
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise replies.WRONG_CONTENT_TYPE
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise replies.INVALID_JSON from None
    if _too_deep(body):
        raise replies.INVALID_JSON
    return body


def _too_deep(value: JSON) -> bool:
    """Whether *value* has more than DEEPEST levels, found level by level, not by recursion."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, (dict, list))
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return any(isinstance(each, (dict, list)) for each in level)
