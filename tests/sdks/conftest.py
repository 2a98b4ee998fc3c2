"""Fixtures of the SDKs, downloaded once into the cache folder; tests skip what is missing."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sdks.sdk_emulator import SdkEmulator, run_emulator
from sdks.sdk_senders import BrowserSdk, NodeSdk, SdkSender, send_with_python_sdk
from segment_insider_emulator.config import load_config
from segment_insider_emulator.segment.assets import AnalyticsJsAssets, AssetsUnavailable
from segment_insider_emulator.types import JSONObject

NPM_PACKAGES = ("@segment/analytics-node@3.1.0", "@segment/snippet@5.2.1", "playwright-core@1.65.1")


@pytest.fixture(scope="session")
def cache() -> Path:
    return Path(load_config(os.environ, {}).cache).expanduser()


@pytest.fixture
def end(cache: Path) -> Iterator[SdkEmulator]:
    with run_emulator(cache) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def node_modules(npm_folder: Callable[..., Path]) -> Path:
    """Folder in which Node finds NPM_PACKAGES."""
    return npm_folder("sdks-for-tests", *NPM_PACKAGES)


@pytest.fixture(scope="session")
def assets(cache: Path) -> AnalyticsJsAssets:
    analytics_js = AnalyticsJsAssets(cache)
    try:
        analytics_js.download_files_if_missing()
    except AssetsUnavailable as error:
        pytest.skip(str(error))
    return analytics_js


@pytest.fixture(scope="session")
def python_sdk() -> SdkSender:
    return send_with_python_sdk


@pytest.fixture(scope="session")
def node_sdk(node_modules: Path) -> NodeSdk:
    return NodeSdk(node_modules)


@pytest.fixture(scope="session")
def snippet(node_modules: Path) -> str:
    """Segment's snippet from its own package, for the host `HOST`."""
    ask = "require('@segment/snippet').min({host: 'HOST', apiKey: 'wk_demo', page: false})"
    ran = subprocess.run(
        ["node", "-p", ask], cwd=node_modules, capture_output=True, text=True, check=True
    )
    return ran.stdout


@pytest.fixture
def snippet_sdk(browser: Browser, assets: AnalyticsJsAssets, snippet: str) -> BrowserSdk:
    """A page with the snippet, which only names another host."""

    def page(url: str, options: JSONObject) -> str:
        load = f'analytics.load("wk_demo", {json.dumps(options)})'
        snippet_for_url = snippet.replace("https://HOST", url).replace(
            'analytics.load("wk_demo")', load
        )
        return f"<title>Shop</title><script>{snippet_for_url}</script>"

    return BrowserSdk(browser, page, assets)


@pytest.fixture
def bundle_sdk(browser: Browser, assets: AnalyticsJsAssets) -> BrowserSdk:
    """A page that bundles the npm package and sets its CDN URL."""

    def page(url: str, options: JSONObject) -> str:
        settings = json.dumps({"writeKey": "wk_demo", "cdnURL": url})
        load = f"AnalyticsNext.AnalyticsBrowser.load({settings}, {json.dumps(options)})"
        script = f"window.analytics = {load}"
        return f'<title>Shop</title><script src="index.js"></script><script>{script}</script>'

    return BrowserSdk(browser, page, assets)
