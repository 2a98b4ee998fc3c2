"""What every output and tag of a template has in common: a place that its errors name."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TextIO, cast

from liquid import Node, RenderContext, Tag, TokenStream
from liquid.ast import BlockNode
from liquid.parser import get_parser
from liquid.token import TOKEN_EOF

from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError, create_located_error
from segment_insider_emulator.mapping.liquid.expressions import parse_filtered_value
from segment_insider_emulator.mapping.liquid.runtime import CompiledExpression, LiquidContext
from segment_insider_emulator.mapping.liquid.tokenizer import TemplateScanner, TemplateToken

RenderAction = Callable[[LiquidContext, TextIO], None]


def get_current_token(stream: TokenStream) -> TemplateToken:
    """The token at the head of *stream*."""
    return cast(TemplateToken, stream.current)


class RenderNode(Node):
    """A part of a template: *action* writes what it renders to."""

    def __init__(self, token: TemplateToken, action: RenderAction) -> None:
        super().__init__(token)
        self._action = action

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        try:
            self._action(cast(LiquidContext, context), buffer)
        except UnlocatedLiquidError as fault:
            token = self.token
            raise create_located_error(
                "RenderError", str(fault), token.source, token.start_index
            ) from None
        return 0


class LiquidTag(Tag):
    """A tag that compiles to one action."""

    def parse(self, stream: TokenStream) -> Node:
        token = get_current_token(stream)
        try:
            return RenderNode(token, self.compile(token, stream))
        except UnlocatedLiquidError as fault:
            raise create_located_error(
                "ParseError", str(fault), token.source, token.start_index
            ) from None

    @abstractmethod
    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        """Read the tag, which is the current token, and its block if it has one.

        Raises: Fault or LiquidError, when the tag is written wrongly.
        """

    def parse_value(self, scanner: TemplateScanner) -> CompiledExpression:
        return parse_filtered_value(scanner, self.env.filters)

    def parse_body(self, token: TemplateToken, stream: TokenStream, *end_tags: str) -> BlockNode:
        """Parse up to one of the tags *ends*, which becomes the current token."""
        next(stream)
        block = get_parser(self.env).parse_block(stream, end_tags)
        if stream.current.kind == TOKEN_EOF:
            raise UnlocatedLiquidError(f"tag {token.source_text} not closed")
        return block

    def skip_body(
        self, token: TemplateToken, stream: TokenStream, end_tag: str
    ) -> list[TemplateToken]:
        """Step over everything up to the tag *end*, which becomes the current token."""
        tokens: list[TemplateToken] = []
        next(stream)
        while not stream.current.is_tag(end_tag):
            if stream.current.kind == TOKEN_EOF:
                raise UnlocatedLiquidError(f"tag {token.source_text} not closed")
            tokens.append(cast(TemplateToken, next(stream)))
        return tokens
