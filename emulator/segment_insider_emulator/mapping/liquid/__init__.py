"""The `@liquid` directive: Liquid templates that render exactly as Segment renders them.

Segment runs liquidjs 10.30; here python-liquid is the engine, with liquidjs' grammar in
`markup`, `scanner` and `expressions`, and its tags and filters in the modules named after them.
Import `compile_liquid` from `templates`: the engine takes long to load, and few mappings need it.
"""


class LiquidError(Exception):
    """A template that does not parse or does not render.

    Args:
        name: The kind of error as Segment reports it, e.g. "ParseError".
        message: Segment's words; for errors in the template they end in line and column.
    """

    def __init__(self, error_name: str, message: str) -> None:
        self.error_name = error_name
        super().__init__(message)


class UnlocatedLiquidError(Exception):
    """An error that does not know its place yet: the tag or output it happened in adds it."""


def create_located_error(error_name: str, message: str, source: str, index: int) -> LiquidError:
    """*message* with the place of *index* in *source*, e.g. `tag "x" not found, line:2, col:3`.

    Args:
        source: The template as single UTF-16 units.
        index: The unit where the faulty part begins.
    """
    before = source[:index]
    line = before.count("\n") + 1
    column = index - (before.rfind("\n") + 1) + 1
    return LiquidError(error_name, join_surrogates(f"{message}, line:{line}, col:{column}"))


def split_surrogates(text: str) -> str:
    """*text* with each character outside the basic plane as its two surrogates."""
    if text.isascii():
        return text
    encoded = text.encode("utf-16-le", "surrogatepass")
    pairs = zip(encoded[::2], encoded[1::2], strict=True)
    return "".join(chr(low | high << 8) for low, high in pairs)


def join_surrogates(text: str) -> str:
    """*text* with surrogates that stand side by side made one character again."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
