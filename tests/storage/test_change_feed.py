"""Changes are counted: each write, no read, and writes of another process."""

from pathlib import Path

from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.records import MessageRecord

SONG = MessageRecord(
    "m1", "track", "Sung", "ada", None, "2026-11-23T10:00:00.000Z", "accepted", None, {}, {}
)
AT_ONCE, HEARTBEAT = 0.0, 0.25  # seconds


def test_a_write_counts_and_a_read_does_not(tmp_path: Path) -> None:
    store = MessageStore(open_database(str(tmp_path / "emulator.db")))
    before = store.change_counter.change_count
    store.list_messages()
    assert store.change_counter.change_count == before
    store.record_messages([SONG])
    assert store.change_counter.change_count == before + 1
    store.delete_all_traffic()
    assert store.change_counter.change_count == before + 2
    store.close()


def test_a_write_of_another_process_counts(tmp_path: Path) -> None:
    file = str(tmp_path / "emulator.db")
    store, another = MessageStore(open_database(file)), MessageStore(open_database(file))
    before = store.change_counter.wait_for_change(-1, AT_ONCE)
    another.record_messages([SONG])
    assert store.change_counter.change_count == before
    assert any(store.change_counter.wait_for_change(before, HEARTBEAT) > before for _ in range(40))
    store.close()
    another.close()
