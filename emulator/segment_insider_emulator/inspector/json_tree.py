"""JSON values as HTML trees, and captured text with its invisible characters shown as escapes.

A control or direction character could otherwise change how the words around it look.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson
from markupsafe import Markup, escape

from segment_insider_emulator.json_text import current_masking, mask_document, mask_text
from segment_insider_emulator.storage.json_conditions import JsonPathSteps, format_query_path
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSON

# Control, format and direction characters; not tab and line breaks. Their whole general categories
# (Cc, Cf, Zl, Zp) but for the joiners: emoji and Persian words need them.
_INVISIBLE: Final = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb"
)
_INVISIBLE_PATTERN: Final = re.compile(f"[{_INVISIBLE}]")
# In values, blanks that look like a space or like nothing are different from it, too.
_INVISIBLE_IN_VALUE_PATTERN: Final = re.compile(
    f"[{_INVISIBLE}\xa0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]"
    "|(?<![^\x00-\u024f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u024f])"
)


def show_invisible_characters(text: str) -> str:
    r"""Replace control and direction characters of *text* by escapes such as `\u202e`; mask it."""
    text = mask_text(text)
    return text if text.isprintable() else _INVISIBLE_PATTERN.sub(_escape_character, text)


def compact_json(value: object) -> str:
    """Format *value* as JSON in one line, with invisible characters escaped."""
    return _escape_value(orjson.dumps(mask_document(value), default=str).decode())


def pretty_json(value: object) -> str:
    """Format *value* as indented JSON, with invisible characters escaped."""
    masked = mask_document(value)
    return _escape_value(orjson.dumps(masked, default=str, option=orjson.OPT_INDENT_2).decode())


def format_key(key: str) -> str:
    """Format an object's key: plain, or as JSON where one would see too little of it."""
    text = compact_json(key)
    return key if key and key == key.strip() == text[1:-1] else text


def exact(text: object) -> Markup:
    """Mark *text* as one that a template prints exactly, such as the value of a form's field."""
    return escape(mask_text(text) if isinstance(text, str) else text)


def finalize_expression(value: object) -> object:
    """Mask a text that a template prints; show its invisible characters unless it is markup."""
    if isinstance(value, Markup):
        masking = current_masking.get()
        return Markup(masking.mask_shapes(value)) if masking else value
    return show_invisible_characters(value) if isinstance(value, str) else value


def _escape_value(json_text: str) -> str:
    if json_text.isascii() and json_text.isprintable():
        return json_text
    return _INVISIBLE_IN_VALUE_PATTERN.sub(_escape_character, json_text)


def _escape_character(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


MAX_TEXT_CHARS = 240  # longer texts are folded
MAX_LISTED_MEMBERS = 60  # further entries are folded

ValuePath = str  # dotted, lists numbered: "properties.products[0].name"


@dataclass(frozen=True, slots=True)
class ValueMark:
    """How one value of an HTML tree is marked: CSS class, label and hint.

    Args:
        css_class: A class of the style sheet, such as "dropped".
        label: A word shown next to the value; "" for none.
        hint: A sentence, shown when the value is pointed at.
        source_paths: Paths of the event that it came from; their values are lit up with it.
        mapping_field: The field of the mapping that made it.
    """

    css_class: str
    label: str = ""
    hint: str = ""
    source_paths: tuple[ValuePath, ...] = ()
    mapping_field: str = ""


@dataclass(frozen=True, slots=True)
class JsonTree:
    """Renderer of JSON values as HTML trees, with its marks by path.

    Args:
        tree_name: Identifies the tree on its page, e.g. "event" or "upsert-0".
        marks: By path.
        document: The document of a message that it shows, as of MessagePath, so that its values
            can be searched for; "" for another one.
        changed_paths: Paths at which the event differs from the message as sent.
        base: Where the value is in the *document*.
    """

    tree_name: str
    marks: Mapping[ValuePath, ValueMark] = field(default_factory=dict)
    document: str = ""
    changed_paths: Collection[ValuePath] = ()
    base: JsonPathSteps = ()

    def render(self, value: JSON) -> Markup:
        """Render a JSON value as an HTML tree."""
        value = mask_document(value)
        lines = (
            Markup("").join(self._render_members(value, "", ()))
            if _has_members(value)
            else _render_scalar(value)
        )
        return Markup('<div class="tree" data-tree="{}">{}</div>').format(self.tree_name, lines)

    def _render_members(
        self, value: JSON, path: ValuePath, steps: JsonPathSteps
    ) -> Iterator[Markup]:
        members = list(_iter_members(value, path, steps))
        yield from (self._render_member_line(*member) for member in members[:MAX_LISTED_MEMBERS])
        if more := members[MAX_LISTED_MEMBERS:]:
            lines = Markup("").join(self._render_member_line(*member) for member in more)
            yield _render_collapsible_section(Markup("{} more").format(len(more)), lines)

    def _render_member_line(
        self, key: str, value: JSON, path: ValuePath, steps: JsonPathSteps
    ) -> Markup:
        mark = self.marks.get(path)
        name = Markup('<span class="key">{}</span>').format(_shorten_key(key))
        if _has_members(value):
            inside = Markup("").join(self._render_members(value, path, steps))
            note = _render_mark_label(mark) if mark else Markup("")
            return Markup('<div class="line">{}{}<div class="in">{}</div></div>').format(
                name, note, inside
            )
        return Markup('<div class="line">{} {}</div>').format(
            name, self._render_value(value, path, mark, self._render_query_attributes(path, steps))
        )

    def _render_query_attributes(self, path: ValuePath, steps: JsonPathSteps) -> Markup:
        if not self.document:
            return Markup("")
        document = "sent" if path in self.changed_paths else self.document
        return render_path_attributes(document, (*self.base, *steps))

    def _render_value(
        self, value: JSON, path: ValuePath, mark: ValueMark | None, attributes: Markup
    ) -> Markup:
        if mark and (mark.source_paths or mark.mapping_field):
            return _render_value_button(value, path, mark, attributes)
        text = _format_scalar(value)
        # Next to the value: what can be clicked cannot contain what can be unfolded.
        unfolding = text.render_rest() if text.rest else ""
        css_class = f"value {mark.css_class}" if mark else "value"
        return Markup('<span class="{}" data-path="{}"{}>{}</span>{}{}').format(
            css_class,
            path,
            attributes,
            text.render_start(),
            unfolding,
            _render_mark_label(mark) if mark else "",
        )


def render_query_attributes(query_path: str, *, is_secret: bool = False) -> Markup:
    """Render the attributes by which a script offers to search for a value; "" without a path."""
    if not query_path:
        return Markup("")
    secret = Markup(" data-secret") if is_secret else ""
    return Markup(' data-query="{}"{}').format(query_path, secret)


def render_path_attributes(document: str, steps: JsonPathSteps) -> Markup:
    """Render the attributes of a value at *steps* of a document, as of MessagePath."""
    name = next((step for step in reversed(steps) if isinstance(step, str)), "")
    text = format_query_path(document, steps)
    return render_query_attributes(text, is_secret=is_secret_name(name))


def render_value(value: JSON, attributes: Markup) -> Markup:
    """Render any JSON value in one line with a menu, which only copies without *attributes*."""
    if isinstance(value, dict | list):
        json_text = compact_json(value)
        rest = json_text[MAX_TEXT_CHARS:]
        text = _ScalarText("", json_text[:MAX_TEXT_CHARS], rest, len(json_text))
    else:
        text = _format_scalar(value)
    return Markup('<code class="value"{}>{}</code>{}').format(
        attributes or Markup(" data-copyable"),
        text.render_start(),
        text.render_rest() if text.rest else "",
    )


def _render_value_button(
    value: JSON, path: ValuePath, mark: ValueMark, attributes: Markup
) -> Markup:
    text = _format_scalar(value)
    unfolding = text.render_rest() if text.rest else ""
    return Markup(
        '<button type="button" class="value {}" data-path="{}" data-reads="{}" data-field="{}" '
        'data-hint="{}"{}>{}</button>{}{}'
    ).format(
        mark.css_class,
        path,
        orjson.dumps(mark.source_paths).decode(),
        mark.mapping_field,
        show_invisible_characters(mark.hint),
        attributes,
        text.render_start(),
        unfolding,
        _render_mark_label(mark),
    )


def _render_mark_label(mark: ValueMark) -> Markup:
    if not mark.label:
        return Markup("")
    hint = Markup(' <span class="hint">{}</span>').format(mark.hint) if mark.hint else ""
    return Markup(' <span class="label {}">{}</span>{}').format(mark.css_class, mark.label, hint)


def _has_members(value: JSON) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _iter_members(
    value: JSON, path: ValuePath, steps: JsonPathSteps
) -> Iterator[tuple[str, JSON, ValuePath, JsonPathSteps]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key, member, f"{path}.{key}" if path else key, (*steps, key)
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield str(at), member, f"{path}[{at}]", (*steps, at)


class _ScalarText(NamedTuple):
    """A scalar as JSON: its start and, if it is long, the rest; its CSS class and length."""

    css_class: str
    start: str
    rest: str
    length: int

    def render_start(self) -> Markup:
        return Markup('<span class="{}">{}</span>').format(self.css_class, self.start)

    def render_rest(self) -> Markup:
        """Render the rest, folded."""
        return _render_collapsible_section(
            Markup("… <i>{:,} characters</i>").format(self.length),
            Markup('<span class="{}">{}</span>').format(self.css_class, self.rest),
        )


def _render_scalar(value: JSON) -> Markup:
    text = _format_scalar(value)
    return text.render_start() + (text.render_rest() if text.rest else Markup(""))


def _format_scalar(value: JSON) -> _ScalarText:
    if not isinstance(value, str):
        number = compact_json(value)
        start, rest = number[:MAX_TEXT_CHARS], number[MAX_TEXT_CHARS:]
        return _ScalarText("number", start, rest, len(number))
    if len(value) <= MAX_TEXT_CHARS:
        return _ScalarText("text", compact_json(value), "", len(value))
    # Split before escaping, so that no escape is cut.
    start, rest = compact_json(value[:MAX_TEXT_CHARS]), compact_json(value[MAX_TEXT_CHARS:])
    return _ScalarText("text", start[:-1], rest[1:], len(value))


def _render_collapsible_section(title: Markup, content: Markup) -> Markup:
    return Markup('<details class="rest"><summary>{}</summary>{}</details>').format(title, content)


def _shorten_key(key: str) -> str:
    return format_key(key if len(key) <= MAX_TEXT_CHARS else f"{key[:MAX_TEXT_CHARS]}…")


def replace_scalars(value: JSON, replace: Callable[[str, JSON], JSON], key: str = "") -> JSON:
    """Return a copy of a JSON value with every scalar replaced by the result of *replace*."""
    if isinstance(value, dict):
        return {name: replace_scalars(member, replace, name) for name, member in value.items()}
    if isinstance(value, list):
        return [replace_scalars(item, replace, key) for item in value]
    return replace(key, value)


_SECRET_NAME = re.compile(
    r"(pass(word|wd|phrase)|secret|token|authorization|api_?key|ucd_key|private_?key|cvv|cvc|"
    r"card_?number)$",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Return whether values under a name, such as `password`, are redacted."""
    return bool(_SECRET_NAME.search(name))


def redact_secrets(value: JSON) -> JSON:
    """Return a copy of a JSON value in which values under names such as `password` are redacted."""
    return replace_scalars(value, _redact_if_secret)


def _redact_if_secret(name: str, value: JSON) -> JSON:
    is_value = isinstance(value, str | int | float) and not isinstance(value, bool)
    return redact_secret(str(value)) if is_value and is_secret_name(name) else value
