"""Strict parsers of JSON and YAML documents, and the YAML format of workspace files."""

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
    measure_nesting_depth,
    parse_json_integer,
    replace_lone_surrogates,
)
from segment_insider_emulator.text_encoding import decode_utf8
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    # The libyaml loader is ten times as fast, but not every PyYAML has it.
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
    """The document contains something that JSON cannot express."""

    def __init__(self, what: str, remedy: str, line: int = 0) -> None:
        super().__init__(what)
        self.remedy = remedy
        self.line = line

    @classmethod
    def build_repeated_key_error(cls, key: str, line: int = 0) -> Self:
        """Build the error for a key that occurs twice in one object of a document."""
        return cls(f"the key {key!r} occurs twice in one object", "Keep one of the two.", line)


class StrictYamlLoader(_SafeLoader):
    """YAML loader for JSON values without repeated keys. Raises: InvalidDocumentError."""

    merged_count = 0  # members added by merge keys


def _construct_yaml_mapping(loader: StrictYamlLoader, node: yaml.MappingNode) -> JSONObject:
    keys = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == f"{_YAML_TAG_PREFIX}merge":
            continue
        if key_node.tag != f"{_YAML_TAG_PREFIX}str":
            raise InvalidDocumentError("a key is not text", "Write it in quotes.", line)
        if key_node.value in keys:
            raise InvalidDocumentError.build_repeated_key_error(key_node.value, line)
        keys.add(key_node.value)
    _check_yaml_merge_keys(loader, node)
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _check_yaml_merge_keys(loader: StrictYamlLoader, node: yaml.MappingNode) -> None:
    """Reject too many merge-key values before the loader copies them.

    The merged mappings were loaded before, so their own merge keys are already replaced.
    """
    for key_node, merged in node.value:
        if key_node.tag == f"{_YAML_TAG_PREFIX}merge":
            is_list = isinstance(merged, yaml.SequenceNode)
            loader.merged_count += sum(
                len(mapping.value) for mapping in (merged.value if is_list else [merged])
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
StrictYamlLoader.add_constructor(f"{_YAML_TAG_PREFIX}map", _construct_yaml_mapping)
StrictYamlLoader.add_constructor(
    f"{_YAML_TAG_PREFIX}int", lambda loader, node: parse_json_integer(node.value)
)


def parse_json_value(text: str) -> JSON:
    """Parse one JSON value. Raises: ValueError, when it is invalid or outside the limits."""
    try:
        value = _STRICT_JSON_DECODER.decode(replace_lone_surrogates(text))
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    return _check_nesting_depth(value)


def parse_json_documents(text: str) -> Iterator[JSON]:
    """Parse several JSON values in a row. Raises: as parse_json_value."""
    text = replace_lone_surrogates(text).strip()
    position = 0
    while position < len(text):
        while text[position].isspace():
            position += 1
        try:
            document, position = _STRICT_JSON_DECODER.raw_decode(text, position)
        except RecursionError as error:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
        yield _check_nesting_depth(document)


def _check_nesting_depth(value: JSON) -> JSON:
    if measure_nesting_depth(value) > MAX_DEPTH:
        raise JsonTooDeepError
    return value


class JsonTooDeepError(ValueError):
    """The JSON text is nested deeper than MAX_DEPTH levels."""


def _parse_finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _parse_json_integer(text: str) -> int | float:
    number = parse_json_integer(text)
    return _parse_finite_number(text) if isinstance(number, float) else number


def _reject_json_constant(word: str) -> NoReturn:
    raise ValueError(word)


_STRICT_JSON_DECODER = json.JSONDecoder(
    parse_constant=_reject_json_constant,
    parse_float=_parse_finite_number,
    parse_int=_parse_json_integer,
)

MAX_DOCUMENT_BYTES = 5_000_000
# YAML aliases let a short file expand to a document that fills the memory.
MAX_DOCUMENT_VALUES = 200_000
# Half a character: JSON can write it, UTF-8 cannot.
_SURROGATE_PATTERN = re.compile("[\ud800-\udfff]")
WORKSPACE_FILE_KIND = ("workspace file", "Begin with `source:` and `destination:`.")


def parse_document(
    raw: bytes, where: str, file_kind: tuple[str, str] = WORKSPACE_FILE_KIND
) -> JSONObject:
    """Parse a workspace file or another JSON or YAML document with the same limits.

    Args:
        raw: JSON or YAML text in UTF-8; the content decides which.
        where: Name of the file, for messages.
        file_kind: Name of the kind of file, and a remedy that says how such a file begins.
    Raises: EmulatorError, when *raw* is not a JSON object within the limits.
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
        raise EmulatorError(f"this is not a {kind}", where, remedy)
    check_json_values(document, where)
    return document


def _parse_json_or_yaml(text: str, where: str) -> JSON:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(
                text,
                object_pairs_hook=_reject_repeated_keys,
                parse_constant=_reject_non_finite_number,
                parse_int=parse_json_integer,
            )
        except InvalidDocumentError as error:
            raise EmulatorError(str(error), where, error.remedy) from error
        except RecursionError as error:
            raise _build_too_deep_error(where) from error
        except ValueError as json_error:
            # A YAML document may also begin with a brace.
            return _parse_yaml(text, where, json_error=json_error)
    return _parse_yaml(text, where)


def _parse_yaml(text: str, where: str, json_error: ValueError | None = None) -> JSON:
    try:
        if _compute_yaml_nesting_depth(text) > MAX_DEPTH:
            raise _build_too_deep_error(where)
        return yaml.load(text, Loader=StrictYamlLoader)
    except InvalidDocumentError as error:
        raise EmulatorError(str(error), f"{where}, line {error.line}", error.remedy) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _build_syntax_error(json_error or error, where) from error


def _compute_yaml_nesting_depth(text: str) -> int:
    """Return the nesting depth of a YAML *text* before aliases are expanded."""
    deepest = level = 0
    for event in yaml.parse(text, Loader=StrictYamlLoader):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, level)
    return deepest


def _build_syntax_error(error: Exception, where: str) -> EmulatorError:
    remedy = "Correct it at this place, or just before it."
    if isinstance(error, json.JSONDecodeError):
        return EmulatorError(f"broken JSON: {error.msg}", f"{where}, line {error.lineno}", remedy)
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        line = error.problem_mark.line + 1
        if "cannot start any token" in str(error.problem):
            remedy = (
                "Indent with spaces, not with tabs. Put quotes around a text that begins with @."
            )
        return EmulatorError(f"broken YAML: {error.problem}", f"{where}, line {line}", remedy)
    return EmulatorError("the file is neither JSON nor YAML", where, "Write it as one of them.")


def _reject_repeated_keys(pairs: list[tuple[str, Any]]) -> JSONObject:
    members: JSONObject = {}
    for key, value in pairs:
        if key in members:
            raise InvalidDocumentError.build_repeated_key_error(key)
        members[key] = value
    return members


def _reject_non_finite_number(word: str) -> NoReturn:
    raise InvalidDocumentError(f"{word} is not a JSON value", "Write a number, or null.")


def check_json_values(document: JSONObject, where: str) -> None:
    """Reject values that JSON cannot have, and documents that aliases make too large."""
    pending: list[JSON] = [document]
    count = 0
    while pending:
        value = pending.pop()
        count += 1
        if count > MAX_DOCUMENT_VALUES:
            what = f"the file expands to more than {MAX_DOCUMENT_VALUES:,} values"
            raise EmulatorError(what, where, "Use fewer aliases.")
        if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
            raise EmulatorError("a number is too large for JSON", where, "Write it as text.")
        if any(_SURROGATE_PATTERN.search(text) for text in _iter_keys_or_text(value)):
            raise EmulatorError(r"\ud800 to \udfff are not characters", where, "Leave them out.")
        pending += _iter_json_children(value)
    if measure_nesting_depth(document) > MAX_DEPTH:
        raise _build_too_deep_error(where)


def _iter_json_children(value: JSON) -> Iterator[JSON]:
    return iter(value.values() if isinstance(value, dict) else value if type(value) is list else ())


def _iter_keys_or_text(value: JSON) -> Iterator[str]:
    return iter(value if isinstance(value, dict) else [value] if isinstance(value, str) else ())


def _build_too_deep_error(where: str) -> EmulatorError:
    what = f"the file nests deeper than {MAX_DEPTH} levels"
    return EmulatorError(what, where, "Flatten it.")


_LINE_WIDTH = 110


class _WorkspaceYamlDumper(yaml.SafeDumper):
    """YAML dumper that quotes every string that a loader could read as another type."""

    def ignore_aliases(self, data: JSON) -> bool:
        return True


_WorkspaceYamlDumper.yaml_implicit_resolvers = {
    first: [
        *yaml.SafeDumper.yaml_implicit_resolvers.get(first, []),
        *StrictYamlLoader.yaml_implicit_resolvers.get(first, []),
    ]
    for first in {
        *yaml.SafeDumper.yaml_implicit_resolvers,
        *StrictYamlLoader.yaml_implicit_resolvers,
    }
}


def _represent_object_as_yaml(dumper: _WorkspaceYamlDumper, value: JSONObject) -> yaml.Node:
    # A directive such as {"@path": $.userId} is easier to read on one line.
    short = len(value) == 1 and all(isinstance(member, str) for member in value.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=short)


def _represent_text_as_yaml(dumper: _WorkspaceYamlDumper, value: str) -> yaml.Node:
    # Without double quotes, YAML would fold these line ends.
    style = '"' if any(line_end in value for line_end in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_WorkspaceYamlDumper.add_representer(dict, _represent_object_as_yaml)
_WorkspaceYamlDumper.add_representer(str, _represent_text_as_yaml)


def format_workspace_yaml(document: JSONObject, left_out: list[JSONObject]) -> str:
    """Return a workspace document as YAML; skipped subscriptions follow as comments."""
    text = yaml.dump(
        document,
        Dumper=_WorkspaceYamlDumper,
        sort_keys=False,
        allow_unicode=True,
        width=_LINE_WIDTH,
    )
    if left_out:
        lines = [f"#   {json.dumps(subscription)}" for subscription in left_out]
        text += "\n".join(["# Left out, because it cannot be used as it is:", *lines, ""])
    return text
