"""The emulator, but with a mapping that never ends for the events of one user.

python tests/soak/emulator_with_hanging_mapping.py serve --db kept.db --async
"""

import time
from unittest.mock import patch

from segment_insider_emulator.cli import main
from segment_insider_emulator.mapping import Destination, Subscription
from segment_insider_emulator.types import JSONObject

USER = "mallory"
usual = Destination.find_candidates


def find_candidates(destination: Destination, event: JSONObject) -> tuple[Subscription, ...]:
    while event.get("userId") == USER:
        time.sleep(1)
    return usual(destination, event)


if __name__ == "__main__":
    with patch.object(Destination, "find_candidates", find_candidates):
        main()
