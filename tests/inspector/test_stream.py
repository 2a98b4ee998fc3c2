"""The stream that tells open pages that something was kept."""

from segment_insider_emulator.capture.database import close, connect
from segment_insider_emulator.capture.news import News
from segment_insider_emulator.inspector.stream import LONGEST, changes


def test_a_stream_ends_so_that_a_page_that_stays_open_asks_again() -> None:
    engine = connect(":memory:")
    seconds = iter([0.0, LONGEST])
    said = list(changes(News(engine), lambda: False, lambda: next(seconds)))
    assert said == [b'retry: 2000\n\nevent: changed\ndata: {"count":0}\n\n']
    close(engine)
