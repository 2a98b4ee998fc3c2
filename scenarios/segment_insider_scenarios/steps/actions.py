"""Gherkin steps that make things happen: calls, shopping, time and faults."""

import json
from uuid import NAMESPACE_URL, uuid5

import orjson
from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.contact_addresses import ContactAction
from segment_insider_emulator.insider.profile_json import CHANNEL_ATTRIBUTES
from segment_insider_emulator.insider.web_push import WEB_PUSH_CHANNEL
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.assertions import assert_claim_holds
from segment_insider_scenarios.client_http import read_json_response
from segment_insider_scenarios.context import PREPARED_ORDER, ScenarioContext
from segment_insider_scenarios.name_checks import (
    parse_channels,
    read_product_table,
    read_property_table,
    read_trait_table,
    reject_event_name_typo,
    reject_page_name_typo,
    require_iso_currency,
    require_known_channels,
)
from segment_insider_scenarios.shopper import (
    alias_call,
    cart_viewed_call,
    checkout_started_call,
    group_call,
    identify_call,
    order_completed_call,
    page_call,
    product_added_call,
    product_list_viewed_call,
    product_removed_call,
    product_viewed_call,
    read_call_file,
    screen_call,
    track_call,
    user_id_from_name,
)
from segment_insider_scenarios.step_catalogue import StepPattern
from segment_insider_scenarios.tables import StepTable

STATUS_OK = 200


@given(StepPattern('{person:p} does "{event}"'))
@when(StepPattern('{person:p} does "{event}"'))
def sends_track_event(scene: ScenarioContext, person: str, event: str) -> None:
    """Send a track call of the person, without properties."""
    reject_event_name_typo(scene, event)
    scene.send_calls(person, track_call(event))


@given(StepPattern('{person:p} does "{event}" with:'))
@when(StepPattern('{person:p} does "{event}" with:'))
def sends_track_event_with_properties(
    scene: ScenarioContext, person: str, event: str, datatable: StepTable
) -> None:
    """Send a track call with a table of properties; "products.0.price" sets a nested value.

    | property   | value |
    | product_id | mug   |
    | price      | 8.50  |
    """
    reject_event_name_typo(scene, event)
    scene.send_calls(person, track_call(event, read_property_table(scene, datatable, event)))


@given(StepPattern('{person:p} visits the page "{page}"'))
@when(StepPattern('{person:p} visits the page "{page}"'))
def visits_page(scene: ScenarioContext, person: str, page: str) -> None:
    """Send a page call of the person, without properties."""
    reject_page_name_typo(scene, page)
    scene.send_calls(person, page_call(page))


@given(StepPattern('{person:p} visits the page "{page}" with:'))
@when(StepPattern('{person:p} visits the page "{page}" with:'))
def visits_page_with_properties(
    scene: ScenarioContext, person: str, page: str, datatable: StepTable
) -> None:
    """Send a page call with a table of property and value, such as url, path, title.

    | property | value                 |
    | url      | https://shop.example/ |
    """
    reject_page_name_typo(scene, page)
    scene.send_calls(person, page_call(page, read_property_table(scene, datatable, page)))


@given(StepPattern('{person:p} opens the screen "{screen}"'))
@when(StepPattern('{person:p} opens the screen "{screen}"'))
def opens_screen(scene: ScenarioContext, person: str, screen: str) -> None:
    """Send a screen call of the person, as mobile apps do."""
    scene.send_calls(person, screen_call(screen))


@given(StepPattern('{person:p} joins the group "{group}"'))
@when(StepPattern('{person:p} joins the group "{group}"'))
def sends_group_call(scene: ScenarioContext, person: str, group: str) -> None:
    """Send a group call of the person; the destination has no action for it."""
    scene.send_calls(person, group_call(group))


@given(StepPattern('{person:p} was known as "{previous}" before'))
@when(StepPattern('{person:p} was known as "{previous}" before'))
def sends_alias_call(scene: ScenarioContext, person: str, previous: str) -> None:
    """Send an alias call of the person with an earlier id; the destination ignores it."""
    scene.send_calls(person, alias_call(previous))


@given(StepPattern('an app sends the calls of "{file}"'))
@when(StepPattern('an app sends the calls of "{file}"'))
def app_sends_call_file(scene: ScenarioContext, file: str) -> None:
    """Send the calls of a file in the feature's folder to Segment: NDJSON, or a JSON list."""
    emulator = scene.emulator
    for where, call in read_call_file(scene.locate_file(file)):
        body = orjson.dumps(call)
        scene.posted_status = emulator.client.post_to_segment(
            f"/v1/{call['type']}", body, emulator.workspace.write_key
        )
        if scene.posted_status != STATUS_OK:
            remedy = "Correct the call, or send it by hand: When an app posts to …"
            raise EmulatorError(f"Segment answered {scene.posted_status}", where, remedy)


@given(StepPattern('an app posts to "{path}":'))
@when(StepPattern('an app posts to "{path}":'))
def app_posts_json_to_segment(scene: ScenarioContext, path: str, docstring: str) -> None:
    """Post JSON to Segment with the workspace's write key, for requests that no SDK would send.

    {"event": "Wish Listed", "userId": "ada"}
    """
    emulator = scene.emulator
    response = emulator.client.call_segment(path, docstring.encode(), emulator.workspace.write_key)
    scene.posted_status = response.status_code
    scene.posted_body, scene.posted_response = docstring, read_json_response(response)


@then(StepPattern("Segment answers {status:d}"))
def check_segment_response_status(scene: ScenarioContext, status: int) -> None:
    """Check the HTTP status with which Segment answered the request that an app posted."""
    assert_claim_holds(
        scene,
        f"Segment answers {status}",
        holds=scene.posted_status == status,
        actual_text=f"It answered {scene.posted_status}.{_describe_json_error(scene.posted_body)}",
    )


@then("Segment answers with this body:")
def check_segment_response_body(scene: ScenarioContext, docstring: str) -> None:
    """Check the JSON with which Segment answered the request that an app posted.

    {"success": true}
    """
    claim = "Segment answers with this body"
    try:
        expected = json.loads(docstring)
    except json.JSONDecodeError as error:
        what = f"the text below is not JSON in line {error.lineno}: {error.msg}"
        raise EmulatorError(what, claim, "Write the body as JSON.") from error
    assert_claim_holds(
        scene,
        claim,
        holds=scene.posted_response == expected,
        actual_text=f"It answered {json.dumps(scene.posted_response)}.",
    )


def _describe_json_error(posted: str | None) -> str:
    """Return where the posted text of a step is not JSON; "" if it is."""
    try:
        json.loads(posted or "null")
    except json.JSONDecodeError as error:
        return f" The text is not JSON in line {error.lineno}, column {error.colno}: {error.msg}."
    return ""


@given(StepPattern("{person:p} views these products:"))
@when(StepPattern("{person:p} views these products:"))
def views_products(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Send one Product Viewed of the person for each row of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(product_viewed_call(product) for product in read_product_table(scene, datatable)),
    )


@given(StepPattern('{person:p} views the category "{category}":'))
@when(StepPattern('{person:p} views the category "{category}":'))
def views_category(
    scene: ScenarioContext, person: str, category: str, datatable: StepTable
) -> None:
    """Send Product List Viewed of the person with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person, product_list_viewed_call(category, read_product_table(scene, datatable))
    )


@given(StepPattern('{person:p} views the category levels "{levels}":'))
@when(StepPattern('{person:p} views the category levels "{levels}":'))
def views_category_levels(
    scene: ScenarioContext, person: str, levels: str, datatable: StepTable
) -> None:
    """Send Product List Viewed with a list as category: "Women > Shoes" is a list of two levels.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    category = [level.strip() for level in levels.split(">")]
    if not all(category):
        what = f"a level of the category {levels!r} is empty"
        remedy = "Write a name on both sides of each >, such as Women > Shoes."
        raise EmulatorError(what, f'the category levels "{levels}"', remedy)
    scene.send_calls(
        person, product_list_viewed_call(category, read_product_table(scene, datatable))
    )


@given(StepPattern('{person:p} searches for "{query}"'))
@when(StepPattern('{person:p} searches for "{query}"'))
def searches_products(scene: ScenarioContext, person: str, query: str) -> None:
    """Send Products Searched of the person with the words of the search."""
    scene.send_calls(person, track_call("Products Searched", {"query": query}))


@given(StepPattern('{person:p} adds these products to cart "{cart}":'))
@when(StepPattern('{person:p} adds these products to cart "{cart}":'))
def adds_products_to_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """Send one Product Added of the person for each row of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(product_added_call(product, cart) for product in read_product_table(scene, datatable)),
    )


@given(StepPattern('{person:p} removes these products from cart "{cart}":'))
@when(StepPattern('{person:p} removes these products from cart "{cart}":'))
def removes_products_from_cart(
    scene: ScenarioContext, person: str, cart: str, datatable: StepTable
) -> None:
    """Send one Product Removed of the person for each row of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    scene.send_calls(
        person,
        *(product_removed_call(product, cart) for product in read_product_table(scene, datatable)),
    )


@given(StepPattern('{person:p} views cart "{cart}" in {currency:w}:'))
@when(StepPattern('{person:p} views cart "{cart}" in {currency:w}:'))
def views_cart(
    scene: ScenarioContext, person: str, cart: str, currency: str, datatable: StepTable
) -> None:
    """Send Cart Viewed of the person with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(person, cart_viewed_call(read_product_table(scene, datatable), cart, currency))


@given(StepPattern('{person:p} starts checkout "{checkout}" in {currency:w}:'))
@when(StepPattern('{person:p} starts checkout "{checkout}" in {currency:w}:'))
def starts_checkout(
    scene: ScenarioContext, person: str, checkout: str, currency: str, datatable: StepTable
) -> None:
    """Send Checkout Started of the person with the products of the table.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    scene.send_calls(
        person,
        checkout_started_call(read_product_table(scene, datatable), checkout, currency),
    )


@given(StepPattern('order "{order}" has these details:'))
def sets_order_details(scene: ScenarioContext, order: str, datatable: StepTable) -> None:
    """Set order properties for a later step: revenue, tax, shipping, discount, coupon and so on.

    | property | value |
    | tax      | 1.36  |
    """
    if order in scene.orders:
        remedy = "Put all details into one table."
        raise EmulatorError(f"the order {order!r} already has details", "", remedy)
    scene.orders[order] = read_property_table(scene, datatable, "Order Completed")
    scene.preparations.add_preparation(PREPARED_ORDER, order)


@given(StepPattern('{person:p} completes order "{order}" in {currency:w}:'))
@when(StepPattern('{person:p} completes order "{order}" in {currency:w}:'))
def completes_order(
    scene: ScenarioContext, person: str, order: str, currency: str, datatable: StepTable
) -> None:
    """Send Order Completed of the person with the table's products and the order's details.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    details = scene.orders.get(order)
    scene.preparations.mark_preparation_used(PREPARED_ORDER, order)
    scene.send_calls(
        person,
        order_completed_call(read_product_table(scene, datatable), order, currency, details),
    )


@given(StepPattern("{person:p} buys these products in {currency:w}:"))
@when(StepPattern("{person:p} buys these products in {currency:w}:"))
def buys_products(scene: ScenarioContext, person: str, currency: str, datatable: StepTable) -> None:
    """Send Order Completed of the person with the table's products; the order is "order-1" first.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    sent = [message["event"] for message in scene.list_segment_messages()]
    order = f"order-{sent.count('Order Completed') + 1}"
    scene.send_calls(
        person, order_completed_call(read_product_table(scene, datatable), order, currency)
    )


@given(StepPattern('{person:p} refunds order "{order}" in {currency:w}:'))
@when(StepPattern('{person:p} refunds order "{order}" in {currency:w}:'))
def refunds_order(
    scene: ScenarioContext, person: str, order: str, currency: str, datatable: StepTable
) -> None:
    """Send Order Refunded of the person with the products that the shop takes back.

    | product_id | price | quantity |
    | mug        | 8.50  | 2        |
    """
    require_iso_currency(scene, currency)
    products = read_product_table(scene, datatable)
    properties: JSONObject = {"order_id": order, "currency": currency, "products": products}
    scene.send_calls(person, track_call("Order Refunded", properties))


@given(StepPattern("{person:p} logs in"))
@when(StepPattern("{person:p} logs in"))
@given(StepPattern("{person:p} signs in"))
@when(StepPattern("{person:p} signs in"))
def signs_in(scene: ScenarioContext, person: str) -> None:
    """Send identify of the person with the user id and the e-mail address."""
    scene.sign_in_person(person)


@given(StepPattern("{person:p} logs out"))
@when(StepPattern("{person:p} logs out"))
def logs_out(scene: ScenarioContext, person: str) -> None:
    """Make the person anonymous with a new anonymous id, as analytics.reset() does."""
    scene.record_actor(person)
    old_id = scene.get_person(person).anonymous_id or person
    new_id = str(uuid5(NAMESPACE_URL, f"after {old_id}"))
    scene.update_person(person, user_id=None, anonymous_id=new_id)


@given(StepPattern("{person:p} tells the shop these traits:"))
@when(StepPattern("{person:p} tells the shop these traits:"))
def updates_traits(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Send identify with a table of trait and value; "address.city" sets a nested value.

    | trait        | value            |
    | email        | ada@shop.example |
    | address.city | London           |
    """
    scene.send_calls(person, identify_call(read_trait_table(scene, datatable)))


@given(StepPattern("{person:p} opts in to {channels}"))
@when(StepPattern("{person:p} opts in to {channels}"))
def opts_in_to_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Send identify with e-mail address, phone number, GDPR opt-in and the channels' opt-ins."""
    names = _parse_optin_channels(channels, f"{person} opts in to {channels}", "allows", person)
    who = scene.get_person(scene.record_actor(person))
    optins = {f"{channel}_optin": True for channel in names}
    traits = {"email": who.email, "phone": who.phone, "gdpr_optin": True, **optins}
    scene.send_calls(person, identify_call(traits))


@given(StepPattern("{person:p} opts out of {channels}"))
@when(StepPattern("{person:p} opts out of {channels}"))
def opts_out_of_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Send identify with the opt-ins of these channels set to false."""
    names = _parse_optin_channels(channels, f"{person} opts out of {channels}", "blocks", person)
    traits: JSONObject = {f"{channel}_optin": False for channel in names}
    scene.send_calls(person, identify_call(traits))


@given(StepPattern("{person:p} unsubscribes from {channels}"))
@when(StepPattern("{person:p} unsubscribes from {channels}"))
def unsubscribes_from_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Unsubscribe the person with Insider One's Contact API, by e-mail address or phone number."""
    claim = f"{person} unsubscribes from {channels}"
    names = _parse_optin_channels(channels, claim, "blocks", person)
    _change_subscriptions(scene, person, names, "unsubscribe", claim)


@given(StepPattern("{person:p} subscribes to {channels}"))
@when(StepPattern("{person:p} subscribes to {channels}"))
def subscribes_to_channels(scene: ScenarioContext, person: str, channels: str) -> None:
    """Subscribe the person with Insider One's Contact API, which takes an unsubscribe back."""
    claim = f"{person} subscribes to {channels}"
    names = _parse_optin_channels(channels, claim, "allows", person)
    _change_subscriptions(scene, person, names, "subscribe", claim)


@given(StepPattern('{person:p} leaves the e-mail group "{group}"'))
@when(StepPattern('{person:p} leaves the e-mail group "{group}"'))
def leaves_email_group(scene: ScenarioContext, person: str, group: str) -> None:
    """Unsubscribe the person from one group of e-mails with Insider One's Contact API."""
    claim = f"{person} leaves the e-mail group {group}"
    group_content = {"group_name": group}
    _change_subscriptions(scene, person, ["email"], "unsubscribe", claim, group_content)


@given(StepPattern('{person:p} joins the e-mail group "{group}"'))
@when(StepPattern('{person:p} joins the e-mail group "{group}"'))
def joins_email_group(scene: ScenarioContext, person: str, group: str) -> None:
    """Subscribe the person to a group of e-mails that the person left, by the group's number."""
    claim = f"{person} joins the e-mail group {group}"
    scene.get_person(scene.record_actor(person))
    profile = scene.find_insider_profile(person) or {"unsubscribe_groups": []}
    left = {entry["name"]: entry["id"] for entry in profile["unsubscribe_groups"]}
    if group not in left:
        what = f"{person} has not left the e-mail group {group!r}"
        groups = ", ".join(left) or "no group"
        raise EmulatorError(what, claim, f"{person} has left: {groups}.")
    group_content = {"group_id": left[group]}
    _change_subscriptions(scene, person, ["email"], "subscribe", claim, group_content)


def _change_subscriptions(
    scene: ScenarioContext,
    person: str,
    channels: list[str],
    action: ContactAction,
    claim: str,
    group: JSONObject | None = None,
) -> None:
    """Call v2 of the Contact API for channels of a person. Raises: EmulatorError."""
    scene.get_person(scene.record_actor(person))
    # Before the first call, which may make Insider One know the person.
    contents = [_build_contact(scene, person, channel, claim) for channel in channels]
    workspace = scene.emulator.workspace
    for channel, content in zip(channels, contents, strict=True):
        findings = scene.emulator.client.call_contact_api(
            f"/{channel}/v2/{action}",
            content | (group or {}),
            workspace.account_name,
            getattr(workspace.contact_keys, action),
        )
        for finding in findings:
            if finding["cause"].startswith("unknown-"):  # the call changed nothing
                raise EmulatorError(finding["what"], claim, finding["remedy"])


def _build_contact(scene: ScenarioContext, person: str, channel: str, claim: str) -> JSONObject:
    """Build the body that names a person in v2 of the Contact API.

    Raises: EmulatorError, when Insider One does not know the phone number: the call would create a
        profile that has nothing else of the person.
    """
    who, profile = scene.get_person(person), scene.find_insider_profile(person)
    if CHANNEL_ATTRIBUTES[channel][0] == "phone_number":
        number = profile["attributes"].get("phone_number") if profile else None
        if number is None:
            what = f"Insider One does not know the phone number of {person}"
            raise EmulatorError(what, claim, f"Add first: Given {person} opts in to {channel}.")
        return {"phone_numbers": [number]}
    if who.user_id is None:
        return {"emails": [who.email]}
    return {"users": [{"uuid": who.user_id, "email": who.email}]}


def _parse_optin_channels(channels: str, claim: str, verb: str, person: str) -> list[str]:
    """Return the channels of a step whose opt-ins are attributes.

    Args:
        verb: Of the step for web push, "allows" or "blocks".
    Raises: EmulatorError.
    """
    names = parse_channels(channels)
    if WEB_PUSH_CHANNEL in names:
        what = "no call contains the permission for web push: the browser gives it"
        raise EmulatorError(what, claim, f"Add the step: {person} {verb} web push.")
    require_known_channels(names, CHANNEL_ATTRIBUTES, claim)
    return names


@given(StepPattern("{person:p} allows web push"))
@when(StepPattern("{person:p} allows web push"))
def allows_web_push(scene: ScenarioContext, person: str) -> None:
    """Let the person's browser give Insider One a token for web push, as its web SDK does."""
    _save_web_push(scene, person, f"browser-of-{user_id_from_name(person).replace(' ', '-')}")


@given(StepPattern('{person:p} allows web push with the browser token "{token}"'))
@when(StepPattern('{person:p} allows web push with the browser token "{token}"'))
def allows_web_push_with_token(scene: ScenarioContext, person: str, token: str) -> None:
    """Let the person's browser give Insider One this token for web push."""
    _save_web_push(scene, person, token)


@given(StepPattern("{person:p} blocks web push"))
@when(StepPattern("{person:p} blocks web push"))
def blocks_web_push(scene: ScenarioContext, person: str) -> None:
    """Let the person refuse web push in the browser, or take the permission back."""
    _save_web_push(scene, person, None)


def _save_web_push(scene: ScenarioContext, person: str, token: str | None) -> None:
    scene.get_person(scene.record_actor(person))
    profile = scene.find_insider_profile(person)
    if profile is None:
        remedy = f'Add a step before it, such as: {person} visits the page "Home".'
        raise EmulatorError(f"Insider One does not know {person} yet", "web push", remedy)
    scene.emulator.client.save_web_push(profile["id"], token)


@given(StepPattern('the clock stands at "{now}"'))
def sets_clock(scene: ScenarioContext, now: str) -> None:
    """Set the time at which the scenario starts, with its time zone; the clock runs on."""
    scene.set_and_run_clock(now)


@given(StepPattern("{person:p} waits {length}"))
@when(StepPattern("{person:p} waits {length}"))
def person_waits(scene: ScenarioContext, person: str, length: str) -> None:
    """Advance the emulator's clock while the person does nothing; due work is done."""
    scene.record_actor(person)
    scene.emulator.client.advance_clock(length)


@given(StepPattern("{length} pass"))
@when(StepPattern("{length} pass"))
@given(StepPattern("{length} passes"))
@when(StepPattern("{length} passes"))
def time_passes(scene: ScenarioContext, length: str) -> None:
    """Advance the emulator's clock by a duration such as 1 day 2 hours; due work is done."""
    scene.emulator.client.advance_clock(length)


@given(StepPattern("Insider One answers the next {count:d} requests with {status:d}"))
@given(StepPattern("Insider One answers the next request with {status:d}"))
def insider_one_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """Make the next requests to Insider One fail with a status such as 503; it stores nothing."""
    scene.add_fault({"status": status, "times": count})


@given(StepPattern("Insider One does not answer the next {count:d} requests"))
@given("Insider One does not answer the next request")
def insider_one_times_out(scene: ScenarioContext, count: int = 1) -> None:
    """Make the next requests to Insider One time out; Segment gives up, the test does not wait."""
    scene.add_fault({"timeout": True, "times": count})


@given(StepPattern("Insider One takes the next {count:d} requests and the answer is lost"))
@given("Insider One takes the next request and the answer is lost")
def insider_one_response_is_lost(scene: ScenarioContext, count: int = 1) -> None:
    """Lose the response of Insider One: Segment sends again what Insider One already has."""
    scene.add_fault({"drop": True, "taken": True, "times": count})


@given(StepPattern("Segment answers the next {count:d} requests with {status:d}"))
@given(StepPattern("Segment answers the next request with {status:d}"))
def segment_fails_with_status(scene: ScenarioContext, status: int, count: int = 1) -> None:
    """Make Segment reject calls with a status such as 429 or 500; nothing is stored."""
    scene.add_fault({"status": status, "times": count}, segment=True)


@given("nothing goes wrong any more")
@when("nothing goes wrong any more")
def clears_faults(scene: ScenarioContext) -> None:
    """Remove the faults of the scenario still to come; waiting retries keep waiting."""
    scene.clear_faults()


@given("Segment tries again what failed")
@when("Segment tries again what failed")
def segment_retries_failed_requests(scene: ScenarioContext) -> None:
    """Retry the failed requests to Insider One now, before their next attempt is due."""
    scene.emulator.client.retry_deliveries()
