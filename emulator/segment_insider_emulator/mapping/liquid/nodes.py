"""What every output and tag of a template has in common: a place that its errors name."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TextIO, cast

from liquid import Node, RenderContext, Tag, TokenStream
from liquid.ast import BlockNode
from liquid.parser import get_parser
from liquid.token import TOKEN_EOF

from segment_insider_emulator.mapping.liquid.errors import Fault, error_at
from segment_insider_emulator.mapping.liquid.expressions import filtered_value
from segment_insider_emulator.mapping.liquid.markup import Markup
from segment_insider_emulator.mapping.liquid.scanner import Scanner
from segment_insider_emulator.mapping.liquid.scope import Evaluate, Scope

Action = Callable[[Scope, TextIO], None]


def current(stream: TokenStream) -> Markup:
    """The token at the head of *stream*."""
    return cast(Markup, stream.current)


class ActionNode(Node):
    """A part of a template: *action* writes what it renders to."""

    def __init__(self, token: Markup, action: Action) -> None:
        super().__init__(token)
        self._action = action

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        try:
            self._action(cast(Scope, context), buffer)
        except Fault as fault:
            token = self.token
            raise error_at("RenderError", str(fault), token.source, token.start_index) from None
        return 0


class ActionTag(Tag):
    """A tag that compiles to one action."""

    def parse(self, stream: TokenStream) -> Node:
        token = current(stream)
        try:
            return ActionNode(token, self.compile(token, stream))
        except Fault as fault:
            raise error_at("ParseError", str(fault), token.source, token.start_index) from None

    @abstractmethod
    def compile(self, token: Markup, stream: TokenStream) -> Action:
        """Read the tag, which is the current token, and its block if it has one.

        Raises: Fault or LiquidError, when the tag is written wrongly.
        """

    def value(self, scanner: Scanner) -> Evaluate:
        return filtered_value(scanner, self.env.filters)

    def body(self, token: Markup, stream: TokenStream, *ends: str) -> BlockNode:
        """Parse up to one of the tags *ends*, which becomes the current token."""
        next(stream)
        block = get_parser(self.env).parse_block(stream, ends)
        if stream.current.kind == TOKEN_EOF:
            raise Fault(f"tag {token.text} not closed")
        return block

    def skipped(self, token: Markup, stream: TokenStream, end: str) -> list[Markup]:
        """Step over everything up to the tag *end*, which becomes the current token."""
        tokens: list[Markup] = []
        next(stream)
        while not stream.current.is_tag(end):
            if stream.current.kind == TOKEN_EOF:
                raise Fault(f"tag {token.text} not closed")
            tokens.append(cast(Markup, next(stream)))
        return tokens
