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


class Entry(NamedTuple):
    """One link of the bar. *section* is the page's blueprint: what lies below it is marked too."""

    title: str
    endpoint: str
    current: bool


def entries(endpoint: str) -> list[Entry]:
    """The bar as the page at *endpoint* shows it."""
    section = endpoint.rpartition(".")[0]
    return [Entry(title, at, at.rpartition(".")[0] == section) for title, at in PAGES]
