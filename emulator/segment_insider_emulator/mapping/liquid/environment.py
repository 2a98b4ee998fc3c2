"""Liquid as Segment configures it: which tags and filters there are, and which are taken away.

Source: Segment, action-destinations, `mapping-kit/liquid-directive.ts`.
"""

from io import StringIO
from typing import Final, NoReturn

from liquid import BoundTemplate, Environment, TokenStream
from liquid.exceptions import BlockNestingError
from liquid.parser import get_parser

from segment_insider_emulator.mapping.liquid import conditions, tags
from segment_insider_emulator.mapping.liquid.errors import (
    Fault,
    LiquidError,
    joined_units,
    single_units,
)
from segment_insider_emulator.mapping.liquid.filters import FILTERS
from segment_insider_emulator.mapping.liquid.filters.signature import Filter
from segment_insider_emulator.mapping.liquid.markup import cut
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.types import JSON

TAGS: Final = (
    tags.Assign,
    tags.Block,
    tags.Capture,
    tags.Comment,
    tags.Content,
    tags.Continue,
    tags.Counter,
    tags.Cycle,
    tags.Decrement,
    tags.Echo,
    tags.InlineComment,
    tags.Lines,
    tags.Output,
    tags.Raw,
    tags.Stop,
    tags.Unknown,
    conditions.If,
    conditions.Unless,
)
DISABLED_TAGS: Final = ("case", "for", "include", "layout", "render", "tablerow")
DISABLED_FILTERS: Final = (
    "array_to_sentence_string",
    "concat",
    "find",
    "find_exp",
    "find_index",
    "find_index_exp",
    "group_by",
    "group_by_exp",
    "has",
    "has_exp",
    "map",
    "newline_to_br",
    "reject",
    "reject_exp",
    "reverse",
    "sort",
    "sort_natural",
    "type",
    "uniq",
    "where_exp",
)


class Template(BoundTemplate):
    """A template that parsed."""

    def text(self, event: JSON) -> str:
        """What *event* renders to.

        Raises: LiquidError.
        """
        buffer = StringIO()
        self.render_with_context(Scope(self, event), buffer)
        return joined_units(buffer.getvalue())


class SegmentLiquid(Environment):
    """The engine with liquidjs' grammar, tags and filters in the place of its own."""

    suppress_blank_control_flow_blocks = False
    # As deep as 1,000 characters can open and close blocks.
    block_nesting_limit = 90

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in TAGS:
            self.add_tag(tag)
        for name in DISABLED_TAGS:
            self.tags[name] = tags.Disabled(self)
        for name, function in FILTERS.items():
            self.add_filter(name, function)
        for name in DISABLED_FILTERS:
            self.add_filter(name, _disabled(name))

    def template(self, source: str) -> Template:
        """Parse *source*.

        Raises: LiquidError.
        """
        stream = TokenStream(iter(cut(single_units(source))))
        try:
            return Template(self, get_parser(self).parse(stream))
        except BlockNestingError:
            raise LiquidError("ParseError", "blocks are nested too deeply") from None


def _disabled(name: str) -> Filter:
    def refuse(_scope: Scope, *_arguments: JSON) -> NoReturn:
        raise Fault(f'filter "{name}" is disabled')

    return refuse
