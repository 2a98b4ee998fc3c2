"""Generate triggers: those of the catalogue, valid ones, and random tokens."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_CONDITIONS = st.sampled_from(
    ['type = "track"', 'type != "identify"', 'event = "Order Completed"', 'event != "x"',
     "properties.price > 5", "properties.a = true", "properties.n != null", "traits.email = null",
     'contains(event, "Order")', 'match(event, "Prod*")', '!match(name, "*x")', 'userId = "u1"',
     "properties.n != 3", "properties.list = null", 'context.locale = "en-US"',
     "properties.quantity <= 2", 'properties.s = "a"', 'anonymousId = "a1"',
     'properties.currency != "EUR"']
)  # fmt: skip
_TOKENS = st.sampled_from(
    ["type", "event", "name", "userId", "properties.a", "properties.n", "properties.price",
     "traits.email", "context.locale", "context.ip", "properties", "anonymousId", "=", "!=", "<",
     "<=", ">", ">=", '"track"', '"Order Completed"', '"a"', "5", "-1.5", "3.0", "true", "false",
     "null", "and", "or", "AND", "(", ")", "!", 'contains(event, "Order")',
     'match(event, "Order*")', 'match(properties.s, "*lo")', '!contains(properties.s, "x")',
     "'track'", "x", '"unclosed', "contains", "match", ",", ".", "[", "1.", "\\a",
     "properties.\\0", "$", "properties.list.length", "event_x", "nullx", "order", "!=5", ">=5"]
)  # fmt: skip
_JOINS = st.sampled_from([" and ", " or ", " AND "])


@st.composite
def _joined_conditions(draw: st.DrawFn) -> str:
    text = draw(_CONDITIONS)
    for _ in range(draw(st.integers(0, 3))):
        right = draw(_CONDITIONS)
        if draw(st.integers(0, 3)) == 3:
            negation = draw(st.sampled_from(["", "!"]))
            right = f"{negation}({right}{draw(_JOINS)}{draw(_CONDITIONS)})"
        text += draw(_JOINS) + right
    return text


@st.composite
def _random_tokens(draw: st.DrawFn) -> str:
    separator = draw(st.sampled_from([" ", " ", ""]))
    return separator.join(draw(st.lists(_TOKENS, min_size=1, max_size=9)))


def one_time_in(count: int) -> SearchStrategy[bool]:
    """Return a strategy that is true about one time in *count*.

    It does not draw a boundary value, which hypothesis would draw more often.
    """
    return st.integers(0, count - 1).map(lambda roll: roll == count // 2)


def triggers(published: str) -> SearchStrategy[str]:
    """Return a strategy for triggers, mostly the *published* one."""
    simple = st.sampled_from([published, published, 'type = "track"'])
    odd = st.one_of(_joined_conditions(), _random_tokens())
    return one_time_in(6).flatmap(lambda drawn: odd if drawn else simple)
