"""YAML with JSON's idea of a value: plain words are text unless JSON gives them a meaning."""

import re
from typing import TYPE_CHECKING, Self

import yaml

from segment_insider_emulator.json_text import whole_number
from segment_insider_emulator.types import JSONObject

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    # The same loader on libyaml, ten times as fast, where PyYAML was built with it.
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PREFIX = "tag:yaml.org,2002:"
# YAML 1.1 reads `no` as false, 2025-05-01 as a date, 1:30 as 90 and 010 as 8.
_PLAIN_WORDS = {
    "null": (r"~|null|", ["~", "n", ""]),
    "bool": (r"true|false", ["t", "f"]),
    "int": (r"-?(?:0|[1-9]\d*)", list("-0123456789")),
    "float": (r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", list("-0123456789")),
    "merge": (r"<<", ["<"]),
}
MAXIMUM_MERGED = 200_000
_JSON_TAGS = {*_PLAIN_WORDS, "str", "seq", "map"}


class DocumentFault(Exception):
    """The document says what JSON cannot say."""

    def __init__(self, what: str, remedy: str, line: int = 0) -> None:
        super().__init__(what)
        self.remedy = remedy
        self.line = line

    @classmethod
    def repeated(cls, key: str, line: int = 0) -> Self:
        return cls(f"the key {key!r} stands twice in one object", "Keep one of the two.", line)


class JSONLoader(_SafeLoader):
    """Loads JSON values only, and no key twice. Raises: DocumentFault, yaml.YAMLError."""

    merged = 0  # members that merge keys stand for


def _mapping(loader: JSONLoader, node: yaml.MappingNode) -> JSONObject:
    seen = set()
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.tag == f"{_PREFIX}merge":
            continue
        if key_node.tag != f"{_PREFIX}str":
            raise DocumentFault("a key is not text", "Write it in quotes.", line)
        if key_node.value in seen:
            raise DocumentFault.repeated(key_node.value, line)
        seen.add(key_node.value)
    _count_merged(loader, node)
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key, deep=True): loader.construct_object(value, deep=True)
        for key, value in node.value
    }


def _count_merged(loader: JSONLoader, node: yaml.MappingNode) -> None:
    """Refuse merge keys that stand for too much, before the loader copies what they name.

    What is named was loaded before, so that its own merge keys have been replaced.
    """
    for key_node, named in node.value:
        if key_node.tag == f"{_PREFIX}merge":
            several = isinstance(named, yaml.SequenceNode)
            loader.merged += sum(len(each.value) for each in (named.value if several else [named]))
    if loader.merged > MAXIMUM_MERGED:
        what = f"the merge keys add more than {MAXIMUM_MERGED:,} values"
        raise DocumentFault(what, "Use fewer of them.", node.start_mark.line + 1)


JSONLoader.yaml_implicit_resolvers = {}
JSONLoader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(_PREFIX) in _JSON_TAGS
}
for _tag, (_words, _first) in _PLAIN_WORDS.items():
    JSONLoader.add_implicit_resolver(_PREFIX + _tag, re.compile(f"^(?:{_words})$"), _first)
JSONLoader.add_constructor(f"{_PREFIX}map", _mapping)
JSONLoader.add_constructor(f"{_PREFIX}int", lambda loader, node: whole_number(node.value))
