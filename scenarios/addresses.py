"""Addresses of emulators elsewhere: tried before a run relies on them."""

from collections.abc import Callable

from emulator.errors import EmulatorError
from scenarios.client import ControlClient


def expect_emulator(
    option: str, url: str, ask: Callable[[ControlClient], object] = ControlClient.sandboxes
) -> None:
    """Ask the emulator at *url* once, as the run will.

    Args:
        option: Which names the address.
        ask: What it has to answer to whoever holds EMULATOR_TOKEN.
    Raises: EmulatorError, which names both, when nobody answers, or not to us.
    """
    where = f"{option} {url}"
    with ControlClient.elsewhere(url) as client:
        try:
            ask(client)
        except EmulatorError as error:
            raise EmulatorError(error.what, where, error.remedy) from error
        except (KeyError, TypeError) as error:  # JSON, but somebody else's
            remedy = "Give the address of an emulator."
            raise EmulatorError("this is no emulator", where, remedy) from error
