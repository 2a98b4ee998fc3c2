"""What every address of the unification host works with: one account and its profiles."""

from collections.abc import Callable
from dataclasses import dataclass

from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.insider.callbacks import CallbackHosts
from segment_insider_emulator.insider.changes import ProfileChangeListener
from segment_insider_emulator.insider.identity import IdentityRules
from segment_insider_emulator.insider.options import InsiderOptions


@dataclass(frozen=True, slots=True)
class InsiderAccount:
    """One account.

    Args:
        new_id: Makes Profile IDs.
        on_change: Told what a request changed, in the transaction that stores it.
        callback_hosts: Where callbacks may go.
        call_back: Takes an address and the body to post there; returns at once.
    """

    identity_rules: IdentityRules
    options: InsiderOptions
    profiles: ProfileStore
    generate_profile_id: Callable[[], str]
    on_change: ProfileChangeListener
    callback_hosts: CallbackHosts
    send_callback: Callable[[str, bytes], None]
