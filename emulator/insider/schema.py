"""Validators of JSON Schema documents, in the dialect of this end."""

import re
from collections.abc import Iterator
from functools import cache

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from emulator.insider.formats import FORMATS
from emulator.types import JSON, JSONObject

_checker = FormatChecker(formats=())
for _name, (_test, _) in FORMATS.items():
    _checker.checks(_name)(lambda value, test=_test: not isinstance(value, str) or test(value))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _pattern(
    _: Validator, pattern: str, instance: JSON, __: JSONObject
) -> Iterator[ValidationError]:
    # Insider One's expressions are anchored, take ASCII digits only and no final line feed.
    if isinstance(instance, str) and not _expression(pattern).fullmatch(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


# typeshed leaves this one function untyped.
_Validator: type[Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


def validator(schema: JSONObject) -> Validator:
    """A validator for *schema* that knows the formats of this end."""
    return _Validator(schema, format_checker=_checker)
