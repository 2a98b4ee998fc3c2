"""Run every explanation of the product for generated workspaces and events.

    python tests/mapping/explanation_crashes.py --cases 500 --seed 1

It uses the generators of the conformance run, nested mappings and changed events. It runs `map
--explain`, `drift` and `lint`, the event page, the tester page and the event list.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from jinja2 import FileSystemBytecodeCache

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "conformance"), str(ROOT / "tests" / "mapping"), str(ROOT)]

from explanation_cases import Output, iter_generated_outputs, iter_shipped_outputs  # noqa: E402
from generation import contract_cases  # noqa: E402

from segment_insider_emulator.analysis.drift import find_drift  # noqa: E402
from segment_insider_emulator.app import create_app  # noqa: E402
from segment_insider_emulator.cli import main as emulator  # noqa: E402
from segment_insider_emulator.config import Config  # noqa: E402
from segment_insider_emulator.errors import EmulatorError  # noqa: E402
from segment_insider_emulator.types import JSON, JSONObject  # noqa: E402
from segment_insider_emulator.workspace.loading import load_workspace_or_preset  # noqa: E402

PAGES = (
    "/",
    "/?part=rows",
    "/messages/1",
    "/messages/1?part=requests",
    "/workspace/test?message=1",
)
# Each case has an app of its own, and all have the same templates.
_COMPILED = tempfile.TemporaryDirectory()
TEMPLATES = FileSystemBytecodeCache(_COMPILED.name)
DEEP: JSON = {"a": [{"b": [{"c": [[{"d": None}], [], {}]}]}]}


def iter_crash_cases(seeded: int, count: int) -> Iterator[Output]:
    """Yield pairs of a destination and an event, *count* from each generator."""
    random = Random(seeded)
    nested = iter_generated_outputs(seeded, count)
    shipped = [iter_shipped_outputs(preset, random) for preset in ("guide", "segment-defaults")]
    for case in _conformance_cases(seeded, count):
        settings_ = {"account_name": "shop", "ucd_key": "key"}
        yield {"settings": settings_, "subscriptions": [case["subscription"]]}, case["events"][0]
        yield next(nested)
        destination, event = next(random.choice(shipped))
        part = "traits" if event.get("type") == "identify" else "properties"
        if isinstance(event.get(part), dict):
            event[part] |= {"deep": DEEP, "discount_codes": [{"code": "BF", "amount": "10.00"}]}
        yield destination, event


def _conformance_cases(seeded: int, count: int) -> list[JSONObject]:
    results: list[JSONObject] = []

    @seed(seeded)
    @given(contract_cases())
    @settings(
        max_examples=count, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
    )  # fmt: skip
    def collect(case: JSONObject) -> None:
        results.append(case)

    collect()
    return results


def find_crashes(output: Output, folder: Path) -> Iterator[str]:
    """Yield one line for each explanation of *output* that does not end with a text."""
    destination, event = output
    document = {"source": {"name": "Shop", "writeKey": "wk"}, "destination": add_names(destination)}
    workspace, events = folder / "shop.json", folder / "events.ndjson"
    workspace.write_text(json.dumps(document))
    events.write_text(json.dumps(event) + "\n")
    results: list[object] = []

    def drift_once(*given: Any) -> object:  # the report is the same as text and as JSON
        results.extend([] if results else [find_drift(*given)])
        return results[0]

    with patch("segment_insider_emulator.cli.drift.find_drift", drift_once):
        yield from _command_crashes(workspace, events)
    yield from _page_crashes(workspace, event)


def _command_crashes(workspace: Path, events: Path) -> Iterator[str]:
    for arguments in (
        ("lint", str(workspace)),
        ("map", "--explain", "--workspace", str(workspace), str(events)),
        ("map", "--explain", "--json", "--workspace", str(workspace), str(events)),
        ("drift", str(workspace), "--traffic", str(events)),
        ("drift", str(workspace), "--traffic", str(events), "--json", "--whole"),
    ):
        result = CliRunner().invoke(emulator, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            yield f"emulator {' '.join(arguments[:-1])}: {result.exception!r}"
        elif result.exit_code not in (0, 1) and "emulator: " not in result.output:
            yield f"emulator {' '.join(arguments[:-1])}: exit {result.exit_code}"


def add_names(destination: JSONObject) -> JSONObject:
    """Return *destination* with the names that a workspace file requires."""
    subscriptions = [
        {"name": f"S{number}", "enabled": True, **subscription}
        for number, subscription in enumerate(destination["subscriptions"])
    ]
    return {"name": "Insider", "enabled": True, **destination, "subscriptions": subscriptions}


def _page_crashes(workspace: Path, event: JSONObject) -> Iterator[str]:
    try:
        loaded_workspace = load_workspace_or_preset(str(workspace))
    except EmulatorError:
        return  # the workspace is rejected with a text
    app = create_app(Config(db=":memory:"), loaded_workspace)
    app.jinja_env.bytecode_cache = TEMPLATES
    client = app.test_client()
    client.post(f"/v1/{event.get('type')}", json={**event, "writeKey": "wk"})
    client.post("/v1/batch", json={"batch": [event], "writeKey": "wk"})
    for page in PAGES:
        status = client.get(page).status_code
        if status not in (200, 400, 404):  # for 400, the page gives the reason
            yield f"GET {page}: {status}"
    status = client.post("/workspace/test", data={"event": json.dumps(event)}).status_code
    if status != 200:
        yield f"POST /workspace/test: {status}"
    status = client.post("/emulator/v1/dry-run", json=event).status_code
    if status not in (200, 400):
        yield f"POST /emulator/v1/dry-run: {status}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=500, help="of each generator")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    count = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for output in iter_crash_cases(options.seed, options.cases):
            count += 1
            for line in find_crashes(output, Path(folder)):
                wrong += 1
                print(line, json.dumps(output), sep="\n")  # noqa: T201
    print(f"{count} workspaces and events, {wrong} explanations did not end in words")  # noqa: T201
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    main()
