"""The example of docs/journeys.md works as shown there."""

from pathlib import Path

import yaml
from sandbox import REACHABLE, Sandbox

PAGE = Path("docs/journeys.md").read_text("utf-8")


def get_code_block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_example_has_the_trail_that_the_page_shows() -> None:
    sandbox = Sandbox(*yaml.safe_load(get_code_block("yaml"))["insider"]["journeys"])
    sandbox.send(
        sandbox.build_event("item_added_to_cart", "2026-11-23T12:00:00.000Z"), attributes=REACHABLE
    )
    sandbox.advance_clock("45 minutes")
    assert [what for _, what in sandbox.get_trail()] == get_code_block("text").splitlines()
