"""Take the pictures of the documentation: pages of an emulator after calls of a few shoppers.

Run it with `python docs/screenshots.py`: it needs `pip install -e '.[test]'` and Chromium.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from segment_insider_emulator.demo.shopper_day import build_shopper_day
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.running_emulator import RunningEmulator, serve_emulator
from segment_insider_scenarios.shopper import make_products, make_shopper

IMAGES = Path(__file__).parent / "images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SIZE = (1280, 800)
SHOPPERS = (1, 2, 3)
LEFT_EARLY = 3  # a shopper who leaves the cart, and is written to about it
MORNING = "2026-11-23T10:00:00Z"
PAUSE = "40 seconds"  # from one call to the next
CART = "Cart Viewed"


def send_shopping_calls(emulator: RunningEmulator) -> None:
    """Send the calls of a few shoppers, at fixed times, so that two runs give the same pictures."""
    emulator.client.reset_sandbox(now=MORNING)
    for seed in SHOPPERS:
        turns = build_shopper_day(make_shopper(seed=seed), make_products(4, seed=seed))
        if seed == LEFT_EARLY:
            turns = [turn for turn in turns if "Buying" not in turn.chapter]
        for turn in turns:
            emulator.shop.send(turn.shopper, turn.call)
            emulator.client.advance_clock(PAUSE)


def open_pages(emulator: RunningEmulator, page: Page) -> Iterator[str]:
    """Open one page after the other and yield the name of each while it is open."""
    page.goto(emulator.url)
    page.get_by_role("row").nth(1).wait_for()
    expect(page.get_by_text("still checking")).to_have_count(0)
    yield "live"
    forgotten = next(m["id"] for m in emulator.client.list_messages(event=CART, verdict="dropped"))
    page.goto(f"{emulator.url}/messages/{forgotten}")
    yield "event"
    yield from open_value_pages(emulator, page, forgotten)
    page.goto(f"{emulator.url}/flow")
    yield "flow"
    page.goto(f"{emulator.url}/workspace/test?message={forgotten}")
    yield "tester"
    emulator.client.advance_clock("5 minutes")
    page.goto(f"{emulator.url}/journeys")
    yield "journeys"
    page.goto(f"{emulator.url}/profiles")
    page.get_by_role("table").get_by_role("link").first.click()
    page.get_by_role("region", name="Channels").wait_for()
    yield "profile"


def open_value_pages(emulator: RunningEmulator, page: Page, message: int) -> Iterator[str]:
    """Open what can be done with the values of the *message* on the page."""
    page.locator(".upsert [data-query]").first.click()
    page.get_by_role("menu").wait_for()
    yield "value"
    others = [m["id"] for m in emulator.client.list_messages(event=CART) if m["id"] != message]
    page.goto(f"{emulator.url}/messages/{message}/compare?with={others[-1]}")
    yield "compare"
    open_edited_call(page, f"{emulator.url}/messages/{message}/edit")
    yield "edit"
    open_sorted_list(emulator, page)
    yield "columns"


ADD_CART_ID = """editor => {
    const text = editor.CodeMirror.getValue().replace(/^ *"timestamp": .*\\n/m, "");
    editor.CodeMirror.setValue(text.replace('"currency"', '"cart_id": "cart-9",\\n    "currency"'));
}"""


def open_edited_call(page: Page, address: str) -> None:
    """Open a call in the editor of *Edit and resend*, and add what it lacks.

    Its timestamp is of today, and the clock of the pictures is not.
    """
    page.goto(address)
    page.locator(".CodeMirror").evaluate(ADD_CART_ID)
    page.get_by_role("region", name="What changes").get_by_text("Accepted").wait_for()


def open_sorted_list(emulator: RunningEmulator, page: Page) -> None:
    """Open the list with two columns of values, sorted by one of them."""
    columns = "column=properties.price&column=insider.events[].event_name"
    page.goto(f"{emulator.url}/?query=has:properties.price&{columns}&sort=-properties.price")
    page.get_by_role("row").nth(1).wait_for()
    expect(page.locator("#totals")).not_to_contain_text("…")
    expect(page.get_by_text("still checking")).to_have_count(0)


def take(browser: Browser, emulator: RunningEmulator) -> Iterator[Path]:
    """Write each picture."""
    width, height = SIZE
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
    for name in open_pages(emulator, page):
        file = IMAGES / f"{name}.png"
        page.screenshot(path=file, animations="disabled")
        yield file


def main() -> None:
    """Take all pictures."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        sys.exit(f"docs/screenshots.py: no browser found. Install one of {', '.join(CHROMIUM)}.")
    IMAGES.mkdir(exist_ok=True)
    with (
        serve_emulator(load_preset_workspace("guide")) as emulator,
        sync_playwright() as playwright,
    ):
        send_shopping_calls(emulator)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for file in take(browser, emulator):
            sys.stdout.write(f"{file}\n")
        browser.close()


if __name__ == "__main__":
    main()
