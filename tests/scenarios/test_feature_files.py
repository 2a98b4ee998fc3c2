"""Feature files: what is read, and what is rejected because it would not run as written."""

from pathlib import Path

import pytest

from segment_insider_scenarios.feature_parser import FeatureFileError, read_feature
from segment_insider_scenarios.gherkin_keywords import KEYWORDS_BY_LANGUAGE
from segment_insider_scenarios.step_catalogue import list_library_steps

list_library_steps()  # registers the steps

STEPS = """\
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""
PLAIN = f"Feature: Wishes\n  Scenario: A mug\n{STEPS}"
COMMENT = "If it is a comment, put # before it."


def read_steps(folder: Path, text: str | bytes) -> list[list[str]]:
    """Return kind and text of the steps of each scenario."""
    file = folder / "w.feature"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    feature = read_feature(file, "w.feature")
    return [
        [f"{step.type} {step.name}" for step in template.render({}).steps]
        for template in feature.scenarios.values()
    ]


def read_error(folder: Path, text: str | bytes) -> str:
    with pytest.raises(FeatureFileError) as refused:
        read_steps(folder, text)
    return str(refused.value)


EXPECTED_STEPS = [
    ['when Ada does "Wish Listed"', 'then Insider One receives 1 "wish_listed" for Ada']
]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="a byte order mark"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="Windows line ends"),
        pytest.param(PLAIN.replace("    ", "\t").encode(), id="tabs"),
        pytest.param(PLAIN.rstrip().encode(), id="no line end at the end"),
    ],
)
def test_a_file_may_have_a_byte_order_mark_or_other_line_ends(tmp_path: Path, raw: bytes) -> None:
    assert read_steps(tmp_path, raw) == EXPECTED_STEPS


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(PLAIN.encode("utf-16"), "the file is in UTF-16, not in UTF-8", id="UTF-16"),
        pytest.param(
            PLAIN.replace("Wishes", "Dileklerim şunlar").encode("cp1254"),
            "the file is not UTF-8 text (line 1 has the byte 0xfe)",
            id="Windows-1254",
        ),
    ],
)
def test_another_encoding_is_rejected_by_name(tmp_path: Path, raw: bytes, message: str) -> None:
    assert read_error(tmp_path, raw) == f"w.feature: {message}. Save it as UTF-8."


def make_scenario(steps: str, above: str = "") -> str:
    return f"Feature: F\n{above}  Scenario: A\n{steps}{STEPS}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("given Ada shops", "'given' is not written like a keyword"),
        ("GIVEN Ada shops", "'GIVEN' is not written like a keyword"),
        ("Given: Ada shops", "'Given:' is not written like a keyword"),
        ("then: Insider One knows nobody", "'then:' is not written like a keyword"),
        ("Give Ada shops", "'Give' is not a keyword"),
        ("Whn Ada signs in", "'Whn' is not a keyword"),
        ("Tehn Insider One knows nobody", "'Tehn' is not a keyword"),
        ("Diyelim ki Ada shops", "'Diyelim ki' is a keyword of Turkish"),
        ("Angenommen Ada shops", "'Angenommen' is a keyword of German"),
        ("当Ada shops", "'当' is a keyword of Chinese simplified"),
        ("- When Ada signs in", "'- When' is not written like a keyword"),
        ("Ada signs in", "this step has no keyword"),
        ("If Ada signs in", "'If' is not a keyword"),
        ("given Ada shopz", "'given' is not written like a keyword"),
        ("Given", "'Given' has no step text"),
        ("when the shop is open", "'when' is not written like a keyword"),
        ("Whn Ada shopz", "'Whn' is not a keyword"),
        ("| product_id |", "there is no step above this line"),
        ('"""', "there is no step above this line"),
        ("Backgroud: people", "'Backgroud' is not written like a keyword"),
    ],
)
def test_a_description_line_that_looks_like_a_step_is_rejected(
    tmp_path: Path, line: str, message: str
) -> None:
    error = read_error(tmp_path, make_scenario(f"    {line}\n"))
    assert error.startswith(f"w.feature:3: {message}, so it would not run: {line}. ")
    assert error.endswith(COMMENT)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Feature: F\n  given Ada shops\n  Scenario: A\n{STEPS}", id="a feature"),
        pytest.param(f"Feature: F\n  Given Ada shops\n  Scenario: A\n{STEPS}", id="no Background"),
        pytest.param(f"Feature: F\n  Scenaro: A\n{STEPS}  Scenario: B\n{STEPS}", id="a title"),
        pytest.param(
            f"Feature: F\n  Background:\n    given Ada shops\n  Scenario: A\n{STEPS}",
            id="background",
        ),
        pytest.param(
            f"Feature: F\n  Rule: R\n    given Ada shops\n\n    Scenario: A\n{STEPS}", id="a rule"
        ),
        pytest.param(
            f"Feature: F\n  Scenario Outline: <a>\n{STEPS}    Examples:\n      and Ada shops\n"
            "      | a |\n      | 1 |\n",
            id="Examples",
        ),
    ],
)
def test_a_step_in_any_description_is_rejected(tmp_path: Path, text: str) -> None:
    assert "so it would not run" in read_error(tmp_path, text)


@pytest.mark.parametrize(
    "prose",
    [
        "When a shopper buys, Insider One receives a purchase.",
        "As a marketer\n  I want wishes\n  So that I can write to people",
        "Then there is nothing to do.",
        "They buy. The shop tells Segment.",
        "An empty cell is what was never sent.",
        "Note: this is about wishes.",
        "| a | table | of prose |",
    ],
)
def test_prose_below_a_feature_is_allowed(tmp_path: Path, prose: str) -> None:
    assert read_steps(tmp_path, make_scenario("", f"  {prose}\n")) == EXPECTED_STEPS


@pytest.mark.parametrize(
    "prose",
    [
        "This is about wishes\n    and what becomes of them.",
        "# given Ada shops",
        "They buy.",
        "See https://shop.example",
    ],
)
def test_prose_below_a_scenario_is_allowed(tmp_path: Path, prose: str) -> None:
    assert read_steps(tmp_path, make_scenario(f"    {prose}\n")) == EXPECTED_STEPS


@pytest.mark.parametrize(
    "code", [language for language in KEYWORDS_BY_LANGUAGE if language != "em"]
)
def test_steps_in_another_language_are_rejected_in_an_english_file(
    tmp_path: Path, code: str
) -> None:
    for keyword in {
        word for role in ("given", "when", "then") for word in KEYWORDS_BY_LANGUAGE[code][role]
    }:
        if keyword != "* " and not keyword.startswith(tuple(ENGLISH)):
            error = read_error(tmp_path, make_scenario(f"    {keyword}Ada shops\n"))
            assert "so it would not run" in error


ENGLISH = {
    word
    for role in ("given", "when", "then", "and", "but")
    for word in KEYWORDS_BY_LANGUAGE["en"][role]
}


@pytest.mark.parametrize("code", KEYWORDS_BY_LANGUAGE)
def test_a_feature_can_be_in_any_language(tmp_path: Path, code: str) -> None:
    words = {role: KEYWORDS_BY_LANGUAGE[code][role] for role in KEYWORDS_BY_LANGUAGE[code]}
    given, when, then = (words[role][-1] for role in ("given", "when", "then"))
    text = (
        f"# language: {code}\n{words['feature'][0]}: F\n  {words['scenario'][0]}: A\n"
        f"    {given}Ada shops\n    {when}Ada signs in\n    {then}Insider One knows 1 person\n"
    )
    [steps] = read_steps(tmp_path, text)
    assert [step.partition(" ")[2] for step in steps] == [
        "Ada shops", "Ada signs in", "Insider One knows 1 person"
    ]  # fmt: skip
    assert [step.partition(" ")[0] for step in steps][2] == "then"


def make_outline(steps: str, examples: str, title: str = "O") -> str:
    return f"Feature: F\n  Scenario Outline: {title}\n{steps}\n{examples}"


EVENT = '    When Ada does "<event>"\n    Then Insider One knows nobody'
EXAMPLES = "    Examples:\n      | event |\n      | Wish  |\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            make_outline(EVENT, ""),
            "2: this outline has no Examples. Add Examples with a table of values for <event>, "
            "or call it a Scenario.",
            id="no Examples",
        ),
        pytest.param(
            make_outline(EVENT, "    Examples:\n"),
            "5: these Examples have no rows, so nothing would run. Add a table: a header with the "
            "placeholders' names, and rows of values.",
            id="no table",
        ),
        pytest.param(
            make_outline(EVENT, "    Examples:\n      | event |\n"),
            "5: these Examples have no rows, so nothing would run. Add a table: a header with the "
            "placeholders' names, and rows of values.",
            id="no rows",
        ),
        pytest.param(
            make_outline(EVENT, EXAMPLES.replace("event", "EVENT")),
            "3: Examples have no column for <event>. Columns: EVENT. Did you mean <EVENT>?\n"
            "w.feature:6: no placeholder names the column 'EVENT' of Examples. Placeholders: "
            "<event>. Use <EVENT> in a step or in the title.",
            id="letter case",
        ),
        pytest.param(
            make_outline(EVENT.replace("nobody", "<n> people"), EXAMPLES),
            "4: Examples have no column for <n>. Columns: event. Add the column. "
            r"Write \<n> for the text itself.",
            id="no column",
        ),
        pytest.param(
            make_outline(EVENT, EXAMPLES, "about < event >"),
            "2: Examples have no column for < event >. Columns: event. Did you mean <event>?",
            id="blanks",
        ),
        pytest.param(
            make_outline(
                EVENT, EXAMPLES.replace("event |", "event | event |").replace("Wish", "a | b")
            ),
            "6: the column 'event' occurs twice in Examples. Keep one of the two.",
            id="a column twice",
        ),
        pytest.param(
            make_outline(
                EVENT, EXAMPLES.replace("event |", "event | n |").replace("Wish", "a | b")
            ),
            "6: no placeholder names the column 'n' of Examples. Placeholders: <event>. "
            "Use <n> in a step or in the title.",
            id="a column that nothing names",
        ),
        pytest.param(
            PLAIN.replace("Wish Listed", "<event>"),
            "3: <event> is in a scenario without Examples, so nothing fills it. Write the "
            r"value, or add Examples. Write \<event> for the text itself.",
            id="a plain scenario",
        ),
        pytest.param(
            PLAIN.replace(
                'Wish Listed"\n', 'Wish Listed" with:\n      | a | b |\n      | c | <x> |\n'
            ),
            "5: <x> is in a scenario without Examples, so nothing fills it. Write the "
            r"value, or add Examples. Write \<x> for the text itself.",
            id="a table",
        ),
        pytest.param(
            PLAIN.replace("A mug", "A <mug>"),
            "2: <mug> is in a scenario without Examples, so nothing fills it. Write the "
            r"value, or add Examples. Write \<mug> for the text itself.",
            id="a title",
        ),
        pytest.param(
            PLAIN.replace(
                'Ada does "Wish Listed"',
                'an app posts to "/v1/track":\n      """\n      {"event": "<x>"}\n      """',
            ),
            "3: <x> is in a scenario without Examples, so nothing fills it. Write the "
            r"value, or add Examples. Write \<x> for the text itself.",
            id="a text",
        ),
        pytest.param(
            make_outline(EVENT, EXAMPLES).replace(
                "  Scenario", "  Background:\n    Given <who> shops\n  Scenario"
            ),
            "3: <who> is in a Background, but Examples do not fill a Background. Move the "
            "step into the "
            r"outline. Write \<who> for the text itself.",
            id="a Background",
        ),
    ],
)
def test_a_placeholder_without_a_column_is_rejected(
    tmp_path: Path, text: str, message: str
) -> None:
    assert read_error(tmp_path, text) == f"w.feature:{message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<event> and <event", "<event"),
        ("<event> and event>", "event>"),
        ("<event> in <event-", "<event"),
        ("<event> (event>)", "event>"),
        ("<event><event", "<event"),
        ("<event> <event< ", "<event"),
        ("<event> wevent>", "wevent>"),
    ],
)
def test_a_placeholder_with_a_missing_bracket_is_rejected(
    tmp_path: Path, text: str, message: str
) -> None:
    file = make_outline(EVENT.replace("<event>", text), EXAMPLES)
    assert read_error(tmp_path, file) == (
        f"w.feature:3: '{message}' is missing a bracket of its placeholder. Write <event>. "
        "For the text itself, rename the column."
    )


@pytest.mark.parametrize(
    "text", ["event < 3 > event", "-> event", "<b>event</b>", "events> <events", r"\<event>"]
)
def test_single_brackets_next_to_a_column_name_are_text(tmp_path: Path, text: str) -> None:
    file = tmp_path / "w.feature"
    file.write_text(make_outline(EVENT.replace("<event>", f"<event> {text}"), EXAMPLES))
    [template] = read_feature(file, "w.feature").scenarios.values()
    [when, _] = template.render({"event": "Wish"}).steps
    assert when.name == f'Ada does "Wish {text}"'.replace("\\", "")


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("I <3 you", "I <3 you"),
        ("<b>Sale</b>", "<b>Sale</b>"),
        ('<a href="x">y', '<a href="x">y'),
        ("a < b", "a < b"),
        ("<br/>", "<br/>"),
        (r"\<name>", "<name>"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_other_angle_brackets_are_text(tmp_path: Path, text: str, read_as: str) -> None:
    [[when, _]] = read_steps(tmp_path, PLAIN.replace("Wish Listed", text, 1))
    assert when == f'when Ada does "{read_as}"'


def test_an_escaped_placeholder_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "w.feature"
    file.write_text(make_outline(EVENT.replace("<event>", r"<event> \<event>"), EXAMPLES))
    [template] = read_feature(file, "w.feature").scenarios.values()
    assert template.render({"event": "Wish"}).steps[0].name == 'Ada does "Wish <event>"'


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        pytest.param(
            ["* Ada shops", "* Ada signs in", "* Insider One knows 1 person"],
            ["given", "given", "then"],
            id="bullets alone",
        ),
        pytest.param(["And Ada shops", "When Ada signs in"], ["given", "when"], id="And"),
        pytest.param(["But Insider One knows nobody"], ["then"], id="But"),
        pytest.param(
            ["When Ada signs in", "* Ada signs in", "Then Insider One knows nobody",
             "* Insider One knows nobody", "* Ada signs in"],
            ["when", "when", "then", "then", "given"],
            id="bullets among others",
        ),
        pytest.param(["* nobody knows this"], ["given"], id="what does not exist"),
    ],
)  # fmt: skip
def test_a_step_with_a_star_has_the_kind_of_its_step_function(
    tmp_path: Path, steps: list[str], kinds: list[str]
) -> None:
    lines = "".join(f"    {step}\n" for step in steps)
    [steps_read] = read_steps(tmp_path, f"Feature: F\n  Scenario: A\n{lines}")
    assert [step.partition(" ")[0] for step in steps_read] == kinds


def test_a_background_may_begin_with_and(tmp_path: Path) -> None:
    background = "  Background:\n    And Ada shops\n    * Bob shops\n"
    [steps_read] = read_steps(tmp_path, make_scenario("", background))
    assert steps_read[:2] == ["given Ada shops", "given Bob shops"]


def test_scenarios_with_one_name_in_two_rules_are_different(tmp_path: Path) -> None:
    rules = "".join(
        f"  Rule: {rule}\n    Example: happy path\n{STEPS}" for rule in ("a", "b", "c", "c")
    )
    file = tmp_path / "w.feature"
    file.write_text(f"Feature: F\n  Example: happy path\n{STEPS}{rules}")
    names = list(read_feature(file, "w.feature").scenarios)
    assert names == [
        "happy path", "a: happy path", "b: happy path",
        "c: happy path (line 14)", "c: happy path (line 18)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            PLAIN.replace(
                'Ada does "Wish Listed"', 'an app posts to "/v1/track":\n      """\n      {}'
            ),
            '4: the text that begins here is not closed. End it with """ in a line of its own. '
            'It reads: """',
            id="an open text",
        ),
        pytest.param(
            PLAIN.replace("Feature", "Özellik"),
            "1: 'Özellik' is a keyword of Turkish. Write `# language: tr` into the first line of "
            "the file. It reads: Özellik: Wishes",
            id="a language that is not named",
        ),
        pytest.param(
            "# language: xx\n" + PLAIN,
            "1: Gherkin has no language 'xx'. Known: en (English), tr (Turkish), de (German), "
            "fr (French) and others. It reads: # language: xx",
            id="a language that there is not",
        ),
        pytest.param(
            PLAIN.replace("Feature", "Featrue"),
            "1: 'Featrue' is not written like a keyword. Write `Feature:`. "
            "It reads: Featrue: Wishes",
            id="Featrue",
        ),
        pytest.param(
            STEPS,
            "1: this step is outside a scenario. Write `Scenario:` or `Background:` above it. "
            'It reads: When Ada does "Wish Listed"',
            id="steps alone",
        ),
        pytest.param(
            PLAIN + "    then Insider One knows nobody\n",
            "5: 'then' is not written like a keyword. Begin the line with Then, without a colon. "
            "It reads: then Insider One knows nobody",
            id="a small letter below steps",
        ),
        pytest.param(
            PLAIN + PLAIN,
            "5: `Feature:` cannot be here. A file has one feature: put the other into a file of "
            "its own. It reads: Feature: Wishes",
            id="two features",
        ),
        pytest.param(
            PLAIN + "  Background:\n    Given Ada shops\n",
            "5: `Background:` cannot be here. Put the only one before the first scenario of the "
            "feature or the rule. It reads: Background:",
            id="a late Background",
        ),
        pytest.param(
            PLAIN.replace("  Scenario", "  @two words\n  Scenario"),
            "2: a tag contains a space. Write each tag in one word: @slow. It reads: @two words",
            id="a tag of two words",
        ),
        pytest.param(
            PLAIN + "  @slow\n",
            "6: the file ends where a scenario should follow. Write it, or remove what is "
            "before it.",
            id="a tag at the end",
        ),
    ],
)
def test_a_parser_error_is_explained_in_plain_words(
    tmp_path: Path, text: str, message: str
) -> None:
    assert read_error(tmp_path, text) == f"w.feature:{message}"
