"""One ordered list says what runs before and after every view."""

from flask import Flask

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.request_hooks import (
    BEFORE_VIEW,
    run_hooks_after_view,
    run_hooks_before_view,
)
from segment_insider_emulator.workspace import load_preset_workspace


def create_emulator() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


def test_hooks_of_all_views_are_those_of_the_list_in_its_order() -> None:
    app = create_emulator()
    assert app.before_request_funcs[None] == [run_hooks_before_view]
    assert app.after_request_funcs[None] == [run_hooks_after_view]


def test_access_is_checked_before_a_sandbox_is_selected() -> None:
    names = [hook.__name__ for hook in BEFORE_VIEW]
    assert names.index("check_access") < names.index("select_sandbox_of_request")


def test_a_sandbox_is_selected_before_anything_reads_it() -> None:
    names = [hook.__name__ for hook in BEFORE_VIEW]
    assert names.index("select_sandbox_of_request") < names.index("run_due_journey_steps")
