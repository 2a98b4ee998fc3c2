"""The JUnit report has only elements and attributes of pytest's, for every kind of result."""

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring, parse

import pytest
from forked_commands import run_python_module

from reports.conftest import ReportedRun

PYTEST_MODULE = """\
import pytest
def test_passes(record_property): record_property("tag", "@smoke")
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
    return [
        (case.get("name"), child.tag)
        for case in root.iter("testcase")
        for child in case
        if child.tag != "properties"
    ]


def test_only_elements_and_attributes_of_pytest_are_used(
    reported: ReportedRun, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(PYTEST_MODULE)
    command = ["pytest", "-q", "--junitxml=own.xml", "-p", "no:cacheprovider"]
    command += ["-o", "junit_family=xunit1"]
    run_python_module(*command, cwd=tmp_path)
    known = list_names(parse(tmp_path / "own.xml").getroot())
    assert list_names(fromstring(reported.read("report.xml"))) <= known


def test_each_result_has_its_element(reported: ReportedRun) -> None:
    assert list_results(fromstring(reported.read("report.xml"))) == [
        ("It fails", "failure"),
        ("It is not known", "failure"),
        ("It checks nothing", "failure"),
        ("It has rows (row 2)", "failure"),
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


def test_each_case_has_its_own_name_its_file_and_its_line(reported: ReportedRun) -> None:
    cases = [
        (case.get("name"), case.get("file"), case.get("line"))
        for case in fromstring(reported.read("report.xml")).iter("testcase")
    ]
    assert ("It passes", "ends.feature", "4") in cases
    assert ("It has rows (row 1)", "ends.feature", "37") in cases
    assert ("It has rows (row 2)", "ends.feature", "38") in cases
    assert ("it can be run", "broken.feature", None) in cases
    names = [(case.get("classname"), case.get("name")) for case in
             fromstring(reported.read("report.xml")).iter("testcase")]  # fmt: skip
    assert len(names) == len(set(names))


def test_tags_are_properties_also_for_xray_and_testrail(reported: ReportedRun) -> None:
    [passed] = [
        case
        for case in fromstring(reported.read("report.xml")).iter("testcase")
        if case.get("name") == "It passes"
    ]
    properties = [(each.get("name"), each.get("value")) for each in passed.iter("property")]
    assert properties == [
        ("tag", "@ends"),
        ("tag", "@observed"),
        ("tag", "@TEST_SHOP-12"),
        ("tag", "@REQ_SHOP-3"),
        ("tag", "@C123"),
        ("tag", "@TestCaseKey=ABC-T123"),
        ("tags", "ends,observed,TEST_SHOP-12,REQ_SHOP-3,C123,TestCaseKey=ABC-T123"),
        ("test_key", "SHOP-12"),
        ("requirements", "SHOP-3"),
        ("test_id", "C123"),
    ]
