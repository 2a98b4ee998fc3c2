"""Who is in the scenario, and with which workspace."""

from dataclasses import fields

from pytest_bdd import given

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import parsers
from segment_insider_scenarios.preparation import DEVICE
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.shopper import Shopper, shopper
from segment_insider_scenarios.tables import Table, nested, pairs

DETAILS = [field.name for field in fields(Shopper)]


@given(parsers.parse('the workspace "{workspace}"'))
def workspace_in_use(scene: Scene, workspace: str) -> None:
    """A preset, or a workspace file beside the feature file."""
    scene.use(workspace)


@given(parsers.parse("{person:w} shops"))
def somebody_shops(scene: Scene, person: str) -> None:
    """A shopper who has signed in; anybody whom a Given or a When names is one as well."""
    scene.introduce(person)
    scene.person(person)


@given(parsers.parse('{person:w} shops in "{locale}"'))
def somebody_shops_in(scene: Scene, person: str, locale: str) -> None:
    """A locale such as de_DE gives a matching name, address and phone number."""
    scene.introduce(person)
    try:
        scene.people[person] = shopper(person, locale=locale)
    except AttributeError as error:
        raise EmulatorError(
            f"unknown locale {locale!r}", person, "Give one such as de_DE."
        ) from error


@given(parsers.parse("{person:w} is known to the shop as:"))
def somebody_described(scene: Scene, person: str, datatable: Table) -> None:
    """A table of detail and value; an empty value takes the detail away.

    | detail | value            |
    | email  | ada@shop.example |
    """
    scene.introduce(person)
    given_values = nested(pairs(datatable, "detail"))
    known = {name: None for name, _ in datatable[1:]} | given_values
    for name in known:
        if name not in DETAILS:
            remedy = f"Known: {', '.join(DETAILS)}."
            raise EmulatorError(f"a shopper has no {name!r}", person, remedy)
    scene.describe(person, **known)


@given(parsers.parse("{person:w} has not signed in"))
def somebody_anonymous(scene: Scene, person: str) -> None:
    """Known by their browser's anonymous id alone."""
    scene.introduce(person)
    scene.describe(person, user_id=None)


@given(parsers.parse('{person:w} goes on at the device "{device}"'))
def at_device(scene: Scene, person: str, device: str) -> None:
    """It has an anonymous id of its own, which is its name, and nobody has signed in there yet."""
    scene.introduce(person)
    scene.preparations.add(DEVICE, device)
    scene.describe(person, anonymous_id=device, user_id=None)


@given(parsers.parse('the name "{name}" is correct'))
def name_is_correct(scene: Scene, name: str) -> None:
    """A name of your own that is one typing error away from a known name, or from another one."""
    if not scene.spelling.says(name, feature=not scene.preparations.step):
        remedy = "Write it as the other step has it, or remove this step."
        raise EmulatorError(f"no other step has the name {name!r}", "", remedy)
