"""What compiled directives are made of."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.types import JSON


class DirectiveError(Exception):
    """A directive cannot work on this event; the message is Segment's."""


class Compile(Protocol):
    """Compiles a mapping inside a directive; see `directives.compile_mapping`."""

    def __call__(self, mapping: JSON, keep_missing: bool = False) -> Resolver: ...


# What stands under the @-key, whether objects keep MISSING values, how to compile what is inside.
Directive: TypeAlias = Callable[[JSON, bool, Compile], Resolver]


def nothing(event: JSON) -> JSON:
    """The resolver that never finds anything."""
    return MISSING


def failing(message: str) -> Resolver:
    """A resolver that says for every event what is wrong with its directive."""
    return refusing(DirectiveError(message))


def refusing(fault: Exception) -> Resolver:
    """A resolver that raises *fault* for every event."""

    def resolve(event: JSON) -> JSON:
        # Its traceback would grow by every event that it was raised for, and keep them all.
        raise fault.with_traceback(None)

    return resolve
