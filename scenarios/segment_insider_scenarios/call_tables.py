"""Tables and names of calls to Segment, as steps before the Then have them."""

from collections.abc import Iterable

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import VALUE_FORMATS
from segment_insider_emulator.json_text import DECIMAL_COMMA_NUMBER
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.spelling import CONFIRM_NAME_STEP
from segment_insider_scenarios.tables import (
    StepTable,
    nest_dotted_values,
    parse_pairs,
    parse_records,
)

_NUMBER_PROPERTY_NAMES = (
    "price quantity position total subtotal revenue shipping tax discount unit_price "
    "unit_sale_price value stock"
)
NUMBER_PROPERTIES = frozenset(_NUMBER_PROPERTY_NAMES.split())


def read_product_table(scene: ScenarioContext, table: StepTable) -> list[JSONObject]:
    """Return one object for each row of *table*, under the names of Segment's e-commerce spec.

    Raises: EmulatorError, for a table without rows or names, or a name that is a slip.
    """
    header, *lines = table
    where = " | ".join(header)
    if not lines or not scene.vocabulary.properties & {*header}:
        remedy = "Begin with a line of names such as: | product_id | price |."
        what = "the table has no rows" if not lines else "this line has no name of a property"
        raise EmulatorError(what, where, remedy)
    _reject_name_typos(scene, "property", header, scene.vocabulary.properties, where)
    products = parse_records(table)
    for line in lines:
        for name, cell in zip(header, line, strict=True):
            _reject_decimal_comma(name, cell, where)
    return products


def read_property_table(scene: ScenarioContext, table: StepTable, event: str) -> JSONObject:
    """Read the properties of a call from a table. Raises: EmulatorError."""
    return _read_checked_pairs(scene, "property", table, scene.vocabulary.properties_of(event))


def read_trait_table(scene: ScenarioContext, table: StepTable) -> JSONObject:
    """Read the traits of an identify call from a table. Raises: EmulatorError."""
    return _read_checked_pairs(scene, "trait", table, scene.vocabulary.traits)


def reject_event_typo(scene: ScenarioContext, event: str) -> None:
    """Refuse the name of a track call that is one slip away from a known one.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.suggest_event(event)
    scene.texts.reject_name("event", event, near, f'does "{event}"')


def reject_page_typo(scene: ScenarioContext, page: str) -> None:
    """Refuse the name of a page that is one slip away from one that a mapping knows.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.suggest_page(page)
    scene.texts.reject_name("page", page, near, f'the page "{page}"')


def require_iso_currency(scene: ScenarioContext, currency: str) -> None:
    """Refuse a currency that no ISO 4217 code names. Raises: EmulatorError."""
    is_known, format_hint = VALUE_FORMATS["iso4217"]
    if not is_known(currency) and currency not in scene.texts.confirmed_names:
        remedy = (
            f"Write {format_hint}. To send it all the same: {CONFIRM_NAME_STEP.format(currency)}."
        )
        raise EmulatorError(f"unknown currency {currency!r}", f"in {currency}", remedy)


def _read_checked_pairs(
    scene: ScenarioContext, noun: str, table: StepTable, known: Iterable[str]
) -> JSONObject:
    values: dict[str, JSON] = parse_pairs(table, noun)
    where = f"the table of {noun} and value"
    _reject_name_typos(scene, noun, (name for name, _ in table[1:]), known, where)
    for name, cell in table[1:]:
        _reject_decimal_comma(name, cell, where)
    return nest_dotted_values(values)


def _reject_name_typos(
    scene: ScenarioContext, noun: str, names: Iterable[str], known: Iterable[str], where: str
) -> None:
    used_names = {
        part for text in scene.texts.scenario_texts for part in text.split(".") if "_" in part
    }
    for name in names:
        for part in name.split("."):
            if part not in known and not part.isdigit():
                scene.texts.reject_typo(noun, part, known, where)
                scene.texts.reject_typo(noun, part, used_names - {part}, where)


def _reject_decimal_comma(name: str, cell: str, where: str) -> None:
    """Refuse a decimal comma where a number belongs. Raises: EmulatorError."""
    if name.rpartition(".")[2] in NUMBER_PROPERTIES and DECIMAL_COMMA_NUMBER.fullmatch(cell):
        point = cell.replace(".", "").replace(",", ".")
        remedy = f'Write {point}, or "{cell}" in quotes when a text is meant.'
        raise EmulatorError(f"the {name} {cell} is not a number", where, remedy)
