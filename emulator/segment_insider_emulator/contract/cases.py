"""Reading contract cases: one JSON object a line, or one a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.encoding import read_utf8_bytes
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.mapping.subscription import Subscription, compile_subscription
from segment_insider_emulator.types import JSONObject

_CASE_REMEDY = "A case has name, destination, subscription and events; docs/contract.md shows one."


@dataclass(frozen=True, slots=True)
class ContractCase:
    """One case and the place it was read from, e.g. "cart.ndjson:12"."""

    where: str
    document: JSONObject
    subscription: Subscription

    @property
    def name(self) -> str:
        name: str = self.document["name"]
        return name


def read_cases(path: Path) -> Iterator[ContractCase | EmulatorError]:
    """The cases of a file; a case that cannot be used comes as the error that tells why.

    Raises: EmulatorError, when the file cannot be read at all.
    """
    try:
        content = read_utf8_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise EmulatorError(
            f"cannot be read ({error.strerror})", str(path), "Name a file of contract cases."
        ) from None
    whole = _is_single_document(content)
    # Lines end at line feeds alone: other line separators may stand inside a text.
    lines = [content] if whole else content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_case(line, str(path) if whole else f"{path}:{number}")


def compile_case(document: JSONObject, where: str) -> ContractCase:
    """The case of a document that has the shape of one.

    Raises: EmulatorError, when it names an unknown action.
    """
    settings = document["destination"]["settings"]
    return ContractCase(where, document, compile_subscription(document["subscription"], settings))


def _is_single_document(content: bytes) -> bool:
    """Whether the file is a single case, perhaps spread over lines."""
    if b"\n" not in content.strip():
        return False
    try:
        parse_json(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _parse_case(text: bytes, where: str) -> ContractCase | EmulatorError:
    try:
        document = parse_json(text)
    except orjson.JSONDecodeError as error:
        return EmulatorError(f"not JSON ({error})", where, "Correct the line or take it out.")
    if nesting_depth(document) > MAX_DEPTH:
        return EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, _CASE_REMEDY)
    fault = best_match(_get_case_validator().iter_errors(document))
    if fault:
        place = ".".join(map(str, fault.absolute_path)) or "the case"
        return EmulatorError(f"{place}: {fault.message}", where, _CASE_REMEDY)
    try:
        return compile_case(document, where)
    except EmulatorError as error:
        place = f"{where}: subscription.{error.where}"
        return EmulatorError(error.what, place, error.remedy)


@cache
def _get_case_validator() -> Draft202012Validator:
    schema = files(__package__).joinpath("case.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))
