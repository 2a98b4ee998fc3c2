"""The tags that Segment leaves in Liquid, apart from conditions.

Source: liquidjs 10.30, `tags/`; Segment, action-destinations, `liquid-directive.ts`.
"""

from collections.abc import Iterator
from io import StringIO
from typing import TextIO

from liquid import TokenStream
from liquid.exceptions import StopRender
from liquid.parser import get_parser
from liquid.token import TOKEN_CONTENT, TOKEN_ILLEGAL, TOKEN_OUTPUT

from segment_insider_emulator.mapping.javascript import is_truthy
from segment_insider_emulator.mapping.liquid.errors import Fault, joined_units
from segment_insider_emulator.mapping.liquid.expressions import operand
from segment_insider_emulator.mapping.liquid.markup import Markup, cut_lines
from segment_insider_emulator.mapping.liquid.nodes import Action, ActionTag
from segment_insider_emulator.mapping.liquid.scanner import Scanner
from segment_insider_emulator.mapping.liquid.scope import Evaluate, Scope
from segment_insider_emulator.mapping.liquid.values import plain, string, stringify


def _nothing(_scope: Scope, _buffer: TextIO) -> None:
    pass


def _writer(text: str) -> Action:
    return lambda scope, buffer: scope.write(text, buffer)


class Content(ActionTag):
    """Text between outputs and tags."""

    name = TOKEN_CONTENT

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        return _writer(joined_units(token.value))


class Output(ActionTag):
    """`{{ value }}`."""

    name = TOKEN_OUTPUT

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        value = self.value(token.scanner())
        return lambda scope, buffer: scope.write(stringify(value(scope)), buffer)


class Echo(ActionTag):
    name = "echo"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        if not token.arguments:
            return _nothing
        value = self.value(token.scanner())
        return lambda scope, buffer: scope.write(stringify(value(scope)), buffer)


class Unknown(ActionTag):
    """A tag that nobody registered, or an end without a beginning."""

    name = TOKEN_ILLEGAL

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        raise Fault(f'tag "{token.value}" not found')


class Disabled(ActionTag):
    """A tag of Liquid that Segment takes away."""

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        raise Fault(f'tag "{token.value}" is disabled')


class Assign(ActionTag):
    name = "assign"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        scanner = token.scanner()
        variable = scanner.name()
        if not variable:
            raise scanner.error("expected variable name")
        scanner.skip_blanks()
        if scanner.peek() != "=":
            raise scanner.error('expected "="')
        scanner.at += 1
        value = self.value(scanner)
        return lambda scope, _buffer: scope.set(variable, value(scope))


class Capture(ActionTag):
    name = "capture"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        scanner = token.scanner()
        variable = scanner.name() or scanner.quoted()
        if variable is None:
            raise scanner.error("invalid capture name")
        block = self.body(token, stream, "endcapture")

        def capture(scope: Scope, _buffer: TextIO) -> None:
            captured = StringIO()
            try:
                block.render(scope, captured)
            finally:
                scope.set(variable, captured.getvalue())

        return capture


class Comment(ActionTag):
    name = "comment"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        self.skipped(token, stream, "endcomment")
        return _nothing


class InlineComment(ActionTag):
    name = "#"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        # The lines are read by hand: a pattern would try again from each of many line feeds.
        following = token.arguments.split("\n")[1:]
        if any(not line.lstrip().startswith("#") for line in following if line.strip()):
            raise Fault("every line of an inline comment must start with a '#' character")
        return _nothing


class Raw(ActionTag):
    name = "raw"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        tokens = self.skipped(token, stream, "endraw")
        return _writer(joined_units("".join(each.text for each in tokens)))


class Counter(ActionTag):
    """`increment`, which writes the number before the step."""

    name = "increment"
    step = 1
    shown = 0

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        variable = token.scanner().name()

        def count(scope: Scope, buffer: TextIO) -> None:
            scope.write(string(scope.count(variable, self.step) + self.shown), buffer)

        return count


class Decrement(Counter):
    """`decrement`, which writes the number after the step."""

    name = "decrement"
    step = -1
    shown = -1


class Cycle(ActionTag):
    """`cycle`: the next of some values each time the same cycle is met."""

    name = "cycle"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        scanner = token.scanner()
        begin = scanner.at
        group = operand(scanner)
        scanner.skip_blanks()
        if group is not None and scanner.peek() == ":":
            scanner.at += 1
        else:
            scanner.at, group = begin, None
        candidates = list(self._candidates(token, scanner))
        if not candidates:
            raise scanner.error(f'empty candidates: "{token.text}"')
        return _cycling(group, candidates)

    def _candidates(self, token: Markup, scanner: Scanner) -> Iterator[tuple[str, Evaluate]]:
        while not scanner.at_end():
            begin = scanner.at
            value = self.value(scanner)
            yield token.source[begin : scanner.at], value
            scanner.step_behind(",")


def _cycling(group: Evaluate | None, candidates: list[tuple[str, Evaluate]]) -> Action:
    texts = ",".join(text for text, _ in candidates)

    def cycle(scope: Scope, buffer: TextIO) -> None:
        key = f"{string(group(scope)) if group else 'undefined'}:{texts}"
        _, value = candidates[scope.cycle(key, len(candidates))]
        result = plain(value(scope))
        if is_truthy(result):
            scope.write(stringify(result), buffer)

    return cycle


class Block(ActionTag):
    """`block`, of which nothing is left without layouts but the variable `block`."""

    name = "block"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        block = self.body(token, stream, "endblock")

        def render(scope: Scope, buffer: TextIO) -> None:
            with scope.frame({"block": {"super": ""}}):
                block.render(scope, buffer)

        return render


class Stop(ActionTag):
    """`break` and `continue`, which end the whole template: there is no loop to leave."""

    name = "break"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        return _stop


class Continue(Stop):
    name = "continue"


def _stop(_scope: Scope, _buffer: TextIO) -> None:
    raise StopRender


class Lines(ActionTag):
    """`liquid`: one tag a line, without delimiters."""

    name = "liquid"

    def compile(self, token: Markup, stream: TokenStream) -> Action:
        lines = TokenStream(iter(cut_lines(token.scanner())), stream.block_depth)
        nodes = get_parser(self.env).parse(lines)

        def render(scope: Scope, buffer: TextIO) -> None:
            for node in nodes:
                node.render(scope, buffer)

        return render
