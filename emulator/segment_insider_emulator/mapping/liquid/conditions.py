"""`if` and `unless` with their branches.

Source: liquidjs 10.30, `tags/if.ts`, `tags/unless.ts`.
"""

from collections.abc import Callable
from typing import TextIO

from liquid import Node, TokenStream

from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.liquid.errors import UnlocatedLiquidError, join_surrogates
from segment_insider_emulator.mapping.liquid.markup import TemplateToken
from segment_insider_emulator.mapping.liquid.nodes import LiquidTag, RenderAction, get_current_token
from segment_insider_emulator.mapping.liquid.scope import LiquidContext
from segment_insider_emulator.mapping.liquid.values import is_liquid_truthy

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
