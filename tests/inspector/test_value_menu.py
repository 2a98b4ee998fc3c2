"""Click a value to filter by it, to exclude it, or to show it as a column."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.types import JSONObject

VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {
        "product_id": "mug",
        "price": 8.5,
        "note": 'a "quoted" \\ text',
        "my key": True,
        "password": "hunter2-and-more",
        "long": "x" * 600,
    },
}
CART: JSONObject = {**VIEWED, "event": "Cart Viewed", "userId": "grace lee"}


@pytest.fixture
def message(emulator: RunningEmulator, page: Page) -> Page:
    """Open the page of the first of two messages."""
    emulator.send(VIEWED, {**CART, "properties": {"price": 21, "currency": "EUR"}})
    page.goto(f"{emulator.url}/messages/1?query=type:track")
    return page


def choose(page: Page, value: str, item: str) -> None:
    page.locator(value).click()
    page.get_by_role("menuitem", name=re.compile(f"^{item} ")).click()


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("value", "item", "query", "count"),
    [
        pytest.param(
            "#sent [data-path='properties.price']", "Filter by", "properties.price = 8.5", 1,
            id="a number as sent",
        ),
        pytest.param(
            "#sent [data-path='properties.price']", "Exclude", "properties.price != 8.5", 1,
            id="exclude",
        ),
        pytest.param(
            "#sent [data-path='properties.note']", "Filter by",
            r'properties.note = "a \"quoted\" \\ text"', 1, id="quotes",
        ),
        pytest.param(
            "#sent [data-path='properties.my key']", "Filter by",
            'properties["my key"] = true', 1, id="a name with a blank",
        ),
        pytest.param("#sent [data-path='userId']", "Filter by", '$.userId = "ada"', 1, id="top"),
        pytest.param(
            "#sent [data-path='properties.password']", "Filter by", "has:properties.password", 1,
            id="a secret",
        ),
        pytest.param(
            "#sent [data-path='properties.long']", "Filter by", "has:properties.long", 1,
            id="a long text",
        ),
        pytest.param(
            ".upsert [data-path='users[0].events[0].event_name']", "Filter by",
            'insider.events[].event_name = "product_detail_page_view"', 1,
            id="what Insider One received",
        ),
        pytest.param("h1 [data-filter]", "Exclude", 'event != "Product Viewed"', 1, id="title"),
        pytest.param(".meta [data-filter=user]", "Filter by", "user:ada", 1, id="user"),
    ],
)  # fmt: skip
def test_a_value_of_a_message_becomes_a_condition(
    message: Page, value: str, item: str, query: str, count: int
) -> None:
    choose(message, value, item)
    expect(message.get_by_label("Search")).to_have_value(f"type:track {query}")
    expect(message.locator("#rows tr")).to_have_count(count)


@pytest.mark.extended
def test_a_value_that_segment_changed_is_found_on_both_sides(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send({**VIEWED, "timestamp": "2026-11-23T10:00:00+02:00"})
    for side, query in (
        (".facts [data-query='sent.timestamp']", 'sent.timestamp = "2026-11-23T10:00:00+02:00"'),
        (".facts [data-query='$.timestamp']", "$.timestamp = "),
    ):
        page.goto(f"{emulator.url}/messages/1")
        choose(page, side, "Filter by")
        expect(page.get_by_label("Search")).to_have_value(re.compile(f"^{re.escape(query)}"))
        expect(page.locator("#rows tr")).to_have_count(1)


ADA: JSONObject = {
    "type": "identify",
    "userId": "ada",
    "traits": {"email": "ada@shop.example", "password": "hunter2-and-more"},
}


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("place", "text", "query"),
    [
        pytest.param(
            "#profile .facts code", '"ada@shop.example"',
            'insider.attributes.email = "ada@shop.example"', id="what changed",
        ),
        pytest.param(
            "#profile p code", '"ada"', 'insider.identifiers.uuid = "ada"', id="new identifier"
        ),
        pytest.param(
            ".timeline .changed code", '"ada@shop.example"',
            'insider.identifiers.email = "ada@shop.example"', id="timeline",
        ),
        pytest.param(
            ".timeline .changed .value", "Product Detail Page View",
            'insider.events[].event_name = "product_detail_page_view"', id="event in the timeline",
        ),
        pytest.param(
            "[aria-labelledby=attributes-title] code", '"mugs"',
            'insider.attributes.custom.plan = "mugs"', id="custom attribute",
        ),
        pytest.param(
            "#viewed .tree .value", "8.5", "insider.events[].event_params.unit_price = 8.5",
            id="parameter of an event",
        ),
    ],
)  # fmt: skip
def test_a_value_of_a_person_becomes_a_condition(
    emulator: RunningEmulator, page: Page, place: str, text: str, query: str
) -> None:
    plan = write_custom_attribute(emulator, "plan", "mugs")
    emulator.send(ADA, VIEWED, plan)
    page.goto(f"{emulator.url}/messages/1")
    if not place.startswith("#profile"):
        page.goto(get_address_of_person(emulator))
        page.get_by_role("region", name="Viewed").locator("summary").click()
    page.locator(place).filter(has_text=re.compile(f"^{re.escape(text)}$")).first.click()
    page.get_by_role("menuitem", name=re.compile("^Filter by ")).click()
    expect(page.get_by_label("Search")).to_have_value(query)
    expect(page.locator("#rows tr").first).to_be_visible()


def get_address_of_person(emulator: RunningEmulator) -> str:
    profiles, _ = emulator.parts.profiles.list_newest_profiles()
    return f"{emulator.url}/profiles/{profiles[0][0].id}"


def write_custom_attribute(emulator: RunningEmulator, name: str, value: str) -> JSONObject:
    """Map a custom attribute, and return a call that sends it."""
    mapping = emulator.parts.destination_overrides.current_destination["subscriptions"][0]
    custom = {**mapping["settings"].get("custom", {}), name: {"@path": f"$.traits.{name}"}}
    emulator.parts.destination_overrides.edit_subscription(
        0, {"settings": {**mapping["settings"], "custom": custom}}
    )
    return {"type": "identify", "userId": "ada", "traits": {name: value}}


@pytest.mark.extended
def test_a_value_is_copied_and_a_secret_of_a_person_is_redacted(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    secret = write_custom_attribute(emulator, "password", "hunter2-and-more")
    emulator.send({**ADA, "traits": {**ADA["traits"], "firstName": 'A "b" ' * 100}}, secret)
    page.goto(f"{emulator.url}/messages/1")
    assert "hunter2" not in page.locator("#profile").inner_text()
    page.goto(get_address_of_person(emulator))
    attributes = page.get_by_role("region", name="Attributes and opt-ins")
    expect(attributes).to_contain_text("password")
    assert "hunter2" not in page.locator("main").inner_text()
    for value, copied in (
        (attributes.locator("code").filter(has_text="ada@shop.example"), "ada@shop.example"),
        (attributes.locator("code").filter(has_text='A \\"b'), 'A "b" ' * 100),
        (page.locator("h1 + span code"), page.locator("h1 + span code").inner_text()),
    ):
        value.click()
        page.get_by_role("menuitem", name="Copy the value").click()
        expect(page.get_by_text("Copied", exact=True)).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == copied
    page.locator(".timeline [data-query]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".timeline [data-query]").nth(1)).to_be_focused()
    accessible(page)


def test_a_value_of_the_list_changes_the_query_in_place(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED, CART)
    page.goto(f"{emulator.url}/?query=user:ada or user:nobody or type:track")
    page.evaluate("window.isTheSamePage = true")
    choose(page, "#m2 .user a", "Exclude")
    expect(page.get_by_label("Search")).to_have_value(
        '(user:ada or user:nobody or type:track) user != "grace lee"'
    )
    expect(page.locator("#rows tr")).to_have_count(1)
    assert page.evaluate("window.isTheSamePage")


@pytest.mark.extended
def test_columns_are_in_the_address_remembered_and_removable(
    message: Page, emulator: RunningEmulator
) -> None:
    page = message
    choose(page, "#sent [data-path='properties.price']", "Show as column")
    expect(page).to_have_url(re.compile(r"column=properties\.price"))
    expect(page.locator("#rows .pinned")).to_have_text(["21", "8.5"])
    page.goto(emulator.url)
    expect(page).to_have_url(re.compile(r"\?column=properties\.price$"))
    choose(page, "#m1 .pinned code", "Filter by")
    expect(page.get_by_label("Search")).to_have_value("properties.price = 8.5")
    expect(page.locator("#rows .pinned")).to_have_text(["8.5"])
    page.get_by_role("link", name="column properties.price").click()
    expect(page.locator("#rows .pinned")).to_have_count(0)
    page.goto(emulator.url)
    expect(page.locator("#rows tr")).to_have_count(2)
    assert "column" not in page.url


@pytest.mark.extended
def test_no_more_columns_than_the_address_may_have(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED)
    columns = "&".join(f"column=properties.n{number}" for number in range(12))
    page.goto(f"{emulator.url}/messages/1?{columns}")
    page.locator("#sent [data-path='properties.price']").click()
    expect(page.locator(".value-menu")).to_contain_text("There are 12 columns already.")
    expect(page.get_by_role("menuitem", name="Show as column")).to_have_count(0)


def test_the_menu_works_with_the_keyboard_alone(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    page.goto(f"{emulator.url}/messages/1")
    page.locator("#sent [data-query]").first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(page.locator("#sent [data-path='event']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(page.locator("#sent [data-path='event']")).to_be_focused()
    assert page.url.endswith("/messages/1")
    page.goto(emulator.url)
    page.keyboard.press("j")
    page.keyboard.press("f")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    page.get_by_role("menuitem", name='Filter by event:"Cart Viewed"').press("Enter")
    expect(page.get_by_label("Search")).to_have_value('event:"Cart Viewed"')
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed"])


@pytest.mark.extended
def test_values_in_the_message_next_to_the_list(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    page.goto(f"{emulator.url}/?message=1")
    choose(page, "#pane #sent [data-path='event']", "Filter by")
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#pane h1")).to_have_text("Product Viewed")
    expect(page).to_have_url(re.compile("message=1"))


@pytest.mark.extended
def test_the_menu_is_accessible_and_fits_a_phone(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(VIEWED)
    page.set_viewport_size(PHONE)
    page.goto(f"{emulator.url}/messages/1")
    page.locator("#sent [data-path='properties.note']").click()
    expect(page.get_by_role("menu")).to_be_visible()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_script_a_user_is_a_link(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(emulator.url, timeout=30_000)
    plain.locator("#m1 .user a").click()
    expect(plain.locator("#rows tr")).to_have_count(1)
    context.close()
