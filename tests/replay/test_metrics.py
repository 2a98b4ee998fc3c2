"""Figures do not depend on how an archive is split, nor on which part is done first."""

from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.replay.metrics import (
    MAX_SAMPLES,
    LinePosition,
    LineSample,
    MetricTable,
    ReplayMetrics,
    RowTally,
    metrics_from_json,
    metrics_to_json,
)

NAMES = st.text("abcdefgh", min_size=1, max_size=2)
SEEN = st.lists(st.tuples(NAMES, st.sampled_from(["EUR", "USD"]), st.integers(0, 10_000)))
MOST = 4


def counted(seen: list[tuple[str, str, int]], first: int) -> ReplayMetrics:
    """The figures of some lines, the *first* of which is the archive's line of that number."""
    figures = ReplayMetrics(lines=len(seen))
    table = figures.tables["reasons"] = MetricTable(MOST)
    for line, (name, currency, amount) in enumerate(seen, first):
        found = RowTally(1, {currency: amount}, [LineSample(LinePosition(0, 0, line), name)])
        table.get_tally((name,)).add_tally(found)
    figures.drop_excess_rows()
    return figures


@given(SEEN, st.data())
def test_any_split_in_any_order_gives_the_same_figures(
    seen: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(seen)), max_size=5)))
    bounds = list(zip([0, *cuts], [*cuts, len(seen)], strict=True))
    total = counted([], 0)
    for start, end in data.draw(st.permutations(bounds)):
        total.add_metrics(counted(seen[start:end], start))

    assert total == counted(seen, 0)


@given(SEEN)
def test_remaining_rows_are_counted_exactly_and_the_others_as_one(
    seen: list[tuple[str, str, int]],
) -> None:
    table = counted(seen, 0).tables["reasons"]

    names = {name for name, *_ in seen}
    assert len(table.rows) == min(len(names), MOST)
    for (name,), tally in table.rows.items():
        mine = [amount for other, _, amount in seen if other == name]
        assert (tally.count, sum(tally.order_value.values())) == (len(mine), sum(mine))
    assert sum(tally.count for tally in table.rows.values()) + table.overflow.count == len(seen)


def test_samples_are_the_first_in_the_archive() -> None:
    later, earlier = RowTally(2), RowTally(2)
    later.add_samples(LineSample(LinePosition(1, 0, line), "{}") for line in (1, 2))
    earlier.add_samples(LineSample(LinePosition(0, 64, line), "{}") for line in (7, 9))

    later.add_tally(earlier)

    assert later == RowTally(
        4, {}, [LineSample(LinePosition(0, 64, 7), "{}"), LineSample(LinePosition(0, 64, 9), "{}")]
    )
    assert len(later.samples) == MAX_SAMPLES


@given(SEEN)
def test_figures_come_back_from_json(seen: list[tuple[str, str, int]]) -> None:
    figures = counted(seen, 0)

    again = metrics_from_json(metrics_to_json(figures))

    assert metrics_to_json(again) == metrics_to_json(figures)
    assert again.tables["reasons"].rows == figures.tables["reasons"].rows
