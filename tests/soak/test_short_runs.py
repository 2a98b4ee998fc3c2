"""Short runs of kill_loop.py and mixed_traffic.py."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from kill_loop import kill_repeatedly
from mixed_traffic import run_soak


@pytest.mark.extended
@pytest.mark.parametrize("options", [(), ("--async",)], ids=["synchronous", "asynchronous"])
def test_acknowledged_messages_survive_every_kill(tmp_path: Path, options: Sequence[str]) -> None:
    ledger, wrong = kill_repeatedly(3, tmp_path / "emulator.db", seed=3, options=options)
    assert wrong == []
    assert ledger.acknowledged


@pytest.mark.extended
def test_mixed_traffic_loses_nothing(tmp_path: Path) -> None:
    outcome = run_soak(3, tmp_path / "emulator.db", seed=5)
    assert outcome.errors == []
    assert outcome.ledger.acknowledged
