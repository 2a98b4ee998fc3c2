"""A web shop that tells Segment what its shoppers do, through the official Python SDK."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from requests import RequestException, Response
from segment.analytics import Client  # type: ignore[import-untyped]  # ships no types
from segment.analytics import request as sdk
from segment.analytics.request import APIError  # type: ignore[import-untyped]  # ships no types

from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_scenarios.client_errors import (
    RetryBudget,
    connection_error,
    parse_error_response,
)
from segment_insider_scenarios.http_adapters import NoProxyAdapter
from segment_insider_scenarios.segment_calls import SegmentCall
from segment_insider_scenarios.shopper import Shopper

MIN_CALL_INTERVAL = timedelta(
    milliseconds=50
)  # two calls of a shop, also where the clock stands still


class _CallFailure(NamedTuple):
    """A call that was not taken, and the answer that says when it will be."""

    error: EmulatorError
    response: Response | None = None


class SegmentShop:
    """One Segment source. The SDK is used as published, its `host` pointing at the emulator."""

    def __init__(
        self, host: str, write_key: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._host = host
        self._sleep = sleep
        self._last_sent_at = datetime.now(UTC)
        # The SDK has one session for all its clients, and no way to be given another.
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(host))
        if origin not in sdk._session.adapters:
            sdk._session.mount(origin, NoProxyAdapter())
        # Without its thread: a call is answered when the method returns, and nobody waits for more.
        self._sdk: Any = Client(write_key, host=host, sync_mode=True)

    def send(self, shopper: Shopper, *calls: SegmentCall) -> None:
        """Send *calls* in this order; on return Segment has answered each.

        Raises: EmulatorError, when one was not taken.
        """
        for call in calls:
            patience = RetryBudget(self._sleep)
            while refused := self._try_send(shopper, call):
                if refused.response is None or not patience.wait_if_retryable(refused.response):
                    raise refused.error

    def _try_send(self, shopper: Shopper, call: SegmentCall) -> _CallFailure | None:
        """Why *call* was not taken; out of here it is chained to nothing that has the write key."""
        try:
            self._send_with_timestamp(shopper, call)
        except RequestException as error:
            return _CallFailure(connection_error(self._host, error))
        except APIError as error:
            answer: Response | None = getattr(error, "response", None)  # older SDKs keep none
            # A fault that a scenario asks for has the shape of Segment's, and is not waited for.
            if answer is not None and isinstance(
                told := parse_error_response(answer), TemporarilyUnavailable
            ):
                return _CallFailure(told, answer)
            remedy = "See that the emulator runs there."
            return _CallFailure(
                EmulatorError(f"the SDK could not send: {error}", self._host, remedy)
            )
        return None

    def _send_with_timestamp(self, shopper: Shopper, call: SegmentCall) -> None:
        begun = datetime.now(UTC)
        # Insider One keeps equal events of one instant once, and a machine outpaces a shopper.
        at = max(begun, self._last_sent_at + MIN_CALL_INTERVAL)
        self._call_sdk(
            call, user_id=shopper.user_id, anonymous_id=shopper.anonymous_id, timestamp=at
        )
        # Segment corrects the time of each call by its own delay, which was no longer than this.
        self._last_sent_at = at + (datetime.now(UTC) - begun)

    def _call_sdk(self, call: SegmentCall, **who: Any) -> None:
        match call.kind:
            case "identify":
                self._sdk.identify(traits=call.body, **who)
            case "track":
                self._sdk.track(event=call.name, properties=call.body, **who)
            case "page":
                self._sdk.page(name=call.name, properties=call.body, **who)
            case "screen":
                self._sdk.screen(name=call.name, properties=call.body, **who)

            case "group":
                self._sdk.group(group_id=call.name, traits=call.body, **who)
            case "alias":
                del who["anonymous_id"]
                self._sdk.alias(previous_id=call.name, **who)
