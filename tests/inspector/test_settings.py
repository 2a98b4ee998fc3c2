"""The Settings page: faults, sandboxes, limits, storage and fidelity."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from inspector.running_emulator import PHONE, RunningEmulator, run_emulator

RATED = {"type": "track", "event": "Rated", "userId": "ada", "properties": {"stars": 5}}


def list_verdicts(emulator: RunningEmulator) -> list[str]:
    messages, _ = emulator.parts.store.list_messages()
    return [message.verdict for message in messages]


@pytest.mark.extended
def test_a_fault_of_deliveries_takes_effect_until_it_is_cleared(
    emulator: RunningEmulator, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{emulator.url}/settings")
    accessible(page)
    deliveries = page.get_by_role("region", name="Faults of deliveries to Insider One")
    deliveries.get_by_role("button", name="429 three times").click()
    expect(deliveries).to_contain_text("returns 429, 3 times")
    emulator.send(RATED)
    assert list_verdicts(emulator) == ["retrying"]
    page.reload()
    expect(deliveries).to_contain_text("returns 429, 2 times")
    deliveries.get_by_role("button", name="Clear").click()
    expect(deliveries).to_contain_text("none")
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator(".notice")).to_have_text("Retried requests: 1")
    assert list_verdicts(emulator) == ["accepted"]


def test_a_fault_of_the_segment_api_can_be_set_in_full(
    emulator: RunningEmulator, page: Page
) -> None:
    page.goto(f"{emulator.url}/settings")
    source = page.get_by_role("region", name="Faults of the Segment API")
    source.get_by_text("Another fault").click()
    source.get_by_label("Status").fill("429")
    source.get_by_label("Retry after, s").fill("7")
    source.get_by_label("Times").fill("2")
    source.get_by_label("Process the request first").check()
    source.get_by_role("button", name="Add").click()
    description = "returns 429, retry after 7 s, after processing the request, 2 times"
    expect(source.get_by_role("listitem")).to_have_text(description)
    body = {**RATED, "writeKey": "wk_demo"}
    response = requests.post(f"{emulator.url}/v1/track", json=body, timeout=60)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert list_verdicts(emulator) == ["accepted"]


@pytest.mark.parametrize(
    ("label", "text", "message"),
    [
        pytest.param("Status", "often", "is not a whole number", id="no number"),
        pytest.param("Status", "99", "invalid fault", id="no status", marks=pytest.mark.extended),
        pytest.param(
            "Percent of them", "300", "invalid fault", id="no share", marks=pytest.mark.extended
        ),
    ],
)
def test_a_mistake_is_shown_at_the_form_and_the_input_stays(
    emulator: RunningEmulator, page: Page, label: str, text: str, message: str
) -> None:
    page.goto(f"{emulator.url}/settings")
    deliveries = page.get_by_role("region", name="Faults of deliveries to Insider One")
    deliveries.get_by_text("Another fault").click()
    deliveries.get_by_label(label).fill(text)
    deliveries.get_by_role("button", name="Add").click()
    expect(deliveries.get_by_role("alert")).to_contain_text(message)
    expect(deliveries.get_by_label(label)).to_have_value(text)
    assert emulator.parts.insider_faults.list_active_faults() == []


def test_a_sandbox_can_be_created_opened_and_deleted(emulator: RunningEmulator, page: Page) -> None:
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
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete the sandbox team-a").click()
    expect(page.locator(".notice")).to_have_text("Sandbox team-a was deleted")


def test_an_invalid_sandbox_id_is_reported(emulator: RunningEmulator, page: Page) -> None:
    page.goto(f"{emulator.url}/settings")
    page.get_by_label("Id (generated if empty)").fill("<b>")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("is not a valid sandbox id")
    expect(page.get_by_label("Id (generated if empty)")).to_have_value("<b>")


def test_storage_and_limits_are_shown(tmp_path: Path, page: Page) -> None:
    with run_emulator(db=str(tmp_path / "shop.db")) as emulator:
        emulator.send(RATED)
        page.goto(f"{emulator.url}/settings")
        storage = page.get_by_role("region", name="Storage")
        expect(storage).to_contain_text("shop.db")
        expect(storage).to_contain_text("Messages1")
        limits = page.get_by_role("region", name="Limits")
        expect(limits).to_contain_text("25,000 a minute")
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.extended
def test_different_responses_of_a_real_account_are_shown(page: Page) -> None:
    with run_emulator() as real, run_emulator(insider_url=real.url) as emulator:
        real.parts.insider_panel.revoke_integration(1, "Administrator")
        emulator.send(RATED)
        page.goto(f"{emulator.url}/settings")
        fidelity = page.get_by_role("region", name="Fidelity")
        expect(fidelity).to_contain_text("1 answer of")
        fidelity.get_by_text("Request and responses").click()
        expect(fidelity).to_contain_text("Access Denied")
        assert "test-key" not in page.content()
