from pathlib import Path

from explanation_crashes import crash_cases, crashes


def test_every_generated_event_can_be_explained(tmp_path: Path) -> None:
    assert [line for output in crash_cases(3, 5) for line in crashes(output, tmp_path)] == []
