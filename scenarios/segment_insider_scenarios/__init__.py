"""Scenarios in Gherkin, and emulators inside of tests.

from segment_insider_scenarios import in_process, intercepting

with in_process() as emulator, intercepting(emulator):
    ...  # code that talks to api.segment.io
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment_insider_scenarios.interception import intercepting
    from segment_insider_scenarios.running import in_process

__all__ = ["in_process", "intercepting"]


def __getattr__(name: str) -> Any:
    # When they are asked for: pytest imports this package in every run, for its plugin.
    if name == "in_process":
        from segment_insider_scenarios.running import in_process

        return in_process
    if name == "intercepting":
        from segment_insider_scenarios.interception import intercepting

        return intercepting
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
