"""Tables and names of calls to Segment, as steps before the Then have them."""

from collections.abc import Iterable

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import FORMATS
from segment_insider_emulator.json_text import DECIMAL_COMMA
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.spelling import CORRECT
from segment_insider_scenarios.tables import Table, nested, pairs, records

_NUMBERS = (
    "price quantity position total subtotal revenue shipping tax discount unit_price "
    "unit_sale_price value stock"
)
NUMBERS = frozenset(_NUMBERS.split())


def read_products(scene: Scene, table: Table) -> list[JSONObject]:
    """Return one object for each row of *table*, under the names of Segment's e-commerce spec.

    Raises: EmulatorError, for a table without rows or names, or a name that is a slip.
    """
    header, *lines = table
    where = " | ".join(header)
    if not lines or not scene.vocabulary.properties & {*header}:
        remedy = "Begin with a line of names such as: | product_id | price |."
        what = "the table has no rows" if not lines else "this line has no name of a property"
        raise EmulatorError(what, where, remedy)
    _expect_names(scene, "property", header, scene.vocabulary.properties, where)
    products = records(table)
    for line in lines:
        for name, cell in zip(header, line, strict=True):
            _expect_number(name, cell, where)
    return products


def read_properties(scene: Scene, table: Table, event: str) -> JSONObject:
    """Read the properties of a call from a table. Raises: EmulatorError."""
    return _read_pairs(scene, "property", table, scene.vocabulary.properties_of(event))


def read_traits(scene: Scene, table: Table) -> JSONObject:
    """Read the traits of an identify call from a table. Raises: EmulatorError."""
    return _read_pairs(scene, "trait", table, scene.vocabulary.traits)


def expect_event(scene: Scene, event: str) -> None:
    """Refuse the name of a track call that is one slip away from a known one.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.nearest_event(event)
    scene.spelling.refuse("event", event, near, f'does "{event}"')


def expect_page(scene: Scene, page: str) -> None:
    """Refuse the name of a page that is one slip away from one that a mapping knows.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.nearest_page(page)
    scene.spelling.refuse("page", page, near, f'the page "{page}"')


def expect_currency(scene: Scene, currency: str) -> None:
    """Refuse a currency that no ISO 4217 code names. Raises: EmulatorError."""
    is_known, wanted = FORMATS["iso4217"]
    if not is_known(currency) and currency not in scene.spelling.correct:
        remedy = f"Write {wanted}. To send it all the same: {CORRECT.format(currency)}."
        raise EmulatorError(f"unknown currency {currency!r}", f"in {currency}", remedy)


def _read_pairs(scene: Scene, noun: str, table: Table, known: Iterable[str]) -> JSONObject:
    found: dict[str, JSON] = pairs(table, noun)
    where = f"the table of {noun} and value"
    _expect_names(scene, noun, (name for name, _ in table[1:]), known, where)
    for name, cell in table[1:]:
        _expect_number(name, cell, where)
    return nested(found)


def _expect_names(
    scene: Scene, noun: str, names: Iterable[str], known: Iterable[str], where: str
) -> None:
    said = {part for text in scene.spelling.scenario for part in text.split(".") if "_" in part}
    for name in names:
        for part in name.split("."):
            if part not in known and not part.isdigit():
                scene.spelling.expect(noun, part, known, where)
                scene.spelling.expect(noun, part, said - {part}, where)


def _expect_number(name: str, cell: str, where: str) -> None:
    """Refuse a decimal comma where a number belongs. Raises: EmulatorError."""
    if name.rpartition(".")[2] in NUMBERS and DECIMAL_COMMA.fullmatch(cell):
        point = cell.replace(".", "").replace(",", ".")
        remedy = f'Write {point}, or "{cell}" in quotes when a text is meant.'
        raise EmulatorError(f"the {name} {cell} is not a number", where, remedy)
