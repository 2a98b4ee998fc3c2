"""The Settings page: faults, sandboxes, limits, storage and fidelity."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running import PHONE, Running, running

RATED = {"type": "track", "event": "Rated", "userId": "ada", "properties": {"stars": 5}}


def verdicts(emulator: Running) -> list[str]:
    found, _ = emulator.parts.store.list_messages()
    return [message.verdict for message in found]


def test_a_fault_on_the_way_is_met_tried_again_and_cleared(
    emulator: Running, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/settings")
    accessible(page)
    way = page.get_by_role("region", name="Faults of deliveries to Insider One")
    way.get_by_role("button", name="429 three times").click()
    expect(way).to_contain_text("returns 429, 3 times")
    emulator.send(RATED)
    assert verdicts(emulator) == ["retrying"]
    page.reload()
    expect(way).to_contain_text("returns 429, 2 times")
    way.get_by_role("button", name="Clear").click()
    expect(way).to_contain_text("none")
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator(".notice")).to_have_text("Retried requests: 1")
    assert verdicts(emulator) == ["accepted"]


def test_a_fault_at_segments_end_is_asked_for_in_full(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/settings")
    source = page.get_by_role("region", name="Faults of the Segment API")
    source.get_by_text("Another fault").click()
    source.get_by_label("Status").fill("429")
    source.get_by_label("Retry after, s").fill("7")
    source.get_by_label("Times").fill("2")
    source.get_by_label("Process the request first").check()
    source.get_by_role("button", name="Add").click()
    told = "returns 429, retry after 7 s, after processing the request, 2 times"
    expect(source.get_by_role("listitem")).to_have_text(told)
    body = {**RATED, "writeKey": "wk_demo"}
    answer = requests.post(f"{emulator.url}/v1/track", json=body, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert verdicts(emulator) == ["accepted"]


@pytest.mark.parametrize(
    ("label", "text", "told"),
    [
        pytest.param("Status", "often", "is not a whole number", id="no number"),
        pytest.param("Status", "99", "invalid fault", id="no status"),
        pytest.param("Percent of them", "300", "invalid fault", id="no share"),
    ],
)
def test_a_mistake_is_told_beside_the_form_and_keeps_the_input(
    emulator: Running, page: Page, label: str, text: str, told: str
) -> None:
    page.goto(f"{emulator.url}/settings")
    way = page.get_by_role("region", name="Faults of deliveries to Insider One")
    way.get_by_text("Another fault").click()
    way.get_by_label(label).fill(text)
    way.get_by_role("button", name="Add").click()
    expect(way.get_by_role("alert")).to_contain_text(told)
    expect(way.get_by_label(label)).to_have_value(text)
    assert emulator.parts.insider_faults.list_active_faults() == []


def test_a_sandbox_is_created_entered_and_deleted(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/settings")
    page.get_by_label("Id (generated if empty)").fill("team-a")
    page.get_by_label("Workspace").select_option("segment-defaults")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("The account key, shown only once")).to_be_visible()
    page.get_by_role("link", name="team-a").click()
    expect(page).to_have_url(f"{emulator.url}/sandboxes/team-a/")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="default").click()
    expect(page).to_have_url(f"{emulator.url}/")
    page.get_by_role("link", name="Settings").click()
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Delete the sandbox team-a").click()
    expect(page.locator(".notice")).to_have_text("Sandbox team-a was deleted")


def test_an_id_that_cannot_be_had_is_told(emulator: Running, page: Page) -> None:
    page.goto(f"{emulator.url}/settings")
    page.get_by_label("Id (generated if empty)").fill("<b>")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("is not a valid sandbox id")
    expect(page.get_by_label("Id (generated if empty)")).to_have_value("<b>")


def test_storage_and_limits_are_told(tmp_path: Path, page: Page) -> None:
    with running(db=str(tmp_path / "shop.db")) as emulator:
        emulator.send(RATED)
        page.goto(f"{emulator.url}/settings")
        storage = page.get_by_role("region", name="Storage")
        expect(storage).to_contain_text("shop.db")
        expect(storage).to_contain_text("Messages1")
        limits = page.get_by_role("region", name="Limits")
        expect(limits).to_contain_text("25,000 a minute")
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_what_a_real_account_answers_otherwise_is_shown(page: Page) -> None:
    with running() as real, running(insider_url=real.url) as emulator:
        real.parts.insider_panel.revoke_integration(1, "Administrator")
        emulator.send(RATED)
        page.goto(f"{emulator.url}/settings")
        fidelity = page.get_by_role("region", name="Fidelity")
        expect(fidelity).to_contain_text("1 answer of")
        fidelity.get_by_text("Request and responses").click()
        expect(fidelity).to_contain_text("Access Denied")
        assert "test-key" not in page.content()
