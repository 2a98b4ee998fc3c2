"""JUnit XML reports for CI servers, in pytest's format."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

# Characters that XML 1.0 does not allow; captured values may contain any.
INVALID_XML_CHARACTERS = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One test case of a JUnit report.

    Args:
        classname: What groups cases, such as their file.
        end: "failure" when the answer is no, "error" when there is none.
        message: The end in one line.
        text: The end in full.
        file, line: Where it is written; "" and None when it is in no file.
        properties: Name and value of further facts, such as tags.
    """

    classname: str
    name: str
    seconds: float = 0.0
    outcome: Literal["passed", "failure", "error", "skipped"] = "passed"
    message: str = ""
    text: str = ""
    file: str = ""
    line: int | None = None
    properties: tuple[tuple[str, str], ...] = ()


def render_junit_xml(
    suite_name: str,
    cases: Iterable[JUnitCase],
    *,
    seconds: float = 0.0,
    started_at: datetime | None = None,
) -> bytes:
    """Return a JUnit XML document of one suite."""
    listed = list(cases)
    ends = [case.outcome for case in listed]
    suites = Element("testsuites", name=suite_name)
    suite = SubElement(
        suites,
        "testsuite",
        name=suite_name,
        errors=str(ends.count("error")),
        failures=str(ends.count("failure")),
        skipped=str(ends.count("skipped")),
        tests=str(len(ends)),
        time=f"{seconds:.3f}",
    )
    if started_at:
        suite.set("timestamp", started_at.isoformat())
    for case in listed:
        _append_case_element(suite, case)
    text = tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _append_case_element(suite: Element, case: JUnitCase) -> None:
    classname, name, time = (
        _replace_invalid_characters(case.classname),
        _replace_invalid_characters(case.name),
        f"{case.seconds:.3f}",
    )
    element = SubElement(suite, "testcase", classname=classname, name=name, time=time)
    if case.file:
        element.set("file", _replace_invalid_characters(case.file))
    if case.line is not None:
        element.set("line", str(case.line))
    if case.properties:
        properties = SubElement(element, "properties")
        for key, value in case.properties:
            text = _replace_invalid_characters(value)
            SubElement(properties, "property", name=_replace_invalid_characters(key), value=text)
    if case.outcome != "passed":
        SubElement(
            element, case.outcome, message=_replace_invalid_characters(case.message)
        ).text = _replace_invalid_characters(case.text)


def _replace_invalid_characters(text: str) -> str:
    return INVALID_XML_CHARACTERS.sub("\ufffd", text)
