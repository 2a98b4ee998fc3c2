"""The stream that notifies open pages of stored messages."""

from segment_insider_emulator.inspector.blueprint import MAX_STREAM_S, iter_change_events
from segment_insider_emulator.storage.change_feed import ChangeCounter
from segment_insider_emulator.storage.database import close_database, open_database


def test_a_stream_ends_after_a_while_so_that_pages_reconnect() -> None:
    engine = open_database(":memory:")
    seconds = iter([0.0, MAX_STREAM_S])
    chunks = list(iter_change_events(ChangeCounter(engine), lambda: False, lambda: next(seconds)))
    assert chunks == [b'retry: 2000\n\nevent: changed\ndata: {"count":0}\n\n']
    close_database(engine)
