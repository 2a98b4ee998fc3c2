"""The JUnit report has only elements and attributes of pytest's, for every kind of result."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, parse

import pytest
from forked_commands import run_python_module

from reports.conftest import ReportedRun

PYTEST_MODULE = """\
import pytest
def test_passes(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("later")
@pytest.fixture
def broken(): raise OSError
def test_errs(broken): pass
"""


def list_names(root: Element) -> set[tuple[str, str]]:
    """Return every element and attribute, e.g. ("testcase", "name")."""
    return {(element.tag, name) for element in root.iter() for name in ["", *element.attrib]}


def list_results(root: Element) -> list[tuple[str | None, str]]:
    return [(case.get("name"), child.tag) for case in root.iter("testcase") for child in case]


def test_only_elements_and_attributes_of_pytest_are_used(
    reported: ReportedRun, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(PYTEST_MODULE)
    command = ["pytest", "-q", "--junitxml=own.xml", "-p", "no:cacheprovider"]
    run_python_module(*command, cwd=tmp_path)
    known = list_names(parse(tmp_path / "own.xml").getroot())
    assert list_names(fromstring(reported.read("report.xml"))) <= known


def test_each_result_has_its_element(reported: ReportedRun) -> None:
    assert list_results(fromstring(reported.read("report.xml"))) == [
        ("It fails", "failure"),
        ("It is not known", "failure"),
        ("It checks nothing", "failure"),
        ("It has rows", "failure"),
        ("Later", "skipped"),
        ("it can be run", "error"),
    ]


def test_the_counts_match_the_cases(reported: ReportedRun) -> None:
    suite = fromstring(reported.read("report.xml"))[0]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "4", "errors": "1", "skipped": "1"}


def test_a_failure_begins_with_the_failed_expectation(reported: ReportedRun) -> None:
    failures = fromstring(reported.read("report.xml")).iter("failure")
    assert [failure.get("message") for failure in failures][:2] == [
        'Failed: Insider One receives 2 "wish_listed" for Ada.',
        "There is no such step: When Ada wishes for a mug",
    ]


@pytest.mark.parametrize("name", ["Second", "it can be run"])
def test_an_interrupted_scenario_has_not_passed(interrupted: ReportedRun, name: str) -> None:
    assert name in [case for case, _ in list_results(fromstring(interrupted.read("report.xml")))]
