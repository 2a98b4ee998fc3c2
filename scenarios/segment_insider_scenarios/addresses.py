"""Addresses of emulators elsewhere: tried before a run relies on them."""

from collections.abc import Callable
from typing import Final

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.client import ControlClient

_SANDBOX_PATH: Final = "/sandboxes/"


def check_emulator_url(option: str, url: str) -> None:
    """Ask the emulator at *url* once for its sandboxes, as a run will that has its own there.

    Args:
        option: Which names the address.
    Raises: EmulatorError, which names both, when nobody answers, or not to us.
    """
    host, within, _ = url.partition(_SANDBOX_PATH)
    if within:
        what = "this is the address of one sandbox, and each scenario has one of its own"
        raise EmulatorError(what, f"{option} {url}", f"Give that of the emulator: {host}")
    _check_url_responds(option, url, ControlClient.list_sandboxes)


def check_sandbox_url(option: str, url: str) -> None:
    """Ask the emulator at *url* once, whether or not that is the address of a sandbox.

    Raises: EmulatorError, as above.
    """
    _check_url_responds(option, url, ControlClient.list_journeys)


def _check_url_responds(
    option: str, url: str, send_request: Callable[[ControlClient], object]
) -> None:
    where = f"{option} {url}"
    with ControlClient.connect(url) as client:
        try:
            send_request(client)
        except EmulatorError as error:
            raise EmulatorError(error.what, where, error.remedy) from error
        except (KeyError, TypeError) as error:  # JSON, but somebody else's
            remedy = "Give the address of an emulator."
            raise EmulatorError("this is no emulator", where, remedy) from error
