"""The pages, in the order in which the bar on top names them."""

from typing import NamedTuple

NAVIGATION_PAGES = (
    ("Live", "inspector.live.show_messages"),
    ("Flow", "inspector.flow.show_flow"),
    ("Profiles", "inspector.profiles.list_profiles"),
    ("Journeys", "inspector.journeys.list_journeys"),
    ("Workspace", "inspector.workspace.show_workspace"),
    ("Scenarios", "inspector.scenarios.list_scenario_runs"),
    ("Settings", "inspector.settings.show_settings"),
)
# Blueprints whose pages are reached through another's.
PARENT_BLUEPRINTS = {
    "inspector.event": "inspector.live",
    "inspector.tester": "inspector.workspace",
    "inspector.checks": "inspector.workspace",
    "inspector.imports": "inspector.workspace",
}


class NavigationEntry(NamedTuple):
    """One link of the bar.

    Args:
        current: "page" for the page itself, "true" for one below it, "" for any other, as
            `aria-current` has it.
    """

    title: str
    endpoint: str
    aria_current: str


def build_navigation(endpoint: str) -> list[NavigationEntry]:
    """The bar as the page at *endpoint* shows it."""
    blueprint = endpoint.rpartition(".")[0]
    section = PARENT_BLUEPRINTS.get(blueprint, blueprint)
    return [
        NavigationEntry(title, at, _aria_current(at, endpoint, section))
        for title, at in NAVIGATION_PAGES
    ]


def _aria_current(entry_endpoint: str, endpoint: str, current_section: str) -> str:
    if entry_endpoint == endpoint:
        return "page"
    return "true" if entry_endpoint.rpartition(".")[0] == current_section else ""
