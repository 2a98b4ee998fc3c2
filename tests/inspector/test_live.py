"""The Live page: new messages appear at once, and its address filters them."""

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.types import JSONObject

ADA: JSONObject = {"type": "identify", "userId": "ada", "traits": {"firstName": "Ada"}}
VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": {"product_id": "mug", "price": 8.5, "gift": True, "tags": ["blue"]},
}
WISHED: JSONObject = {
    "type": "track",
    "userId": "grace",
    "event": "Wish Listed",
    "properties": {"product_id": "tray", "price": 21, "gift": False, "note": 'say "hi"'},
}
CART: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Cart Viewed",
    "properties": {"currency": "EUR", "products": [{"product_id": "mug"}]},
}
WITHOUT_USER: JSONObject = {"type": "track", "event": "Wish Listed"}


def list_titles(page: Page) -> list[str]:
    return page.locator("#rows .event").all_inner_texts()


def expect_titles(page: Page, *titles: str) -> None:
    expect(page.locator("#rows .event")).to_have_text(titles)


def read_count(page: Page, stage: str) -> str:
    return page.get_by_role("link", name=re.compile(rf"^[\d,]+ {stage}$")).inner_text().split()[0]


def test_a_new_message_appears_on_the_open_page(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA)
    page.goto(emulator.url)
    expect(page.locator("#rows tr")).to_have_count(1)
    emulator.send(CART, WITHOUT_USER)
    expect(page.locator("#rows tr")).to_have_count(3)
    expect(page.locator("#rows .outcome")).to_have_text(
        [
            "Rejected by Segment no_user_anon_id: It has no userId and no anonymousId. "
            "Send one of them.",
            "Dropped by Insider One event_group_id parameter is required on cart_page_view event; "
            "unit_sale_price parameter is required on cart_page_view event",
            "Accepted",
        ],
        use_inner_text=True,
    )
    expect(page.get_by_role("link", name="3 Received")).to_be_visible()


def test_the_first_message_replaces_the_welcome(emulator: RunningEmulator, page: Page) -> None:
    page.goto(emulator.url)
    expect(page.get_by_text("No messages yet")).to_be_visible()
    emulator.send(ADA)
    expect(page.locator("#rows .event")).to_have_text("Identify")


def test_a_page_without_a_stream_polls(
    emulator: RunningEmulator, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.send(ADA)
    page.route("**/stream", lambda route: route.fulfill(status=204))
    page.goto(emulator.url)
    emulator.send(VIEWED)
    expect(page.locator("#rows tr")).to_have_count(2)


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "",
            ["Wish Listed", "Cart Viewed", "Wish Listed", "Product Viewed", "Identify"],
            id="all, newest first",
        ),
        pytest.param("type=identify", ["Identify"], id="type"),
        pytest.param("event=Wish+Listed&user=grace", ["Wish Listed"], id="event and user"),
        pytest.param("verdict=dropped&verdict=rejected", ["Wish Listed", "Cart Viewed"],
                     id="any of the verdicts"),
        pytest.param("subscription=Product+Viewed+Event", ["Product Viewed"], id="subscription"),
        pytest.param("q=TRAY", ["Wish Listed"], id="text of what was sent"),
        pytest.param("q=no_user_anon", ["Wish Listed"], id="text of the reason"),
        pytest.param("q=100%25", [], id="text with a sign that SQL knows"),
        pytest.param("path=$.properties.gift", ["Wish Listed", "Product Viewed"], id="path exists"),
        pytest.param("path=$.properties.price%3D8.5", ["Product Viewed"], id="path is a number"),
        pytest.param("path=properties.gift%3Dfalse", ["Wish Listed"], id="path is false"),
        pytest.param("path=$.properties.tags[0]%3Dblue", ["Product Viewed"], id="path is a text"),
        pytest.param('path=$.properties.note%3Dsay "hi"', ["Wish Listed"], id="text with quotes"),
        pytest.param("path=$.properties.note%3Dhi", [], id="path has more than the text"),
        pytest.param("path=$.properties.hi", [], id="path is a value's name"),
        pytest.param('path=$["traits"].firstName', ["Identify"], id="path in brackets"),
        pytest.param("since=1+hour&type=identify", ["Identify"], id="since a while"),
        pytest.param("until=2026-01-01", [], id="until a day"),
        pytest.param("source=Web+shop&type=identify", ["Identify"], id="source"),
    ],
)  # fmt: skip
def test_the_query_filters_the_messages(
    emulator: RunningEmulator, query: str, expected: list[str]
) -> None:
    emulator.send(ADA, VIEWED, WISHED, CART, WITHOUT_USER)
    page = requests.get(f"{emulator.url}/?{query}", timeout=60)
    events = re.findall(r'data-step>(?:<span class="muted">)?([^<]*)<', page.text)
    assert (page.status_code, events) == (200, expected)


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("verdict=lost", "Unknown verdict &#39;lost&#39;"),
        ("path=$..x", "&#39;$..x&#39; is not a path"),
        ('path=$["a', "&#39;$[&#34;a&#39; is not a path"),
        ("path=%3D1", "&#39;&#39; is not a path"),
        ("since=soon", "&#39;soon&#39; is not a time"),
        ("since=9999-12-31T23:59-14:00", "&#39;9999-12-31T23:59-14:00&#39; is not a time"),
        ("before=x", "&#39;x&#39; is not a number"),
        ("sort=price", "Unknown column &#39;price&#39;"),
        ("sort=event&last=[0,null,1]", "&#39;[0,null,1]&#39; is not a place in the list"),
        ("sort=event&last=[1,[2],1]", "&#39;[1,[2],1]&#39; is not a place in the list"),
        ("sort=event&last=nowhere", "&#39;nowhere&#39; is not a place in the list"),
        ("sort=event&sorted=a-b", "&#39;a&#39; is not a number"),
        ("before=99999999999999999999", "&#39;99999999999999999999&#39; is not a number"),
        ("q=" + "x" * 501, "Too many or too long values"),
        ("q=%00", "Too many or too long values"),
    ],
)
def test_an_invalid_filter_is_reported_on_the_page(
    emulator: RunningEmulator, query: str, what: str
) -> None:
    page = requests.get(f"{emulator.url}/?{query}", timeout=60)
    assert page.status_code == 400
    assert f"<h2>{what}</h2>" in page.text


def test_filter_fields_change_the_address_and_the_list(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ADA, VIEWED, WISHED)
    page.goto(emulator.url)
    page.get_by_label("Search").fill("tray")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert page.url == f"{emulator.url}/?query=tray"
    page.reload()
    assert list_titles(page) == ["Wish Listed"]
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#rows tr")).to_have_count(3)


def test_clicking_a_stage_or_a_bar_filters_the_list(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA, CART, WITHOUT_USER)
    page.goto(emulator.url)
    page.get_by_role("link", name="1 Dropped by Insider One").click()
    expect(page).to_have_url(f"{emulator.url}/?query=verdict:dropped")
    expect_titles(page, "Cart Viewed")
    page.get_by_role("link", name="1 Received").click()
    page.get_by_role("link", name=re.compile("^3 from")).click()
    expect(page).to_have_url(re.compile(r"\?query=since:.*\+until:"))
    expect(page.locator("#rows .event")).to_have_count(3)


CUT = "┆ time without messages"


def test_the_chart_fits_a_changed_clock(emulator: RunningEmulator, page: Page) -> None:
    control = f"{emulator.url}/emulator/v1"
    requests.post(f"{control}/reset", json={"now": "2026-11-23T10:00:00Z"}, timeout=60)
    for moved, axis in (
        ({"freeze": True}, ["09:59:37", "10:00:01 UTC"]),
        ({"advance": "45 minutes"}, ["09:59:39", CUT, "10:45:01 UTC"]),
        ({"advance": "1 day"}, ["23 Nov 2026 09:59:41", CUT, "24 Nov 2026 10:45:01 UTC"]),
        ({"advance": "400 days"}, ["23 Nov 2026 09:59:43", CUT, "29 Dec 2027 10:45:01 UTC"]),
    ):
        requests.post(f"{control}/clock", json=moved, timeout=60).raise_for_status()
        emulator.send(ADA)
        page.goto(emulator.url)
        expect(page.locator(".axis span")).to_have_text(axis)
    bars = page.get_by_role("group", name="Messages over time").get_by_role("link")
    names = bars.evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
    assert names == [
        "1 from 23 Nov 2026 10:00:00",
        "1 from 23 Nov 2026 10:45:00",
        "1 from 24 Nov 2026 10:45:00",
        "1 from 29 Dec 2027 10:45:00",
    ]


@pytest.mark.extended
def test_a_row_of_another_day_shows_the_date(emulator: RunningEmulator, page: Page) -> None:
    control = f"{emulator.url}/emulator/v1"
    requests.post(f"{control}/reset", json={"now": "2026-11-23T10:00:00Z"}, timeout=60)
    for moved in ({"freeze": True}, {"advance": "400 days"}, {"advance": "1 day"}):
        requests.post(f"{control}/clock", json=moved, timeout=60).raise_for_status()
        emulator.send(ADA)
    page.goto(emulator.url)
    times = page.locator("#rows td.time")
    expect(times).to_have_text(["10:00:00.000", "28 Dec 10:00:00", "23 Nov 2026 10:00"])


@pytest.mark.parametrize(
    "query", ["until=9999-12-31T23:59", "since=0001-01-01", "since=9999-12-31T23:59"]
)
def test_the_earliest_and_the_latest_time_are_accepted(
    emulator: RunningEmulator, query: str
) -> None:
    emulator.send(ADA)
    assert requests.get(f"{emulator.url}/?{query}", timeout=60).status_code == 200


def test_a_path_can_be_pinned_as_a_column(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA, VIEWED)
    page.goto(emulator.url)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Show as a column").fill("$.properties.tags")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".pinned")).to_have_text(['["blue"]', "none"])
    page.get_by_role("link", name=re.compile("column")).click()
    expect(page.locator(".pinned")).to_have_count(0)


def test_a_row_expands_to_its_requests(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(VIEWED)
    page.goto(emulator.url)
    page.get_by_role("button", name="Requests of Product Viewed").click()
    expect(page.locator("tr.requests")).to_contain_text("product_detail_page_view")
    page.get_by_role("button", name="Requests of Product Viewed").click()
    expect(page.locator("tr.requests")).to_have_count(0)


def test_a_paused_page_counts_new_messages_and_shows_them_on_click(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ADA)
    page.goto(emulator.url)
    page.get_by_role("button", name="Pause").click()
    emulator.send(VIEWED, WISHED)
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    assert list_titles(page) == ["Identify"]
    page.get_by_role("button", name="2 new").click()
    expect_titles(page, "Wish Listed", "Product Viewed", "Identify")


@pytest.mark.extended
def test_a_scrolled_page_does_not_jump(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(*[VIEWED] * 60)
    page.goto(emulator.url)
    page.evaluate("scrollTo(0, 600)")
    emulator.send(WISHED)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert page.evaluate("scrollY") == 600
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("#rows tr").first).to_contain_text("Wish Listed")


@pytest.mark.extended
def test_a_long_list_is_split_into_pages(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(*[{**VIEWED, "event": f"Song {number}"} for number in range(230)])
    page.goto(emulator.url)
    titles = list_titles(page)
    for _ in range(2):
        before = f"before={231 - len(titles)}"
        page.get_by_role("link", name="Older").click()
        page.wait_for_url(f"**{before}")
        titles += list_titles(page)
    assert titles == [f"Song {number}" for number in reversed(range(230))]
    expect(page.get_by_role("link", name="Older")).to_have_count(0)


def test_a_retried_delivery_changes_on_the_open_page(emulator: RunningEmulator, page: Page) -> None:
    emulator.parts.clock.freeze()
    requests.post(f"{emulator.url}/emulator/v1/faults", json={"status": 503}, timeout=60)
    emulator.send(VIEWED)
    page.goto(emulator.url)
    expect(page.locator("#rows .outcome")).to_contain_text("Retrying")
    requests.post(f"{emulator.url}/emulator/v1/deliveries/retry", timeout=60)
    expect(page.locator("#rows .outcome .verdict")).to_have_text("Accepted")


def test_keys_move_in_the_list_open_a_message_and_search(
    emulator: RunningEmulator, page: Page
) -> None:
    emulator.send(ADA, VIEWED)
    page.goto(emulator.url)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Identify")).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="Product Viewed")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Search")).not_to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?message=2$"))


def test_clearing_asks_for_confirmation(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA)
    page.goto(emulator.url)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Clear everything").click()
    assert list_titles(page) == ["Identify"]
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear everything").click()
    expect(page.get_by_text("No messages yet")).to_be_visible()


def test_the_sample_shopper_sends_sample_messages(emulator: RunningEmulator, page: Page) -> None:
    page.goto(emulator.url)
    page.get_by_role("button", name="Send a sample shopper").click()
    expect(page.locator("#rows tr")).to_have_count(10)
    assert [
        read_count(page, stage) for stage in ("Rejected by Segment", "Dropped by Insider One")
    ] == [
        "1",
        "1",
    ]


@pytest.mark.extended
def test_the_curl_command_of_the_welcome_works(
    emulator: RunningEmulator, page: Page, shell: Callable[[str], str]
) -> None:
    page.goto(emulator.url)
    page.locator('[data-copy="sdk-1"]').click()
    shell(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator("#rows .event")).to_have_text("Product Viewed")


def test_the_list_is_accessible(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(ADA, VIEWED, CART, WITHOUT_USER)
    page.goto(f"{emulator.url}/?column=$.properties.price")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Requests of Product Viewed").click()
    accessible(page)
    page.set_viewport_size(PHONE)
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.extended
def test_a_phone_shows_the_users_and_all_counts(emulator: RunningEmulator, page: Page) -> None:
    grace = {**ADA, "messageId": "of-grace", "userId": "grace"}
    emulator.send(ADA, grace)
    page.set_viewport_size(PHONE)
    page.goto(emulator.url)
    expect(page.locator("#rows .event")).to_have_text(["Identify", "Identify"])
    users = page.locator("#rows .user")
    expect(users).to_have_text(["grace", "ada"])
    for element in users.all():
        expect(element).to_be_visible()
    for element in page.locator(".stages li").all():
        expect(element).to_be_in_viewport(ratio=1)


@pytest.mark.extended
def test_a_closed_page_frees_its_thread(page: Page) -> None:
    with run_emulator() as emulator:
        for _ in range(8):  # more than there are threads for streams
            page.goto(emulator.url)
            page.wait_for_function("performance.getEntriesByType('resource').length > 0")
        emulator.send(ADA)
        expect(page.locator("#rows .event")).to_have_text("Identify")


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        pytest.param("event", ["Cart Viewed", "Identify", "Product Viewed", "Wish Listed"], id="A"),
        pytest.param(
            "-event", ["Wish Listed", "Product Viewed", "Identify", "Cart Viewed"], id="Z"
        ),
        pytest.param(
            "time", ["Identify", "Product Viewed", "Wish Listed", "Cart Viewed"], id="old"
        ),
        pytest.param(
            "user", ["Cart Viewed", "Product Viewed", "Identify", "Wish Listed"], id="user"
        ),
        pytest.param(
            "verdict", ["Wish Listed", "Product Viewed", "Identify", "Cart Viewed"], id="verdict"
        ),
    ],
)
def test_the_address_sorts_the_page(
    emulator: RunningEmulator, sort: str, expected: list[str]
) -> None:
    for call in (ADA, VIEWED, WISHED, CART):
        emulator.send(call)
    page = requests.get(f"{emulator.url}/?sort={sort}", timeout=60)
    found = re.findall(r'data-step>(?:<span class="muted">)?([^<]*)<', page.text)
    assert (page.status_code, found) == (200, expected)


def test_headers_sort_and_new_messages_wait(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(ADA, VIEWED, CART)
    page.goto(f"{emulator.url}/?query=user:ada")
    expect(page.get_by_role("columnheader", name="Time UTC")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("link", name="Event", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?query=user:ada&sort=event$"))
    expect_titles(page, "Cart Viewed", "Identify", "Product Viewed")
    expect(page.get_by_role("columnheader", name="Event")).to_have_attribute(
        "aria-sort", "ascending"
    )
    emulator.send(ADA)
    page.get_by_role("button", name="1 new").click()
    expect(page.locator("#rows tr")).to_have_count(4)
    expect_titles(page, "Cart Viewed", "Identify", "Identify", "Product Viewed")
    page.get_by_label("Search").fill("user:ada type:track")
    expect(page.locator("#rows .event")).to_have_text(["Cart Viewed", "Product Viewed"])


@pytest.mark.extended
def test_sorting_covers_more_than_a_page_and_pages_continue(
    emulator: RunningEmulator, page: Page
) -> None:
    prices = [*range(0, 240, 2), *range(1, 240, 2)]
    emulator.send(*[{**VIEWED, "properties": {"price": price}} for price in prices])
    page.goto(f"{emulator.url}/?column=properties.price")
    page.get_by_role("link", name="properties.price", exact=True).click()
    found: list[str] = []
    for _ in range(3):
        expect(page.locator("#rows")).to_have_attribute("data-live", "no")
        found += page.locator("#rows .pinned").all_inner_texts()
        more = page.get_by_role("link", name="More", exact=True)
        if more.count():
            emulator.send({**VIEWED, "properties": {"price": 3}})  # belongs to no page that follows
            address = page.url
            more.click()
            expect(page).not_to_have_url(address)
            page.wait_for_load_state()
    assert found == [str(price) for price in range(240)]


def test_columns_of_all_three_documents_and_secrets(emulator: RunningEmulator) -> None:
    call = {**VIEWED, "properties": {"price": 8.5, "password": "hunter2-and-more"}}
    emulator.send(call)
    columns = "column=insider.events[].event_name&column=sent.properties.price"
    text = requests.get(f"{emulator.url}/?{columns}&column=properties.password", timeout=30).text
    values = re.findall(r'class="pinned"><code[^>]*>([^<]*)<', text)
    assert values[:2] == ["&#34;product_detail_page_view&#34;", "8.5"]
    assert "hunter2" not in text


def test_a_reason_is_shown_in_full_next_to_the_unmapped_properties(
    emulator: RunningEmulator, page: Page
) -> None:
    traits = {"email_optin": "yes", "mood": "good", "nickname": "Ada"}
    emulator.send({"type": "identify", "userId": "ada", "traits": traits})
    page.goto(emulator.url)
    expect(page.locator(".unread")).to_have_text("2 not mapped")
    reason = page.locator(".reason")
    expect(reason).to_have_text("Email Opt-in must be a boolean but it was a string.")
    expect(reason).to_be_visible()
    cut = reason.evaluate("e => e.scrollHeight > e.clientHeight || e.scrollWidth > e.clientWidth")
    assert cut is False


def test_columns_of_values_fit_the_window(emulator: RunningEmulator, page: Page) -> None:
    emulator.send(
        {
            "type": "track",
            "userId": "ada",
            "event": "Product Viewed",
            "properties": {"price": 1, "name": "A mug with a rather long name"},
        }
    )
    page.goto(f"{emulator.url}/?column=properties.price&column=properties.name")
    expect(page.locator(".pinned").last).to_be_visible()
    assert page.locator("#list .scroll").evaluate("e => e.scrollWidth <= e.clientWidth") is True
