"""Attributes and event parameters: what is kept of them, and what will not do as meant."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.insider.findings import Finding, quoted, warning
from segment_insider_emulator.insider.formats import FORMATS
from segment_insider_emulator.insider.options import CustomType, Options, Strictness
from segment_insider_emulator.insider.schema import Check, validator
from segment_insider_emulator.near_misses import near_miss
from segment_insider_emulator.types import JSON, JSONObject

_UNSAFE_NAME = re.compile(r"[A-Z\s]")


@dataclass(frozen=True, slots=True)
class Kind:
    """Attributes or parameters: one table of default names, one set of words.

    Args:
        noun: "attribute" or "parameter".
        known: Default name -> validator of its value.
        whole: Validator of all values under default names, met where each of them is.
        upsert: The names in the Upsert page's own table; the others come from elsewhere.
        channels: The names that Insider One's channels set.
        aliases: Other name in use -> the default name.
        remedies: What to say of certain names that are not known.
        null_is_absent: A null is no value and loses nothing. The null of an attribute is told,
            because its sender may mean to delete the attribute, and an upsert does not.
        defined: The custom names that an account defines, name -> type; None when it takes any.
    """

    noun: str
    known: Mapping[str, Check]
    whole: Check
    upsert: frozenset[str]
    channels: frozenset[str]
    aliases: Mapping[str, str]
    remedies: Mapping[str, str]
    null_is_absent: bool
    defined: Callable[[Options], Mapping[str, CustomType] | None]


def _kind(
    noun: str,
    name: str,
    aliases: JSONObject,
    remedies: JSONObject,
    defined: Callable[[Options], Mapping[str, CustomType] | None],
) -> Kind:
    properties = document(name)["properties"]
    known = {each: validator(schema) for each, schema in properties.items()}
    others = {each: properties[canonical] for each, canonical in aliases.items()}
    whole = validator({"properties": {**properties, **others}})
    sources = {each: schema.get("x-source") for each, schema in properties.items()}
    upsert = frozenset(each for each, source in sources.items() if source is None)
    channels = frozenset(each for each, source in sources.items() if source == "channels")
    null_is_absent = noun == "parameter"
    return Kind(noun, known, whole, upsert, channels, aliases, remedies, null_is_absent, defined)


ATTRIBUTES = _kind(
    "attribute",
    "attributes",
    # Names that other pages, Insider One's connector and Segment's destination write.
    {"locale": "lo", "list_id": "static_segment_id"},
    {"phone": "Send the number as attributes.phone_number: phone is no default attribute."},
    lambda options: options.custom_attributes,
)
PARAMETERS = _kind("parameter", "parameters", {}, {}, lambda options: options.custom_parameters)
# A custom value by the type that the panel gives its name.
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
CUSTOM_TYPES: Mapping[CustomType, Check] = {
    "String": validator(_TEXT),
    "Strings": validator({"type": "array", "items": _TEXT}),
    "Number": validator(_NUMBER),
    "Numbers": validator({"type": "array", "items": _NUMBER}),
    "Boolean": validator({"type": "boolean"}),
    "Date": validator({"type": "string", "format": "rfc3339"}),
    "Datetime": validator({"type": "string", "format": "rfc3339"}),
    "URL": validator({"type": "string", "format": "url"}),
}


def read(
    given: JSONObject,
    kind: Kind,
    where: str,
    options: Options,
    defaults: frozenset[str] = frozenset(),
) -> tuple[dict[str, JSON], list[Finding]]:
    """Sort *given* into what is kept and what is told.

    Args:
        given: Default names at the root, others under "custom", already known to be an object.
        where: Dotted place of *given*.
        defaults: Unknown names that deserve no warning, see segment_platform.
    Returns: Value by place ("email", "custom.plan", "unrecognised.idfa"), and warnings.
    """
    kept: dict[str, JSON] = {}
    told: list[Finding] = []
    strange: list[str] = []
    # Values mostly fit, and one check of them all takes a fraction of one each.
    all_fit = kind.whole.meets(given)
    for name, value in given.items():
        canonical = kind.aliases.get(name, name)
        if name == "custom" or (value is None and kind.null_is_absent):
            continue
        if canonical not in kind.known:
            kept[f"unrecognised.{name}"] = value
            strange.append(name)
        elif name != canonical and canonical in given:
            what = f"another name of {canonical}, whose own value is kept"
            told.append(warning(f"{where}.{name}", what, f"Send {canonical} alone."))
        elif all_fit or _fits(name, value, kind.known[canonical], f"{where}.{name}", told):
            kept[canonical] = value
    unexpected = [name for name in strange if name not in defaults]
    told += _strange(unexpected, kind, where) + _of_channels([*kind.channels & kept.keys()], where)
    custom = given.get("custom", {})
    kept |= _custom(custom, kind, f"{where}.custom", options, told)
    told += _custom_names(custom, kind, where)
    return kept, told


def _custom(
    custom: JSONObject, kind: Kind, where: str, options: Options, told: list[Finding]
) -> dict[str, JSON]:
    """What is kept of custom values, by place."""
    defined = kind.defined(options)
    kept = {}
    for name, value in custom.items():
        place = f"{where}.{name}"
        if value is None and kind.null_is_absent:
            continue
        if defined is not None and name in defined:
            fits = _fits(name, value, CUSTOM_TYPES[defined[name]], place, told)
        else:
            fits = _storable(value, place, told)
            if defined is not None:
                told.append(_undefined(name, kind, place, options.undefined_custom))
                fits = fits and options.undefined_custom == "warn"
        if fits:
            kept[f"custom.{name}"] = value
    return kept


def _fits(name: str, value: JSON, check: Check, where: str, told: list[Finding]) -> bool:
    """Whether *value* shows on the profile at all."""
    fits = True
    for error in check.iter_errors(value):
        if error.validator == "format":
            what = f"{name} is not in the form Insider One expects: {quoted(value)}"
            told.append(warning(where, what, f"Send {FORMATS[str(error.validator_value)][1]}."))
        else:
            fits = False
    if not fits:
        wanted = quoted(check.schema["type"])
        what = (
            f"{name} is of another type, so its value never shows on the profile: {quoted(value)}"
        )
        told.append(warning(where, what, f"Send it as {wanted}."))
    return fits


def _storable(value: JSON, where: str, told: list[Finding]) -> bool:
    members = value if isinstance(value, list) else [value]
    if not any(member is None or isinstance(member, (dict, list)) for member in members):
        return True
    what = f"no type of custom value holds this, so it never shows on the profile: {quoted(value)}"
    told.append(warning(where, what, "Send text, a number, a boolean, a date or a list of those."))
    return False


def _undefined(name: str, kind: Kind, where: str, strictness: Strictness) -> Finding:
    fate = "so it may land nowhere" if strictness == "warn" else "so it is not kept"
    what = f"the panel defines no custom {kind.noun} {name}, {fate}"
    return warning(where, what, "Create it on the Attributes and Events page, or leave it out.")


def _strange(names: list[str], kind: Kind, where: str) -> list[Finding]:
    remedies = {name: remedy for name in names if (remedy := _remedy(name, kind))}
    rest = [name for name in names if name not in remedies]
    told = [warning(f"{where}.{name}", _unknown(name, kind), remedies[name]) for name in remedies]
    if rest:
        remedy = f"Send them under custom, or not at all: a default {kind.noun} has a listed name."
        told.append(warning(where, _unknown(", ".join(rest), kind), remedy))
    return told


def _remedy(name: str, kind: Kind) -> str | None:
    near = near_miss(name, (*kind.known, *kind.aliases, "custom"))
    return kind.remedies.get(name) or (f"Write {near}." if near else None)


def _of_channels(names: list[str], where: str) -> list[Finding]:
    what = "Insider One's channels set this; nobody says what an upsert of it does"
    remedy = "Leave it out, unless a scenario is about somebody who unsubscribed."
    return [warning(f"{where}.{name}", what, remedy) for name in sorted(names)]


def _unknown(names: str, kind: Kind) -> str:
    return f"not a default {kind.noun}, so it may land nowhere: {names}"


def _custom_names(custom: JSONObject, kind: Kind, where: str) -> list[Finding]:
    told = []
    twins = [name for name in custom if name in kind.upsert]
    if twins:
        what = (
            f"a custom twin of a default {kind.noun}, which itself stays unset: {', '.join(twins)}"
        )
        told.append(
            warning(f"{where}.custom", what, "Send it at the root instead of under custom.")
        )
    unsafe = [name for name in custom if _UNSAFE_NAME.search(name)]
    if unsafe:
        what = f"system names are lower case without spaces: {', '.join(unsafe)}"
        told.append(warning(f"{where}.custom", what, "Use the system name that the panel shows."))
    return told
