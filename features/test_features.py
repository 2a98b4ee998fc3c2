"""Binds every feature in this folder."""

import pytest
from pytest_bdd import scenarios

from segment_insider_emulator.functions.engine import find_engine_problem

scenarios(".")


@pytest.fixture(autouse=True)
def skip_without_node(request: pytest.FixtureRequest) -> None:
    """Skip scenarios with functions on a machine without Node.js."""
    if request.node.get_closest_marker("nodejs") and (problem := find_engine_problem()):
        pytest.skip(problem)
