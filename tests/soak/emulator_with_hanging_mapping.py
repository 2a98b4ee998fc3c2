"""The emulator with a mapping that never ends for the events of one user."""

import time
from unittest.mock import patch

from segment_insider_emulator.cli import main
from segment_insider_emulator.mapping import Destination, Subscription
from segment_insider_emulator.types import JSONObject

HANGING_USER_ID = "mallory"
original_find_candidates = Destination.find_candidate_subscriptions


def find_candidate_subscriptions(
    destination: Destination, event: JSONObject
) -> tuple[Subscription, ...]:
    while event.get("userId") == HANGING_USER_ID:
        time.sleep(1)
    return original_find_candidates(destination, event)


if __name__ == "__main__":
    with patch.object(Destination, "find_candidate_subscriptions", find_candidate_subscriptions):
        main()
