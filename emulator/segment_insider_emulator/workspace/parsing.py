"""Bytes of a workspace file to a JSON document, whichever of JSON and YAML they are."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.encoding import decode
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import whole_number
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.yaml_loader import DocumentFault, JSONLoader

MAXIMUM_BYTES = 5_000_000
# YAML's aliases let a short file stand for a document that fills the memory.
MAXIMUM_VALUES = 200_000
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: JSON can write it, UTF-8 cannot
WORKSPACE = ("workspace file", "Begin with `source:` and `destination:`.")


def parse(raw: bytes, where: str, begin: tuple[str, str] = WORKSPACE) -> JSONObject:
    """Read a workspace file, or another document of the same bounds.

    Args:
        raw: JSON or YAML text in UTF-8; the content decides which.
        where: Name of the file, for messages.
        begin: What the file is to be, and how such a file begins, for messages.
    Raises: EmulatorError, when *raw* is no JSON object of a reasonable size.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise EmulatorError(
            f"a file of {len(raw):,} bytes is too large", where, f"Keep it below {MAXIMUM_BYTES:,}."
        )
    document = _read(decode(raw, where), where)
    if not isinstance(document, dict):
        kind, remedy = begin
        raise EmulatorError(f"this is no {kind}", where, remedy)
    check_values(document, where)
    return document


def _read(text: str, where: str) -> JSON:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(
                text,
                object_pairs_hook=_members,
                parse_constant=_no_number,
                parse_int=whole_number,
            )
        except DocumentFault as error:
            raise EmulatorError(str(error), where, error.remedy) from error
        except RecursionError as error:
            raise _too_deep(where) from error
        except ValueError as json_error:
            # Braces open YAML documents, too.
            return _read_yaml(text, where, instead_of=json_error)
    return _read_yaml(text, where)


def _read_yaml(text: str, where: str, instead_of: ValueError | None = None) -> JSON:
    try:
        if _nesting(text) > MAX_DEPTH:
            raise _too_deep(where)
        return yaml.load(text, Loader=JSONLoader)
    except DocumentFault as error:
        raise EmulatorError(str(error), f"{where}, line {error.line}", error.remedy) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(instead_of or error, where) from error


def _nesting(text: str) -> int:
    """The depth of what a YAML *text* writes out: its loader would recurse that deep."""
    deepest = level = 0
    for event in yaml.parse(text, Loader=JSONLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, level)
    return deepest


def _unreadable(error: Exception, where: str) -> EmulatorError:
    remedy = "Correct it there, or before."
    if isinstance(error, json.JSONDecodeError):
        return EmulatorError(f"broken JSON: {error.msg}", f"{where}, line {error.lineno}", remedy)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        line = error.problem_mark.line + 1
        if "cannot start any token" in str(error.problem):
            remedy = (
                "Indent with blanks, not with tabs. Put quotes around a text that begins with @."
            )
        return EmulatorError(f"broken YAML: {error.problem}", f"{where}, line {line}", remedy)
    return EmulatorError("the file is neither JSON nor YAML", where, "Write it as one of them.")


def _members(pairs: list[tuple[str, Any]]) -> JSONObject:
    members: JSONObject = {}
    for key, value in pairs:
        if key in members:
            raise DocumentFault.repeated(key)
        members[key] = value
    return members


def _no_number(word: str) -> NoReturn:
    raise DocumentFault(f"{word} is no JSON value", "Write a number, or null.")


def check_values(document: JSONObject, where: str) -> None:
    """Refuse what JSON cannot say and what aliases have blown up."""
    waiting: list[JSON] = [document]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > MAXIMUM_VALUES:
            what = f"the file stands for more than {MAXIMUM_VALUES:,} values"
            raise EmulatorError(what, where, "Use fewer aliases.")
        if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
            raise EmulatorError("a number is too large for JSON", where, "Write it as text.")
        if any(_SURROGATE.search(each) for each in _texts(value)):
            raise EmulatorError(r"\ud800 to \udfff are no characters", where, "Leave them out.")
        waiting += _children(value)
    if depth(document) > MAX_DEPTH:
        raise _too_deep(where)


def _children(value: JSON) -> Iterator[JSON]:
    return iter(value.values() if isinstance(value, dict) else value if type(value) is list else ())


def _texts(value: JSON) -> Iterator[str]:
    return iter(value if isinstance(value, dict) else [value] if isinstance(value, str) else ())


def _too_deep(where: str) -> EmulatorError:
    what = f"the file nests deeper than {MAX_DEPTH} levels"
    return EmulatorError(what, where, "Flatten it.")
