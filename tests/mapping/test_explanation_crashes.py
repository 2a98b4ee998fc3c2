from pathlib import Path

import pytest
from explanation_crashes import find_crashes, iter_crash_cases


@pytest.mark.extended
def test_every_generated_event_can_be_explained(tmp_path: Path) -> None:
    assert [
        line for output in iter_crash_cases(3, 5) for line in find_crashes(output, tmp_path)
    ] == []
