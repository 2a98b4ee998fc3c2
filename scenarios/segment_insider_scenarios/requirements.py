"""What scenarios and the demo's shopper need beyond the emulator itself."""

from importlib.util import find_spec

from segment_insider_emulator.errors import EmulatorError

# Module -> distribution; all of the extra `scenarios`.
REQUIRED_DISTRIBUTIONS = {
    "faker": "Faker",
    "pytest": "pytest",
    "pytest_bdd": "pytest-bdd",
    "segment": "segment-analytics-python",
}


def missing_distributions() -> list[str]:
    """The distributions that are not installed."""
    return [name for module, name in REQUIRED_DISTRIBUTIONS.items() if find_spec(module) is None]


def require_extra(command: str) -> None:
    """Raises: EmulatorError, when *command* lacks something that it needs."""
    if absent := missing_distributions():
        what = f"{', '.join(absent)} not installed"
        remedy = (
            "Run: pip install 'segment-insider-emulator[scenarios]', "
            "or in a checkout: pip install '.[scenarios]'"
        )
        raise EmulatorError(what, f"emulator {command}", remedy)
