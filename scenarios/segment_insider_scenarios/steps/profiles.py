"""Gherkin steps that check profiles: attributes, identifiers, reach, merges, personalisation."""

from collections.abc import Sequence

from pytest_bdd import then

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.profile_json import CHANNEL_ATTRIBUTES
from segment_insider_emulator.insider.web_push import WEB_PUSH_CHANNEL
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.assertions import assert_claim_holds, assert_rows_equal, fail_claim
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.name_checks import (
    parse_channel,
    parse_channels,
    require_known_channels,
    require_known_name,
    require_known_or_received,
)
from segment_insider_scenarios.step_catalogue import StepPattern
from segment_insider_scenarios.tables import (
    StepTable,
    TableRow,
    flatten_values,
    format_cell,
    format_row,
    parse_pairs,
    parse_rows,
    require_table_header,
)
from segment_insider_scenarios.value_checks import find_failed_rows

FOUND_BY_COLUMN, BROUGHT_COLUMN_PREFIX = "found_by", "brought"  # the columns of a merge
REACH_CHANNELS = (*CHANNEL_ATTRIBUTES, WEB_PUSH_CHANNEL)
# Lists in personalisation -> the key that a table shows.
PERSONALISATION_LIST_KEYS = {
    "viewed_products": "product_id",
    "cart": "product_id",
    "interest_categories": "category",
    "order_value": "amount",
}


@then(StepPattern("Insider One knows exactly these attributes of {person:p}:"))
def has_exactly_attributes(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare all attributes of the person's profile; custom.plan is a custom attribute.

    | attribute   | value            |
    | email       | ada@shop.example |
    | custom.plan | gold             |
    """
    claim = f"Insider One knows exactly these attributes of {person}"
    _assert_profile_section(scene, claim, person, "attributes", datatable, only=False)


@then(StepPattern("Insider One knows these attributes of {person:p}:"))
def has_attributes(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare some attributes of the person's profile; an empty value means an absent attribute.

    | attribute | value            |
    | email     | ada@shop.example |
    | sms_optin |                  |
    """
    claim = f"Insider One knows these attributes of {person}"
    _assert_profile_section(scene, claim, person, "attributes", datatable, only=True)


@then(StepPattern("{person:p} and {other:p} have the same profile"))
def people_have_same_profile(scene: ScenarioContext, person: str, other: str) -> None:
    """Check that Insider One takes both people for one, for example after a merge."""
    profiles = [scene.find_insider_profile(name) for name in (person, other)]
    ids = [profile["id"] if profile else None for profile in profiles]
    missing = [name for name, id in zip((person, other), ids, strict=True) if id is None]
    assert_claim_holds(
        scene,
        f"{person} and {other} have the same profile",
        holds=not missing and ids[0] == ids[1],
        actual_text=(
            f"Insider One does not know {' and '.join(missing)}."
            if missing
            else "They have two profiles."
        ),
        name=person,
    )


@then(StepPattern("{person:p} and {other:p} have the same attributes:"))
def people_have_same_attributes(
    scene: ScenarioContext, person: str, other: str, datatable: StepTable
) -> None:
    """Compare the listed attributes of two people; one of them must have each attribute.

    | attribute |
    | city      |
    """
    claim = f"{person} and {other} have the same attributes"
    require_table_header(datatable, ("attribute",))
    names = [name for (name,) in datatable[1:]]
    of_person, of_other = (
        flatten_values((scene.find_insider_profile(who) or {"attributes": {}})["attributes"])
        for who in (person, other)
    )
    require_known_or_received(
        "attribute",
        names,
        lambda: _list_names_in_profile_section(scene, "attributes"),
        claim,
        scene.texts,
    )
    if missing := [name for name in names if name not in of_person.keys() | of_other.keys()]:
        fail_claim(scene, claim, [f"Neither has {', '.join(missing)}."], name=person)
    columns = ("name", "value")
    rows_of_person, rows_of_other = (
        [format_row({"name": n, "value": values[n]}, columns) for n in names if n in values]
        for values in (of_person, of_other)
    )
    assert_rows_equal(
        scene, claim, ("attribute", "value"), rows_of_person, rows_of_other, name=other
    )


@then(StepPattern("the profile of {person:p} has these values:"))
def profile_has_values(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Check values of the person's profile: identifiers, attributes, events, reach, merges.

    | place            | must be   | value            |
    | attributes.email | like      | .+@example[.]com |
    | events           | of length | 0                |
    """
    claim = f"the profile of {person} has these values"
    profile = scene.find_insider_profile(person)
    why = (
        ["There is no profile."]
        if profile is None
        else find_failed_rows(datatable, profile, claim, scene.texts.confirmed_names)
    )
    if why:
        fail_claim(scene, claim, why, name=person)


@then(StepPattern("Insider One knows {person:p} by exactly these identifiers:"))
def has_exactly_identifiers(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare all identifiers of the person's profile, such as custom.segment_anonymous_id.

    | identifier | value |
    | uuid       | ada   |
    """
    claim = f"Insider One knows {person} by exactly these identifiers"
    _assert_profile_section(scene, claim, person, "identifiers", datatable, only=False)


@then(StepPattern("Insider One does not know {person:p}"))
def has_no_profile(scene: ScenarioContext, person: str) -> None:
    """Check that no Insider One profile has an identifier of the person."""
    profile = scene.find_insider_profile(person)
    assert_claim_holds(
        scene,
        f"Insider One does not know {person}",
        holds=profile is None,
        actual_text=f"It has the profile of {', '.join(_format_identifiers(profile or {}))}.",
        name=person,
    )


@then("Insider One knows nobody")
def there_are_no_profiles(scene: ScenarioContext) -> None:
    """Check that Insider One has no profile at all."""
    _assert_profile_count(scene, 0, "Insider One knows nobody")


@then(StepPattern("Insider One knows {count:d} people"))
@then("Insider One knows 1 person")
def profile_count_is(scene: ScenarioContext, count: int = 1) -> None:
    """Check the number of Insider One profiles."""
    _assert_profile_count(
        scene, count, f"Insider One knows {count} {'person' if count == 1 else 'people'}"
    )


@then(StepPattern("{person:p} can be reached by {channels}"))
def is_reachable_by(scene: ScenarioContext, person: str, channels: str) -> None:
    """Check that only these of email, sms, whatsapp, web push reach the person, or "no channel"."""
    claim = f"{person} can be reached by {channels}"
    expected_channels = [] if channels == "no channel" else parse_channels(channels)
    require_known_channels(expected_channels, REACH_CHANNELS, claim)
    reach = (scene.find_insider_profile(person) or {"reach": {}})["reach"]
    columns = ("channel", "reached")
    received = [
        _format_reachability_row(channel, reach[channel]["reachable"]) for channel in sorted(reach)
    ]
    expected = [
        _format_reachability_row(channel, channel in expected_channels)
        for channel in sorted({*reach, *expected_channels})
    ]
    assert_rows_equal(scene, claim, columns, expected, received, name=person)


@then(StepPattern("{person:p} cannot be reached by {channel} because {why}"))
def is_not_reachable_by(scene: ScenarioContext, person: str, channel: str, why: str) -> None:
    """Check why a channel cannot reach the person: all reasons, comma-separated."""
    claim = f"{person} cannot be reached by {channel} because {why}"
    channel = parse_channel(channel)
    require_known_channels([channel], REACH_CHANNELS, claim)
    reach = (scene.find_insider_profile(person) or {"reach": {}})["reach"]
    reasons = ", ".join(reach[channel]["why"]) if channel in reach else "there is no profile"
    assert_claim_holds(
        scene,
        claim,
        holds=reasons == why,
        actual_text=f"Because {reasons}." if reasons else f"{person} can be reached by {channel}.",
        name=person,
    )


@then(StepPattern("{person:p} is unsubscribed from {channels}"))
def is_unsubscribed_from(scene: ScenarioContext, person: str, channels: str) -> None:
    """Check that the person is unsubscribed from exactly these channels, or from "no channel"."""
    claim = f"{person} is unsubscribed from {channels}"
    expected = [] if channels == "no channel" else parse_channels(channels)
    require_known_channels(expected, CHANNEL_ATTRIBUTES, claim)
    attributes = (scene.find_insider_profile(person) or {"attributes": {}})["attributes"]
    flags = {channel: names[-1] for channel, names in CHANNEL_ATTRIBUTES.items()}
    received = [channel for channel, flag in flags.items() if attributes.get(flag) is True]
    columns = ("channel",)
    want: list[TableRow] = [(channel,) for channel in sorted(expected)]
    have: list[TableRow] = [(channel,) for channel in sorted(received)]
    assert_rows_equal(scene, claim, columns, want, have, name=person)


@then(StepPattern("{person:p} has left exactly these e-mail groups:"))
def has_left_exactly_groups(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare the groups of e-mails that the person is unsubscribed from; no row means none.

    | group      |
    | Newsletter |
    """
    claim = f"{person} has left exactly these e-mail groups"
    columns = datatable[0]
    require_known_name("column", columns, ("group",), claim)
    profile = scene.find_insider_profile(person) or {"unsubscribe_groups": []}
    expected = [format_row(row, columns) for row in parse_rows(datatable)]
    received = [
        format_row({"group": group["name"]}, columns) for group in profile["unsubscribe_groups"]
    ]
    assert_rows_equal(scene, claim, columns, sorted(expected), sorted(received), name=person)


@then(StepPattern("Insider One has merged exactly these profiles into that of {person:p}:"))
def has_merged_profiles(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare the person's merges: found_by is the identifier, brought.uuid the merged profile's.

    | found_by                   |
    | segment_anonymous_id:phone |
    """
    columns = datatable[0]
    _require_merge_columns(columns)
    merges = (scene.find_insider_profile(person) or {"merges": []})["merges"]
    received = [format_row(flatten_values(merge), columns) for merge in merges]
    expected = [format_row(row, columns) for row in parse_rows(datatable)]
    claim = f"Insider One has merged exactly these profiles into that of {person}"
    assert_rows_equal(scene, claim, columns, expected, received, name=person)


@then(StepPattern("Insider One can personalise for {person:p} by:"))
def has_personalisation_values(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Compare the person's personalisation values, such as name, age, viewed_products, cart.

    | what | value |
    | name | Ada   |
    """
    known = _personalisation_values_to_columns(
        (scene.find_insider_profile(person) or {"personal": {}})["personal"]
    )
    claim = f"Insider One can personalise for {person} by"
    names = [name for name, _ in datatable[1:]]
    expected = parse_pairs(datatable, "what")
    require_known_name("detail", names, known, claim)
    columns = datatable[0]
    want: list[TableRow] = [
        (name, format_cell(expected[name]) if name in expected else "") for name in names
    ]
    values_by_name = {
        name: format_cell(value) for name, value in known.items() if value is not None
    }
    have: list[TableRow] = [(name, values_by_name.get(name, "")) for name in names]
    assert_rows_equal(scene, claim, columns, want, have, name=person)


def _personalisation_values_to_columns(known: JSONObject) -> dict[str, JSON]:
    """Return a profile's personalisation values as table columns, products by name."""
    short = dict(known)
    for lists, name in PERSONALISATION_LIST_KEYS.items():
        if lists in known:
            short[lists] = [entry[name] for entry in known[lists]]
    if bought := known.get("last_purchase"):
        short["last_purchase"] = [product["product_id"] for product in bought["products"]]
    return short


def _assert_profile_section(
    scene: ScenarioContext, claim: str, person: str, part: str, table: StepTable, *, only: bool
) -> None:
    """Fail the Then step unless a section of the profile, or its listed names, has the values."""
    expected = parse_pairs(table, part.removesuffix("s"), scene.is_text_value)
    values: dict[str, JSON] = flatten_values(
        (scene.find_insider_profile(person) or {part: {}})[part]
    )
    listed = [name for name, _ in table[1:]]
    require_known_or_received(
        part.removesuffix("s"),
        listed,
        lambda: _list_names_in_profile_section(scene, part),
        claim,
        scene.texts,
    )
    others = [] if only else sorted(values.keys() - listed)
    both = ("name", "value")
    want = [format_row({"name": n, "value": v}, both) for n, v in expected.items()]
    have = [
        format_row({"name": n, "value": values[n]}, both) for n in [*listed, *others] if n in values
    ]
    assert_rows_equal(scene, claim, (part.removesuffix("s"), "value"), want, have, name=person)


def _list_names_in_profile_section(scene: ScenarioContext, part: str) -> set[str]:
    """Return the names in one section of all profiles, e.g. all attribute names."""
    return {
        name
        for profile in scene.emulator.client.list_profiles()
        for name in flatten_values(profile[part])
    }


def _require_merge_columns(columns: Sequence[str]) -> None:
    for column in columns:
        if column != FOUND_BY_COLUMN and not column.startswith(f"{BROUGHT_COLUMN_PREFIX}."):
            prefix = BROUGHT_COLUMN_PREFIX
            remedy = (
                f"Known: {FOUND_BY_COLUMN}, and {prefix}. before an identifier, as {prefix}.uuid."
            )
            raise EmulatorError(f"there is no column {column!r}", " | ".join(columns), remedy)


def _format_reachability_row(channel: str, reachable: bool) -> TableRow:
    return (channel, "yes" if reachable else "no")


def _assert_profile_count(scene: ScenarioContext, count: int, claim: str) -> None:
    profiles = scene.emulator.client.list_profiles()
    who = "; ".join(
        ", ".join(_format_identifiers(profile)) or "no identifiers" for profile in profiles
    )
    assert_claim_holds(
        scene,
        claim,
        holds=len(profiles) == count,
        actual_text=f"It knows {len(profiles)}: {who or '-'}.",
    )


def _format_identifiers(profile: dict[str, JSON]) -> list[str]:
    return [
        f"{name} {value}" for name, value in flatten_values(profile.get("identifiers", {})).items()
    ]
