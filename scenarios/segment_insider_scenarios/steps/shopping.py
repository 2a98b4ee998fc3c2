"""What shoppers do. Product tables have the property names of Segment's e-commerce spec."""

from pytest_bdd import given, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.reach import CHANNEL_ATTRIBUTES
from segment_insider_scenarios import calls, parsers
from segment_insider_scenarios.call_tables import (
    read_product_table,
    read_property_table,
    read_trait_table,
    require_iso_currency,
)
from segment_insider_scenarios.naming import require_known_channels
from segment_insider_scenarios.preparation import PREPARED_ORDER
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import StepTable, split_words


@given(parsers.StepPattern("{person:w} views these products:"))
@when(parsers.StepPattern("{person:w} views these products:"))
def views_products(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """One Product Viewed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person, *(calls.product_viewed(each) for each in read_product_table(scene, datatable))
    )


@given(parsers.StepPattern('{person:w} views the category "{category}":'))
@when(parsers.StepPattern('{person:w} views the category "{category}":'))
def views_category(
    scene: ScenarioContext, person: str, category: str, datatable: StepTable
) -> None:
    """Product List Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person, calls.product_list_viewed(category, read_product_table(scene, datatable))
    )


@given(parsers.StepPattern('{person:w} adds these products to cart "{cart}":'))
@when(parsers.StepPattern('{person:w} adds these products to cart "{cart}":'))
def adds_products_to_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """One Product Added for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person, *(calls.product_added(each, cart) for each in read_product_table(scene, datatable))
    )


@given(parsers.StepPattern('{person:w} removes these products from cart "{cart}":'))
@when(parsers.StepPattern('{person:w} removes these products from cart "{cart}":'))
def removes_products_from_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """One Product Removed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(calls.product_removed(each, cart) for each in read_product_table(scene, datatable)),
    )


@given(parsers.StepPattern('{person:w} views cart "{cart}" in {currency:w}:'))
@when(parsers.StepPattern('{person:w} views cart "{cart}" in {currency:w}:'))
def views_cart(
    scene: ScenarioContext, person: str, cart: str, currency: str, datatable: StepTable
) -> None:
    """One Cart Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(
        person, calls.cart_viewed(read_product_table(scene, datatable), cart, currency)
    )


@given(parsers.StepPattern('{person:w} starts checkout "{checkout}" in {currency:w}:'))
@when(parsers.StepPattern('{person:w} starts checkout "{checkout}" in {currency:w}:'))
def starts_checkout(
    scene: ScenarioContext, person: str, checkout: str, currency: str, datatable: StepTable
) -> None:
    """One Checkout Started with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(
        person, calls.checkout_started(read_product_table(scene, datatable), checkout, currency)
    )


@given(parsers.StepPattern('order "{order}" has these details:'))
def order_has_details(scene: ScenarioContext, order: str, datatable: StepTable) -> None:
    """A table of property and value: revenue, tax, shipping, discount, coupon and so on.

    | property | value |
    | tax      | 1.36  |
    """
    if order in scene.orders:
        remedy = "Put all details into one table."
        raise EmulatorError(f"the order {order!r} has details already", "", remedy)
    scene.orders[order] = read_property_table(scene, datatable, "Order Completed")
    scene.preparations.add(PREPARED_ORDER, order)


@given(parsers.StepPattern('{person:w} completes order "{order}" in {currency:w}:'))
@when(parsers.StepPattern('{person:w} completes order "{order}" in {currency:w}:'))
def completes_order(
    scene: ScenarioContext, person: str, order: str, currency: str, datatable: StepTable
) -> None:
    """One Order Completed with the products of the table and the details given before.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    details = scene.orders.get(order)
    scene.preparations.mark_used(PREPARED_ORDER, order)
    scene.send_calls(
        person,
        calls.order_completed(read_product_table(scene, datatable), order, currency, details),
    )


@given(parsers.StepPattern("{person:w} signs in"))
@when(parsers.StepPattern("{person:w} signs in"))
def signs_in(scene: ScenarioContext, person: str) -> None:
    """Identify with the user id and the e-mail address."""
    scene.sign_in(person)


@given(parsers.StepPattern("{person:w} tells the shop these traits:"))
@when(parsers.StepPattern("{person:w} tells the shop these traits:"))
def updates_traits(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Identify with a table of trait and value; address.city is a place inside.

    | trait        | value            |
    | email        | ada@shop.example |
    | address.city | London           |
    """
    scene.send_calls(person, calls.identify(read_trait_table(scene, datatable)))


@given(parsers.StepPattern("{person:w} opts in to {channels}"))
@when(parsers.StepPattern("{person:w} opts in to {channels}"))
def opts_in_to_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Identify with e-mail address, phone number, GDPR opt-in and that of each channel."""
    require_known_channels(
        split_words(channels), CHANNEL_ATTRIBUTES, f"{person} opts in to {channels}"
    )
    who = scene.get_person(scene.resolve_actor(person))
    optins = {f"{channel}_optin": True for channel in split_words(channels)}
    traits = {"email": who.email, "phone": who.phone, "gdpr_optin": True, **optins}
    scene.send_calls(person, calls.identify(traits))


@given(parsers.StepPattern("{person:w} unsubscribes from {channels}"))
@when(parsers.StepPattern("{person:w} unsubscribes from {channels}"))
def unsubscribes_from_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Sets Insider One's own flag of the channel, which outranks every opt-in."""
    require_known_channels(
        split_words(channels), CHANNEL_ATTRIBUTES, f"{person} unsubscribes from {channels}"
    )
    workspace = scene.emulator.workspace
    flags = [CHANNEL_ATTRIBUTES[channel][-1] for channel in split_words(channels)]
    user = {
        "identifiers": {"uuid": scene.get_person(scene.resolve_actor(person)).user_id},
        "attributes": dict.fromkeys(flags, True),
    }
    scene.emulator.client.upsert_user(user, workspace.account_name, workspace.account_key)
