"""The pages, in the order in which the bar on top names them."""

from typing import NamedTuple

PAGES = (
    ("Live", "inspector.live.page"),
    ("Flow", "inspector.flow.page"),
    ("Profiles", "inspector.profiles.page"),
    ("Journeys", "inspector.journeys.page"),
    ("Workspace", "inspector.workspace.page"),
    ("Scenarios", "inspector.scenarios.page"),
    ("Settings", "inspector.settings.page"),
)
# Blueprints whose pages are reached through another's.
WITHIN = {
    "inspector.event": "inspector.live",
    "inspector.tester": "inspector.workspace",
    "inspector.checks": "inspector.workspace",
    "inspector.imports": "inspector.workspace",
}


class Entry(NamedTuple):
    """One link of the bar.

    Args:
        current: "page" for the page itself, "true" for one below it, "" for any other, as
            `aria-current` has it.
    """

    title: str
    endpoint: str
    current: str


def entries(endpoint: str) -> list[Entry]:
    """The bar as the page at *endpoint* shows it."""
    blueprint = endpoint.rpartition(".")[0]
    section = WITHIN.get(blueprint, blueprint)
    return [Entry(title, at, _current(at, endpoint, section)) for title, at in PAGES]


def _current(entry: str, endpoint: str, section: str) -> str:
    if entry == endpoint:
        return "page"
    return "true" if entry.rpartition(".")[0] == section else ""
