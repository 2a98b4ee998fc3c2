"""YAML with JSON's idea of a value: plain words are text unless JSON gives them a meaning."""

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self

import yaml

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import (
    MAX_DEPTH,
    nesting_depth,
    parse_json_integer,
    replace_lone_surrogates,
)
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    # The same loader on libyaml, ten times as fast, where PyYAML was built with it.
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_YAML_TAG_PREFIX = "tag:yaml.org,2002:"
# YAML 1.1 reads `no` as false, 2025-05-01 as a date, 1:30 as 90 and 010 as 8.
_PLAIN_SCALAR_PATTERNS = {
    "null": (r"~|null|", ["~", "n", ""]),
    "bool": (r"true|false", ["t", "f"]),
    "int": (r"-?(?:0|[1-9]\d*)", list("-0123456789")),
    "float": (r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", list("-0123456789")),
    "merge": (r"<<", ["<"]),
}
MAX_MERGED_VALUES = 200_000
_JSON_TAGS = {*_PLAIN_SCALAR_PATTERNS, "str", "seq", "map"}


class InvalidDocumentError(Exception):
    """The document says what JSON cannot say."""

    def __init__(self, what: str, remedy: str, line: int = 0) -> None:
        super().__init__(what)
        self.remedy = remedy
        self.line = line

    @classmethod
    def repeated_key(cls, key: str, line: int = 0) -> Self:
        return cls(f"the key {key!r} stands twice in one object", "Keep one of the two.", line)


class StrictYamlLoader(_SafeLoader):
    """Loads JSON values only, and no key twice. Raises: DocumentFault, yaml.YAMLError."""

    merged_count = 0  # members that merge keys stand for


def _construct_mapping(loader: StrictYamlLoader, node: yaml.MappingNode) -> JSONObject:
    seen = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == f"{_YAML_TAG_PREFIX}merge":
            continue
        if key_node.tag != f"{_YAML_TAG_PREFIX}str":
            raise InvalidDocumentError("a key is not text", "Write it in quotes.", line)
        if key_node.value in seen:
            raise InvalidDocumentError.repeated_key(key_node.value, line)
        seen.add(key_node.value)
    _check_merge_keys(loader, node)
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _check_merge_keys(loader: StrictYamlLoader, node: yaml.MappingNode) -> None:
    """Refuse merge keys that stand for too much, before the loader copies what they name.

    What is named was loaded before, so that its own merge keys have been replaced.
    """
    for key_node, named in node.value:
        if key_node.tag == f"{_YAML_TAG_PREFIX}merge":
            several = isinstance(named, yaml.SequenceNode)
            loader.merged_count += sum(
                len(each.value) for each in (named.value if several else [named])
            )
    if loader.merged_count > MAX_MERGED_VALUES:
        what = f"the merge keys add more than {MAX_MERGED_VALUES:,} values"
        raise InvalidDocumentError(what, "Use fewer of them.", node.start_mark.line + 1)


StrictYamlLoader.yaml_implicit_resolvers = {}
StrictYamlLoader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(_YAML_TAG_PREFIX) in _JSON_TAGS
}
for _tag, (_words, _first) in _PLAIN_SCALAR_PATTERNS.items():
    StrictYamlLoader.add_implicit_resolver(
        _YAML_TAG_PREFIX + _tag, re.compile(f"^(?:{_words})$"), _first
    )
StrictYamlLoader.add_constructor(f"{_YAML_TAG_PREFIX}map", _construct_mapping)
StrictYamlLoader.add_constructor(
    f"{_YAML_TAG_PREFIX}int", lambda loader, node: parse_json_integer(node.value)
)


def parse_json_value(text: str) -> JSON:
    """Return the one value of a *text*. Raises: ValueError, when it is no usable JSON."""
    try:
        value = _STRICT_JSON_DECODER.decode(replace_lone_surrogates(text))
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    return _check_nesting(value)


def parse_json_documents(text: str) -> Iterator[JSON]:
    """Yield the values of a *text*, which may follow one another. Raises: as parse_value."""
    text = replace_lone_surrogates(text).strip()
    at = 0
    while at < len(text):
        while text[at].isspace():
            at += 1
        try:
            document, at = _STRICT_JSON_DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
        yield _check_nesting(document)


def _check_nesting(value: JSON) -> JSON:
    if nesting_depth(value) > MAX_DEPTH:
        raise JsonTooDeep
    return value


class JsonTooDeep(ValueError):
    """JSON that nests deeper than MAX_DEPTH levels."""


def _parse_finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _parse_integer(text: str) -> int | float:
    number = parse_json_integer(text)
    return _parse_finite_number(text) if isinstance(number, float) else number


def _reject_json_constant(word: str) -> NoReturn:
    raise ValueError(word)


_STRICT_JSON_DECODER = json.JSONDecoder(
    parse_constant=_reject_json_constant, parse_float=_parse_finite_number, parse_int=_parse_integer
)

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
