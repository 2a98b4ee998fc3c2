"""Contract cases as JUnit XML."""

from segment_insider_emulator.junit import Case


def uncovered_case(where: str, name: str, why: str) -> Case:
    """Return a mapping of the workspace *where* that no case covers."""
    return Case(where, name, end="skipped", message=why, text=why)


def case_of(where: str, name: str, why: list[str]) -> Case:
    """A case of the class of its file; without *why* it passed.

    Args:
        where: Its place, e.g. "cases.ndjson:3".
    """
    classname = where.partition(":")[0].removesuffix(".ndjson").removesuffix(".json")
    if not why:
        return Case(classname, name)
    return Case(classname, name, end="failure", message=why[0], text="\n".join([where, *why]))
