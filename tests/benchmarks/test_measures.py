"""Tests of the table and the JSON of measures; nothing is measured here."""

from measures import Goal, Measure, build_json_report, format_table

FIFTEEN = Goal("at least", 15, "ratio")
MEASURES = [
    Measure("core", 48_000, "events/s", "published package", 3_000, FIFTEEN),
    Measure("core", 48_000, "events/s", "one that is not here", None, FIFTEEN),
    Measure("single calls", 1234.5, "requests/s", goal=Goal("at least", 2_500)),
    Measure("p99", 12.345, "ms", goal=Goal("at most", 20)),
    Measure("one fixture more", 0.00123, "s"),
]
TABLE = """\
what                 ours  unit        peer                  peer's  ratio  goal     met
core               48,000  events/s    published package      3,000     16  ≥ 15 x   yes
core               48,000  events/s    one that is not here                 ≥ 15 x
single calls        1,234  requests/s                                       ≥ 2,500  no
p99                  12.3  ms                                               ≤ 20     yes
one fixture more  0.00123  s
"""


def test_the_table_has_a_line_for_each_measure_with_ratio_and_goal() -> None:
    assert format_table(MEASURES) + "\n" == TABLE


def test_the_json_report_has_the_measures_and_the_environment() -> None:
    assert build_json_report(MEASURES[:1], {"date": "2026-11-25"}) == {
        "date": "2026-11-25",
        "measures": [
            {
                "what": "core",
                "ours": 48_000,
                "unit": "events/s",
                "peer": "published package",
                "theirs": 3_000,
                "goal": {"bound": "at least", "value": 15, "of": "ratio"},
                "ratio": 16.0,
                "met": True,
            }
        ],
    }
