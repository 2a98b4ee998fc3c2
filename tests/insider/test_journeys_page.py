"""What docs/journeys.md shows works."""

from pathlib import Path

import yaml
from sandbox import REACHABLE, Sandbox

PAGE = Path("docs/journeys.md").read_text("utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_example_leaves_the_trail_that_is_shown() -> None:
    box = Sandbox(*yaml.safe_load(block("yaml"))["insider"]["journeys"])
    box.send(box.event("item_added_to_cart", "2026-11-23T12:00:00.000Z"), attributes=REACHABLE)
    box.later("45 minutes")
    assert [what for _, what in box.trail()] == block("text").splitlines()
