"""Terraform configuration: resources of .tf files, with the expressions that can be worked out.

Needs the extra `terraform`. Worked out are literals, `jsonencode`, and variables and locals that
have a literal value in the same file; anything else stays an Expression.
"""

import json
import re
import sys
from collections.abc import Iterator
from itertools import accumulate
from textwrap import dedent
from typing import Any

from emulator.depth import MAX_DEPTH
from emulator.errors import EmulatorError
from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.importing.terraform import Encoded, Resource

MAXIMUM_CHARACTERS = 1_000_000  # the parser reads some 50,000 a second
_CALL = re.compile(r"jsonencode\((?P<argument>.*)\)", re.DOTALL)
_NAMED = re.compile(r"(?:var|local)\.[\w-]+")
_HEREDOC = re.compile(
    r"<<(?P<indented>-?)(?P<word>\w+)\n(?P<text>.*?)\n?[ \t]*(?P=word)", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|([$%])\4\{", re.DOTALL)
_NUMBER = re.compile(r"(?:- ?)?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BRACKET = re.compile(r"[()\[\]{}]")
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_TEMPLATE = re.compile(r"(?<![$%])[$%]\{")


def resources(text: str, where: str) -> Iterator[Resource]:
    """The resources of one file's *text*.

    Raises: EmulatorError, when it is no configuration or cannot be read here.
    """
    if len(text) > MAXIMUM_CHARACTERS or _nesting(text) > MAX_DEPTH:
        what = f"more than {MAXIMUM_CHARACTERS:,} characters, or {MAX_DEPTH} levels, are not read"
        raise EmulatorError(what, where, "Give the state instead: terraform show -json.")
    document = _parsed(text, where)
    try:
        yield from _resources(document)
    except _NoCharacter as error:
        remedy = "Write one up to \\U0010FFFF that is no half of a pair."
        raise EmulatorError(f"the escape {error} stands for no character", where, remedy) from error


class _NoCharacter(ValueError):
    """An escape whose number no character has; the text is the escape."""


def _resources(document: JSONObject) -> Iterator[Resource]:
    names = dict(_names(document))
    for block in document.get("module", []):
        for label in block:
            yield Resource("module", f"module.{_unquoted(label)}", {})
    for block in document.get("resource", []):
        for kind, labelled in block.items():
            for label, attributes in labelled.items():
                own = {key: _value(each, names) for key, each in _members(attributes)}
                address = f"{_unquoted(kind)}.{_unquoted(label)}"
                yield Resource(_unquoted(kind), address, own)


def _nesting(text: str) -> int:
    """How deep brackets stand in one another at most; those in texts count, too."""
    steps = (1 if each in "([{" else -1 for each in _BRACKET.findall(text))
    return max(accumulate(steps), default=0)


def _parsed(text: str, where: str) -> JSONObject:
    try:
        import hcl2
    except ImportError as error:
        what = "Terraform configuration needs the extra terraform"
        remedy = (
            "Install segment-insider-emulator[terraform], or give the state: terraform show -json."
        )
        raise EmulatorError(what, where, remedy) from error
    try:
        document: JSONObject = hcl2.loads(text if text.endswith("\n") else f"{text}\n")
    except Exception as error:
        # The parser raises its own classes, those of the library below it, and plain ones.
        line = getattr(error, "line", None)
        place = f"{where}, line {line}" if isinstance(line, int) and line > 0 else where
        remedy = "Correct it; `terraform validate` says more."
        raise EmulatorError("this is no Terraform configuration", place, remedy) from error
    return document


def _names(document: JSONObject) -> Iterator[tuple[str, JSON]]:
    """What `var.` and `local.` names stand for, where that is written down."""
    for block in document.get("variable", []):
        for label, attributes in block.items():
            if "default" in attributes:
                yield f"var.{_unquoted(label)}", _value(attributes["default"], {})
    for block in document.get("locals", []):
        for name, value in _members(block):
            yield f"local.{name}", _value(value, {})


def _members(block: JSONObject) -> Iterator[tuple[str, Any]]:
    return ((_unquoted(key), each) for key, each in block.items() if key != "__is_block__")


def _value(value: Any, names: JSONObject) -> Any:
    if isinstance(value, dict):
        return {key: _value(each, names) for key, each in _members(value)}
    if isinstance(value, list):
        return [_value(each, names) for each in value]
    if not isinstance(value, str):
        return value
    if value.startswith('"'):
        return _literal(value[1:-1], names)
    if value.startswith("${") and value.endswith("}"):
        return _expression(value[2:-1].strip(), names)
    return _expression(value, names)


def _expression(text: str, names: JSONObject) -> Any:
    if _NUMBER.fullmatch(text):
        # The parser leaves numbers with an exponent as they are written.
        return json.loads(text.replace(" ", ""))
    call = _CALL.fullmatch(text)
    if call:
        parsed = _parsed(f"value = {call['argument']}", "jsonencode")
        return Encoded(_plain(_value(parsed["value"], names)))
    if _NAMED.fullmatch(text) and text in names:
        return names[text]
    return Expression(text)


def _plain(value: Any) -> Any:
    """*value* with each jsonencode() inside it as the text that it is there."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return _text(value) if isinstance(value, Encoded) else value


def _text(encoded: Encoded) -> str | Expression:
    try:
        return json.dumps(encoded.value)
    except TypeError:  # something in it is an Expression
        return Expression("jsonencode(…)")


def _literal(inside: str, names: JSONObject) -> Any:
    heredoc = _HEREDOC.fullmatch(inside)
    if heredoc:
        return dedent(heredoc["text"]) if heredoc["indented"] else heredoc["text"]
    if _TEMPLATE.search(inside):
        whole = re.fullmatch(r"\$\{([^{}]*)\}", inside)
        return _expression(whole[1].strip(), names) if whole else Expression(f'"{inside}"')
    return _ESCAPE.sub(_unescaped, inside)


def _unescaped(match: re.Match[str]) -> str:
    short, long, plain, marker = match.groups()
    if marker:
        return f"{marker}{{"
    if plain:
        return _PLAIN.get(plain, plain)
    number = int(short or long, 16)
    if number > sys.maxunicode or 0xD800 <= number < 0xE000:
        raise _NoCharacter(match[0])
    return chr(number)


def _unquoted(key: str) -> str:
    return _ESCAPE.sub(_unescaped, key[1:-1]) if key.startswith('"') else key
