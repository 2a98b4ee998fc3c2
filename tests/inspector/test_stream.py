"""The stream that tells open pages that something was kept."""

from segment_insider_emulator.inspector.blueprint import MAX_STREAM_S, iter_change_events
from segment_insider_emulator.storage.change_feed import ChangeCounter
from segment_insider_emulator.storage.database import close_database, open_database


def test_a_stream_ends_so_that_a_page_that_stays_open_asks_again() -> None:
    engine = open_database(":memory:")
    seconds = iter([0.0, MAX_STREAM_S])
    said = list(iter_change_events(ChangeCounter(engine), lambda: False, lambda: next(seconds)))
    assert said == [b'retry: 2000\n\nevent: changed\ndata: {"count":0}\n\n']
    close_database(engine)
