"""Reports written to the files that were asked for."""

from collections.abc import Callable
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.reports.cucumber_json import cucumber_json
from segment_insider_scenarios.reports.cucumber_messages import cucumber_messages
from segment_insider_scenarios.reports.html import html
from segment_insider_scenarios.reports.junit import junit
from segment_insider_scenarios.reports.results import Results

# Option of `emulator verify` -> what it writes.
WRITERS: dict[str, Callable[[Results], bytes]] = {
    "junit": junit,
    "cucumber_json": cucumber_json,
    "cucumber_messages": lambda results: cucumber_messages(results, Path.cwd()),
    "html": lambda results: html(results).encode(),
}
# Those that show what each step sent and delivered.
WITH_TRAFFIC = ("cucumber_json", "cucumber_messages", "html")


def write(results: Results, files: dict[str, Path]) -> None:
    """Write a report to each of *files*.

    Args:
        files: By one of WRITERS.
    Raises: EmulatorError, when a file cannot be written.
    """
    for kind, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(WRITERS[kind](results))
        except OSError as error:
            what = f"the report cannot be written ({error.strerror})"
            raise EmulatorError(what, str(path), "Name a file that you may write.") from error
