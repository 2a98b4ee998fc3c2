"""JUnit XML, as pytest itself writes it: what CI servers read."""

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from scenarios.reports.results import Results, ScenarioResult

# What XML 1.0 cannot hold; a call may have anything in it.
UNFIT = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Results) -> str:
    """One suite; a scenario is a case of the class of its feature."""
    failed = [each for each in results.scenarios if each.verdict == "failed"]
    skipped = [each for each in results.scenarios if each.verdict == "skipped"]
    errors = len(results.unreadable) + results.interrupted
    suites = Element("testsuites", name="emulator verify")
    suite = SubElement(
        suites,
        "testsuite",
        name="emulator verify",
        errors=str(errors),
        failures=str(len(failed)),
        skipped=str(len(skipped)),
        tests=str(len(results.scenarios) + errors),
        time=f"{(results.ended_at - results.started_at).total_seconds():.3f}",
        timestamp=results.started_at.isoformat(),
    )
    for _, scenarios in results.features():
        for scenario in scenarios:
            _case(suite, scenario)
    for unreadable in results.unreadable:
        _error(suite, unreadable.where, unreadable.told)
    if results.interrupted:
        _error(suite, "emulator verify", "The run was interrupted: scenarios are missing.")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _case(suite: Element, scenario: ScenarioResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_fit(f"{scenario.where.removesuffix('.feature')}.{scenario.feature}"),
        name=_fit(scenario.scenario),
        time=f"{scenario.seconds:.3f}",
    )
    if scenario.verdict == "failed":
        failure = SubElement(case, "failure", message=_fit(_headline(scenario.failure or "")))
        failure.text = _fit(scenario.failure or "")
    elif scenario.verdict == "skipped":
        SubElement(case, "skipped", message="skipped")


def _error(suite: Element, where: str, told: str) -> None:
    case = SubElement(suite, "testcase", classname=_fit(where), name="it can be run", time="0.000")
    SubElement(case, "error", message=_fit(told)).text = _fit(told)


def _headline(failure: str) -> str:
    """What does not hold: the first line behind the scenario."""
    _, _, why = failure.partition("\n\n")
    return (why or failure).partition("\n")[0]


def _fit(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
