"""Browser pages: settings, parts of analytics.js and wrong addresses."""

from pathlib import Path

import pytest

from sdks.sdk_emulator import SdkEmulator, run_emulator
from sdks.sdk_senders import BrowserSdk
from segment_insider_emulator.segment.assets import ANALYTICS_JS_VERSION


@pytest.mark.extended
@pytest.mark.observed
def test_a_part_of_analytics_js_comes_from_the_emulator(
    end: SdkEmulator, snippet_sdk: BrowserSdk
) -> None:
    with (
        snippet_sdk.open_page(end.url, {}) as page,
        page.expect_response(f"{end.url}/v1/t") as answered,
    ):
        page.goto(page.url + "?ajs_event=Giraffe%20Fed&ajs_prop_leaves=3")
    assert answered.value.ok
    assert list(end.list_insider_events()) == ["Giraffe Fed"]
    assert snippet_sdk.external_requests == []


@pytest.mark.observed
def test_an_api_host_without_version_is_reported(end: SdkEmulator, snippet_sdk: BrowserSdk) -> None:
    host = end.url.removeprefix("http://")
    options = {"integrations": {"Segment.io": {"apiHost": host}}}
    with snippet_sdk.open_page(end.url, options) as page:
        with page.expect_response(f"{end.url}/t") as answered:
            page.evaluate("void analytics.track('Giraffe Fed')")
        detail = answered.value.json()["detail"]
    assert detail.startswith("POST /t: the Tracking API has no such address. The apiHost of this")
    assert end.list_verdicts() == []


@pytest.mark.observed
def test_alias_of_a_known_user_sends_the_current_id(
    end: SdkEmulator, snippet_sdk: BrowserSdk
) -> None:
    with snippet_sdk.open_page(end.url, {}) as page, page.expect_response(f"{end.url}/v1/a"):
        page.evaluate("analytics.identify('ada'); void analytics.alias('new', 'old')")
    (alias,) = end.client.list_messages(type="alias")
    assert (alias["userId"], alias["message"]["previousId"]) == ("ada", "old")


def test_a_page_without_analytics_js_is_reported_and_other_calls_work(
    snippet_sdk: BrowserSdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no npm there
    with run_emulator(tmp_path / "cache") as bare, snippet_sdk.browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{bare.url}/emulator/v1/health")
        with page.expect_console_message(
            lambda message: "emulator" in message.text
        ) as message_info:
            page.add_script_tag(url=f"{bare.url}/analytics.js/v1/wk_demo/analytics.min.js")
        assert (message_info.value.type, message_info.value.text) == (
            "error",
            f"Segment emulator: npm: @segment/analytics-next@{ANALYTICS_JS_VERSION} is not here "
            "and npm is not installed. Run `emulator assets` once where npm and the internet are "
            "at hand.",
        )
        call = b'{"writeKey": "wk_demo", "userId": "ada", "event": "Giraffe Fed"}'
        assert bare.client.post_to_segment("/v1/track", call, "wk_demo") == 200
        assert bare.list_verdicts() == ["accepted"]
