"""JUnit XML of contract cases, in the words that CI servers read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

# What XML 1.0 cannot hold; a captured value may have anything in it.
UNFIT = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case; an empty *why* passed."""

    where: str
    name: str
    why: list[str]


def junit(suite_name: str, outcomes: Iterable[Outcome]) -> bytes:
    """One suite, in which each case is of the class of its file."""
    listed = list(outcomes)
    suites = Element("testsuites", name=suite_name)
    failed = sum(bool(each.why) for each in listed)
    suite = SubElement(
        suites, "testsuite", name=suite_name, errors="0", failures=str(failed), skipped="0",
        tests=str(len(listed)), time="0.000",
    )  # fmt: skip
    for each in listed:
        classname = each.where.partition(":")[0].removesuffix(".ndjson").removesuffix(".json")
        case = SubElement(
            suite, "testcase", classname=_fit(classname), name=_fit(each.name), time="0.000"
        )
        if each.why:
            failure = SubElement(case, "failure", message=_fit(each.why[0]))
            failure.text = _fit("\n".join([each.where, *each.why]))
    text = f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(suites, encoding="unicode")}\n'
    return text.encode()


def _fit(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
