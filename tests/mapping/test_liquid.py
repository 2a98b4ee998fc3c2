"""The @liquid directive renders and fails as liquidjs does with Segment's configuration.

Every expected value was recorded from liquidjs 10.30 as Segment configures it, except where a
test says otherwise.
"""

import pytest

from segment_insider_emulator.mapping.liquid import LiquidError
from segment_insider_emulator.mapping.liquid.templates import compile_liquid_template
from segment_insider_emulator.types import JSON

EVENT: JSON = {
    "userId": "u-1",
    "properties": {
        "s": "Hello World",
        "n": 12.5,
        "i": 7,
        "neg": -3.4,
        "t": True,
        "f": False,
        "nil": None,
        "e": "",
        "o": {"k": "v"},
        "arr": ["b", "a", "c"],
        "objs": [{"id": 1, "ok": True}, {"id": 2}],
        "mixed": [1, None, [2, [3]], {"k": 1}],
        "date": "2026-03-14T15:09:26.535Z",
        "uni": "Ünï 👋",
        "price": "19.90",
        "dash-key": "dk",
        "big": 1e21,
    },
}


def render(source: str, event: JSON = EVENT) -> str:
    return compile_liquid_template(source)(event)


def render_error(source: str, event: JSON = EVENT) -> tuple[str, str]:
    with pytest.raises(LiquidError) as caught:
        render(source, event)
    return caught.value.error_name, str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("", "", id="an empty template is empty"),
        pytest.param("{{ properties.s }}", "Hello World", id="a path reads the event"),
        pytest.param("[{{ properties.nope.a }}]", "[]", id="a missing path gives no output"),
        pytest.param("{{ properties['s'] }}", "Hello World", id="brackets read a member"),
        pytest.param("{{ properties.dash-key }}", "dk", id="a hyphen belongs to a name"),
        pytest.param("{{ properties.arr[-1] }}", "c", id="a negative index counts from the end"),
        pytest.param("{{ properties.arr.size }}{{ properties.o.size }}", "31", id="size of values"),
        pytest.param("{{ ''.size }} {{ properties.e.size }}", "0 0", id="an empty text has a size"),
        pytest.param("[{{ ''.first }}{{ ''.last }}]", "[]", id="a text has no first and last"),
        pytest.param("{{ properties.uni.size }}", "6", id="texts are measured in UTF-16 units"),
        pytest.param(
            "{{ properties.mixed }}", "123[object Object]", id="lists are joined without separator"
        ),
        pytest.param("{{ properties.big }} {{ 1.0 }}", "1e+21 1", id="numbers as JavaScript's"),
        pytest.param("{{ (1..3) }}", "123", id="a range is a list"),
        pytest.param("{{ 'a\\n\\u0041\\'' }}", "a\nA'", id="quoted texts have escapes"),
        pytest.param("{{ properties.s == 'x' }}", "false", id="an output may compare"),
        pytest.param("{{ properties.i other }}", "7", id="a second value is ignored"),
        pytest.param("{{ properties.i, other }}", "7", id="text after a comma is ignored"),
        pytest.param(
            "{{ properties.s | nope: 1 }}", "Hello World", id="unknown filters do nothing"
        ),
        pytest.param("{{ '{{' }}{{ '}}' }}", "{{}}", id="braces in quotes are text"),
        pytest.param("👋{{ 1 }}👋", "👋1👋", id="emoji survive"),
    ],
)
def test_output(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param("properties.e", True, id="an empty text is true"),
        pytest.param("0", True, id="zero is true"),
        pytest.param("properties.nope", False, id="a missing value is false"),
        pytest.param("properties.i == 7.0", True, id="whole and decimal numbers are equal"),
        pytest.param("properties.i == '7'", False, id="a number is not its text"),
        pytest.param("properties.t == 1", False, id="true is not 1"),
        pytest.param("properties.nil == properties.nope", False, id="null is not undefined"),
        pytest.param("properties.nope == nil", True, id="undefined is nil"),
        pytest.param("properties.e == empty", True, id="an empty text is empty"),
        pytest.param("properties.f == blank", True, id="false is blank"),
        pytest.param("properties.price < 20", True, id="a text is compared as a number"),
        pytest.param("properties.nil >= 0", True, id="null is ordered as zero"),
        pytest.param("properties.nope < 1", False, id="undefined has no order"),
        pytest.param("'10' < '9'", True, id="texts are ordered as texts"),
        pytest.param("properties.arr contains 'a'", True, id="a list contains an element"),
        pytest.param("properties.s contains 'World'", True, id="a text contains a text"),
        pytest.param("properties.o contains 'k'", False, id="an object contains nothing"),
        pytest.param("false and false or true", False, id="and and or group from the right"),
        pytest.param("not properties.f and true", True, id="not binds tighter than and"),
        pytest.param("properties.arr | size", True, id="a condition may filter"),
    ],
)
def test_condition(condition: str, expected: bool) -> None:
    source = f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}"
    assert render(source) == ("yes" if expected else "no")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("{% assign x = 1 | plus: 2 %}{{ x }}", "3", id="assign sets a variable"),
        pytest.param(
            "{% capture c %}a{{ 1 }}{% endcapture %}{{ c }}",
            "a1",
            id="capture stores its output",
        ),
        pytest.param(
            "{% if false %}a{% elsif 1 == 2 %}b{% else %}c{% endif %}", "c", id="else is the last"
        ),
        pytest.param(
            "{% unless true %}a{% else %}b{% else %}c{% endunless %}",
            "b",
            id="unless ignores a second else",
        ),
        pytest.param("{% raw %}{{ x }}{% endraw %}", "{{ x }}", id="raw is not rendered"),
        pytest.param("a{% comment %}{% x %}{% endcomment %}b", "ab", id="a comment is not parsed"),
        pytest.param("a{% # note %}b", "ab", id="an inline comment writes nothing"),
        pytest.param("a {{- 1 -}} b", "a1b", id="hyphens trim white space"),
        pytest.param(
            "{% increment k %}{% increment k %}{% decrement k %}",
            "011",
            id="counters keep counting",
        ),
        pytest.param("{% increment userId %}{{ userId }}", "01", id="a counter hides the event"),
        pytest.param(
            "{% cycle 'a','b' %}{% cycle 'a','b' %}{% cycle 'a','b' %}",
            "aba",
            id="cycle repeats its values",
        ),
        pytest.param("{% liquid\nassign a = 1\necho a\n%}", "1", id="liquid has a tag a line"),
        pytest.param("a{% if true %}b{% break %}c{% endif %}d", "ab", id="break ends the template"),
        pytest.param("{% block b %}x{% endblock %}", "x", id="a block renders in place"),
    ],
)
def test_tag(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("10 | divided_by: 4", "2.5", id="division has fractions"),
        pytest.param("10 | divided_by: 4, true", "2", id="division may be whole"),
        pytest.param("1 | divided_by: 0", "Infinity", id="division by zero is infinite"),
        pytest.param("'x' | plus: 1", "1", id="other values count as zero"),
        pytest.param("1 | plus", "NaN", id="a missing operand is no number"),
        pytest.param("-7 | modulo: 3", "2", id="modulo takes the divisor's sign"),
        pytest.param("0.1 | plus: 0.2", "0.30000000000000004", id="sums are doubles"),
        pytest.param("1.005 | round: 2", "1.01", id="rounding shifts the decimal point"),
        pytest.param("-2.5 | round", "-3", id="halves round away from zero"),
        pytest.param("properties.s | slice: -5, 3", "Wor", id="slice counts from the end"),
        pytest.param(
            "'abc' | replace: '', '-'", "a-b-c", id="replacing an empty text inserts between units"
        ),
        pytest.param("'a,b,,' | split: ',' | size", "2", id="split drops empty ends"),
        pytest.param("properties.s | truncate: 8", "Hello...", id="truncate counts the ending"),
        pytest.param("properties.s | truncatewords: 1", "Hello...", id="truncatewords keeps words"),
        pytest.param("'straße' | upcase", "STRASSE", id="upcase may lengthen"),
        pytest.param("'ÀB c!' | slugify", "àb-c", id="a slug keeps letters of every script"),
        pytest.param("'ÀB c!' | slugify: 'ascii'", "b-c", id="an ASCII slug does not"),
        pytest.param("'<b>x</b><!-- y --> < z' | strip_html", "x < z", id="tags are stripped"),
        pytest.param('"<\'&amp;" | escape_once', "&lt;&#39;&amp;", id="entities stay"),
        pytest.param("'a b&ü' | url_encode", "a+b%26%C3%BC", id="url_encode writes pluses"),
        pytest.param("'YQ==' | base64_decode", "a", id="base64 is decoded"),
        pytest.param(
            "properties.mixed | join: '-'", "1--2,3-[object Object]", id="join nests commas"
        ),
        pytest.param("properties.objs | where: 'ok' | json", '[{"id":1,"ok":true}]', id="where"),
        pytest.param("properties.objs | sum: 'id'", "3", id="sum reads a member"),
        pytest.param("properties.arr | push: 'd' | last", "d", id="push adds an element"),
        pytest.param("properties.o | json: 1", '{\n "k": "v"\n}', id="json may be indented"),
        pytest.param("properties.nil | json", "null", id="null has JSON"),
        pytest.param("properties.nope | json", "", id="undefined has none"),
        pytest.param("properties.e | default: 'd'", "d", id="default replaces an empty text"),
        pytest.param("false | default: 'd', allow_false: true", "false", id="false may be allowed"),
    ],
)
def test_filter(expression: str, expected: str) -> None:
    assert render(f"{{{{ {expression} }}}}") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(
            "properties.date | date",
            "Saturday, March 14, 2026 at 3:09 pm +0000",
            id="default format",
        ),
        pytest.param("properties.date | date: '%-d.%-m.%y %L'", "14.3.26 535", id="no padding"),
        pytest.param("properties.date | date: '%^b|%6d|%_m|%Q'", "MAR|000014| 3|%Q", id="flags"),
        pytest.param("properties.date | date: '%j %U %W %q'", "073 10 10 th", id="weeks and days"),
        pytest.param("properties.date | date: '%H:%M %z', -330", "20:39 +0530", id="an offset"),
        pytest.param(
            "properties.date | date: '%H %Z', 'Asia/Tokyo'", "00 Asia/Tokyo", id="a named zone"
        ),
        pytest.param("1700000000 | date: '%F %Y'", "%F 2023", id="a number is seconds"),
        pytest.param("'1700000000' | date: '%s'", "1700000000", id="a text of digits is seconds"),
        pytest.param("'March 5, 2026 4:05 pm' | date: '%d %H'", "05 16", id="American English"),
        pytest.param("'2026-02-31' | date: '%m-%d'", "03-03", id="days overflow into the month"),
        pytest.param("'05/06/07' | date: '%Y-%m-%d'", "2007-05-06", id="slashes put months first"),
        pytest.param("'1 May 2026 10:00 PST' | date: '%H'", "18", id="a zone in the text"),
        pytest.param(
            "'May 1st 2026' | date: '%Y'", "May 1st 2026", id="another value is unchanged"
        ),
        pytest.param("properties.date | date_to_string: 'ordinal'", "14th Mar 2026", id="ordinal"),
        pytest.param(
            "'now' | date: '%Y-%m-%d'", "2024-02-29", id="now is the arrival of the event"
        ),
    ],
)
def test_date(expression: str, expected: str) -> None:
    event = {**EVENT, "receivedAt": "2024-02-29T12:00:00.000Z"}

    assert compile_liquid_template(f"{{{{ {expression} }}}}")(event) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("text", "", id="a text has no names"),
        pytest.param(None, "", id="null has none"),
        pytest.param({"name": {"a": 1}}, "1", id="an object has its members"),
    ],
)
def test_event_of_any_kind(source: JSON, expected: str) -> None:
    assert render("{{ name.a }}", source) == expected


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        pytest.param(
            "a{% x", "TokenizationError", 'tag "{% x" not closed, line:1, col:2', id="tag"
        ),
        pytest.param(
            "{{ 'a", "TokenizationError", 'output "{{ \'a" not closed, line:1, col:1', id="output"
        ),
        pytest.param(
            "{% raw %}a",
            "TokenizationError",
            'raw "{% raw %}a" not closed, line:1, col:10',
            id="raw",
        ),
        pytest.param(
            "{% %}",
            "TokenizationError",
            "illegal tag syntax, tag name expected, line:1, col:4",
            id="a tag without a name",
        ),
        pytest.param(
            "{{ }}",
            "TokenizationError",
            'invalid value expression: "", line:1, col:4',
            id="no value",
        ),
        pytest.param(
            "\n {{ $.a }}",
            "TokenizationError",
            'invalid value expression: "$.a", line:2, col:5',
            id="a path with a dollar sign",
        ),
        pytest.param(
            "{% if a = b %}{% endif %}",
            "TokenizationError",
            'expected "|" before filter, line:1, col:10',
            id="a single equals sign",
        ),
        pytest.param(
            "{{ a | b c }}",
            "TokenizationError",
            'expected ":" after filter name, line:1, col:10',
            id="an argument without a colon",
        ),
        pytest.param(
            "{% assign x 1 %}", "TokenizationError", 'expected "=", line:1, col:13', id="assign"
        ),
        pytest.param(
            "{{ (1..) }}",
            "TokenizationError",
            'unexpected token ")", value expected, line:1, col:8',
            id="half a range",
        ),
        pytest.param(
            "{% if a %}{% if b %}",
            "ParseError",
            "tag {% if b %} not closed, line:1, col:11",
            id="a block that is not closed",
        ),
        pytest.param(
            "👋{% nope %}", "ParseError", 'tag "nope" not found, line:1, col:3', id="an unknown tag"
        ),
        pytest.param(
            "{% endif %}", "ParseError", 'tag "endif" not found, line:1, col:1', id="an end"
        ),
        pytest.param(
            "{% if false %}{% for %}{% endif %}",
            "ParseError",
            'tag "for" is disabled, line:1, col:15',
            id="a disabled tag that is not reached",
        ),
        pytest.param(
            "{% if a %}{% else b %}{% endif %}",
            "ParseError",
            'unexpected "b", line:1, col:1',
            id="an else with a condition",
        ),
        pytest.param(
            "{% if a %}{% else %}{% else %}{% endif %}",
            "ParseError",
            "duplicated else, line:1, col:1",
            id="a second else",
        ),
        pytest.param(
            "x{% if true %}{{ a | sort }}{% endif %}",
            "RenderError",
            'filter "sort" is disabled, line:1, col:15',
            id="a disabled filter that is reached",
        ),
        pytest.param(
            "{{ '%' | url_decode }}",
            "RenderError",
            "URI malformed, line:1, col:1",
            id="half an escape",
        ),
        pytest.param(
            "{{ 'a' | append }}",
            "RenderError",
            "append expect 2 arguments, line:1, col:1",
            id="append without an argument",
        ),
        pytest.param(
            "{{ (1..1000000000) }}",
            "RenderError",
            "memory alloc limit exceeded, line:1, col:1",
            id="a range without bounds",
        ),
        pytest.param(
            "{% assign a = 'xxxxxxxxxx' %}" + "{%assign a=a|append:a%}" * 30,
            "RenderError",
            "memory alloc limit exceeded, line:1, col:536",
            id="a text that keeps doubling",
        ),
        pytest.param(
            "x" * 1001,
            "Error",
            "liquid template values are limited to 1000 characters",
            id="a template that is too long",
        ),
        pytest.param(
            "👋" * 500 + "x",
            "Error",
            "liquid template values are limited to 1000 characters",
            id="an emoji counts twice",
        ),
    ],
)
def test_failure(source: str, name: str, message: str) -> None:
    assert render_error(source) == (name, message)


def test_rendering_time_is_limited_by_counting() -> None:
    # Standing: assumed. Segment gives a template half a second, which is no number of elements.
    expected = ("RenderError", "template render limit exceeded, line:1, col:1")
    assert render_error("{{ (1..1000000) | size }}") == expected


def test_nesting_is_limited() -> None:
    # Standing: assumed. JavaScript's stack is deeper than anything a template can reach.
    assert render_error("{%if a%}" * 125) == ("ParseError", "blocks are nested too deeply")


def test_rendering_does_not_change_the_event() -> None:
    event = {"k": 1}
    renderer = compile_liquid_template("{% increment k %}{% assign k = 9 %}")
    assert (renderer(event), renderer(event), event) == ("1", "1", {"k": 1})
