"""An unknown step is reported with the differing character or the closest steps."""

import re
from collections.abc import Iterator

import pytest
from pytest_bdd.parser import Step

from segment_insider_scenarios.step_catalogue import (
    PLACEHOLDER_PATTERN,
    CatalogueStep,
    compute_best_step_similarity,
    find_matching_steps,
    list_library_steps,
    suggest_steps,
    tokenise_step,
)
from segment_insider_scenarios.step_errors import describe_unknown_step

STEPS = list_library_steps()


def explain(text: str, kind: str = "when") -> str:
    return describe_unknown_step(Step(text, kind, 0, 1, kind.capitalize())).partition("\n\n")[2]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param(
            "Ada does \u201cWish Listed\u201d",
            "Column 10 has \u201c (left double quotation mark). Write \" there. "
            "Column 22 has \u201d (right double quotation mark). Write \" there.",
            id="curly quotes",
        ),
        pytest.param(
            "Ada does \u201eWish Listed\u201c",
            "Column 10 has \u201e (double low-9 quotation mark). Write \" there. "
            "Column 22 has \u201c (left double quotation mark). Write \" there.",
            id="German quotes",
        ),
        pytest.param(
            "Ada does \u00abWish Listed\u00bb",
            "Column 10 has \u00ab (left-pointing double angle quotation mark). Write \" there. "
            "Column 22 has \u00bb (right-pointing double angle quotation mark). Write \" there.",
            id="French quotes",
        ),
        pytest.param(
            'Ada\u00a0does "Wish Listed"',
            "Column 4 has no-break space. Write a space there.",
            id="a blank that does not break",
        ),
        pytest.param(
            'Ada does\u200b "Wish Listed"',
            "Column 9 has zero width space. Remove it.",
            id="a sign without width",
        ),
        pytest.param(
            "Ada does 'Wish Listed'",
            'It has single quotes. Write " around the text.',
            id="single quotes",
        ),
        pytest.param(
            'Ada  does "Wish Listed"', "It has several spaces in a row. Write one.", id="blanks"
        ),
        pytest.param(
            'Ada does "Wish Listed".',
            "It ends with an extra punctuation mark. Remove it.",
            id="a full stop",
        ),
        pytest.param(
            'Ada does "Wish Listed":',
            "It takes nothing below it. Remove the colon at its end.",
            id="a colon too many",
        ),
        pytest.param(
            "Ada views these products",
            "Write a colon at its end: a table or a text follows.",
            id="no colon",
        ),
    ],
)  # fmt: skip
def test_the_differing_character_is_named(text: str, sentences: str) -> None:
    lead, step = explain(text).split("\n")
    assert lead == f"Only the punctuation differs. {sentences}"
    assert find_matching_steps(step.strip().removeprefix("When "))


@pytest.mark.parametrize(
    ("text", "kind", "pattern"),
    [
        ("Ada opts out from email", "when", "{person} opts out of {channels}"),
        ("Ada logs on", "when", "{person} logs in"),
        ("Insider One knows no one", "then", "Insider One knows {count} people"),
        ('Insider One gets 1 "wish_listed" for Ada', "then",
         'Insider One receives {count} "{event_name}" for {person}'),
        ('Ada receives a WhatsApp saying "Hi"', "then",
         '{person} gets {kind} that says "{message}"'),
        ("Ada accepts push notifications", "when", "{person} allows web push"),
        ('Ada returns order "o-1"', "when", '{person} refunds order "{order}" in {currency}:'),
        ("Ada and Can got the same events", "then",
         "{person} and {other} receive the same events"),
        ('the call "Home" leads to one request', "then", 'the call "{call}" leads to 1 request'),
        ('the clock is at "12:00"', "given", 'the clock stands at "{now}"'),
    ],
)  # fmt: skip
def test_the_closest_step_comes_first(text: str, kind: str, pattern: str) -> None:
    assert suggest_steps(text, kind)[0] == pattern


def make_typos(entry: CatalogueStep) -> Iterator[str]:
    """Yield the step with a word misspelt, left out, or in another form."""
    text = entry.example.partition("\n")[0].partition(" ")[2]
    literal = set(re.findall(r"\w+", PLACEHOLDER_PATTERN.sub(" ", entry.pattern)))
    words = [
        match for match in re.findall(r"[^\W\d_]+", text) if match in literal and len(match) > 2
    ]
    for word in words:
        yield text.replace(word, word[:1] + word[2:], 1)
        yield text.replace(word, word[1] + word[0] + word[2:], 1)
        yield text.replace(word, word.removesuffix("s") + "ed", 1)
        if len(words) > 2:
            yield text.replace(word + " ", "", 1)


@pytest.mark.extended
def test_a_step_with_a_typo_is_found() -> None:
    tried = missed = 0
    for entry in STEPS:
        for text in list(make_typos(entry))[::9]:
            if not find_matching_steps(text):
                tried += 1
                missed += entry.pattern not in suggest_steps(text, entry.kinds[-1])
    assert tried > 70
    assert missed / tried < 0.03


@pytest.mark.parametrize("line", ["a " * 9000, "x" * 9000, '"a" ' * 9000, "Ada does " * 9000])
def test_only_the_beginning_of_a_long_line_is_compared(line: str) -> None:
    words = tokenise_step(line)
    assert len(words) <= 50
    assert max(map(len, words)) <= 50
    assert compute_best_step_similarity(line) < 0.5


def test_a_translated_keyword_says_that_texts_are_english() -> None:
    step = Step("Ay\u015fe al\u0131\u015fveri\u015f yapar", "given", 0, 1, "Diyelim ki")
    assert describe_unknown_step(step).endswith("write the text in English.")
    assert "English" not in describe_unknown_step(Step("Ada dances", "given", 0, 1, "Given"))
