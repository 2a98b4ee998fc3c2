"""A web shop that tells Segment what its shoppers do, through the official Python SDK."""

from datetime import UTC, datetime, timedelta
from typing import Any

from requests import RequestException
from segment.analytics import Client  # type: ignore[import-untyped]  # ships no types
from segment.analytics.request import APIError  # type: ignore[import-untyped]  # ships no types

from emulator.errors import EmulatorError
from scenarios.calls import Call
from scenarios.shopper import Shopper
from scenarios.unreachable import unreachable

APART = timedelta(milliseconds=50)  # two calls of a shop, also where the clock stands still


class Shop:
    """One Segment source. The SDK is used as published, its `host` pointing at the emulator."""

    def __init__(self, host: str, write_key: str) -> None:
        self._host = host
        self._last = datetime.now(UTC)
        # Without its thread: a call is answered when the method returns, and nobody waits for more.
        self._sdk: Any = Client(write_key, host=host, sync_mode=True)

    def tell(self, shopper: Shopper, *calls: Call) -> None:
        """Send *calls* in this order; on return Segment has answered each.

        Raises: EmulatorError, when one was not taken.
        """
        for call in calls:
            try:
                self._send(shopper, call)
            except RequestException as error:
                told = unreachable(self._host, error)
            except APIError as error:
                remedy = "See that the emulator runs there."
                told = EmulatorError(f"the SDK could not send: {error}", self._host, remedy)
            else:
                continue
            raise told  # out here it is chained to nothing that holds the write key

    def _send(self, shopper: Shopper, call: Call) -> None:
        begun = datetime.now(UTC)
        # Insider One keeps equal events of one instant once, and a machine outpaces a shopper.
        at = max(begun, self._last + APART)
        self._call(call, user_id=shopper.user_id, anonymous_id=shopper.anonymous_id, timestamp=at)
        # Segment corrects the time of each call by its own delay, which was no longer than this.
        self._last = at + (datetime.now(UTC) - begun)

    def _call(self, call: Call, **who: Any) -> None:
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
