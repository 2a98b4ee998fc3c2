"""Addresses of sandboxes, as the one who asks reaches them."""

from flask import request

from segment_insider_emulator.own_address import request_base_url
from segment_insider_emulator.sandboxes import DEFAULT_SANDBOX_ID, SANDBOX_PATH_PREFIX


def current_sandbox_url() -> str:
    """Where programs reach this sandbox, e.g. "http://127.0.0.1:8282"."""
    return f"{request_base_url()}{request.script_root}"


def sandbox_pages_path(sandbox_id: str) -> str:
    """The path below which the pages of a sandbox are, by its id."""
    root = request.script_root.partition(SANDBOX_PATH_PREFIX)[0]
    return root if sandbox_id == DEFAULT_SANDBOX_ID else f"{root}{SANDBOX_PATH_PREFIX}{sandbox_id}"


def team_page_path() -> str:
    """The path of the page of the caller's sandboxes, outside of any."""
    return f"{sandbox_pages_path(DEFAULT_SANDBOX_ID)}/team"
