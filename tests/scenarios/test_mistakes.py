"""Mistakes of whoever writes a scenario: each fails, and says what to write instead."""

import json
import subprocess
import sys
from inspect import signature
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from pytest_bdd.steps import step_function_context_registry

from scenarios.arguments import lacking
from scenarios.catalogue import LIBRARY, NOUNS

EVENTS = "Insider One receives exactly these events for Ada"
ATTRIBUTES = "Insider One knows these attributes of Ada"
NOTHING = "This scenario checks nothing: it has no Then. Say in one what Insider One must have."
# What the scenario does -> its steps, and what its failure says below them.
MISTAKES = {
    "lacks a table": (
        """\
        When Ada views these products:
        Then Insider One knows 1 people
        """,
        """\
        This step needs a table below it, such as:

          | product_id | price | quantity |
          | mug        | 8.50  | 2        |""",
    ),
    "lacks a text": (
        """\
        When an app posts to "/v1/track":
        Then Segment answers 200
        """,
        '''\
        This step needs a text below it, such as:

          """
          {"event": "Wish Listed", "userId": "ada"}
          """''',
    ),
    "lacks the table of a step of its own": (
        """\
        When Ada wishes for:
        Then Insider One knows 1 people
        """,
        "This step needs a table below it. A wish for each row.",
    ),
    "has a table that is not read": (
        """\
        When Ada does "Wish Listed"
          | property   | value |
          | product_id | mug   |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        'Ada does "Wish Listed": this step takes no table. '
        'With a table it is: When {person} does "{event}" with:',
    ),
    "has a table that no such step reads": (
        """\
        When Ada signs in
          | trait | value |
        Then Insider One knows 1 people
        """,
        "Ada signs in: this step takes no table. Remove the table, or choose another step.",
    ),
    "misspells a parameter": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_name  | unit_prize |
          | wish_listed |            |
        """,
        f"{EVENTS}: Insider One has no parameter 'unit_prize'. Did you mean 'unit_price'?",
    ),
    "misspells the column of the event": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_nam   |
          | wish_listed |
        """,
        f"{EVENTS}: Insider One has no parameter 'event_nam'. Did you mean 'event_name'?",
    ),
    "forgets that a parameter is custom": (
        """\
        When Ada does "Wish Listed" with:
          | property | value |
          | sku      | M-1   |
        Then Insider One receives exactly these events for Ada:
          | event_name  | sku |
          | wish_listed |     |
        """,
        f"{EVENTS}: Insider One has no parameter 'sku'. Did you mean 'custom.sku'?",
    ),
    "has a parameter like no other": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_name  | zzz |
          | wish_listed |     |
        """,
        f"{EVENTS}: Insider One has no parameter 'zzz'. "
        "Write 'custom.zzz' when it is one of your own.",
    ),
    "misspells an attribute": (
        """\
        When Ada signs in
        Then Insider One knows these attributes of Ada:
          | attribute  | value |
          | sms_option |       |
        """,
        f"{ATTRIBUTES}: Insider One has no attribute 'sms_option'. Did you mean 'sms_optin'?",
    ),
    "misspells an identifier": (
        """\
        When Ada signs in
        Then Insider One knows Ada by exactly these identifiers:
          | identifier | value |
          | uid        |       |
        """,
        "Insider One knows Ada by exactly these identifiers: "
        "Insider One has no identifier 'uid'. Did you mean 'uuid'?",
    ),
    "misspells a person": (
        """\
        When Ada signs in
        Then Insider One receives no "wish_listed" for Adda
        """,
        "Adda: no Given and no When names this person. Did you mean Ada?",
    ),
    "claims something of a stranger": (
        """\
        When Ada signs in
        Then Insider One does not know Zoe
        """,
        "Zoe: no Given and no When names this person. Say first: Given Zoe shops.",
    ),
    "lists a property twice": (
        """\
        When Ada does "Wish Listed" with:
          | property | value |
          | price    | 8     |
          | price    |       |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "property | value: 'price' is listed twice. Keep one of them.",
    ),
    "lists a column twice": (
        """\
        When Ada views these products:
          | price | price |
          | 8     | 9     |
        Then Insider One knows 1 people
        """,
        "price | price: 'price' is listed twice. Keep one of them.",
    ),
    "has no steps": ("", NOTHING),
    "has no Then": ("Given Ada shops\nWhen Ada signs in", NOTHING),
    "uses a Given as a When": (
        """\
        When Ada has not signed in
        Then Insider One knows nobody
        """,
        """\
        No step is called so: When Ada has not signed in

        It exists as a Given:
          Given {person} has not signed in""",
    ),
    "names a person in two words": (
        """\
        When Ada Lovelace does "Wish Listed"
        Then Insider One knows 1 people
        """,
        """\
        No step is called so: When Ada Lovelace does "Wish Listed"

        People have names of one word: Ada, not Ada Lovelace.
          When {person} does "{event}\"""",
    ),
    "opts in to a channel that there is not": (
        """\
        When Ada opts in to e-mail
        Then Insider One knows 1 people
        """,
        "Ada opts in to e-mail: unknown channel 'e-mail'. Did you mean 'email'? "
        "Known: email, sms, whatsapp.",
    ),
    "reaches by a channel that there is not": (
        """\
        When Ada opts in to email
        Then Ada can be reached by email and pigeon
        """,
        "Ada can be reached by email and pigeon: unknown channel 'pigeon'. "
        "Known: email, sms, whatsapp, web_push.",
    ),
    "does not reach by a channel that there is not": (
        """\
        When Ada opts in to email
        Then Ada cannot be reached by text because sms_optin is absent
        """,
        "Ada cannot be reached by text because sms_optin is absent: unknown channel 'text'. "
        "Known: email, sms, whatsapp, web_push.",
    ),
    "reaches by another channel": (
        """\
        When Leo opts in to email
        Then Leo can be reached by sms
        """,
        """\
        Not so: Leo can be reached by sms.

            channel   reached
          - email     no
          - sms       yes
          + email     yes
          + sms       no
            web_push  no
            whatsapp  no

        - 2 expected, not received; + 2 received, not expected.
        Nearest to email: reached is yes, expected no.
        Nearest to sms: reached is no, expected yes.

        What became of the calls for Leo:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
    "excludes an event that can never be": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives no "Wish Listed" for Ada
        """,
        "Insider One receives no \"Wish Listed\" for Ada: Insider One has no events 'Wish Listed'. "
        "Did you mean 'wish_listed'? "
        "Names have lower-case letters, digits, dots, underscores and hyphens.",
    ),
    "excludes an event by a name that is not kept": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives no "purchase" for Ada
        """,
        "Insider One receives no \"purchase\" for Ada: Insider One has no events 'purchase'. "
        "It keeps them as 'confirmation_page_view'.",
    ),
    "expects events of somebody who sent none": (
        """\
        When Ada signs in
        Then Insider One receives exactly these events for Ada:
          | event_name  |
          | wish_listed |
        """,
        """\
        Not so: Insider One receives exactly these events for Ada.

            event_name
          - wish_listed

        None of these arrived. What did for Ada: attributes uuid, email; events none.

        What became of the calls for Ada:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
}
CONFTEST = '''\
from pytest_bdd import parsers, when


@when(parsers.parse("{person:w} wishes for:"))
def wishes_for(person, datatable):
    """A wish for each row."""
'''
KNOWN_NAMES = """\
Feature: Names
  Scenario: One that is known, one of the account's own, and one that somebody else sent
    Given Bob does "Wish Listed" with:
      | property | value |
      | sku      | M-1   |
    When Ada does "Wish Listed"
    Then Insider One receives exactly these events for Ada:
      | event_name  | unit_price | custom.sku | custom.zzz |
      | wish_listed |            |            |            |
"""


def undented(text: str) -> str:
    return "\n".join(line.removeprefix(" " * 8) for line in text.splitlines())


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emulator", "verify", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The result of each scenario, by its name."""
    folder = tmp_path_factory.mktemp("mistakes")
    scenarios = [
        f"  Scenario: {name}\n{indent(undented(steps), '    ')}\n"
        for name, (steps, _) in MISTAKES.items()
    ]
    (folder / "mistakes.feature").write_text("\n".join(["Feature: Mistakes", *scenarios]))
    (folder / "names.feature").write_text(KNOWN_NAMES)
    (folder / "conftest.py").write_text(CONFTEST)
    done = verify(folder, "--json", ".")
    return {each["scenario"]: each for each in json.loads(done.stdout)["scenarios"]}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_scenario_that(name: str, results: Any) -> None:
    failure = results[name]["failure"]
    assert failure.partition("\n\n")[2] == undented(MISTAKES[name][1])


def test_a_name_that_is_known_own_or_received_is_taken(results: Any) -> None:
    verdicts = [each["verdict"] for each in results.values() if each["feature"] == "Names"]
    assert verdicts == ["passed"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        pytest.param(
            "shop.yaml",
            "source: {}\n",
            "shop.yaml is no .feature file. Name one, or a folder of them.",
            id="a file that is no feature",
        ),
        pytest.param(
            "conftest.py",
            "import nonsense\n",
            "conftest.py: it cannot be imported (ModuleNotFoundError: No module named 'nonsense'). "
            "Correct it.",
            id="a conftest file that lacks something",
        ),
        pytest.param(
            "conftest.py",
            "def wishes(:\n",
            "conftest.py: it cannot be imported (SyntaxError: invalid syntax). Correct it.",
            id="a conftest file that is no Python",
        ),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_code_2(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)
    done = verify(tmp_path, name if name.endswith(".yaml") else ".")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"emulator: {told}\n")


def test_a_broken_conftest_file_of_a_folder_within_loses_no_other(tmp_path: Path) -> None:
    (tmp_path / "names.feature").write_text(KNOWN_NAMES)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "conftest.py").write_text("import nonsense\n")
    done = verify(tmp_path, ".")
    fault = "it cannot be imported (ModuleNotFoundError: No module named 'nonsense'). Correct it."
    told = f"emulator: inner/conftest.py: {fault}\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert done.stdout.endswith("\n1 scenario: 1 passed; 1 file could not be read\n")


def test_a_scenario_of_another_project_need_not_have_a_then(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("from pytest_bdd import scenarios\nscenarios('.')\n")
    (tmp_path / "conftest.py").write_text(
        "from pytest_bdd import when\n\n\n@when('nothing happens')\ndef nothing():\n    pass\n"
    )
    (tmp_path / "own.feature").write_text(
        "Feature: Own\n"
        "  Scenario: Theirs\n    When nothing happens\n"
        "  Scenario: Ours\n    When Ada signs in\n"
    )
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "PASSED test_own.py::test_theirs" in done.stdout
    assert "FAILED test_own.py::test_ours" in done.stdout
    assert NOTHING in done.stdout.splitlines()


def test_every_step_of_the_library_shows_what_it_needs_below_it() -> None:
    silent = {
        context.step_func.__name__
        for context in step_function_context_registry.values()
        for argument in NOUNS.keys() & signature(context.step_func).parameters
        if context.step_func.__module__.startswith(LIBRARY)
        and "such as:" not in lacking(argument, context.step_func)
    }
    assert silent == set()
