"""The tags that Segment leaves in Liquid, apart from conditions.

Source: liquidjs 10.30, `tags/`; Segment, action-destinations, `liquid-directive.ts`.
"""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import TextIO

from liquid import Node, TokenStream
from liquid.exceptions import StopRender
from liquid.parser import get_parser
from liquid.token import TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT

from segment_insider_emulator.mapping.javascript import is_truthy, to_json_text
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError, join_surrogates
from segment_insider_emulator.mapping.liquid.expressions import parse_operand
from segment_insider_emulator.mapping.liquid.parser import (
    LiquidTag,
    RenderAction,
    get_current_token,
)
from segment_insider_emulator.mapping.liquid.runtime import (
    CompiledExpression,
    LiquidContext,
    format_output,
    is_liquid_truthy,
    to_plain_value,
    to_string,
)
from segment_insider_emulator.mapping.liquid.tokenizer import (
    TemplateScanner,
    TemplateToken,
    tokenize_lines,
)


def _render_nothing(_context: LiquidContext, _buffer: TextIO) -> None:
    pass


def _build_text_action(text: str) -> RenderAction:
    return lambda scope, buffer: scope.write_output(text, buffer)


class ContentTag(LiquidTag):
    """Text between outputs and tags."""

    name = TOKEN_CONTENT

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        return _build_text_action(join_surrogates(token.value))


class OutputTag(LiquidTag):
    """`{{ value }}`."""

    name = TOKEN_OUTPUT

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        value = self.parse_value(token.create_scanner())
        return lambda scope, buffer: scope.write_output(format_output(value(scope)), buffer)


class EchoTag(LiquidTag):
    name = "echo"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        if not token.arguments_text:
            return _render_nothing
        value = self.parse_value(token.create_scanner())
        return lambda scope, buffer: scope.write_output(format_output(value(scope)), buffer)


class UnknownTag(LiquidTag):
    """A tag that nobody registered, or an end without a beginning."""

    name = TOKEN_ILLEGAL

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        raise UnlocatedLiquidError(f'tag "{token.value}" not found')


class DisabledTag(LiquidTag):
    """A tag of Liquid that Segment takes away."""

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        raise UnlocatedLiquidError(f'tag "{token.value}" is disabled')


class AssignTag(LiquidTag):
    name = "assign"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        scanner = token.create_scanner()
        variable = scanner.read_name()
        if not variable:
            raise scanner.create_error("expected variable name")
        scanner.skip_blanks()
        if scanner.peek() != "=":
            raise scanner.create_error('expected "="')
        scanner.position += 1
        value = self.parse_value(scanner)
        return lambda scope, _buffer: scope.set_variable(variable, value(scope))


class CaptureTag(LiquidTag):
    name = "capture"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        scanner = token.create_scanner()
        variable = scanner.read_name() or scanner.read_quoted_text()
        if variable is None:
            raise scanner.create_error("invalid capture name")
        block = self.parse_body(token, stream, "endcapture")

        def capture(scope: LiquidContext, _buffer: TextIO) -> None:
            captured = StringIO()
            try:
                block.render(scope, captured)
            finally:
                scope.set_variable(variable, captured.getvalue())

        return capture


class CommentTag(LiquidTag):
    name = "comment"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        self.skip_body(token, stream, "endcomment")
        return _render_nothing


class InlineCommentTag(LiquidTag):
    name = "#"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        # The lines are read by hand: a pattern would try again from each of many line feeds.
        following = token.arguments_text.split("\n")[1:]
        if any(not line.lstrip().startswith("#") for line in following if line.strip()):
            raise UnlocatedLiquidError(
                "every line of an inline comment must start with a '#' character"
            )
        return _render_nothing


class RawTag(LiquidTag):
    name = "raw"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        tokens = self.skip_body(token, stream, "endraw")
        return _build_text_action(join_surrogates("".join(each.source_text for each in tokens)))


class IncrementTag(LiquidTag):
    """`increment`, which writes the number before the step."""

    name = "increment"
    increment = 1
    output_offset = 0

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        variable = token.create_scanner().read_name()

        def count(scope: LiquidContext, buffer: TextIO) -> None:
            scope.write_output(
                to_string(scope.step_counter(variable, self.increment) + self.output_offset), buffer
            )

        return count


class DecrementTag(IncrementTag):
    """`decrement`, which writes the number after the step."""

    name = "decrement"
    increment = -1
    output_offset = -1


class CycleTag(LiquidTag):
    """`cycle`: the next of some values each time the same cycle is met."""

    name = "cycle"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        scanner = token.create_scanner()
        begin = scanner.position
        group = parse_operand(scanner)
        scanner.skip_blanks()
        if group is not None and scanner.peek() == ":":
            scanner.position += 1
        else:
            scanner.position, group = begin, None
        candidates = list(self._iter_candidates(token, scanner))
        if not candidates:
            raise scanner.create_error(f'empty candidates: "{token.source_text}"')
        return _build_cycle_action(group, candidates)

    def _iter_candidates(
        self, token: TemplateToken, scanner: TemplateScanner
    ) -> Iterator[tuple[str, CompiledExpression]]:
        while not scanner.is_at_end():
            begin = scanner.position
            value = self.parse_value(scanner)
            yield token.source[begin : scanner.position], value
            scanner.skip_past(",")


def _build_cycle_action(
    group: CompiledExpression | None, candidates: list[tuple[str, CompiledExpression]]
) -> RenderAction:
    texts = ",".join(text for text, _ in candidates)

    def cycle(scope: LiquidContext, buffer: TextIO) -> None:
        key = f"{to_string(group(scope)) if group else 'undefined'}:{texts}"
        _, value = candidates[scope.cycle(key, len(candidates))]
        result = to_plain_value(value(scope))
        if is_truthy(result):
            scope.write_output(format_output(result), buffer)

    return cycle


class BlockTag(LiquidTag):
    """`block`, of which nothing is left without layouts but the variable `block`."""

    name = "block"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        block = self.parse_body(token, stream, "endblock")

        def render(scope: LiquidContext, buffer: TextIO) -> None:
            with scope.push_variables({"block": {"super": ""}}):
                block.render(scope, buffer)

        return render


class BreakTag(LiquidTag):
    """`break` and `continue`, which end the whole template: there is no loop to leave."""

    name = "break"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        return _stop_rendering


class ContinueTag(BreakTag):
    name = "continue"


def _stop_rendering(_context: LiquidContext, _buffer: TextIO) -> None:
    raise StopRender


class LiquidLinesTag(LiquidTag):
    """`liquid`: one tag a line, without delimiters."""

    name = "liquid"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        lines = TokenStream(iter(tokenize_lines(token.create_scanner())), stream.block_depth)
        nodes = get_parser(self.env).parse(lines)

        def render(scope: LiquidContext, buffer: TextIO) -> None:
            for node in nodes:
                node.render(scope, buffer)

        return render


BranchTest = Callable[[LiquidContext], bool]


class IfTag(LiquidTag):
    name = "if"

    def compile(self, token: TemplateToken, stream: TokenStream) -> RenderAction:
        branches = [(self._compile_test(token), self._parse_branch(token, stream))]
        while stream.current.is_tag("elsif"):
            branches.append(
                (self._compile_test(get_current_token(stream)), self._parse_branch(token, stream))
            )
        return _build_branches_action(branches, self._parse_else_branch(token, stream))

    def _compile_test(self, token: TemplateToken) -> BranchTest:
        value = self.parse_value(token.create_scanner())
        if token.value == "unless":
            return lambda scope: not is_liquid_truthy(value(scope))
        return lambda scope: is_liquid_truthy(value(scope))

    def _parse_branch(self, token: TemplateToken, stream: TokenStream) -> Node:
        return self.parse_body(token, stream, "elsif", "else", f"end{self.name}")

    def _parse_else_branch(self, token: TemplateToken, stream: TokenStream) -> Node | None:
        block = None
        if stream.current.is_tag("else"):
            _reject_arguments(get_current_token(stream))
            block = self._parse_branch(token, stream)
        if stream.current.is_tag("elsif"):
            raise UnlocatedLiquidError("unexpected elsif after else")
        _reject_arguments(get_current_token(stream))
        if stream.current.is_tag("else"):
            raise UnlocatedLiquidError("duplicated else")
        return block


class UnlessTag(IfTag):
    """`unless`, which forgives what `if` refuses: what follows a second `else` is not rendered."""

    name = "unless"

    def _parse_else_branch(self, token: TemplateToken, stream: TokenStream) -> Node | None:
        block = None
        while not stream.current.is_tag("endunless"):
            ignored = self._parse_branch(token, stream)
            block = block or ignored
        return block


def _build_branches_action(
    branches: list[tuple[BranchTest, Node]], else_branch: Node | None
) -> RenderAction:
    def render(scope: LiquidContext, buffer: TextIO) -> None:
        for test, block in branches:
            if test(scope):
                block.render(scope, buffer)
                return
        if else_branch is not None:
            else_branch.render(scope, buffer)

    return render


def _reject_arguments(token: TemplateToken) -> None:
    if token.arguments_text:
        raise UnlocatedLiquidError(
            f"unexpected {to_json_text(join_surrogates(token.arguments_text))}"
        )
