"""Who is in the scenario, and with which workspace."""

from dataclasses import fields

from pytest_bdd import given

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios import parsers
from segment_insider_scenarios.preparation import PREPARED_DEVICE
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.shopper import Shopper, make_shopper
from segment_insider_scenarios.tables import StepTable, nest_dotted_values, parse_pairs

SHOPPER_FIELDS = [field.name for field in fields(Shopper)]


@given(parsers.StepPattern('the workspace "{workspace}"'))
def uses_workspace(scene: ScenarioContext, workspace: str) -> None:
    """A preset, or a workspace file beside the feature file."""
    scene.use_workspace(workspace)


@given(parsers.StepPattern("{person:w} shops"))
def person_shops(scene: ScenarioContext, person: str) -> None:
    """A shopper who has signed in; anybody whom a Given or a When names is one as well."""
    scene.mark_introduced(person)
    scene.get_person(person)


@given(parsers.StepPattern('{person:w} shops in "{locale}"'))
def person_shops_in_locale(scene: ScenarioContext, person: str, locale: str) -> None:
    """A locale such as de_DE gives a matching name, address and phone number."""
    scene.mark_introduced(person)
    try:
        scene.people[person] = make_shopper(person, locale=locale)
    except AttributeError as error:
        raise EmulatorError(
            f"unknown locale {locale!r}", person, "Give one such as de_DE."
        ) from error


@given(parsers.StepPattern("{person:w} is known to the shop as:"))
def person_has_details(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """A table of detail and value; an empty value takes the detail away.

    | detail | value            |
    | email  | ada@shop.example |
    """
    scene.mark_introduced(person)
    values = nest_dotted_values(parse_pairs(datatable, "detail"))
    known = {name: None for name, _ in datatable[1:]} | values
    for name in known:
        if name not in SHOPPER_FIELDS:
            remedy = f"Known: {', '.join(SHOPPER_FIELDS)}."
            raise EmulatorError(f"a shopper has no {name!r}", person, remedy)
    scene.update_person(person, **known)


@given(parsers.StepPattern("{person:w} has not signed in"))
def person_has_not_signed_in(scene: ScenarioContext, person: str) -> None:
    """Known by their browser's anonymous id alone."""
    scene.mark_introduced(person)
    scene.update_person(person, user_id=None)


@given(parsers.StepPattern('{person:w} goes on at the device "{device}"'))
def person_uses_device(scene: ScenarioContext, person: str, device: str) -> None:
    """It has an anonymous id of its own, which is its name, and nobody has signed in there yet."""
    scene.mark_introduced(person)
    scene.preparations.add(PREPARED_DEVICE, device)
    scene.update_person(person, anonymous_id=device, user_id=None)


@given(parsers.StepPattern('the name "{name}" is correct'))
def name_is_correct(scene: ScenarioContext, name: str) -> None:
    """A name of your own that is one typing error away from a known name, or from another one."""
    if not scene.texts.contains_name(name, feature=not scene.preparations.current_step):
        remedy = "Write it as the other step has it, or remove this step."
        raise EmulatorError(f"no other step has the name {name!r}", "", remedy)
