"""One page with everything in it: it can be kept, mailed, and opened without a network."""

from functools import cache

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from segment_insider_emulator.types import JSON
from segment_insider_scenarios.reports.results import RunResults


def render_html(results: RunResults) -> str:
    """The page. What was captured is hostile text: all of it is escaped, and no script may run."""
    verdicts = [each.verdict for each in results.scenarios]
    counts = {verdict: verdicts.count(verdict) for verdict in ("passed", "failed", "skipped")}
    return _load_template().render(results=results, counts=counts, shown=_format_json)


def _format_json(value: JSON) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


@cache
def _load_template() -> Template:
    loader = PackageLoader("segment_insider_scenarios.reports")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html")
