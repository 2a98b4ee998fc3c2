"""Bytes of a workspace file to a JSON document, whichever of JSON and YAML they are."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.encoding import decode_utf8
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import parse_json_integer
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.yaml_loader import InvalidDocumentError, StrictYamlLoader

MAX_DOCUMENT_BYTES = 5_000_000
# YAML's aliases let a short file stand for a document that fills the memory.
MAX_DOCUMENT_VALUES = 200_000
_SURROGATE_PATTERN = re.compile(
    "[\ud800-\udfff]"
)  # half a character: JSON can write it, UTF-8 cannot
WORKSPACE_FILE_KIND = ("workspace file", "Begin with `source:` and `destination:`.")


def parse_document(
    raw: bytes, where: str, file_kind: tuple[str, str] = WORKSPACE_FILE_KIND
) -> JSONObject:
    """Read a workspace file, or another document of the same bounds.

    Args:
        raw: JSON or YAML text in UTF-8; the content decides which.
        where: Name of the file, for messages.
        begin: What the file is to be, and how such a file begins, for messages.
    Raises: EmulatorError, when *raw* is no JSON object of a reasonable size.
    """
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise EmulatorError(
            f"a file of {len(raw):,} bytes is too large",
            where,
            f"Keep it below {MAX_DOCUMENT_BYTES:,}.",
        )
    document = _parse_json_or_yaml(decode_utf8(raw, where), where)
    if not isinstance(document, dict):
        kind, remedy = file_kind
        raise EmulatorError(f"this is no {kind}", where, remedy)
    check_json_values(document, where)
    return document


def _parse_json_or_yaml(text: str, where: str) -> JSON:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(
                text,
                object_pairs_hook=_reject_repeated_keys,
                parse_constant=_reject_number_word,
                parse_int=parse_json_integer,
            )
        except InvalidDocumentError as error:
            raise EmulatorError(str(error), where, error.remedy) from error
        except RecursionError as error:
            raise _too_deep_error(where) from error
        except ValueError as json_error:
            # Braces open YAML documents, too.
            return _parse_yaml(text, where, json_error=json_error)
    return _parse_yaml(text, where)


def _parse_yaml(text: str, where: str, json_error: ValueError | None = None) -> JSON:
    try:
        if _yaml_nesting_depth(text) > MAX_DEPTH:
            raise _too_deep_error(where)
        return yaml.load(text, Loader=StrictYamlLoader)
    except InvalidDocumentError as error:
        raise EmulatorError(str(error), f"{where}, line {error.line}", error.remedy) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(json_error or error, where) from error


def _yaml_nesting_depth(text: str) -> int:
    """The depth of what a YAML *text* writes out: its loader would recurse that deep."""
    deepest = level = 0
    for event in yaml.parse(text, Loader=StrictYamlLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, level)
    return deepest


def _syntax_error(error: Exception, where: str) -> EmulatorError:
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


def _reject_repeated_keys(pairs: list[tuple[str, Any]]) -> JSONObject:
    members: JSONObject = {}
    for key, value in pairs:
        if key in members:
            raise InvalidDocumentError.repeated_key(key)
        members[key] = value
    return members


def _reject_number_word(word: str) -> NoReturn:
    raise InvalidDocumentError(f"{word} is no JSON value", "Write a number, or null.")


def check_json_values(document: JSONObject, where: str) -> None:
    """Refuse what JSON cannot say and what aliases have blown up."""
    waiting: list[JSON] = [document]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > MAX_DOCUMENT_VALUES:
            what = f"the file stands for more than {MAX_DOCUMENT_VALUES:,} values"
            raise EmulatorError(what, where, "Use fewer aliases.")
        if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
            raise EmulatorError("a number is too large for JSON", where, "Write it as text.")
        if any(_SURROGATE_PATTERN.search(each) for each in _strings_of(value)):
            raise EmulatorError(r"\ud800 to \udfff are no characters", where, "Leave them out.")
        waiting += _child_values(value)
    if nesting_depth(document) > MAX_DEPTH:
        raise _too_deep_error(where)


def _child_values(value: JSON) -> Iterator[JSON]:
    return iter(value.values() if isinstance(value, dict) else value if type(value) is list else ())


def _strings_of(value: JSON) -> Iterator[str]:
    return iter(value if isinstance(value, dict) else [value] if isinstance(value, str) else ())


def _too_deep_error(where: str) -> EmulatorError:
    what = f"the file nests deeper than {MAX_DEPTH} levels"
    return EmulatorError(what, where, "Flatten it.")
