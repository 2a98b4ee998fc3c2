"""`if` and `unless` with their branches.

Source: liquidjs 10.30, `tags/if.ts`, `tags/unless.ts`.
"""

from collections.abc import Callable
from typing import TextIO

from liquid import Node, TokenStream

from segment_insider_emulator.mapping.javascript import json_text
from segment_insider_emulator.mapping.liquid.errors import Fault, joined_units
from segment_insider_emulator.mapping.liquid.markup import Markup
from segment_insider_emulator.mapping.liquid.nodes import Action, ActionTag, current
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import holds

Test = Callable[[Scope], bool]


class If(ActionTag):
    name = "if"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        branches = [(self._test(token), self._branch(token, stream))]
        while stream.current.is_tag("elsif"):
            branches.append((self._test(current(stream)), self._branch(token, stream)))
        return _first_that_holds(branches, self._otherwise(token, stream))

    def _test(self, token: Markup) -> Test:
        value = self.value(token.scanner())
        if token.value == "unless":
            return lambda scope: not holds(value(scope))
        return lambda scope: holds(value(scope))

    def _branch(self, token: Markup, stream: TokenStream) -> Node:
        return self.body(token, stream, "elsif", "else", f"end{self.name}")

    def _otherwise(self, token: Markup, stream: TokenStream) -> Node | None:
        block = None
        if stream.current.is_tag("else"):
            _refuse_arguments(current(stream))
            block = self._branch(token, stream)
        if stream.current.is_tag("elsif"):
            raise Fault("unexpected elsif after else")
        _refuse_arguments(current(stream))
        if stream.current.is_tag("else"):
            raise Fault("duplicated else")
        return block


class Unless(If):
    """`unless`, which forgives what `if` refuses: what follows a second `else` is not rendered."""

    name = "unless"

    def _otherwise(self, token: Markup, stream: TokenStream) -> Node | None:
        block = None
        while not stream.current.is_tag("endunless"):
            ignored = self._branch(token, stream)
            block = block or ignored
        return block


def _first_that_holds(branches: list[tuple[Test, Node]], otherwise: Node | None) -> Action:
    def render(scope: Scope, buffer: TextIO) -> None:
        for test, block in branches:
            if test(scope):
                block.render(scope, buffer)
                return
        if otherwise is not None:
            otherwise.render(scope, buffer)

    return render


def _refuse_arguments(token: Markup) -> None:
    if token.arguments:
        raise Fault(f"unexpected {json_text(joined_units(token.arguments))}")
