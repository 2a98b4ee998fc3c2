"""What shoppers do. Product tables have the property names of Segment's e-commerce spec."""

from pytest_bdd import given, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.reach import CHANNELS
from segment_insider_scenarios import calls, parsers
from segment_insider_scenarios.call_tables import (
    expect_currency,
    read_products,
    read_properties,
    read_traits,
)
from segment_insider_scenarios.naming import expect_channels
from segment_insider_scenarios.preparation import ORDER
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table, listed


@given(parsers.parse("{person:w} views these products:"))
@when(parsers.parse("{person:w} views these products:"))
def views_products(scene: Scene, person: str, datatable: Table) -> None:
    """One Product Viewed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.tell(person, *(calls.product_viewed(each) for each in read_products(scene, datatable)))


@given(parsers.parse('{person:w} views the category "{category}":'))
@when(parsers.parse('{person:w} views the category "{category}":'))
def views_category(scene: Scene, person: str, category: str, datatable: Table) -> None:
    """Product List Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.tell(person, calls.list_viewed(category, read_products(scene, datatable)))


@given(parsers.parse('{person:w} adds these products to cart "{cart}":'))
@when(parsers.parse('{person:w} adds these products to cart "{cart}":'))
def adds_products(scene: Scene, person: str, cart: str, datatable: Table) -> None:
    """One Product Added for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.tell(
        person, *(calls.product_added(each, cart) for each in read_products(scene, datatable))
    )


@given(parsers.parse('{person:w} removes these products from cart "{cart}":'))
@when(parsers.parse('{person:w} removes these products from cart "{cart}":'))
def removes_products(scene: Scene, person: str, cart: str, datatable: Table) -> None:
    """One Product Removed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.tell(
        person, *(calls.product_removed(each, cart) for each in read_products(scene, datatable))
    )


@given(parsers.parse('{person:w} views cart "{cart}" in {currency:w}:'))
@when(parsers.parse('{person:w} views cart "{cart}" in {currency:w}:'))
def views_cart(scene: Scene, person: str, cart: str, currency: str, datatable: Table) -> None:
    """One Cart Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    expect_currency(scene, currency)
    scene.tell(person, calls.cart_viewed(read_products(scene, datatable), cart, currency))


@given(parsers.parse('{person:w} starts checkout "{checkout}" in {currency:w}:'))
@when(parsers.parse('{person:w} starts checkout "{checkout}" in {currency:w}:'))
def starts_checkout(
    scene: Scene, person: str, checkout: str, currency: str, datatable: Table
) -> None:
    """One Checkout Started with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    expect_currency(scene, currency)
    scene.tell(person, calls.checkout_started(read_products(scene, datatable), checkout, currency))


@given(parsers.parse('order "{order}" has these details:'))
def order_details(scene: Scene, order: str, datatable: Table) -> None:
    """A table of property and value: revenue, tax, shipping, discount, coupon and so on.

    | property | value |
    | tax      | 1.36  |
    """
    if order in scene.orders:
        remedy = "Put all details into one table."
        raise EmulatorError(f"the order {order!r} has details already", "", remedy)
    scene.orders[order] = read_properties(scene, datatable, "Order Completed")
    scene.preparations.add(ORDER, order)


@given(parsers.parse('{person:w} completes order "{order}" in {currency:w}:'))
@when(parsers.parse('{person:w} completes order "{order}" in {currency:w}:'))
def completes_order(scene: Scene, person: str, order: str, currency: str, datatable: Table) -> None:
    """One Order Completed with the products of the table and the details given before.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    expect_currency(scene, currency)
    details = scene.orders.get(order)
    scene.preparations.use(ORDER, order)
    scene.tell(
        person, calls.order_completed(read_products(scene, datatable), order, currency, details)
    )


@given(parsers.parse("{person:w} signs in"))
@when(parsers.parse("{person:w} signs in"))
def signs_in(scene: Scene, person: str) -> None:
    """Identify with the user id and the e-mail address."""
    scene.sign_in(person)


@given(parsers.parse("{person:w} tells the shop these traits:"))
@when(parsers.parse("{person:w} tells the shop these traits:"))
def tells_traits(scene: Scene, person: str, datatable: Table) -> None:
    """Identify with a table of trait and value; address.city is a place inside.

    | trait        | value            |
    | email        | ada@shop.example |
    | address.city | London           |
    """
    scene.tell(person, calls.identify(read_traits(scene, datatable)))


@given(parsers.parse("{person:w} opts in to {channels}"))
@when(parsers.parse("{person:w} opts in to {channels}"))
def opts_in(scene: Scene, person: str, channels: str) -> None:
    """Identify with e-mail address, phone number, GDPR opt-in and that of each channel."""
    expect_channels(listed(channels), CHANNELS, f"{person} opts in to {channels}")
    who = scene.person(scene.acting(person))
    optins = {f"{channel}_optin": True for channel in listed(channels)}
    traits = {"email": who.email, "phone": who.phone, "gdpr_optin": True, **optins}
    scene.tell(person, calls.identify(traits))


@given(parsers.parse("{person:w} unsubscribes from {channels}"))
@when(parsers.parse("{person:w} unsubscribes from {channels}"))
def unsubscribes(scene: Scene, person: str, channels: str) -> None:
    """Sets Insider One's own flag of the channel, which outranks every opt-in."""
    expect_channels(listed(channels), CHANNELS, f"{person} unsubscribes from {channels}")
    workspace = scene.emulator.workspace
    flags = [CHANNELS[channel][-1] for channel in listed(channels)]
    user = {
        "identifiers": {"uuid": scene.person(scene.acting(person)).user_id},
        "attributes": dict.fromkeys(flags, True),
    }
    scene.emulator.client.upsert(user, workspace.account_name, workspace.account_key)
