"""No page runs a script from captured, configured or reported text.

The browser ignores the content security policy of the pages: text must stay text without it. That
the policy is there, for whatever should escape this, is tested apart.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import orjson
import pytest
import requests
from click.testing import CliRunner
from inspector.running_emulator import RunningEmulator, run_emulator
from playwright.sync_api import Browser, Page

from segment_insider_emulator.cli import main
from segment_insider_emulator.inspector.blueprint import CONTENT_SECURITY_POLICY
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

FOREIGN = "http://attacker.example/"
ATTACK = (
    f"\"'></title></textarea></style><script src={FOREIGN}x.js></script><script>owned=1</script>"
    f"<img src={FOREIGN}x.png onerror=owned=1><svg onload=owned=1>{{{{7*7}}}}{{% raw %}}"
)
LINK = "javascript:owned=1"
ALIVE = """[...document.querySelectorAll('*')].filter(each => [...each.attributes].some(
    own => own.name.startsWith('on') || own.name.match(/^(href|src|action|formaction)$/)
        && /^\\s*javascript:/i.test(own.value))).length"""
MOST_PAGES = 120


def hostile_event(text: str) -> JSONObject:
    """Make a call with *text* in every field of a sender."""
    return {
        **{"type": "track", "messageId": f"m {text}", "event": text, "userId": f"ada {text}"},
        "properties": {text: text, "url": text, "products": [{text: text}]},
        "context": {"page": {"url": text, "title": text}, "library": {"name": text}, text: text},
        "integrations": {text: True},
    }


def hostile_workspace(text: str) -> JSONObject:
    """Make a workspace with *text* in every field of its author."""
    document = load_preset_workspace("guide").document
    subscription: JSONObject = {
        "name": text,
        "actionSlug": "trackEvent",
        "enabled": True,
        "trigger": 'type = "track"',
        "settings": {
            "event_name": {"@literal": "seen"},
            "timestamp": {"@path": "$.receivedAt"},
            "uuid": {"@path": "$.userId"},
            "parameters": {"note": {"@template": f"{text} {{{{event}}}}"}},
        },
    }
    dropping = {"title": text[:64], "if": 'event = "none"', "actions": [{"type": "DROP"}]}
    journey: JSONObject = {
        "id": 1,
        "name": text,
        "starter": {"events": ["seen"], "parameters": {"note": {"is_not": text}}},
        "eligibility": {"times": "once"},
        "goals": [{"name": text, "events": ["seen"]}],
        "steps": [{"channel": "email", "message": text}],
    }
    return {
        **document,
        "source": {**document["source"], "name": text},
        "destination": {
            **document["destination"],
            "name": text,
            "subscriptions": [subscription, *document["destination"]["subscriptions"]],
            "filters": [dropping],
        },
        "insider": {**document["insider"], "journeys": [journey]},
    }


def hostile_run(text: str) -> JSONObject:
    """Make a scenario run with *text* in all its names."""
    step = {"keyword": text[:20], "text": text, "line": 6, "verdict": "failed", "failure": text}
    scenario = {
        **{"name": text, "line": 5, "verdict": "failed", "seconds": 1, "failure": text},
        "messages": [f"m {text}"],
        "steps": [step],
    }
    feature = {"name": text, "uri": text, "scenarios": [scenario]}
    return {"startedAt": "2026-11-23T10:00:00Z", "features": [feature]}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ATTACK, id="markup"),
        pytest.param(LINK, id="a link", marks=pytest.mark.extended),
    ],
)
def attacked(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    """An emulator with the attack in every text field."""
    text: str = request.param
    with run_emulator() as emulator:
        control = f"{emulator.url}/emulator/v1"
        responses = [
            requests.put(f"{control}/workspace", json={"workspace": hostile_workspace(text)}),
            requests.post(
                f"{control}/panel/integrations",
                json={"name": text, "type": "Source"},
                headers={"X-InOne-Role": "Administrator"},
            ),
            requests.post(
                f"{control}/faults", json={"share": 0.0001, "body": text, "seed": text[:100]}
            ),
            requests.post(f"{control}/scenario-runs", json=hostile_run(text)),
        ]
        emulator.send(hostile_event(text), {"type": text, "userId": "ada"})
        emulator.send({"type": "identify", "userId": "ada", "traits": {text: text, "email": text}})
        emulator.send({"type": "identify", "userId": "eve", "traits": {"firstName": text}})
        assert [response.status_code for response in responses] == [200, 201, 200, 201]
        yield emulator


def find_linked_pages(emulator: RunningEmulator) -> Iterator[str]:
    """Return the addresses of all pages that links lead to."""
    waiting, known = ["/"], {"/"}
    while waiting and len(known) < MOST_PAGES:
        at = waiting.pop(0)
        response = requests.get(emulator.url + at, timeout=60)
        if response.headers["Content-Type"].startswith("text/html"):
            yield at
            for link in re.findall(r'<a [^>]*?href="([^"]*)"', response.text):
                there = urlsplit(urljoin(emulator.url + at, link.replace("&amp;", "&")))
                path = there.path + (f"?{there.query}" if there.query else "")
                if there.netloc == urlsplit(emulator.url).netloc and path not in known:
                    known.add(path)
                    waiting.append(path)


def find_page_errors(page: Page, address: str) -> list[str]:
    """Open the page at *address* and return what the attack did; normally nothing."""
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(address)
    found = [f"fetched {url}" for url in fetched if url.startswith(FOREIGN)]
    if page.evaluate("typeof owned") != "undefined":
        found.append("ran a script")
    if page.locator("script:not([src]):not([type='application/json'])").count():
        found.append("has a script of its own")
    if page.evaluate(ALIVE):
        found.append("has an attribute that runs something")
    return [f"{address} {error}" for error in found]


def test_no_page_runs_or_fetches_what_was_captured(
    attacked: RunningEmulator, browser: Browser
) -> None:
    found, seen = [], 0
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        for path in find_linked_pages(attacked):
            seen += 1
            found += find_page_errors(page, attacked.url + path)
    assert found == []
    assert seen > 15


def test_every_page_has_the_policy(attacked: RunningEmulator) -> None:
    said = {
        page: requests.get(attacked.url + page, timeout=60).headers["Content-Security-Policy"]
        for page in find_linked_pages(attacked)
    }
    assert {page for page, policy in said.items() if policy != CONTENT_SECURITY_POLICY} == set()


def test_the_page_of_a_replay_runs_nothing(tmp_path: Path, browser: Browser) -> None:
    archive, report, workspace = (tmp_path / name for name in ("a.ndjson", "a.html", "w.json"))
    archive.write_bytes(
        b"\n".join(orjson.dumps(event) for event in (hostile_event(ATTACK), hostile_event(LINK)))
    )
    workspace.write_bytes(orjson.dumps(hostile_workspace(ATTACK)))
    options = ["--workspace", str(workspace), "--workers", "1", "--html", str(report)]
    CliRunner().invoke(main, ["replay", str(archive), *options], catch_exceptions=False)
    assert "attacker.example" in report.read_text()
    with browser.new_context(bypass_csp=True) as context:
        assert find_page_errors(context.new_page(), report.as_uri()) == []
