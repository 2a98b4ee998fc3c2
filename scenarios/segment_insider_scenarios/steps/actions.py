"""Any call to Segment, by the SDK or by hand."""

import json

import orjson
from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.profile_json import CHANNEL_ATTRIBUTES
from segment_insider_scenarios import segment_calls, step_catalogue
from segment_insider_scenarios.assertions import assert_claim
from segment_insider_scenarios.context import PREPARED_ORDER, ScenarioContext
from segment_insider_scenarios.name_checks import (
    read_product_table,
    read_property_table,
    read_trait_table,
    reject_event_typo,
    reject_page_typo,
    require_iso_currency,
    require_known_channels,
)
from segment_insider_scenarios.segment_calls import read_call_file
from segment_insider_scenarios.tables import StepTable, split_words

STATUS_OK = 200


@given(step_catalogue.StepPattern('{person:w} does "{event}"'))
@when(step_catalogue.StepPattern('{person:w} does "{event}"'))
def does_event(scene: ScenarioContext, person: str, event: str) -> None:
    """A track call without properties."""
    reject_event_typo(scene, event)
    scene.send_calls(person, segment_calls.track(event))


@given(step_catalogue.StepPattern('{person:w} does "{event}" with:'))
@when(step_catalogue.StepPattern('{person:w} does "{event}" with:'))
def does_event_with_properties(
    scene: ScenarioContext, person: str, event: str, datatable: StepTable
) -> None:
    """A track call with a table of property and value; products.0.price is a place inside.

    | property   | value |
    | product_id | mug   |
    | price      | 8.50  |
    """
    reject_event_typo(scene, event)
    scene.send_calls(
        person, segment_calls.track(event, read_property_table(scene, datatable, event))
    )


@given(step_catalogue.StepPattern('{person:w} visits the page "{page}"'))
@when(step_catalogue.StepPattern('{person:w} visits the page "{page}"'))
def visits_page(scene: ScenarioContext, person: str, page: str) -> None:
    """A page call."""
    reject_page_typo(scene, page)
    scene.send_calls(person, segment_calls.page(page))


@given(step_catalogue.StepPattern('{person:w} visits the page "{page}" with:'))
@when(step_catalogue.StepPattern('{person:w} visits the page "{page}" with:'))
def visits_page_with_properties(
    scene: ScenarioContext, person: str, page: str, datatable: StepTable
) -> None:
    """A page call with a table of property and value, such as url, path, title.

    | property | value                 |
    | url      | https://shop.example/ |
    """
    reject_page_typo(scene, page)
    scene.send_calls(person, segment_calls.page(page, read_property_table(scene, datatable, page)))


@given(step_catalogue.StepPattern('{person:w} opens the screen "{screen}"'))
@when(step_catalogue.StepPattern('{person:w} opens the screen "{screen}"'))
def opens_screen(scene: ScenarioContext, person: str, screen: str) -> None:
    """A screen call, which apps make."""
    scene.send_calls(person, segment_calls.screen(screen))


@given(step_catalogue.StepPattern('{person:w} joins the group "{group}"'))
@when(step_catalogue.StepPattern('{person:w} joins the group "{group}"'))
def joins_group(scene: ScenarioContext, person: str, group: str) -> None:
    """A group call; the destination has no action for it."""
    scene.send_calls(person, segment_calls.group(group))


@given(step_catalogue.StepPattern('{person:w} was known as "{previous}" before'))
@when(step_catalogue.StepPattern('{person:w} was known as "{previous}" before'))
def had_previous_id(scene: ScenarioContext, person: str, previous: str) -> None:
    """An alias call from an earlier id to the user id; the destination has no action for it."""
    scene.send_calls(person, segment_calls.alias(previous))


@given(step_catalogue.StepPattern('an app sends the calls of "{file}"'))
@when(step_catalogue.StepPattern('an app sends the calls of "{file}"'))
def app_sends_call_file(scene: ScenarioContext, file: str) -> None:
    """A file beside the feature: one call a line (NDJSON), or a JSON list of them."""
    emulator = scene.emulator
    for where, call in read_call_file(scene.folder / file):
        body = orjson.dumps(call)
        scene.posted_status = emulator.client.post_to_segment(
            f"/v1/{call['type']}", body, emulator.workspace.write_key
        )
        if scene.posted_status != STATUS_OK:
            remedy = "Correct the call, or send it by hand: When an app posts to …"
            raise EmulatorError(f"Segment answered {scene.posted_status}", where, remedy)


@when(step_catalogue.StepPattern('an app posts to "{path}":'))
def app_posts_body(scene: ScenarioContext, path: str, docstring: str) -> None:
    """JSON sent by hand with the workspace's write key, for what no SDK would send.

    {"event": "Wish Listed", "userId": "ada"}
    """
    emulator = scene.emulator
    scene.posted_status = emulator.client.post_to_segment(
        path, docstring.encode(), emulator.workspace.write_key
    )
    scene.posted_body = docstring


@then(step_catalogue.StepPattern("Segment answers {status:d}"))
def segment_status_is(scene: ScenarioContext, status: int) -> None:
    """The status of what was posted by hand."""
    assert_claim(
        scene,
        f"Segment answers {status}",
        holds=scene.posted_status == status,
        actual_text=f"It answered {scene.posted_status}.{_json_error_hint(scene.posted_body)}",
    )


def _json_error_hint(posted: str | None) -> str:
    """Where what was posted is not JSON, as a sentence with a blank before it."""
    try:
        json.loads(posted or "null")
    except json.JSONDecodeError as error:
        return f" The text is not JSON in line {error.lineno}, column {error.colno}: {error.msg}."
    return ""


@given(step_catalogue.StepPattern("{person:w} views these products:"))
@when(step_catalogue.StepPattern("{person:w} views these products:"))
def views_products(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """One Product Viewed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(segment_calls.product_viewed(each) for each in read_product_table(scene, datatable)),
    )


@given(step_catalogue.StepPattern('{person:w} views the category "{category}":'))
@when(step_catalogue.StepPattern('{person:w} views the category "{category}":'))
def views_category(
    scene: ScenarioContext, person: str, category: str, datatable: StepTable
) -> None:
    """Product List Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person, segment_calls.product_list_viewed(category, read_product_table(scene, datatable))
    )


@given(step_catalogue.StepPattern('{person:w} adds these products to cart "{cart}":'))
@when(step_catalogue.StepPattern('{person:w} adds these products to cart "{cart}":'))
def adds_products_to_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """One Product Added for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(segment_calls.product_added(each, cart) for each in read_product_table(scene, datatable)),
    )


@given(step_catalogue.StepPattern('{person:w} removes these products from cart "{cart}":'))
@when(step_catalogue.StepPattern('{person:w} removes these products from cart "{cart}":'))
def removes_products_from_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """One Product Removed for each row.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(
            segment_calls.product_removed(each, cart)
            for each in read_product_table(scene, datatable)
        ),
    )


@given(step_catalogue.StepPattern('{person:w} views cart "{cart}" in {currency:w}:'))
@when(step_catalogue.StepPattern('{person:w} views cart "{cart}" in {currency:w}:'))
def views_cart(
    scene: ScenarioContext, person: str, cart: str, currency: str, datatable: StepTable
) -> None:
    """One Cart Viewed with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(
        person, segment_calls.cart_viewed(read_product_table(scene, datatable), cart, currency)
    )


@given(step_catalogue.StepPattern('{person:w} starts checkout "{checkout}" in {currency:w}:'))
@when(step_catalogue.StepPattern('{person:w} starts checkout "{checkout}" in {currency:w}:'))
def starts_checkout(
    scene: ScenarioContext, person: str, checkout: str, currency: str, datatable: StepTable
) -> None:
    """One Checkout Started with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(
        person,
        segment_calls.checkout_started(read_product_table(scene, datatable), checkout, currency),
    )


@given(step_catalogue.StepPattern('order "{order}" has these details:'))
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


@given(step_catalogue.StepPattern('{person:w} completes order "{order}" in {currency:w}:'))
@when(step_catalogue.StepPattern('{person:w} completes order "{order}" in {currency:w}:'))
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
        segment_calls.order_completed(
            read_product_table(scene, datatable), order, currency, details
        ),
    )


@given(step_catalogue.StepPattern("{person:w} signs in"))
@when(step_catalogue.StepPattern("{person:w} signs in"))
def signs_in(scene: ScenarioContext, person: str) -> None:
    """Identify with the user id and the e-mail address."""
    scene.sign_in(person)


@given(step_catalogue.StepPattern("{person:w} tells the shop these traits:"))
@when(step_catalogue.StepPattern("{person:w} tells the shop these traits:"))
def updates_traits(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Identify with a table of trait and value; address.city is a place inside.

    | trait        | value            |
    | email        | ada@shop.example |
    | address.city | London           |
    """
    scene.send_calls(person, segment_calls.identify(read_trait_table(scene, datatable)))


@given(step_catalogue.StepPattern("{person:w} opts in to {channels}"))
@when(step_catalogue.StepPattern("{person:w} opts in to {channels}"))
def opts_in_to_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Identify with e-mail address, phone number, GDPR opt-in and that of each channel."""
    require_known_channels(
        split_words(channels), CHANNEL_ATTRIBUTES, f"{person} opts in to {channels}"
    )
    who = scene.get_person(scene.resolve_actor(person))
    optins = {f"{channel}_optin": True for channel in split_words(channels)}
    traits = {"email": who.email, "phone": who.phone, "gdpr_optin": True, **optins}
    scene.send_calls(person, segment_calls.identify(traits))


@given(step_catalogue.StepPattern("{person:w} unsubscribes from {channels}"))
@when(step_catalogue.StepPattern("{person:w} unsubscribes from {channels}"))
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


@given(step_catalogue.StepPattern('the clock stands at "{now}"'))
def clock_stands_at(scene: ScenarioContext, now: str) -> None:
    """The time at which the scenario starts, with its zone; the clock runs on from there."""
    scene.start_clock(now)


@given(step_catalogue.StepPattern("{length} pass"))
@when(step_catalogue.StepPattern("{length} pass"))
@given(step_catalogue.StepPattern("{length} passes"))
@when(step_catalogue.StepPattern("{length} passes"))
def time_passes(scene: ScenarioContext, length: str) -> None:
    """45 minutes, 1 day 2 hours; what is due by then is done, and nobody waits."""
    scene.emulator.client.advance_clock(length)


@given(
    step_catalogue.StepPattern("Insider One answers the next {count:d} requests with {status:d}")
)
@given(step_catalogue.StepPattern("Insider One answers the next request with {status:d}"))
def insider_one_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """A status such as 503 or 429, in place of what it would say; it takes none of them."""
    scene.add_fault({"status": status, "times": count})


@given(step_catalogue.StepPattern("Insider One does not answer the next {count:d} requests"))
@given("Insider One does not answer the next request")
def insider_one_times_out(scene: ScenarioContext, count: int = 1) -> None:
    """Segment waits ten seconds and gives up; nobody waits here."""
    scene.add_fault({"timeout": True, "times": count})


@given(
    step_catalogue.StepPattern(
        "Insider One takes the next {count:d} requests and the answer is lost"
    )
)
@given("Insider One takes the next request and the answer is lost")
def insider_one_response_is_lost(scene: ScenarioContext, count: int = 1) -> None:
    """Segment tries again what Insider One has already."""
    scene.add_fault({"drop": True, "taken": True, "times": count})


@given(step_catalogue.StepPattern("Segment answers the next {count:d} requests with {status:d}"))
@given(step_catalogue.StepPattern("Segment answers the next request with {status:d}"))
def segment_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """A status such as 429 or 500; what was sent is not taken."""
    scene.add_fault({"status": status, "times": count}, segment=True)


@given("nothing goes wrong any more")
@when("nothing goes wrong any more")
def clears_faults(scene: ScenarioContext) -> None:
    """Faults that are still to come do not; what waits for another attempt goes on waiting."""
    scene.clear_faults()


@given("Segment tries again what failed")
@when("Segment tries again what failed")
def segment_retries_failed_requests(scene: ScenarioContext) -> None:
    """At once, whenever its next attempt would be."""
    scene.emulator.client.retry_deliveries()
