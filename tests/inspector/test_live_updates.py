"""The Live page under load, without an answer, and with other filters on the way."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import text

from inspector.running_emulator import PHONE, RunningEmulator
from segment_insider_emulator.types import JSONObject

VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug"},
}
CART: JSONObject = {**VIEWED, "event": "Cart Viewed", "userId": "grace"}
PLACE = "place-in-list"  # key in the session storage
LONG_NAME = "Checkout - Payment Method Selected - Apple Pay - Mobile Web (Experiment B, Variant 2)"


def get_titles(page: Page) -> list[str]:
    return page.locator("#rows .event").all_inner_texts()


def is_part(name: str) -> re.Pattern[str]:
    return re.compile(rf"[?&]part={name}\b")


def test_a_filter_that_cannot_be_loaded_leaves_no_rows_of_another_filter(
    emulator: RunningEmulator, patient_page: Page
) -> None:
    page = patient_page
    emulator.send(VIEWED, CART)
    page.goto(emulator.url)
    expect(page.locator(".lamp")).to_have_text(re.compile("Connected"))
    page.route("**/*", lambda route: route.abort())
    page.get_by_label("Search").fill('event:"Cart Viewed"')
    expect(page.get_by_text("These messages could not be loaded")).to_be_visible()
    expect(page.locator("#rows")).to_have_count(0)
    expect(page.locator("#totals")).to_be_empty()
    expect(page.locator(".lamp")).to_contain_text("No answer since")
    page.unroute("**/*")
    # All that are there: the page may have tried again by itself by now.
    again = page.get_by_role("button", name="Try again")
    again.evaluate_all("(buttons) => buttons.forEach((button) => button.click())")
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed"])
    expect(page.get_by_role("link", name="1 Received")).to_be_visible()
    expect(page.locator(".lamp .on")).to_be_visible()


@pytest.mark.extended
def test_a_row_with_unloadable_requests_says_so_and_stays_closed(
    emulator: RunningEmulator, patient_page: Page
) -> None:
    page = patient_page
    emulator.send(VIEWED)
    page.goto(emulator.url)
    page.route(is_part("requests"), lambda route: route.abort())
    opener = page.get_by_role("button", name="Requests of Product Viewed")
    opener.click()
    expect(page.locator("#toast")).to_have_text("The requests could not be loaded")
    expect(opener).to_have_attribute("aria-expanded", "false")


def test_a_filter_that_cannot_be_meant_replaces_the_rows_by_the_reason(
    emulator: RunningEmulator, patient_page: Page
) -> None:
    page = patient_page
    emulator.send(VIEWED)
    page.goto(emulator.url)
    page.get_by_label("Search").fill("user:ada evnt:x")
    expect(page.get_by_role("heading", name="unknown field 'evnt'")).to_be_visible()
    expect(page.locator("#rows")).to_have_count(0)
    expect(page.locator(".mistake mark")).to_have_text("evnt:x")
    expect(page.get_by_text("Did you mean event?")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("user:ada evnt:x")


@pytest.mark.extended
def test_the_address_has_each_filter_at_once_and_the_slow_answer_is_not_shown(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED, CART)
    page.goto(emulator.url)
    page.route(is_part("(list|totals)"), lambda route: None)  # no answer yet
    page.get_by_label("Search").fill("user:grace")
    assert page.evaluate("location.search") == "?query=user%3Agrace"
    expect(page.locator("#list")).to_have_attribute("aria-busy", "true")
    page.get_by_label("Search").fill("user:grace type:track")
    assert page.evaluate("location.search") == "?query=user%3Agrace+type%3Atrack"
    page.locator("#rows .event a").last.click()
    expect(page).to_have_url(re.compile(r"\?query=user%3Agrace\+type%3Atrack&message=1$"))


@pytest.mark.extended
def test_the_list_is_busy_while_other_filters_load(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    page.goto(emulator.url)
    held: list[Route] = []
    page.route(is_part("list"), lambda route: held.append(route))
    page.get_by_label("Search").fill("user:grace")
    expect(page.locator("#list")).to_have_attribute("aria-busy", "true")
    while not held:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed"])
    expect(page.locator("#list")).not_to_have_attribute("aria-busy", "true")


@pytest.mark.extended
def test_apply_names_only_filters_that_are_set(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED)
    page.goto(f"{emulator.url}/?user=ada")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Show as a column").fill("$.userId")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"/\?query=user%3Aada&column=%24.userId$"))


@pytest.mark.extended
def test_more_rows_than_one_answer_has_do_not_reload_the_page(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    page.evaluate("window.isTheSamePage = true")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Show as a column").press_sequentially("$.prop")
    for _ in range(3):
        emulator.send(*[VIEWED] * 90, *[CART] * 90)
    expect(page.get_by_role("link", name="541 Received")).to_be_visible()
    expect(page.locator("#m541")).to_be_visible()
    page.get_by_label("Show as a column").press_sequentially("erties")
    assert page.get_by_label("Show as a column").input_value() == "$.properties"
    expect(page.get_by_label("Show as a column")).to_be_focused()
    assert page.evaluate("window.isTheSamePage")
    ids = [
        int(id)
        for id in page.locator("#rows tr").evaluate_all("all => all.map(row => row.dataset.id)")
    ]
    assert ids == list(range(541, ids[-1] - 1, -1))  # no row is left out
    if page.get_by_role("link", name="Older").count():
        assert f"before={ids[-1]}" in (
            page.get_by_role("link", name="Older").get_attribute("href") or ""
        )


@pytest.mark.extended
def test_a_draft_in_the_drawer_waits_for_apply(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    page.goto(f"{emulator.url}/?query=since:1h")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Show as a column").fill("$.nothing")
    page.get_by_label("Search").fill("user:grace")
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed"])
    assert page.evaluate("location.search") == "?query=user%3Agrace"


@pytest.mark.extended
def test_many_new_rows_lead_on_to_the_older_ones(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    emulator.send(*[CART] * 130)
    expect(page.locator("#rows tr")).to_have_count(100)
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**before=32")
    expect(page.locator("#rows tr")).to_have_count(31)


@pytest.mark.extended
def test_an_open_row_stays_while_more_rows_come_than_one_answer_has(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    page.get_by_role("button", name="Requests of Product Viewed").click()
    expect(page.locator("tr.requests")).to_be_visible()
    emulator.send(*[CART] * 150)
    expect(page.get_by_role("button", name="100+ new")).to_be_visible()
    expect(page.locator("tr.requests")).to_be_visible()


@pytest.mark.extended
def test_rows_that_overtook_each_other_are_in_the_order_of_their_times(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    emulator.send(CART)
    expect(page.locator("#rows tr")).to_have_count(2)
    page.evaluate("document.querySelector('#m2 time').dateTime = '2999-01-01T00:00:00.500Z'")
    page.evaluate("document.querySelector('#m1 time').dateTime = '2999-01-01T00:00:00.100Z'")

    def change_time(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'datetime="[^"]*"', 'datetime="2999-01-01T00:00:00.300Z"', answer.text())
        route.fulfill(response=answer, body=body)

    page.route(is_part("rows"), change_time)
    emulator.send({**VIEWED, "event": "Song Played"})
    expect(page.locator("#rows .event")).to_have_text(
        ["Cart Viewed", "Song Played", "Product Viewed"]
    )


@pytest.mark.parametrize(
    "width", [800, *(pytest.param(wide, marks=pytest.mark.extended) for wide in (1024, 1280))]
)
def test_the_longest_texts_leave_the_verdict_in_sight(
    emulator: RunningEmulator, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    emulator.send({**VIEWED, "event": LONG_NAME, "userId": "W" * 60})
    page.goto(emulator.url)
    verdict = page.locator("#rows .outcome .verdict")
    expect(verdict).to_be_visible()
    box = verdict.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width
    assert page.locator("#rows .event a").get_attribute("title") == LONG_NAME


@pytest.mark.extended
def test_a_shared_address_has_no_menu_over_its_rows(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED)
    page.goto(f"{emulator.url}/?user=ada&since=10+minutes&column=$.userId")
    expect(page.locator("details.more .drawer")).to_be_hidden()
    expect(page.get_by_role("link", name="column $.userId")).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value('user:ada since:"10 minutes"')


@pytest.mark.extended
def test_menus_close_after_a_click_outside_esc_and_use(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    more, drawer = page.get_by_text("More", exact=True), page.locator("details.more .drawer")
    more.click()
    page.get_by_label("Show as a column").fill("x")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.locator("details.more summary")).to_be_focused()
    more.click()
    page.locator("#rows .time").click()
    expect(drawer).to_be_hidden()
    page.goto(f"{emulator.url}/messages/1")
    menus = page.locator("details.menu")
    page.get_by_text("Copy as", exact=True).click()
    page.get_by_role("button", name="JSON", exact=True).click()
    expect(menus.first).not_to_have_attribute("open", "")
    page.get_by_text("Copy as", exact=True).click()
    page.get_by_text("Compare", exact=True).click()
    expect(menus.first).not_to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menus.last).not_to_have_attribute("open", "")
    assert page.url == f"{emulator.url}/messages/1"


def test_the_first_row_is_few_keys_away(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED, CART)
    page.goto(emulator.url)
    for key in ("Tab", "Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    expect(page.get_by_role("checkbox", name="Select Cart Viewed")).to_be_focused()


@pytest.mark.extended
def test_the_bars_are_one_stop_and_arrows_move_in_them(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(VIEWED)
    emulator.parts.clock.advance(timedelta(seconds=5))
    emulator.send(VIEWED)
    page.goto(emulator.url)
    bars = page.get_by_role("group", name="Messages over time").get_by_role("link")
    expect(bars).to_have_count(2)
    page.locator(".stages a").last.focus()
    page.keyboard.press("Tab")
    expect(bars.last).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(bars.first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Search")).to_be_focused()


@pytest.mark.extended
def test_a_page_is_in_the_order_of_times_also_if_messages_were_stored_in_another(
    emulator: RunningEmulator, page: Page
) -> None:
    names = ("First", "Second", "Third")
    for name in names:
        emulator.send({**VIEWED, "event": name})
    times = {"First": "00.300", "Second": "00.100", "Third": "00.200"}
    with emulator.parts.engine.begin() as connection:
        for name, time in times.items():
            connection.execute(
                text("UPDATE messages SET received_at = :time WHERE event = :name"),
                {"time": f"2026-11-23T10:00:{time}Z", "name": name},
            )
    page.goto(emulator.url)
    assert get_titles(page) == ["First", "Third", "Second"]


@pytest.mark.extended
@pytest.mark.parametrize(
    "way", ["Escape", "Back", pytest.param("All messages", marks=pytest.mark.extended)]
)
def test_one_comes_back_to_the_same_place_of_the_same_page(
    emulator: RunningEmulator, page: Page, way: str
) -> None:
    page.set_viewport_size(PHONE)  # where a message has the whole page
    emulator.send(*[{**VIEWED, "event": f"Song {number}"} for number in range(60)])
    page.goto(f"{emulator.url}/?before=55")
    page.get_by_role("link", name="Song 20", exact=True).click()
    page.wait_for_url("**/messages/21?before=55")
    scrolled = page.evaluate(f"JSON.parse(sessionStorage['{PLACE}']).scroll")
    if way == "Escape":
        page.keyboard.press("Escape")
    elif way == "Back":
        page.go_back()
    else:
        page.get_by_role("link", name="All messages").click()
    expect(page.get_by_role("link", name="Song 20", exact=True)).to_be_focused()
    assert page.url == f"{emulator.url}/?before=55"
    # Rows that are still checked are a little lower or higher.
    page.wait_for_function(f"Math.abs(scrollY - {scrolled}) <= 60")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Song 19", exact=True)).to_be_focused()


@pytest.mark.extended
def test_the_message_that_was_read_last_has_the_focus(
    emulator: RunningEmulator, page: Page
) -> None:
    page.set_viewport_size(PHONE)
    emulator.send(VIEWED, CART)
    page.goto(f"{emulator.url}/?query=type:track")
    page.get_by_role("link", name="Cart Viewed", exact=True).click()
    page.wait_for_url("**/messages/2?*")
    page.keyboard.press("j")
    page.wait_for_url("**/messages/1?*")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Product Viewed", exact=True)).to_be_focused()


def test_the_chart_shows_the_shape_of_messages_before_and_after_the_clock_was_moved(
    emulator: RunningEmulator, page: Page
) -> None:
    clock = emulator.parts.clock
    clock.freeze()
    for moved in (0, 3, 3, 45 * 60, 2, 4):
        clock.advance(timedelta(seconds=moved))
        emulator.send(VIEWED)
    page.goto(emulator.url)
    bars = page.get_by_role("group", name="Messages over time").get_by_role("link")
    expect(bars).to_have_count(6)
    expect(page.locator(".gap title")).to_contain_text("No messages from")
    expect(page.locator(".axis")).to_contain_text("time without messages")
