"""Whom Insider One knows: attributes, identifiers, reach."""

from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.reach import CHANNELS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import Row, row_of, text_of
from segment_insider_scenarios.expectations import unmet
from segment_insider_scenarios.naming import expect_channels, expect_known, expect_names
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table, flattened, listed, pairs, rows
from segment_insider_scenarios.verdicts import expect, expect_rows, refuse

FOUND_BY, BROUGHT = "found_by", "brought"  # the columns of a merge
REACHED = (*CHANNELS, "web_push")
# What personalisation knows several of -> the name that a table has each by.
PERSONAL_LISTS = {
    "viewed_products": "product_id",
    "cart": "product_id",
    "interest_categories": "category",
    "order_value": "amount",
}


@then(parsers.parse("Insider One knows exactly these attributes of {person:w}:"))
def knows_exactly(scene: Scene, person: str, datatable: Table) -> None:
    """A table of attribute and value; custom.plan is a custom attribute.

    | attribute   | value            |
    | email       | ada@shop.example |
    | custom.plan | gold             |
    """
    claim = f"Insider One knows exactly these attributes of {person}"
    _compare(scene, claim, person, "attributes", datatable, only=False)


@then(parsers.parse("Insider One knows these attributes of {person:w}:"))
def knows(scene: Scene, person: str, datatable: Table) -> None:
    """Others may be there; an empty value is an attribute that is not there.

    | attribute | value            |
    | email     | ada@shop.example |
    | sms_optin |                  |
    """
    claim = f"Insider One knows these attributes of {person}"
    _compare(scene, claim, person, "attributes", datatable, only=True)


@then(parsers.parse("the profile of {person:w} has these values:"))
def profile_has(scene: Scene, person: str, datatable: Table) -> None:
    """Places begin with identifiers, attributes, events, reach, or merges.

    | place            | must be   | value            |
    | attributes.email | like      | .+@example[.]com |
    | events           | of length | 0                |
    """
    claim = f"the profile of {person} has these values"
    profile = scene.profile(person)
    why = (
        ["There is no profile."]
        if profile is None
        else unmet(datatable, profile, claim, scene.spelling.correct)
    )
    if why:
        refuse(scene, claim, why, name=person)


@then(parsers.parse("Insider One knows {person:w} by exactly these identifiers:"))
def knows_by(scene: Scene, person: str, datatable: Table) -> None:
    """A table of identifier and value; custom.segment_anonymous_id is the anonymous id.

    | identifier | value |
    | uuid       | ada   |
    """
    claim = f"Insider One knows {person} by exactly these identifiers"
    _compare(scene, claim, person, "identifiers", datatable, only=False)


@then(parsers.parse("Insider One does not know {person:w}"))
def knows_not(scene: Scene, person: str) -> None:
    """There is no profile with an identifier of theirs."""
    profile = scene.profile(person)
    expect(
        scene,
        f"Insider One does not know {person}",
        holds=profile is None,
        found=f"It has the profile of {', '.join(_identifiers(profile or {}))}.",
        name=person,
    )


@then("Insider One knows nobody")
def knows_nobody(scene: Scene) -> None:
    """There is no profile at all."""
    _count(scene, 0, "Insider One knows nobody")


@then(parsers.parse("Insider One knows {count:d} people"))
@then("Insider One knows 1 person")
def knows_people(scene: Scene, count: int = 1) -> None:
    """How many profiles there are."""
    _count(scene, count, f"Insider One knows {count} {'person' if count == 1 else 'people'}")


@then(parsers.parse("{person:w} can be reached by {channels}"))
def reached_by(scene: Scene, person: str, channels: str) -> None:
    """Exactly these channels of email, sms, whatsapp and web_push; "no channel" is none."""
    claim = f"{person} can be reached by {channels}"
    wanted = [] if channels == "no channel" else listed(channels)
    expect_channels(wanted, REACHED, claim)
    reach = (scene.profile(person) or {"reach": {}})["reach"]
    columns = ("channel", "reached")
    received = [_reach(channel, reach[channel]["reachable"]) for channel in sorted(reach)]
    expected = [_reach(channel, channel in wanted) for channel in sorted({*reach, *wanted})]
    expect_rows(scene, claim, columns, expected, received, name=person)


@then(parsers.parse("{person:w} cannot be reached by {channel:w} because {why}"))
def not_reached_by(scene: Scene, person: str, channel: str, why: str) -> None:
    """All reasons, separated by commas."""
    claim = f"{person} cannot be reached by {channel} because {why}"
    expect_channels([channel], REACHED, claim)
    reach = (scene.profile(person) or {"reach": {}})["reach"]
    reasons = ", ".join(reach[channel]["why"]) if channel in reach else "there is no profile"
    expect(
        scene,
        claim,
        holds=reasons == why,
        found=f"Because {reasons}." if reasons else f"{person} can be reached by {channel}.",
        name=person,
    )


@then(parsers.parse("Insider One has merged exactly these profiles into that of {person:w}:"))
def has_merged(scene: Scene, person: str, datatable: Table) -> None:
    """found_by is the identifier that did it; brought.uuid and so on, what the other one had.

    | found_by                   |
    | segment_anonymous_id:phone |
    """
    columns = datatable[0]
    _expect_merge_columns(columns)
    merges = (scene.profile(person) or {"merges": []})["merges"]
    received = [row_of(flattened(merge), columns) for merge in merges]
    expected = [row_of(row, columns) for row in rows(datatable)]
    claim = f"Insider One has merged exactly these profiles into that of {person}"
    expect_rows(scene, claim, columns, expected, received, name=person)


@then(parsers.parse("Insider One can personalise for {person:w} by:"))
def can_personalise(scene: Scene, person: str, datatable: Table) -> None:
    """A table of what and value: name, age, viewed_products, cart, interest_categories and more.

    | what | value |
    | name | Ada   |
    """
    known = _personal((scene.profile(person) or {"personal": {}})["personal"])
    claim = f"Insider One can personalise for {person} by"
    names = [name for name, _ in datatable[1:]]
    expected = pairs(datatable, "what")
    expect_known("detail", names, known, claim)
    columns = datatable[0]
    want: list[Row] = [
        (name, text_of(expected[name]) if name in expected else "") for name in names
    ]
    found = {name: text_of(value) for name, value in known.items() if value is not None}
    have: list[Row] = [(name, found.get(name, "")) for name in names]
    expect_rows(scene, claim, columns, want, have, name=person)


def _personal(known: JSONObject) -> dict[str, JSON]:
    """What a table says of it: products and categories by their names alone."""
    short = dict(known)
    for lists, name in PERSONAL_LISTS.items():
        if lists in known:
            short[lists] = [each[name] for each in known[lists]]
    if bought := known.get("last_purchase"):
        short["last_purchase"] = [each["product_id"] for each in bought["products"]]
    return short


def _compare(scene: Scene, claim: str, person: str, part: str, table: Table, *, only: bool) -> None:
    """Compare a part of the profile with the table; *only* the names that the table has."""
    expected = pairs(table, part.removesuffix("s"), scene.is_text)
    found: dict[str, JSON] = flattened((scene.profile(person) or {part: {}})[part])
    listed = [name for name, _ in table[1:]]
    expect_names(
        part.removesuffix("s"), listed, lambda: _received(scene, part), claim, scene.spelling
    )
    others = [] if only else sorted(found.keys() - listed)
    both = ("name", "value")
    want = [row_of({"name": n, "value": v}, both) for n, v in expected.items()]
    have = [row_of({"name": n, "value": found[n]}, both) for n in [*listed, *others] if n in found]
    expect_rows(scene, claim, (part.removesuffix("s"), "value"), want, have, name=person)


def _received(scene: Scene, part: str) -> set[str]:
    """The names in this part of everybody's profile."""
    return {name for each in scene.emulator.client.profiles() for name in flattened(each[part])}


def _expect_merge_columns(columns: Sequence[str]) -> None:
    for column in columns:
        if column != FOUND_BY and not column.startswith(f"{BROUGHT}."):
            remedy = f"Known: {FOUND_BY}, and {BROUGHT}. before an identifier, as {BROUGHT}.uuid."
            raise EmulatorError(f"there is no column {column!r}", " | ".join(columns), remedy)


def _reach(channel: str, reachable: bool) -> Row:
    return (channel, "yes" if reachable else "no")


def _count(scene: Scene, count: int, claim: str) -> None:
    profiles = scene.emulator.client.profiles()
    who = "; ".join(", ".join(_identifiers(profile)) or "nobody by name" for profile in profiles)
    expect(
        scene, claim, holds=len(profiles) == count, found=f"It knows {len(profiles)}: {who or '-'}."
    )


def _identifiers(profile: dict[str, JSON]) -> list[str]:
    return [f"{name} {value}" for name, value in flattened(profile.get("identifiers", {})).items()]
