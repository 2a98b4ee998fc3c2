"""Files to pieces: which kind of export a file is, told by what is in it."""

import json
import math
from collections.abc import Iterator
from typing import NoReturn

from emulator.depth import MAX_DEPTH, depth
from emulator.encoding import decode
from emulator.errors import EmulatorError
from emulator.types import JSON
from emulator.workspace.importing import configuration, public_api, terraform
from emulator.workspace.importing.pieces import Pieces, joined

MAXIMUM_BYTES = 20_000_000
_REMEDY = (
    "Give an answer of Segment's Public API, `terraform show -json`, a state file or configuration."
)


def pieces(raw: bytes, where: str) -> Pieces:
    """What a file has of a workspace.

    Args:
        raw: JSON (one document or one a line), or Terraform configuration.
        where: Name of the file, for messages.
    Raises: EmulatorError, when it is none of them or has nothing of a workspace.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise EmulatorError("the file is too large", where, f"Keep it below {MAXIMUM_BYTES:,}.")
    text = decode(raw, where)
    if text.lstrip().startswith(("{", "[")):
        found = joined(_of_json(each, where) for each in _documents(text, where))
    else:
        found = terraform.pieces(configuration.resources(text, where))
    if not found and all(each.severity == "note" for each in found.findings):
        raise EmulatorError("nothing of a workspace is in here", where, _REMEDY)
    return found


def _of_json(document: JSON, where: str) -> Pieces:
    if terraform.is_state(document):
        try:
            return terraform.pieces(list(terraform.state_resources(document)))
        except (AttributeError, KeyError, TypeError) as error:
            what = "this is no state of Terraform's, though it begins like one"
            raise EmulatorError(what, where, "Write it anew with terraform show -json.") from error
    return public_api.pieces(document, where)


def _documents(text: str, where: str) -> Iterator[JSON]:
    """The JSON documents of *text*, which may follow one another."""
    decoder = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
    at, end = 0, len(text.rstrip())
    while at < end:
        try:
            while text[at].isspace():
                at += 1
            document, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            what = f"broken JSON: {error.msg}"
            raise EmulatorError(what, f"{where}, line {error.lineno}", "Correct it.") from error
        except (ValueError, RecursionError) as error:
            raise EmulatorError("this is no JSON that can be used", where, _REMEDY) from error
        if depth(document) > MAX_DEPTH:
            raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, _REMEDY)
        yield document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
