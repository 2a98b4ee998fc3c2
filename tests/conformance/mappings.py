"""Generate mappings with every directive, used correctly and wrongly, and values for them."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from segment_insider_emulator.types import JSON, JSONObject

# Texts that a rule for coercion, templates, dates or case treats specially.
SCALARS: SearchStrategy[JSON] = st.one_of(
    st.sampled_from(
        ["", " ", "a", "abc", "Hello World", "5", "5.0", " 7 ", "0x1F", "1e3", "-0", "true",
         "false", "yes", "Infinity", "NaN", "null", "2026-05-06T07:08:09.123Z", "2026-05-06",
         "1700000000", "ada@shop.example", "+31612345678", "A B", "Über", "{{x}}",
         "{{{properties.s}}}", "a.b", "$&", "$1", "😀x", "\u00a0p\u00a0", "a-b-c", "İ", "[1,2]",
         '{"a":1}', "1e1000", '{"a":[-1e999,{"b":null}]}', '"\\ud83c"', "9" * 30, "foo 2020",
         "May 6 2026"]
    ),
    st.sampled_from([None, True, False, 0, 1, -1, 5, 1.5, 3.0, 1e21, 1e-7, 12345678901234567890]),
    st.integers(-(2**53), 2**53),
    st.text(st.characters(codec="utf-8"), max_size=6),
)  # fmt: skip
KEYS = st.sampled_from(
    ["a", "b", "s", "n", "list", "items", "deep", "price", "name", "Name", "A B", " pad ", "x_y",
     "0", "1", "email", "phone", "Taxonomy", "taxonomy", "category", "product_id", "quantity",
     "Quantity", "url", "currency", "variant", "variant_id", "locale", "length", "custom",
     "event_group_id", "age", "coupon"]
)  # fmt: skip
VALUES: SearchStrategy[JSON] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    ["$.properties.a", "$.properties.s", "$.properties.list", "$.properties.items",
     "$.properties.products", "$.properties.deep.a", "$.traits.email", "$.traits", "$.properties",
     "$.userId", "$.event", "$.context.locale", "properties.b", "$.properties.list[0]",
     "$.properties.products[0].name", "$.properties['A B']", "$.properties.s.length", "$.nope.x",
     "", "$.", "$.properties.n", "$.properties.price", "a", "name", "price", "$.properties.0",
     "$.context.traits.age", "$.timestamp", ".", "$..", "$.properties.list.1",
     "properties.products[1]['name']"]
)  # fmt: skip
TEMPLATES = st.sampled_from(
    ["x {{properties.s}} y", "{{{properties.a}}}", "{{properties.list}}-{{ properties.n }}",
     "{{ }}", "{{userId}}", "plain", "{{{properties.s}}} {{$.userId}}", "{{properties.deep}}",
     "{{{x}}", "{{a}} {{name}}"]
)  # fmt: skip
_LIQUID_VALUES = st.sampled_from(
    ["properties.s", "properties.a", "properties.list", "properties.items", "properties.deep", "''",
     "properties.nope", "properties.price", "event", "'😀x'", "properties", "empty", "nil", "true"]
)  # fmt: skip
_LIQUID_MEMBERS = st.sampled_from(
    [".size", ".first", ".last", ".length", " | size", " | first", " | last", ".first.size",
     " | first | size", " | split: '' | size", " | append: '' | size", ".size | plus: 1"]
)  # fmt: skip
LIQUIDS = st.builds("<{{{{ {}{} }}}}>".format, _LIQUID_VALUES, _LIQUID_MEMBERS) | st.sampled_from(
    ["{{ properties.s }}", "{{ properties.s | upcase }}", "{{ properties.price | times: 2 }}",
     "{% if properties.a %}y{% else %}n{% endif %}", "{{ properties.list | join: '-' }}",
     "{{ properties.n | default: 'none' }}", "{{ x", "{{ properties.s | nope }}"]
)  # fmt: skip
_PATTERNS = st.sampled_from(["a", "l", "o", "A", ".", " ", "12345678901", "", "é", "-"])
_REPLACEMENTS = st.sampled_from(["", "X", "$&", "$$", "$`", "$'", "[$1]", "12345678901"])
_PATH = st.builds(lambda path: {"@path": path}, PATHS)
_WRONG = st.sampled_from(
    [
        {"@nope": 1},
        {"@path": "a", "x": 1},
        {"@path": "a", "@literal": 1},
        {"@path": "$.userId", "_metadata": {"label": "1"}},
        {"_metadata": 1},
        {"@path": 5},
        {"@arrayPath": []},
        {"@merge": {"objects": "x"}},
    ]
)


def _directive_with_options(
    name: str, **options: SearchStrategy[JSON]
) -> SearchStrategy[JSONObject]:
    """Return a strategy for the directive *name* with some or all of its options."""
    complete = st.fixed_dictionaries(options)
    partial = st.fixed_dictionaries({}, optional=options)
    return st.one_of(*[complete] * 7, partial).map(lambda options: {name: options})


def _directives(inner: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    shape = st.dictionaries(KEYS, inner, max_size=3)
    lists = st.just("$.properties.products") | PATHS | inner
    flag = st.booleans()
    return st.one_of(
        shape,
        st.lists(inner, max_size=2),
        st.builds(lambda text: {"@template": text}, TEMPLATES | inner),
        st.builds(lambda text: {"@liquid": text}, LIQUIDS),
        _directive_with_options("@if", exists=inner, then=inner, **{"else": inner}),
        _directive_with_options("@if", blank=inner, then=inner, **{"else": inner}),
        _directive_with_options(
            "@case", operator=st.sampled_from(["lower", "upper", "Lower", ""]), value=inner
        ),
        _directive_with_options(
            "@replace",
            pattern=_PATTERNS,
            replacement=_REPLACEMENTS,
            value=_PATH | st.just("banana") | inner,
            ignorecase=flag,
            **{"global": flag},
        ),
        _directive_with_options(
            "@replace",
            pattern=_PATTERNS,
            value=_PATH,
            pattern2=_PATTERNS,
            replacement2=st.just("B"),
        ),
        st.builds(lambda where, item: {"@arrayPath": [where, item]}, lists, shape),
        st.builds(lambda where: {"@arrayPath": [where]}, PATHS),
        st.builds(lambda value: {"@literal": value}, inner),
        _directive_with_options(
            "@flatten", separator=st.sampled_from([".", "_", ""]), value=inner, omitArrays=flag
        ),
        _directive_with_options(
            "@json",
            mode=st.sampled_from(["encode", "encode", "decode", "ENCODE", "x"]),
            value=inner,
        ),
        _directive_with_options(
            "@merge",
            direction=st.sampled_from(["left", "left", "right", "right", "LEFT", "x"]),
            objects=st.lists(shape | inner, max_size=3),
        ),
        _directive_with_options("@transform", apply=shape | inner, mapping=inner),
        st.builds(lambda value: {"@excludeWhenNull": value}, inner),
        st.builds(lambda value: {"@path": value}, inner),
        _WRONG,
    )


# Few keys, so that two objects often have one in common.
_SHARED_KEYS = st.sampled_from(["a", "b", "a_b", "a.b", "0"])


def _choose_evenly(*strategies: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    """Return a strategy for one of *strategies*, all equally often, unlike `one_of`."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


def _objects_of(value: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    return st.dictionaries(_SHARED_KEYS, value, min_size=1, max_size=2)


def _nest(leaf: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    """Return a strategy for *leaf* inside objects and lists, up to three levels deep."""
    value = leaf
    for _ in range(3):
        value = _choose_evenly(
            leaf, _objects_of(value), _objects_of(value), st.lists(value, max_size=2)
        )
    return value


def _valid_directives(inner: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    """Return a strategy for each directive that takes a value, used correctly on *inner*."""
    shape, literal = _objects_of(inner), st.builds(lambda value: {"@literal": value}, inner)
    tests = st.sampled_from(["exists", "exists", "blank"])
    objects = st.lists(_choose_evenly(shape, shape, literal), min_size=1, max_size=3)
    merge = _use_directive("@merge", direction=st.sampled_from(["left", "right"]), objects=objects)
    return _choose_evenly(
        literal,
        st.builds(
            lambda test, tested, then, other: {"@if": {test: tested, "then": then, "else": other}},
            tests, literal, inner, inner,
        ),
        _use_directive("@case", operator=st.sampled_from(["lower", "upper"]), value=literal),
        _use_directive("@replace", pattern=st.sampled_from("al "), value=literal),
        st.builds(lambda items, item: {"@arrayPath": [items, item]}, PATHS | literal, shape),
        st.builds(lambda items: {"@arrayPath": [items]}, literal),
        _use_directive(
            "@flatten",
            separator=st.sampled_from(["_", "."]), value=literal, omitArrays=st.booleans(),
        ),
        _use_directive("@json", mode=st.sampled_from(["encode", "decode"]), value=literal),
        _use_directive("@transform", apply=shape, mapping=shape),
        _use_directive("@transform", apply=shape, mapping=_PATH),
        st.builds(lambda value: {"@excludeWhenNull": value}, inner),
        merge, merge, merge,
    )  # fmt: skip


def _use_directive(name: str, **options: SearchStrategy[JSON]) -> SearchStrategy[JSON]:
    return st.fixed_dictionaries(options).map(lambda options: {name: options})


_LEAF = _choose_evenly(
    _PATH, _PATH, _PATH, st.builds(lambda text: {"@liquid": text}, LIQUIDS), SCALARS
)
_NESTED_ONCE = _valid_directives(_nest(_LEAF))
# Directives used correctly, with objects up to three levels deep in all of their options.
NESTED_MAPPINGS = _choose_evenly(
    _NESTED_ONCE, _valid_directives(_nest(_choose_evenly(_LEAF, _NESTED_ONCE)))
)
MAPPINGS: SearchStrategy[JSON] = st.recursive(
    st.one_of(_PATH, _PATH, SCALARS), _directives, max_leaves=5
)
