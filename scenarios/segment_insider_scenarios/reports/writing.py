"""Reports written to the files that were asked for."""

from collections.abc import Callable
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.reports.cucumber_json import render_cucumber_json
from segment_insider_scenarios.reports.cucumber_messages import render_cucumber_messages
from segment_insider_scenarios.reports.html import render_html
from segment_insider_scenarios.reports.junit import render_junit
from segment_insider_scenarios.reports.results import RunResults

# Option of `emulator verify` -> what it writes.
REPORT_WRITERS: dict[str, Callable[[RunResults], bytes]] = {
    "junit": render_junit,
    "cucumber_json": render_cucumber_json,
    "cucumber_messages": lambda results: render_cucumber_messages(results, Path.cwd()),
    "html": lambda results: render_html(results).encode(),
}
# Those that show what each step sent and delivered.
FORMATS_WITH_TRAFFIC = ("cucumber_json", "cucumber_messages", "html")


def write_reports(results: RunResults, files: dict[str, Path]) -> None:
    """Write a report to each of *files*.

    Args:
        files: By one of WRITERS.
    Raises: EmulatorError, when a file cannot be written.
    """
    for kind, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(REPORT_WRITERS[kind](results))
        except OSError as error:
            what = f"the report cannot be written ({error.strerror})"
            raise EmulatorError(what, str(path), "Name a file that you may write.") from error
