"""What compiled directives are made of."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.types import JSON


class DirectiveError(Exception):
    """A directive cannot work on this event; the message is Segment's."""


class MappingCompiler(Protocol):
    """Compiles a mapping inside a directive; see `directives.compile_mapping`."""

    def __call__(self, mapping: JSON, keep_missing: bool = False) -> Resolver: ...


# What stands under the @-key, whether objects keep MISSING values, how to compile what is inside.
DirectiveCompiler: TypeAlias = Callable[[JSON, bool, MappingCompiler], Resolver]


def resolve_to_missing(event: JSON) -> JSON:
    """The resolver that never finds anything."""
    return MISSING


def build_directive_error_resolver(message: str) -> Resolver:
    """A resolver that says for every event what is wrong with its directive."""
    return build_error_resolver(DirectiveError(message))


def build_error_resolver(error: Exception) -> Resolver:
    """A resolver that raises *fault* for every event."""

    def resolve(event: JSON) -> JSON:
        # Its traceback would grow by every event that it was raised for, and keep them all.
        raise error.with_traceback(None)

    return resolve
