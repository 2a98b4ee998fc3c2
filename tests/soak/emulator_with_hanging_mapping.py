"""The emulator with a mapping that never ends for the events of one user."""

import time
from unittest.mock import patch

from segment_insider_emulator.cli import main
from segment_insider_emulator.mapping import Destination, Subscription
from segment_insider_emulator.types import JSONObject

HANGING_USER_ID = "mallory"
original_preselect = Destination.preselect_subscriptions


def preselect_subscriptions(
    destination: Destination, event: JSONObject
) -> tuple[Subscription, ...]:
    while event.get("userId") == HANGING_USER_ID:
        time.sleep(1)
    return original_preselect(destination, event)


if __name__ == "__main__":
    with patch.object(Destination, "preselect_subscriptions", preselect_subscriptions):
        main()
