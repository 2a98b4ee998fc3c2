"""Metrics do not depend on how an archive is split, nor on the order of its parts."""

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
LINE_LISTS = st.lists(st.tuples(NAMES, st.sampled_from(["EUR", "USD"]), st.integers(0, 10_000)))
MAX_ROWS = 4


def count_lines(lines: list[tuple[str, str, int]], first: int) -> ReplayMetrics:
    """Return the metrics of lines of an archive, of which the first is line number *first*."""
    figures = ReplayMetrics(lines=len(lines))
    table = figures.tables["reasons"] = MetricTable(MAX_ROWS)
    for line, (name, currency, amount) in enumerate(lines, first):
        tally = RowTally(1, {currency: amount}, [LineSample(LinePosition(0, 0, line), name)])
        table.get_tally((name,)).add_tally(tally)
    figures.drop_excess_rows()
    return figures


@given(LINE_LISTS, st.data())
def test_any_split_in_any_order_gives_the_same_figures(
    lines: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)), max_size=5)))
    bounds = list(zip([0, *cuts], [*cuts, len(lines)], strict=True))
    total = count_lines([], 0)
    for start, end in data.draw(st.permutations(bounds)):
        total.add_metrics(count_lines(lines[start:end], start))

    assert total == count_lines(lines, 0)


@given(LINE_LISTS)
def test_remaining_rows_are_counted_exactly_and_the_others_as_one(
    lines: list[tuple[str, str, int]],
) -> None:
    table = count_lines(lines, 0).tables["reasons"]

    names = {name for name, *_ in lines}
    assert len(table.rows) == min(len(names), MAX_ROWS)
    for (name,), tally in table.rows.items():
        mine = [amount for other, _, amount in lines if other == name]
        assert (tally.count, sum(tally.order_value.values())) == (len(mine), sum(mine))
    assert sum(tally.count for tally in table.rows.values()) + table.overflow.count == len(lines)


def test_samples_are_the_first_in_the_archive() -> None:
    later, earlier = RowTally(2), RowTally(2)
    later.add_samples(LineSample(LinePosition(1, 0, line), "{}") for line in (1, 2))
    earlier.add_samples(LineSample(LinePosition(0, 64, line), "{}") for line in (7, 9))

    later.add_tally(earlier)

    assert later == RowTally(
        4, {}, [LineSample(LinePosition(0, 64, 7), "{}"), LineSample(LinePosition(0, 64, 9), "{}")]
    )
    assert len(later.samples) == MAX_SAMPLES


@given(LINE_LISTS)
def test_metrics_survive_a_round_trip_through_json(lines: list[tuple[str, str, int]]) -> None:
    figures = count_lines(lines, 0)

    restored = metrics_from_json(metrics_to_json(figures))

    assert metrics_to_json(restored) == metrics_to_json(figures)
    assert restored.tables["reasons"].rows == figures.tables["reasons"].rows
