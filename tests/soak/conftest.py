"""A server in a process of its own, for those who do their worst to it."""

from collections.abc import Iterator

import pytest
from killable import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Whatever was done to it, it said nothing of a fault of its own."""
    with Served(tmp_path_factory.mktemp("hostile") / "kept.db") as process:
        yield process
    faults = ("Traceback", "uncaptured python exception")
    assert [line for line in process.said if any(each in line for each in faults)] == []
