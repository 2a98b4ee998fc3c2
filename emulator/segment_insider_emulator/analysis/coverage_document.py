"""The coverage report as JSON, as text, and as an HTML page without anything around it."""

import json
from collections.abc import Iterator, Sequence

from jinja2 import Environment

from segment_insider_emulator.analysis.coverage_rows import (
    COVERAGE_STATES,
    CoverageReport,
    CoverageRow,
    CoverageState,
)
from segment_insider_emulator.types import JSONObject

STATE_SIGNS: dict[CoverageState, str] = {
    "seen and right": "✓",
    "seen and losing something": "✗",
    "never seen": "○",
}


def build_coverage_document(report: CoverageReport) -> JSONObject:
    """Return a coverage report as a JSON document."""
    return {
        "percent": report.percent,
        "events": report.event_count,
        "leftOut": report.unsent_count,
        "counts": {state: report.count_rows(state) for state in COVERAGE_STATES},
        "branchesCount": report.counts_branches,
        "rows": [_build_row_document(row) for row in report.rows],
    }


def _build_row_document(row: CoverageRow) -> JSONObject:
    return {
        "group": row.group,
        "name": row.name,
        "state": row.state,
        "events": row.event_count,
        "problems": list(row.problems),
        "mappedFields": list(row.mapped_fields),
        "unfilledFields": list(row.unfilled_fields),
        "whatToSend": row.what_to_send or None,
        "sampleCall": row.sample_call,
        "example": {
            "id": row.example.id or None,
            "messageId": row.example.event.get("messageId"),
            "scenario": row.example.scenario or None,
        }
        if row.example
        else None,
    }


def format_coverage_summary(report: CoverageReport) -> str:
    """Return the numbers of a coverage report in one line."""
    counts = ", ".join(f"{report.count_rows(state)} {state}" for state in COVERAGE_STATES)
    events = f"{report.event_count:,} event{'s' * (report.event_count != 1)}"
    left_out = f" ({report.unsent_count:,} filtered or discarded)" if report.unsent_count else ""
    return f"{report.percent:g} % right: {counts}, in {events}{left_out}"


def format_coverage_rows(
    report: CoverageReport, *, only_gaps: bool = False
) -> Iterator[tuple[CoverageState | None, str]]:
    """Yield the lines of a coverage report; the first line of a row comes with its state.

    Args:
        only_gaps: Leave out the rows that are right.
    """
    for group, rows in report.list_groups():
        right = sum(row.state == "seen and right" for row in rows)
        yield None, f"{group}: {right} of {len(rows)} right"
        if group == "Branches" and not report.counts_branches:
            yield None, "  Not counted; --branches lists and counts them."
            yield None, ""
            continue
        for row in rows:
            if only_gaps and row.state == "seen and right":
                continue
            seen = f", {row.usage}" if row.usage else ""
            yield row.state, f"  {STATE_SIGNS[row.state]} {row.name}: {row.state}{seen}"
            yield from ((None, f"      {problem}") for problem in row.problems)
            if row.what_to_send:
                yield None, f"      {row.what_to_send}"
        yield None, ""


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Coverage</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
li { margin: .5rem 0; overflow-wrap: anywhere } ul { padding-left: 1.2rem } p { margin: .2rem 0 }
.state { font-weight: 600 } pre { overflow-x: auto; padding: .5rem; border: 1px solid }
summary { cursor: pointer }
</style></head><body>
<h1>Coverage</h1>
{% for name, report in reports %}
<h2><bdi>{{ name }}</bdi></h2><p>{{ summarise(report) }}</p>
{% for group, rows in report.list_groups() %}
<h3>{{ group }}: {{ rows|selectattr("state", "equalto", "seen and right")|list|length }}
of {{ rows|length }} right</h3>
{% set is_folded = group == "Branches" and not report.counts_branches %}
{% if is_folded %}<details><summary>Not counted</summary>{% endif %}
<ul>
{% for row in rows %}
<li><span class="state">{{ signs[row.state] }} {{ row.state }}</span>: <bdi>{{ row.name }}</bdi>
{% if row.usage %}({{ row.usage }}){% endif %}
{% if row.example and row.example.id and link %}
<a href="{{ link }}/messages/{{ row.example.id }}">Example</a>{% endif %}
{% if row.example and row.example.scenario %}<bdi>{{ row.example.scenario }}</bdi>{% endif %}
{% for problem in row.problems %}<p><bdi>{{ problem }}</bdi></p>{% endfor %}
{% if row.what_to_send %}<p><bdi>{{ row.what_to_send }}</bdi></p>{% endif %}
{% if row.sample_call %}<details><summary>A call to send</summary>
<pre>{{ dump(row.sample_call) }}</pre></details>{% endif %}
</li>
{% endfor %}</ul>
{% if is_folded %}</details>{% endif %}
{% endfor %}
{% endfor %}
</body></html>
"""


def format_coverage_page(reports: Sequence[tuple[str, CoverageReport]], link: str = "") -> str:
    """Return coverage reports as one HTML page, e.g. for the artifacts of a CI job.

    Args:
        reports: Name of the workspace and the traffic, and its report.
        link: URL of the emulator that has the messages; "" without one.
    """
    page = Environment(autoescape=True).from_string(_PAGE)
    return page.render(
        reports=reports,
        link=link.rstrip("/"),
        summarise=format_coverage_summary,
        signs=STATE_SIGNS,
        dump=lambda call: json.dumps(call, indent=2, ensure_ascii=False),
    )
