"""Figures do not depend on how an archive is split, nor on which part is done first."""

from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.replay.figures import (
    SAMPLES,
    Figures,
    Place,
    Sample,
    Table,
    Tally,
    from_json,
    to_json,
)

NAMES = st.text("abcdefgh", min_size=1, max_size=2)
SEEN = st.lists(st.tuples(NAMES, st.sampled_from(["EUR", "USD"]), st.integers(0, 10_000)))
MOST = 4


def counted(seen: list[tuple[str, str, int]], first: int) -> Figures:
    """The figures of some lines, the *first* of which is the archive's line of that number."""
    figures = Figures(lines=len(seen))
    table = figures.tables["reasons"] = Table(MOST)
    for line, (name, currency, amount) in enumerate(seen, first):
        found = Tally(1, {currency: amount}, [Sample(Place(0, 0, line), name)])
        table.at((name,)).add(found)
    figures.settle()
    return figures


@given(SEEN, st.data())
def test_any_split_in_any_order_gives_the_same_figures(
    seen: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(seen)), max_size=5)))
    bounds = list(zip([0, *cuts], [*cuts, len(seen)], strict=True))
    total = counted([], 0)
    for start, end in data.draw(st.permutations(bounds)):
        total.add(counted(seen[start:end], start))

    assert total == counted(seen, 0)


@given(SEEN)
def test_rows_that_are_kept_are_counted_exactly_and_the_rest_as_one(
    seen: list[tuple[str, str, int]],
) -> None:
    table = counted(seen, 0).tables["reasons"]

    names = {name for name, *_ in seen}
    assert len(table.rows) == min(len(names), MOST)
    for (name,), tally in table.rows.items():
        mine = [amount for other, _, amount in seen if other == name]
        assert (tally.count, sum(tally.value.values())) == (len(mine), sum(mine))
    assert sum(tally.count for tally in table.rows.values()) + table.beyond.count == len(seen)


def test_samples_are_the_first_in_the_archive() -> None:
    later, earlier = Tally(2), Tally(2)
    later.sample(Sample(Place(1, 0, line), "{}") for line in (1, 2))
    earlier.sample(Sample(Place(0, 64, line), "{}") for line in (7, 9))

    later.add(earlier)

    assert later == Tally(4, {}, [Sample(Place(0, 64, 7), "{}"), Sample(Place(0, 64, 9), "{}")])
    assert len(later.samples) == SAMPLES


@given(SEEN)
def test_figures_come_back_from_json(seen: list[tuple[str, str, int]]) -> None:
    figures = counted(seen, 0)

    again = from_json(to_json(figures))

    assert to_json(again) == to_json(figures)
    assert again.tables["reasons"].rows == figures.tables["reasons"].rows
