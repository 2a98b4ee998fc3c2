"""Generate destination filters and events for them.

A condition is generated in the form of Segment's evaluator (its "ir") together with the same
condition as text, so that the parser is compared, too.
"""

from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from triggers import one_time_in

from segment_insider_emulator.types import JSON, JSONObject

# A part of a statement as text, and in the form of the evaluator.
Part: TypeAlias = tuple[str, JSON]

TEXTS = st.sampled_from(
    ["", "a", "b", "abc", "A", "ABC", "ab*c", "Order Completed", "track", "é", "ß", "İ", "日本",
     "2019-01-01", "10", "1.5", "true", "null", "yes", "[", "]", "-", "^", "a\\", "\\", "a/b",
     "line\nbreak", "2.1.0", "1.10", "v2", "number", "string", "a b"]
)  # fmt: skip
# Node rounds larger numbers, even if it only copies them.
NUMBERS = st.sampled_from([0, 1, 2, 3, 5, 10, -1, 1.5, 2.25, 9007199254740992, 1e21, -0.5])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
KEYS = st.sampled_from(["a", "b", "vip", "total", "list", "items", "s", "x-y", "a b", "n"])
VALUES: SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
VERSIONS = st.sampled_from(
    ["2.1.0", "2.3.0", "2", "1.10", "1.9", "1.9.9", "1.2.3.4", "1.2.3-beta", "1.2.3-beta.1", "v2",
     "", ".", "1..2", " 1 . 2", "+1.2", "-1", "1a.2", "0x10", "01.2", "1.99999999999999999999",
     "9" * 400, "\ufeff1", "1e3", "x"]
)  # fmt: skip
PRODUCTS = st.lists(
    st.dictionaries(st.sampled_from(["sku", "price", "a", "0"]), SCALARS, max_size=3)
    | SCALARS
    | st.lists(SCALARS | st.dictionaries(KEYS, SCALARS, max_size=2), max_size=2),
    max_size=3,
)
EVENTS: SearchStrategy[JSONObject] = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page"])},
    optional={
        "event": TEXTS,
        "userId": st.sampled_from(["u1", "", None, 5]),
        "properties": st.one_of(
            st.dictionaries(KEYS, VALUES, max_size=5),
            st.fixed_dictionaries({"products": PRODUCTS}, optional={"s": TEXTS, "n": NUMBERS}),
            VALUES,
        ),
        "context": st.fixed_dictionaries(
            {},
            optional={
                "app": st.fixed_dictionaries({}, optional={"version": VERSIONS | SCALARS}),
                "x": VALUES,
            },
        ),
        "traits": VALUES,
    },
)
PATHS = st.sampled_from(
    ["type", "event", "userId", "properties", "properties.a", "properties.b", "properties.vip",
     "properties.total", "properties.list", "properties.items", "properties.s", "properties.n",
     "properties.x-y", "properties.a b", "properties.a.b", "properties.list.0", "properties.list.1",
     "properties.list.00", "properties.list.a", "properties.products", "properties.products.0",
     "properties.products.0.sku", "properties.products.1.price", "properties.products.sku",
     "context.app.version", "context.x", "context.nope.deep", "traits", "traits.a", "nope"]
)  # fmt: skip
_GLOB_PIECES = st.sampled_from(
    ["a", "b", "c", "*", "?", "[ab]", "[a-c]", "[^a]", "[^a-b]", "[^]", "[]a]", "[\\]a]", "[\\-x]",
     "[-]", "[x-]", "[a-b-c]", "[z-a]", "[^z-a]", "[a\\]*b]", "[[]", "[a[b]", "]", "-", "^", "\\*",
     "\\a", "\\", "[", "[^", "[a", "a/", "é", " ", "Order", "[^\\^]", "[*]", "[a*b]", "[?]", "**"]
)  # fmt: skip
GLOBS = st.lists(_GLOB_PIECES, max_size=4).map("".join)


def _quote(text: str) -> str:
    return f'"{text}"' if '"' not in text else f"'{text}'"


def _create_literal(value: JSON) -> Part:
    if isinstance(value, str):
        return _quote(value), {"value": value}
    words = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return words[value], {"value": value}
    return f"{value:.17g}" if "e" not in f"{value:.17g}" else f"{value:.0f}", {"value": value}


def _create_path(path: str) -> Part:
    return path.replace(" ", "\\ "), path


def _create_call(name: str, *arguments: Part) -> Part:
    texts, irs = zip(*arguments, strict=True)
    return f"{name}({', '.join(texts)})", [name, *irs]


def _create_list(items: list[Part]) -> Part:
    return f"[{', '.join(text for text, _ in items)}]", {"value": [ir for _, ir in items]}


LITERALS = (SCALARS | st.just(9007199254740993)).map(_create_literal)
FIELDS = PATHS.map(_create_path)
LISTS = st.lists(LITERALS | FIELDS, max_size=3).map(_create_list)
SIMPLE = st.one_of(FIELDS, FIELDS, LITERALS, LISTS)
LOWERED = st.one_of(SIMPLE, SIMPLE.map(lambda part: _create_call("lowercase", part)))
FUNCTIONS = st.sampled_from(["lowercase", "typeof", "length"]).flatmap(
    lambda name: LOWERED.map(lambda part: _create_call(name, part))
)
TYPES = st.sampled_from(
    ["string", "number", "bool", "boolean", "list", "array", "null", "undefined", "object"]
).map(_create_literal)
MATCHES = st.builds(
    lambda text, pattern: _create_call("match", text, pattern),
    LOWERED | LITERALS, GLOBS.map(_create_literal) | LOWERED,
)  # fmt: skip
CONTAINED = st.builds(lambda text, part: _create_call("contains", text, part), LOWERED, LOWERED)
OPERATORS = ["=", "!=", "<", "<=", ">", ">="]
VERSION_TESTS = st.builds(
    lambda version, name, other: _create_call("semver", version, name, other),
    FIELDS | VERSIONS.map(_create_literal),
    st.sampled_from([*OPERATORS, "==", "~", ""]).map(_create_literal) | SIMPLE,
    VERSIONS.map(_create_literal) | SIMPLE,
)
PREDICATES = st.one_of(MATCHES, MATCHES, CONTAINED, VERSION_TESTS)
VALUES_COMPARED = st.one_of(SIMPLE, SIMPLE, FUNCTIONS, PREDICATES)


def _join_parts(name: str, left: Part, right: Part) -> Part:
    return f"{left[0]} {name} {right[0]}", [name, left[1], right[1]]


COMPARED = st.one_of(
    st.builds(_join_parts, st.sampled_from(OPERATORS), VALUES_COMPARED, VALUES_COMPARED),
    st.builds(_join_parts, st.sampled_from(["=", "!="]), FIELDS, FIELDS),
    st.builds(_join_parts, st.just("in"), VALUES_COMPARED, st.one_of(LISTS, FIELDS, LITERALS)),
    st.builds(
        _join_parts,
        st.sampled_from(["=", "!=", "in"]),
        SIMPLE.map(lambda part: _create_call("typeof", part)),
        TYPES | st.lists(TYPES, max_size=2).map(_create_list),
    ),
)
CONDITIONS: SearchStrategy[Part] = st.recursive(
    st.one_of(COMPARED, COMPARED, PREDICATES, PREDICATES, FIELDS, FUNCTIONS, LITERALS),
    lambda inner: st.one_of(
        st.builds(
            lambda name, left, right: _join_parts(name, _group_part(left), _group_part(right)),
            st.sampled_from(["and", "or"]), inner, inner,
        ),
        inner.map(lambda part: (f"!({part[0]})", ["!", part[1]])),
    ),
    max_leaves=4,
)  # fmt: skip


def _group_part(part: Part) -> Part:
    return f"({part[0]})", part[1]


FIELD_LISTS = st.dictionaries(
    st.sampled_from(
        ["", "properties", "properties.a", "properties.list", "properties.products",
         "properties.products.0", "properties.products.1", "properties.products.00",
         "properties.products.sku", "properties.list.a", "context", "context.app", "context.x",
         "properties.items.0.a", "traits", "event", "nope.deep"]
    ),
    st.lists(
        st.sampled_from(["a", "b", "s", "vip", "sku", "price", "list", "products", "0", "1",
                         "context", "properties", "event", "app", "version", "products.sku"]),
        max_size=3,
    ),
    min_size=1, max_size=3,
)  # fmt: skip
SHARES = st.sampled_from([-1, 0, 1, 1.5])
ACTIONS: SearchStrategy[Any] = one_time_in(6).flatmap(
    lambda ends: (
        st.just({"type": "DROP"})
        | st.builds(lambda share: {"type": "SAMPLE", "percent": share}, SHARES)
        if ends
        else st.builds(
            lambda kind, fields: {"type": kind, "fields": fields},
            st.sampled_from(["DROP_PROPERTIES", "ALLOW_PROPERTIES"]), FIELD_LISTS,
        )
    )
)  # fmt: skip


@st.composite
def filter_cases(draw: st.DrawFn) -> JSONObject:
    """Draw {"if", "ir", "actions", "event"}; every fourth condition matches all events."""
    anything = ("true", {"value": True})
    text, ir = anything if draw(one_time_in(4)) else draw(CONDITIONS)
    order = ["SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES"]
    actions = draw(st.lists(ACTIONS, min_size=1, max_size=2))
    actions.sort(key=lambda action: order.index(action["type"]))
    return {"if": text, "ir": ir, "actions": actions, "event": draw(EVENTS)}
