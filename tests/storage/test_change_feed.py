"""News of what was kept: of every write, of no read, and of what another process wrote."""

from pathlib import Path

from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.records import MessageRecord

SONG = MessageRecord(
    "m1", "track", "Sung", "ada", None, "2026-11-23T10:00:00.000Z", "accepted", None, {}, {}
)
AT_ONCE, HEARTBEAT = 0.0, 0.25  # seconds


def test_a_write_is_news_and_a_read_is_none(tmp_path: Path) -> None:
    store = MessageStore(open_database(str(tmp_path / "kept.db")))
    before = store.change_counter.count
    store.list_messages()
    assert store.change_counter.count == before
    store.record_messages([SONG])
    assert store.change_counter.count == before + 1
    store.reset()
    assert store.change_counter.count == before + 2
    store.close()


def test_what_another_process_kept_is_news(tmp_path: Path) -> None:
    file = str(tmp_path / "kept.db")
    store, another = MessageStore(open_database(file)), MessageStore(open_database(file))
    before = store.change_counter.wait_for_change(-1, AT_ONCE)
    another.record_messages([SONG])
    assert store.change_counter.count == before
    assert any(store.change_counter.wait_for_change(before, HEARTBEAT) > before for _ in range(40))
    store.close()
    another.close()
