"""A web shop that tells Segment what its shoppers do, through the official Python SDK."""

from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from segment.analytics import Client  # type: ignore[import-untyped]  # ships no types

from emulator.errors import EmulatorError
from scenarios.calls import Call
from scenarios.shopper import Shopper

# How long the SDK waits for more calls before it sends what it has: tests have no time for its 0.5.
UPLOAD_INTERVAL = 0.005  # seconds


class Shop:
    """One Segment source. The SDK is used as published, its `host` pointing at the emulator."""

    def __init__(self, host: str, write_key: str) -> None:
        self._host = host
        self._errors: list[Exception] = []
        self._last = datetime.now(UTC)
        self._sdk: Any = Client(
            write_key,
            host=host,
            upload_interval=UPLOAD_INTERVAL,
            max_retries=0,
            on_error=lambda error, _batch: self._errors.append(error),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sdk.shutdown()

    def tell(self, shopper: Shopper, *calls: Call) -> None:
        """Send *calls* in this order; on return Segment has answered each.

        Raises: EmulatorError, when one was not taken.
        """
        for call in calls:
            self._enqueue(shopper, call)
        self._sdk.flush()
        if self._errors:
            errors, self._errors = self._errors, []
            remedy = "See that the emulator runs there."
            raise EmulatorError(f"the SDK could not send: {errors[0]}", self._host, remedy)

    def _enqueue(self, shopper: Shopper, call: Call) -> None:
        who = {
            "user_id": shopper.user_id,
            "anonymous_id": shopper.anonymous_id,
            "timestamp": self._now(),
        }
        match call.kind:
            case "identify":
                self._sdk.identify(traits=call.body, **who)
            case "track":
                self._sdk.track(event=call.name, properties=call.body, **who)
            case "page":
                self._sdk.page(name=call.name, properties=call.body, **who)
            case "screen":
                self._sdk.screen(name=call.name, properties=call.body, **who)

    def _now(self) -> datetime:
        # Insider One keeps equal events of one instant once, and a machine outpaces a shopper. The
        # times of each batch are corrected by its own delay, so a millisecond may not be enough.
        self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=50))
        return self._last
