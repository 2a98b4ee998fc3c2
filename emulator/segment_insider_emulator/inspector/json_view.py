"""A JSON value as lines of HTML, each value with its path, so that a page can mark it.

Written in Python, not as a template: a captured value may be a hundred levels deep.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson
from markupsafe import Markup, escape

from segment_insider_emulator.types import JSON

LONGEST_TEXT = 240  # characters shown of a text before the rest is folded away
MOST_MEMBERS = 60  # entries shown of an object or list before the rest is folded away

Path = str  # dotted, lists numbered: "properties.products[0].name"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page has to say of one value.

    Args:
        kind: A class of the style sheet, such as "dropped".
        label: A word shown beside the value; "" shows none.
        hint: A sentence, shown when the value is pointed at.
        reads: Paths of the event that it came from; their values are lit up with it.
        field: The field of the mapping that made it.
    """

    kind: str
    label: str = ""
    hint: str = ""
    reads: tuple[Path, ...] = ()
    field: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """Draws values.

    Args:
        name: Tells the trees of one page apart, e.g. "event" or "upsert-0".
        marks: By path.
    """

    name: str
    marks: Mapping[Path, Mark] = field(default_factory=dict)

    def draw(self, value: JSON) -> Markup:
        """The lines of *value*."""
        lines = Markup("").join(self._members(value, "")) if _has_members(value) else _leaf(value)
        return Markup('<div class="tree" data-tree="{}">{}</div>').format(self.name, lines)

    def _members(self, value: JSON, path: Path) -> Iterator[Markup]:
        pairs = list(_pairs(value, path))
        yield from (self._line(*pair) for pair in pairs[:MOST_MEMBERS])
        if more := pairs[MOST_MEMBERS:]:
            lines = Markup("").join(self._line(*pair) for pair in more)
            yield _folded(Markup("{} more").format(len(more)), lines)

    def _line(self, key: str, value: JSON, path: Path) -> Markup:
        mark = self.marks.get(path)
        name = Markup('<span class="key">{}</span>').format(_cut(key))
        if _has_members(value):
            inside = Markup("").join(self._members(value, path))
            note = _label(mark) if mark else Markup("")
            return Markup('<div class="line">{}{}<div class="in">{}</div></div>').format(
                name, note, inside
            )
        return Markup('<div class="line">{} {}</div>').format(name, self._value(value, path, mark))

    def _value(self, value: JSON, path: Path, mark: Mark | None) -> Markup:
        shown = _leaf(value)
        if mark is None:
            return Markup('<span class="value" data-path="{}">{}</span>').format(path, shown)
        if mark.reads or mark.field:
            return _button(_leaf(value, fold=False), path, mark)
        return Markup('<span class="value {}" data-path="{}">{}</span>{}').format(
            mark.kind, path, shown, _label(mark)
        )


def _button(shown: Markup, path: Path, mark: Mark) -> Markup:
    return Markup(
        '<button type="button" class="value {}" data-path="{}" data-reads="{}" data-field="{}" '
        'data-hint="{}">{}</button>{}'
    ).format(
        mark.kind,
        path,
        orjson.dumps(mark.reads).decode(),
        mark.field,
        mark.hint,
        shown,
        _label(mark),
    )


def _label(mark: Mark) -> Markup:
    if not mark.label:
        return Markup("")
    hint = Markup(' <span class="hint">{}</span>').format(mark.hint) if mark.hint else ""
    return Markup(' <span class="label {}">{}</span>{}').format(mark.kind, mark.label, hint)


def _has_members(value: JSON) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _pairs(value: JSON, path: Path) -> Iterator[tuple[str, JSON, Path]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key, each, f"{path}.{key}" if path else key
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield str(at), each, f"{path}[{at}]"


def _leaf(value: JSON, *, fold: bool = True) -> Markup:
    kind = "text" if isinstance(value, str) else "number"
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    if len(text) <= LONGEST_TEXT:
        return Markup('<span class="{}">{}</span>').format(kind, text)
    start, rest = text[:LONGEST_TEXT], text[LONGEST_TEXT:]
    if not fold:
        return Markup('<span class="{}">{}…</span>').format(kind, start)
    title = Markup('<span class="{}">{}</span>… <i>{:,} characters</i>').format(
        kind, start, len(text)
    )
    return _folded(title, Markup('<span class="{}">{}</span>').format(kind, rest))


def _folded(title: Markup, inside: Markup) -> Markup:
    return Markup('<details class="rest"><summary>{}</summary>{}</details>').format(title, inside)


def _cut(key: str) -> Markup:
    return escape(key if len(key) <= LONGEST_TEXT else f"{key[:LONGEST_TEXT]}…")


def walk(value: JSON, change: Callable[[str, JSON], JSON], key: str = "") -> JSON:
    """A copy of *value* with *change* made to every value that is no object or list."""
    if isinstance(value, dict):
        return {name: walk(each, change, name) for name, each in value.items()}
    if isinstance(value, list):
        return [walk(each, change, key) for each in value]
    return change(key, value)
