"""Contract cases as JUnit XML."""

from segment_insider_emulator.junit import JUnitCase


def build_uncovered_junit_case(where: str, name: str, reason: str) -> JUnitCase:
    """Return a mapping of the workspace *where* that no case covers."""
    return JUnitCase(where, name, outcome="skipped", message=reason, text=reason)


def build_junit_case(where: str, name: str, problems: list[str]) -> JUnitCase:
    """A case of the class of its file; without *why* it passed.

    Args:
        where: Its place, e.g. "cases.ndjson:3".
    """
    classname = where.partition(":")[0].removesuffix(".ndjson").removesuffix(".json")
    if not problems:
        return JUnitCase(classname, name)
    return JUnitCase(
        classname, name, outcome="failure", message=problems[0], text="\n".join([where, *problems])
    )
