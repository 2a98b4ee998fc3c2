"""News of what was kept: of every write, of no read, and of what another process wrote."""

from pathlib import Path

from segment_insider_emulator.capture.database import connect
from segment_insider_emulator.capture.records import Captured
from segment_insider_emulator.capture.store import Store

SONG = Captured(
    "m1", "track", "Sung", "ada", None, "2026-11-23T10:00:00.000Z", "accepted", None, {}, {}
)
AT_ONCE, HEARTBEAT = 0.0, 0.25  # seconds


def test_a_write_is_news_and_a_read_is_none(tmp_path: Path) -> None:
    store = Store(connect(str(tmp_path / "kept.db")))
    before = store.news.count
    store.messages()
    assert store.news.count == before
    store.record([SONG])
    assert store.news.count == before + 1
    store.reset()
    assert store.news.count == before + 2
    store.close()


def test_what_another_process_kept_is_news(tmp_path: Path) -> None:
    file = str(tmp_path / "kept.db")
    store, another = Store(connect(file)), Store(connect(file))
    before = store.news.wait(-1, AT_ONCE)
    another.record([SONG])
    assert store.news.count == before
    assert any(store.news.wait(before, HEARTBEAT) > before for _ in range(40))
    store.close()
    another.close()
