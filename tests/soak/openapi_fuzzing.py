"""Send requests that schemathesis derives from the three OpenAPI documents.

Each surface has a new server, and as many seconds. Counts as wrong: an answer that the description
does not have, a traceback in the server's log, a server that grew or that answers no more.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import orjson
import requests
from emulator_process import CRASH_MARKERS, REQUEST_TIMEOUT_S, EmulatorProcess

from segment_insider_emulator.insider.account_options import DEFAULT_RATE_LIMITS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

OPENAPI_PATHS = {
    "segment": "/emulator/v1/openapi/segment.json",
    "insider": "/emulator/v1/openapi/insider.json",
    "control": "/emulator/v1/openapi.json",
}
AUTH_ARGUMENTS = (
    *("-H", "Authorization: Basic d2tfZGVtbzo="),  # wk_demo
    *("-H", "X-PARTNER-NAME: mybrand", "-H", "X-REQUEST-TOKEN: test-key"),
)
# Segment accepts invalid calls, a failed user is answered with 200, and no schema says whether
# something exists. Segment answers 404 to other methods, Insider One 400 to no account.
EXCLUDED_CHECKS = (
    "negative_data_rejection,positive_data_acceptance,unsupported_method,"
    "allow_header_conformance,ignored_auth"
)
MAX_MEMORY = 500 * 1024**2  # bytes


@dataclass(frozen=True, slots=True)
class FuzzingResult:
    """Result of fuzzing one surface.

    Args:
        cases: Requests that were made.
        memory: Bytes in the server's memory afterwards.
        wrong: One sentence each.
    """

    request_count: int
    memory: int
    errors: list[str]


def fuzz_surface(surface: str, seconds: int, folder: Path) -> FuzzingResult:
    """Fuzz one surface of OPENAPI_PATHS for about *seconds*."""
    workspace = folder / "workspace.json"
    workspace.write_bytes(orjson.dumps(_guide_without_rate_limits()))
    with EmulatorProcess(folder / f"{surface}.db", ("--workspace", str(workspace))) as emulator:
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                *(emulator.url + OPENAPI_PATHS[surface], *AUTH_ARGUMENTS, f"--max-time={seconds}"),
                *(
                    f"--exclude-checks={EXCLUDED_CHECKS}",
                    "--generation-database=none",
                    "--no-color",
                ),
            ],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        memory = emulator.measure_memory()
        requests.get(
            f"{emulator.url}/emulator/v1/health", timeout=REQUEST_TIMEOUT_S
        ).raise_for_status()
    wrong = [
        line
        for line in emulator.stderr_lines
        if any(crash_marker in line for crash_marker in CRASH_MARKERS)
    ]
    if ran.returncode:
        wrong.append(ran.stdout.partition("= FAILURES =")[2] or ran.stdout + ran.stderr)
    if memory > MAX_MEMORY:
        wrong.append(f"the server has {memory / 1e6:.0f} MB in memory")
    match = re.search(r"(\d+) generated", ran.stdout)
    return FuzzingResult(int(match[1]) if match else 0, memory, wrong)


def _guide_without_rate_limits() -> JSONObject:
    document = load_preset_workspace("guide").document
    options = {
        **document["insider"].get("options", {}),
        "rates": dict.fromkeys(DEFAULT_RATE_LIMITS),
    }
    return {**document, "insider": {**document["insider"], "options": options}}


def main() -> int:
    parser = argparse.ArgumentParser(description="Requests after the three OpenAPI descriptions.")
    parser.add_argument("--seconds", type=int, default=300, help="for each")
    options = parser.parse_args()
    wrong = []
    for surface in OPENAPI_PATHS:
        with tempfile.TemporaryDirectory() as folder:
            outcome = fuzz_surface(surface, options.seconds, Path(folder))
        wrong += outcome.errors
        click.echo(
            f"{surface}: {outcome.request_count:,} requests, {outcome.memory / 1e6:.0f} MB, "
            f"{len(outcome.errors)} wrong"
        )
    click.echo("\n".join(wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
