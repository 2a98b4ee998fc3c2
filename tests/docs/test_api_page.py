"""The page of the Python API says what the docstrings say, of all that tests may import."""

import importlib
from pathlib import Path

import pytest
from docs_scripts import load_docs_script

import segment_insider_scenarios

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = "segment_insider_scenarios"


SCRIPT = load_docs_script("write_api_page")
PUBLIC = [
    (f"{PACKAGE}.{module}", name)
    for modules in SCRIPT.PUBLIC.values()
    for module, names in modules.items()
    for name in names
]
ERRORS = [(module, name) for module, names in SCRIPT.ERRORS.items() for name in names]


def test_the_page_is_what_the_docstrings_say() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    assert page == SCRIPT.write_page(), "run: python docs/write_api_page.py"


@pytest.mark.parametrize(("module", "name"), [*PUBLIC, *ERRORS])
def test_every_name_of_the_page_can_be_imported(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name).__doc__


def test_the_page_has_what_the_package_exports() -> None:
    assert {*segment_insider_scenarios.__all__} == {*SCRIPT.EXPORTED}
    assert {*SCRIPT.EXPORTED} <= {name for _, name in PUBLIC}


def test_the_page_has_every_call_of_a_shopper() -> None:
    shopper = importlib.import_module(f"{PACKAGE}.shopper")
    calls = {name for name in vars(shopper) if name.endswith("_call")}
    assert calls <= {name for _, name in PUBLIC}
