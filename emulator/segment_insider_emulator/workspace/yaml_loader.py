"""YAML with JSON's idea of a value: plain words are text unless JSON gives them a meaning."""

import re
from typing import TYPE_CHECKING, Self

import yaml

from segment_insider_emulator.json_text import parse_json_integer
from segment_insider_emulator.types import JSONObject

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
