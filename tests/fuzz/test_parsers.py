"""Parsers of untrusted text: any text is parsed or refused in limited time."""

from pathlib import Path

import document_targets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parser_targets import TARGETS, WORDS

from segment_insider_emulator.filtering.plan_schema import matches_re2_pattern

MANY, FEW = 300, 40  # examples: whole documents take a hundred times as long


@pytest.mark.extended
@pytest.mark.parametrize("name", TARGETS)
def test_any_text_is_read_or_refused(name: str) -> None:
    pieces = st.lists(st.sampled_from(WORDS[name]) | st.text(max_size=3), max_size=30)

    @settings(max_examples=FEW if name in document_targets.TARGETS else MANY)
    @given(pieces.map("".join))
    def read(text: str) -> None:
        TARGETS[name](text)

    read()


HANGING = "a" * 50_000 + "!"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", "([a-z]+)*[0-9]"])
def test_an_expression_that_backtracks_elsewhere_ends(pattern: str) -> None:
    assert matches_re2_pattern(pattern, HANGING) is False


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..99999999) %}{{ i }}{% endfor %}",
        "{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}",
        "{% assign x = 'aaaaaaaaaa' %}" + "{% assign x = x | append: x %}" * 25 + "{{ x }}",
        "{{ '" + "a," * 200 + "' | split: ',' | join: '" + "b" * 300 + "' }}",
        "{{ 9999999999 | times: 9999999999 | times: 9999999999 | times: 9999999999 }}",
    ],
)
def test_a_liquid_template_ends(source: str) -> None:
    TARGETS["liquid"](source)


def test_the_manual_names_every_target() -> None:
    manual = Path("docs/security.md").read_text("utf-8")
    assert [name for name in TARGETS if f"`{name}`" not in manual] == []
