"""The parser of Liquid templates, which returns render actions, and the tags that Segment allows.

Source: liquidjs 10.30, `tags/`; Segment, action-destinations, `liquid-directive.ts`.
"""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Final, TextIO, TypeAlias

from segment_insider_emulator.mapping.javascript import is_truthy, join_surrogates, to_json_text
from segment_insider_emulator.mapping.liquid import (
    LiquidError,
    UnlocatedLiquidError,
    create_located_error,
)
from segment_insider_emulator.mapping.liquid.expressions import (
    FilterTable,
    parse_filtered_value,
    parse_operand,
)
from segment_insider_emulator.mapping.liquid.runtime import (
    CompiledExpression,
    LiquidContext,
    format_output,
    is_liquid_truthy,
    replace_liquid_keyword,
    to_string,
)
from segment_insider_emulator.mapping.liquid.tokenizer import (
    TemplateScanner,
    TemplateToken,
    tokenize_liquid_tag_lines,
)

# As deep as 1,000 characters can open and close blocks.
MAX_BLOCK_DEPTH: Final = 90

RenderAction: TypeAlias = Callable[[LiquidContext, TextIO], None]
TagCompiler: TypeAlias = Callable[["TemplateParser", TemplateToken], RenderAction]
_Branch: TypeAlias = tuple[Callable[[LiquidContext], bool], RenderAction]


class StopRendering(Exception):
    """A Liquid tag `break` or `continue` ends the template."""


class TemplateParser:
    """Parser of the tokens of a Liquid template, or of the lines of a `liquid` tag.

    Args:
        filters: Filter functions by name.
        block_depth: Number of blocks around the tokens.
    """

    def __init__(
        self, tokens: list[TemplateToken], filters: FilterTable, block_depth: int = 0
    ) -> None:
        self.filters = filters
        self.block_depth = block_depth
        self._tokens = tokens
        self._position = 0

    def parse_all_tokens(self) -> RenderAction:
        """Parse all tokens of the Liquid template; return the action that renders them.

        Raises: LiquidError.
        """
        return self._parse_until_end_tag()

    def parse_block_body(
        self, tag: TemplateToken, *end_tags: str
    ) -> tuple[RenderAction, TemplateToken]:
        """Parse the block of a Liquid tag; return its render action and the end tag.

        Raises: UnlocatedLiquidError, when none of *end_tags* follows. LiquidError.
        """
        self.block_depth += 1
        if self.block_depth > MAX_BLOCK_DEPTH:
            raise LiquidError("ParseError", "blocks are nested too deeply")
        self._position += 1
        body = self._parse_until_end_tag(*end_tags)
        self.block_depth -= 1
        return body, self._require_end_tag(tag)

    def skip_block_body(self, tag: TemplateToken, end_tag: str) -> list[TemplateToken]:
        """Return the tokens in the block of a Liquid tag without parsing them.

        Raises: UnlocatedLiquidError, when *end_tag* does not follow.
        """
        begin = self._position = self._position + 1
        while not self._require_end_tag(tag).is_tag_named(end_tag):
            self._position += 1
        return self._tokens[begin : self._position]

    def parse_value(self, scanner: TemplateScanner) -> CompiledExpression:
        """Parse a Liquid value with its filters."""
        return parse_filtered_value(scanner, self.filters)

    def _parse_until_end_tag(self, *end_tags: str) -> RenderAction:
        """Parse Liquid up to one of *end_tags*, which becomes the current token, or to the end."""
        actions: list[RenderAction] = []
        while self._position < len(self._tokens):
            token = self._tokens[self._position]
            if token.is_tag_named(*end_tags):
                break
            actions.append(self._compile_token(token))
            self._position += 1

        def render(context: LiquidContext, output: TextIO) -> None:
            for action in actions:
                action(context, output)

        return render

    def _compile_token(self, token: TemplateToken) -> RenderAction:
        if token.kind == "tag":
            compiler = TAG_COMPILERS.get(token.value, _reject_unknown_tag)
        else:
            compiler = _compile_output_token if token.kind == "output" else _compile_text_token
        try:
            action = compiler(self, token)
        except UnlocatedLiquidError as error:
            raise _add_position_to_error(error, "ParseError", token) from None

        def render(context: LiquidContext, output: TextIO) -> None:
            try:
                action(context, output)
            except UnlocatedLiquidError as error:
                raise _add_position_to_error(error, "RenderError", token) from None

        return render

    def _require_end_tag(self, tag: TemplateToken) -> TemplateToken:
        if self._position == len(self._tokens):
            raise UnlocatedLiquidError(f"tag {tag.source_text} not closed")
        return self._tokens[self._position]


def _add_position_to_error(error: Exception, error_name: str, token: TemplateToken) -> LiquidError:
    return create_located_error(error_name, str(error), token.source, token.begin)


def _render_nothing(_context: LiquidContext, _output: TextIO) -> None:
    pass


def _build_render_text_action(text: str) -> RenderAction:
    return lambda context, output: context.write_output(text, output)


def _compile_text_token(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    return _build_render_text_action(join_surrogates(token.value))


def _compile_output_token(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    value = parser.parse_value(token.create_scanner())
    return lambda context, output: context.write_output(format_output(value(context)), output)


def _reject_unknown_tag(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Reject a Liquid tag that does not exist, or an end tag without its start tag."""
    raise UnlocatedLiquidError(f'tag "{token.value}" not found')


def _compile_disabled_tag(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    raise UnlocatedLiquidError(f'tag "{token.value}" is disabled')


def _compile_echo_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    return _compile_output_token(parser, token) if token.arguments_text else _render_nothing


def _compile_assign_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    scanner = token.create_scanner()
    variable = scanner.read_name()
    if not variable:
        raise scanner.create_tokenization_error("expected variable name")
    scanner.skip_blanks()
    if scanner.peek_character() != "=":
        raise scanner.create_tokenization_error('expected "="')
    scanner.position += 1
    value = parser.parse_value(scanner)
    return lambda context, _output: context.set_variable(variable, value(context))


def _compile_capture_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    scanner = token.create_scanner()
    variable = scanner.read_name() or scanner.read_quoted_text()
    if variable is None:
        raise scanner.create_tokenization_error("invalid capture name")
    body, _ = parser.parse_block_body(token, "endcapture")

    def capture(context: LiquidContext, _output: TextIO) -> None:
        captured = StringIO()
        try:
            body(context, captured)
        finally:
            context.set_variable(variable, captured.getvalue())

    return capture


def _compile_comment_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    parser.skip_block_body(token, "endcomment")
    return _render_nothing


def _compile_inline_comment_tag(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    # Lines are split by hand: a pattern would try again from each of many line feeds.
    following_lines = token.arguments_text.split("\n")[1:]
    if any(not line.lstrip().startswith("#") for line in following_lines if line.strip()):
        raise UnlocatedLiquidError(
            "every line of an inline comment must start with a '#' character"
        )
    return _render_nothing


def _compile_raw_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    body = parser.skip_block_body(token, "endraw")
    return _build_render_text_action(
        join_surrogates("".join(body_token.source_text for body_token in body))
    )


def _compile_increment_tag(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `increment`, which writes a counter, then adds 1."""
    name = token.create_scanner().read_name()
    return lambda context, output: context.write_output(
        to_string(context.add_to_counter(name, 1)), output
    )


def _compile_decrement_tag(_parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `decrement`, which subtracts 1 from a counter, then writes it."""
    name = token.create_scanner().read_name()
    return lambda context, output: context.write_output(
        to_string(context.add_to_counter(name, -1) - 1), output
    )


def _compile_cycle_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `cycle`, which writes the next of its values at each rendering."""
    scanner = token.create_scanner()
    begin = scanner.position
    group = parse_operand(scanner)
    scanner.skip_blanks()
    if group is not None and scanner.peek_character() == ":":
        scanner.position += 1
    else:
        scanner.position, group = begin, None
    candidates = list(_iter_cycle_values(parser, scanner))
    if not candidates:
        raise scanner.create_tokenization_error(f'empty candidates: "{token.source_text}"')
    texts = ",".join(text for text, _ in candidates)

    def render_next(context: LiquidContext, output: TextIO) -> None:
        cycle_key = f"{to_string(group(context)) if group else 'undefined'}:{texts}"
        _, value = candidates[context.take_next_cycle_index(cycle_key, len(candidates))]
        result = replace_liquid_keyword(value(context))
        if is_truthy(result):
            context.write_output(format_output(result), output)

    return render_next


def _iter_cycle_values(
    parser: TemplateParser, scanner: TemplateScanner
) -> Iterator[tuple[str, CompiledExpression]]:
    while not scanner.is_at_end():
        begin = scanner.position
        value = parser.parse_value(scanner)
        yield scanner.source[begin : scanner.position], value
        scanner.skip_past_character(",")


def _compile_block_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `block`, which without layouts only sets the variable `block`."""
    body, _ = parser.parse_block_body(token, "endblock")

    def render(context: LiquidContext, output: TextIO) -> None:
        with context.temporarily_set_variables({"block": {"super": ""}}):
            body(context, output)

    return render


def _compile_break_tag(_parser: TemplateParser, _token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `break` or `continue`; without a loop they end the whole template."""

    def stop_rendering(_context: LiquidContext, _output: TextIO) -> None:
        raise StopRendering

    return stop_rendering


def _compile_liquid_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `liquid`, which has one tag per line, without delimiters."""
    tokens = tokenize_liquid_tag_lines(token.create_scanner())
    return TemplateParser(tokens, parser.filters, parser.block_depth).parse_all_tokens()


def _compile_if_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    branches, end_tag = _parse_branches(parser, token)
    else_body = None
    if end_tag.is_tag_named("else"):
        _reject_tag_arguments(end_tag)
        else_body, end_tag = _parse_branch_body(parser, token)
    if end_tag.is_tag_named("elsif"):
        raise UnlocatedLiquidError("unexpected elsif after else")
    _reject_tag_arguments(end_tag)
    if end_tag.is_tag_named("else"):
        raise UnlocatedLiquidError("duplicated else")
    return _build_branches_action(branches, else_body)


def _compile_unless_tag(parser: TemplateParser, token: TemplateToken) -> RenderAction:
    """Compile the Liquid tag `unless`; unlike `if` it accepts a second `else`, but ignores it."""
    branches, end_tag = _parse_branches(parser, token)
    else_body = None
    while not end_tag.is_tag_named("endunless"):
        body, end_tag = _parse_branch_body(parser, token)
        else_body = else_body or body
    return _build_branches_action(branches, else_body)


def _parse_branches(
    parser: TemplateParser, token: TemplateToken
) -> tuple[list[_Branch], TemplateToken]:
    """Return the branches of a Liquid `if` or `unless` that have a condition, and the next tag."""
    branches: list[_Branch] = []
    condition_tag = token
    while condition_tag is token or condition_tag.is_tag_named("elsif"):
        test = _compile_branch_condition(parser, condition_tag)
        body, condition_tag = _parse_branch_body(parser, token)
        branches.append((test, body))
    return branches, condition_tag


def _parse_branch_body(
    parser: TemplateParser, token: TemplateToken
) -> tuple[RenderAction, TemplateToken]:
    return parser.parse_block_body(token, "elsif", "else", f"end{token.value}")


def _compile_branch_condition(
    parser: TemplateParser, token: TemplateToken
) -> Callable[[LiquidContext], bool]:
    value = parser.parse_value(token.create_scanner())
    if token.is_tag_named("unless"):
        return lambda context: not is_liquid_truthy(value(context))
    return lambda context: is_liquid_truthy(value(context))


def _build_branches_action(branches: list[_Branch], else_body: RenderAction | None) -> RenderAction:
    def render(context: LiquidContext, output: TextIO) -> None:
        for test, body in branches:
            if test(context):
                body(context, output)
                return
        if else_body is not None:
            else_body(context, output)

    return render


def _reject_tag_arguments(token: TemplateToken) -> None:
    if token.arguments_text:
        raise UnlocatedLiquidError(
            f"unexpected {to_json_text(join_surrogates(token.arguments_text))}"
        )


DISABLED_TAGS: Final = ("case", "for", "include", "layout", "render", "tablerow")
TAG_COMPILERS: Final[dict[str, TagCompiler]] = {
    "#": _compile_inline_comment_tag,
    "assign": _compile_assign_tag,
    "block": _compile_block_tag,
    "break": _compile_break_tag,
    "capture": _compile_capture_tag,
    "comment": _compile_comment_tag,
    "continue": _compile_break_tag,
    "cycle": _compile_cycle_tag,
    "decrement": _compile_decrement_tag,
    "echo": _compile_echo_tag,
    "if": _compile_if_tag,
    "increment": _compile_increment_tag,
    "liquid": _compile_liquid_tag,
    "raw": _compile_raw_tag,
    "unless": _compile_unless_tag,
    **dict.fromkeys(DISABLED_TAGS, _compile_disabled_tag),
}
