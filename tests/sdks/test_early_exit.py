"""Calls still queued in an SDK arrive when a program ends or a page is left."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdks.sdk_emulator import SdkEmulator
from sdks.sdk_senders import BrowserSdk

HERE = Path(__file__).parent
BATCHING = {"strategy": "batching", "config": {"size": 10, "timeout": 60_000}}
IN_BATCHES = {"integrations": {"Segment.io": {"deliveryStrategy": BATCHING}}}
THREE = "for (const leaves of [0, 1, 2]) analytics.track('Giraffe Fed', {leaves})"


@pytest.mark.extended
@pytest.mark.observed
def test_the_python_sdk_flushes_at_exit(end: SdkEmulator) -> None:
    program = [sys.executable, str(HERE / "short_program.py"), end.url]
    subprocess.run(program, check=True, timeout=60)
    assert end.list_verdicts() == ["accepted"] * 3


@pytest.mark.observed
def test_leaving_a_page_flushes_its_batch(end: SdkEmulator, snippet_sdk: BrowserSdk) -> None:
    with snippet_sdk.open_page(end.url, IN_BATCHES) as page:
        page.evaluate(THREE)
        page.wait_for_timeout(200)
        assert end.list_verdicts() == []
        page.goto("about:blank")
        until = time.monotonic() + 60
        while not end.list_verdicts() and time.monotonic() < until:
            page.wait_for_timeout(20)
    assert end.list_verdicts() == ["accepted"] * 3
