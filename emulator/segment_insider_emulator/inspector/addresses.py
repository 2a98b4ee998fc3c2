"""Addresses of sandboxes, as the one who asks reaches them."""

from flask import request

from segment_insider_emulator.own_address import own_root
from segment_insider_emulator.sandboxes import DEFAULT, PREFIX


def here() -> str:
    """Where programs reach this sandbox, e.g. "http://127.0.0.1:8282"."""
    return f"{own_root()}{request.script_root}"


def pages(sandbox: str) -> str:
    """The path below which the pages of a sandbox are, by its id."""
    root = request.script_root.partition(PREFIX)[0]
    return root if sandbox == DEFAULT else f"{root}{PREFIX}{sandbox}"


def all_sandboxes() -> str:
    """The path of the page of the caller's sandboxes, outside of any."""
    return f"{pages(DEFAULT)}/team"
