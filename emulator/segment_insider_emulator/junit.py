"""JUnit XML, in the words that pytest has for it: what CI servers read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

# What XML 1.0 cannot hold; a captured value may have anything in it.
UNFIT = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a suite.

    Args:
        classname: What groups cases, such as their file.
        end: "failure" when the answer is no, "error" when there is none.
        message: The end in one line.
        text: The end in full.
    """

    classname: str
    name: str
    seconds: float = 0.0
    end: Literal["passed", "failure", "error", "skipped"] = "passed"
    message: str = ""
    text: str = ""


def junit(
    suite_name: str,
    cases: Iterable[Case],
    *,
    seconds: float = 0.0,
    started_at: datetime | None = None,
) -> bytes:
    """A document of one suite."""
    listed = list(cases)
    ends = [each.end for each in listed]
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
    for each in listed:
        _add(suite, each)
    text = tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _add(suite: Element, case: Case) -> None:
    classname, name, time = _fit(case.classname), _fit(case.name), f"{case.seconds:.3f}"
    element = SubElement(suite, "testcase", classname=classname, name=name, time=time)
    if case.end != "passed":
        SubElement(element, case.end, message=_fit(case.message)).text = _fit(case.text)


def _fit(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
