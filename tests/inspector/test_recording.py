"""Recording on the pages: choose or record messages, run the scenario, see what differs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.editors import find_editor, read_editor, write_editor
from inspector.running_emulator import PHONE, RunningEmulator, run_emulator
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import PRESET_NAMES, load_preset_workspace

LABEL = "Feature file"
PRICES: JSONObject = {"product_id": "mug", "price": 8.5}
VIEWED: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Viewed",
    "properties": PRICES,
}
WISHED: JSONObject = {"type": "track", "userId": "bob", "event": "Wish Listed"}
CART: JSONObject = {
    "type": "track",
    "userId": "ada",
    "event": "Product Added",
    "properties": {**PRICES, "cart_id": "c-9"},
}
READS_A_FILE = """Feature: A file elsewhere

  Scenario: It is not read
    Given the workspace "{file}"
    When Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
"""


def run_here(page: Page) -> None:
    page.get_by_role("button", name="Run here").click()
    expect(page.get_by_role("heading", level=2)).to_be_visible()


@pytest.mark.extended
def test_chosen_rows_become_a_scenario_that_runs_on_the_page(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(VIEWED, WISHED)
    page.goto(emulator.url)
    page.get_by_role("checkbox", name="Select Product Viewed").check()
    page.get_by_role("checkbox", name="Select Wish Listed").check()
    page.get_by_role("button", name="Scenario of 2 messages").click()
    steps = re.compile(r'Ada views these products:.*When Bob does "Wish Listed"', re.DOTALL)
    expect(page.locator("#feature")).to_have_value(steps)
    find_editor(page, LABEL)
    accessible(page)
    run_here(page)
    expect(page.locator(".page-head")).to_contain_text("1 passed")
    page.locator("summary").click()
    expect(page.get_by_role("cell", name="mug").first).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Run again").click()
    expect(page).to_have_url(f"{emulator.url}/scenarios/2")
    page.goto(f"{emulator.url}/scenarios")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Run here")


@pytest.mark.extended
def test_a_mapping_that_loses_a_value_fails_the_recorded_scenario(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(VIEWED)
    page.goto(f"{emulator.url}/scenarios/new?after=0")
    overrides = emulator.parts.destination_overrides
    subscriptions = overrides.current_destination["subscriptions"]
    index = [one["name"] for one in subscriptions].index("Product Viewed Event")
    fields = subscriptions[index]["settings"]
    parameters = {**fields["parameters"], "sku": {"@path": "$.properties.product_id"}}
    overrides.edit_subscription(index, {"settings": {**fields, "parameters": parameters}})
    run_here(page)
    expect(page.locator(".page-head")).to_contain_text("1 failed")
    expect(page.get_by_role("table", name="Expected")).to_contain_text("missing")
    expect(page.get_by_role("table", name="Received")).to_contain_text("other")
    accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("link", name="Product Viewed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Product Viewed")
    assert "/sandboxes/" in page.url


@pytest.mark.extended
def test_a_recording_has_what_arrives_until_it_stops(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    emulator.send(WISHED)
    page.goto(emulator.url)
    page.get_by_role("link", name="Record").click()
    expect(page.get_by_role("heading", name="No message yet")).to_be_visible()
    accessible(page)
    emulator.send(CART)
    expect(page.get_by_role("heading", level=2)).to_have_text("1 message")
    accessible(page)
    requests.post(
        f"{emulator.url}/emulator/v1/clock", json={"advance": "45 minutes"}, timeout=60
    ).raise_for_status()
    page.get_by_role("link", name="Stop").click()
    text = read_editor(page, LABEL)
    assert "Bob" not in text
    assert 'When Ada adds these products to cart "c-9":' in text
    assert "    And 45 minutes pass\n" in text
    assert "Then Insider One receives exactly these events and parameters for Ada:" in text
    assert 'the journey "Cart abandonment" ends for Ada as dropped' in text
    run_here(page)
    expect(page.locator(".page-head")).to_contain_text("1 passed")


@pytest.mark.extended
def test_a_run_on_the_page_reads_no_file_elsewhere(
    emulator: RunningEmulator, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("secret: hunter2")
    page.goto(f"{emulator.url}/scenarios/new")
    write_editor(page, LABEL, READS_A_FILE.format(file=file))
    run_here(page)
    expect(page.locator(".page-head")).to_contain_text("1 failed")
    expect(page.locator("main")).to_contain_text("reads only files in the folder of the feature")
    expect(page.locator("main")).not_to_contain_text("hunter2")


@pytest.mark.extended
def test_a_feature_that_cannot_run_says_why(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/scenarios/new")
    write_editor(page, LABEL, "Feature: Nothing")
    run_here(page)
    expect(page.locator("main")).to_contain_text("it has no scenarios. Write one.")


def test_a_sample_scenario_runs_with_one_click(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/scenarios")
    accessible(page)
    page.get_by_role("button", name="Run a sample scenario").click()
    expect(page.locator(".page-head")).to_contain_text("1 passed")
    page.get_by_role("link", name="Edit").click()
    assert read_editor(page, LABEL).startswith("Feature: Purchase")
    accessible(page)


@pytest.mark.extended
@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_the_sample_scenario_passes_with_each_preset(page: Page, preset: str) -> None:
    with run_emulator(load_preset_workspace(preset)) as emulator:
        page.goto(f"{emulator.url}/scenarios/new")
        run_here(page)
        expect(page.locator(".page-head")).to_contain_text("1 passed")


def test_an_empty_feature_is_refused(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/scenarios/new")
    write_editor(page, LABEL, "")
    page.get_by_role("button", name="Run here").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no feature")


@pytest.mark.extended
def test_steps_of_ones_own_run_only_if_serve_names_them(page: Page, tmp_path: Path) -> None:
    own_step = """
from pytest_bdd import when
from segment_insider_scenarios.shopper import track_call

@when("Ada whistles")
def whistles(scene):
    scene.send_calls("Ada", track_call("Whistled"))
"""
    tmp_path.joinpath("conftest.py").write_text(own_step)
    feature = (
        "Feature: Own steps\n\n  Scenario: A whistle\n    When Ada whistles\n"
        '    Then Insider One receives 1 "whistled" for Ada\n'
    )
    for steps, result in ((None, "1 failed"), (str(tmp_path), "1 passed")):
        with run_emulator(steps=steps) as emulator:
            page.goto(f"{emulator.url}/scenarios/new")
            write_editor(page, LABEL, feature)
            run_here(page)
            expect(page.locator(".page-head")).to_contain_text(result)


@pytest.mark.parametrize("path", ["scenarios/new", "scenarios/1/run"])
def test_another_site_cannot_run_a_feature(emulator: RunningEmulator, path: str) -> None:
    answer = requests.post(
        f"{emulator.url}/{path}",
        data={"feature": "Feature: x"},
        headers={"Origin": "https://evil.example"},
        timeout=60,
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("message=99", "no message was recorded"),
        ("after=x", "no message was recorded"),
        ("message=" + ",".join(map(str, range(300))), "a scenario has at most 200 messages"),
    ],
)
def test_messages_that_cannot_be_recorded_are_an_error(
    emulator: RunningEmulator, query: str, error: str
) -> None:
    answer = requests.get(f"{emulator.url}/scenarios/new?{query}", timeout=60)
    assert (answer.status_code, error in answer.text.lower()) == (400, True)


@pytest.mark.extended
def test_a_scenario_names_the_preset_of_its_sandbox(emulator: RunningEmulator) -> None:
    sandbox = requests.post(
        f"{emulator.url}/emulator/v1/sandboxes", json={"workspace": "segment-defaults"}, timeout=60
    ).json()
    batch = {"writeKey": sandbox["writeKey"], "batch": [VIEWED]}
    requests.post(f"{emulator.url}/v1/batch", json=batch, timeout=60).raise_for_status()
    text = requests.get(f"{sandbox['url']}/scenarios/new.feature?after=0", timeout=60).text
    assert '    Given the workspace "segment-defaults"\n' in text


def test_an_edited_scenario_is_downloaded(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/scenarios/new")
    write_editor(page, LABEL, "Feature: Mine\n")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download").click()
    assert downloaded.value.suggested_filename == "recorded.feature"
    assert downloaded.value.path().read_text() == "Feature: Mine\n"


def test_a_recording_of_huge_carts_is_refused_at_once(emulator: RunningEmulator) -> None:
    products = [{"product_id": f"p{at}", "price": 1.5, "name": "x" * 200} for at in range(120)]
    cart = {"cart_id": "c-1", "currency": "EUR", "products": products}
    for _ in range(14):
        emulator.send(
            {"type": "track", "userId": "ada", "event": "Cart Viewed", "properties": cart}
        )
    answer = requests.get(f"{emulator.url}/scenarios/new?after=0", timeout=60)
    assert answer.status_code == 400
    assert "a scenario has at most 400,000" in answer.text


def test_a_long_feature_is_downloaded_as_a_whole(emulator: RunningEmulator) -> None:
    text = "Feature: Long\n" + "# a comment\n" * 25_000
    form = {"feature": text, "download": "1"}
    headers = {"Origin": emulator.url}
    url = f"{emulator.url}/scenarios/new"
    answer = requests.post(url, data=form, headers=headers, timeout=60)
    assert answer.text == text
