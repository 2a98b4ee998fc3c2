"""A program that ends right after it sent calls.

Argument: the emulator's URL.
"""

import sys

import segment.analytics as analytics  # type: ignore[import-untyped]  # ships no types

analytics.write_key = "wk_demo"
analytics.host = sys.argv[1]
for number in range(3):
    analytics.track("ada", "Giraffe Fed", {"leaves": number})
