"""Regular expressions as Segment's engine reads them: in linear time, without look-around.

Segment's plans are checked by a Go library, whose expressions are RE2's; a plan's author may write
anything, so an engine that can be made to search for ever would be a way to stop the emulator.
"""

from functools import lru_cache

import re2  # type: ignore[import-untyped]  # the package ships no types

_RE2_OPTIONS = re2.Options()
_RE2_OPTIONS.log_errors = False
_RE2_OPTIONS.never_capture = True  # thousands of groups would take quadratic time


class UnsupportedPattern(ValueError):
    """An expression that the engine does not read."""


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether *pattern* is found in *text*. Raises: PatternError."""
    return _compile_pattern(pattern).search(text) is not None


def check_pattern(pattern: str) -> None:
    """Read *pattern*. Raises: PatternError, with the engine's reason."""
    _compile_pattern(pattern)


@lru_cache(1024)
def _compile_pattern(pattern: str) -> re2._Regexp:
    try:
        return re2.compile(pattern, _RE2_OPTIONS)
    except re2.error as error:
        reason = error.args[0]
        raise UnsupportedPattern(
            reason.decode() if isinstance(reason, bytes) else reason
        ) from error
