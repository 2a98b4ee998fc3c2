"""Test harness: Gherkin scenarios, and emulators for tests by `in_process` and `intercepting`.

from segment_insider_scenarios import in_process, intercepting

with in_process() as emulator, intercepting(emulator):
    ...  # code that talks to api.segment.io
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from segment_insider_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from segment_insider_scenarios.interception import intercepting, intercepting_browser
    from segment_insider_scenarios.running_emulator import in_process


__all__ = ["in_process", "intercepting", "intercepting_browser"]


def __getattr__(name: str) -> Any:
    # When they are asked for: pytest imports this package in every run, for its plugin.
    if name == "in_process":
        from segment_insider_scenarios.running_emulator import in_process

        return in_process
    if name == "intercepting":
        from segment_insider_scenarios.interception import intercepting

        return intercepting
    if name == "intercepting_browser":
        from segment_insider_scenarios.interception import intercepting_browser

        return intercepting_browser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Module -> distribution; all of the extra `scenarios`.
REQUIRED_DISTRIBUTIONS = {
    "cucumber_tag_expressions": "cucumber-tag-expressions",
    "faker": "Faker",
    "pytest": "pytest",
    "pytest_bdd": "pytest-bdd",
    "segment": "segment-analytics-python",
}


def missing_distributions() -> list[str]:
    """Return the Python distributions of the extra `scenarios` that are not installed."""
    return [name for module, name in REQUIRED_DISTRIBUTIONS.items() if find_spec(module) is None]


def require_scenarios_extra(command: str) -> None:
    """Raise an error if a distribution of the extra `scenarios` that *command* needs is missing.

    Raises: EmulatorError, when *command* lacks something that it needs.
    """
    if absent := missing_distributions():
        what = f"{', '.join(absent)} not installed"
        remedy = (
            "Run: pip install 'segment-insider-emulator[scenarios]', "
            "or in a checkout: pip install '.[scenarios]'"
        )
        raise EmulatorError(what, f"emulator {command}", remedy)
