"""The step examples of docs/steps.md run as printed, with the workspace guide.

An expectation of an example may fail, but the step must be understood.
"""

import json
from textwrap import indent
from typing import Any

import pytest
from forked_commands import run_python_module

from segment_insider_scenarios.step_catalogue import CatalogueStep, list_library_steps

ORDER_AND_CART = """\
When Ada completes order "o-17" in EUR:
  | product_id | price | quantity |
  | mug        | 8.50  | 1        |
And Ada does "Cart Viewed" with:
  | property   | value |
  | product_id | mug   |
"""
WISH = 'When Ada does "Wish Listed"'
ROLE = 'Given Ada has the role "Administrator" in InOne'
CONSENT = "Given the destination needs consent to Advertising"
ROLE_AND_INTEGRATION = f'{ROLE}\nAnd Ada creates the integration "Web shop" of type "Source"'
# Start of a step -> what has to be before it.
BEFORE = {
    "InOne refuses": 'Given Ada has the role "Editor" in InOne\n'
    'When Ada tries to create the integration "Web shop" of type "Source"',
    "InOne shows": ROLE_AND_INTEGRATION,
    "{person} accepts": CONSENT,
    "{person} refuses": CONSENT,
    "{person} creates": ROLE,
    "{person} tries to create": ROLE,
    "{person} enters the key": ROLE_AND_INTEGRATION,
    "{person} revokes": ROLE_AND_INTEGRATION,
    "Segment answers {status}": 'When an app posts to "/v1/track":\n  """\n  {}\n  """',
    "the name ": 'Given Ada does "Web shop"',
    "{person} allows web push": 'Given Ada visits the page "Home"',
    "{person} subscribes to": "Given Ada opts in to email and sms",
    "{person} unsubscribes from": "Given Ada opts in to email and sms",
    "{person} joins the e-mail group": 'Given Ada leaves the e-mail group "Newsletter"',
    "{person} blocks web push": 'Given Ada visits the page "Home"',
    "{person} and {other}": "When Ada signs in\nAnd Bea signs in",
}
# Start of a step -> what uses it.
AFTER = {
    "{person} has the role": 'When Ada creates the integration "Web shop" of type "Source"',
    "order ": ORDER_AND_CART.partition("\nAnd")[0],
    "the name ": 'Then Insider One receives 1 "web_shop" for Ada',
    "Segment answers the next": 'When an app posts to "/v1/track":\n  """\n  {}\n  """',
}
CLOSING = "Then Insider One knows 7 people"


def choose_step(entry: CatalogueStep, table: dict[str, str], default: str) -> str:
    return next((step for start, step in table.items() if entry.pattern.startswith(start)), default)


def make_steps(entry: CatalogueStep) -> str:
    if "then" in entry.kinds:
        return "\n".join([choose_step(entry, BEFORE, ORDER_AND_CART.rstrip()), entry.example])
    before, after = choose_step(entry, BEFORE, ""), choose_step(entry, AFTER, WISH)
    return "\n".join([before, entry.example, after, CLOSING])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("examples")
    (folder / "shop.ndjson").write_text('{"type": "track", "event": "Wish Listed", "userId": "u"}')
    scenarios = [
        f"  Scenario: {number}\n{indent(make_steps(entry), '    ')}"
        for number, entry in enumerate(list_library_steps())
    ]
    (folder / "examples.feature").write_text("\n".join(["Feature: Examples", *scenarios]))
    command = ["segment_insider_emulator", "verify", "--json", "."]
    result = run_python_module(*command, cwd=folder)
    summary = json.loads(result.stdout)
    assert summary["unreadable"] == []
    return {int(scenario["scenario"]): scenario["failure"] for scenario in summary["scenarios"]}


@pytest.mark.parametrize(
    "number", [pytest.param(at, id=entry.pattern) for at, entry in enumerate(list_library_steps())]
)
def test_a_documented_step_example_runs(number: int, results: Any) -> None:
    failure = results[number]
    assert failure is None or "\n\nFailed: " in failure
