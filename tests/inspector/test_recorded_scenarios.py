"""Recorded scenarios pass at once against the mappings that they were recorded with."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from forked_commands import run_python_module

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.inspector.sdk_calls import load_sample_calls
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

ROOT = Path(__file__).parents[2]
TEXTS = (
    *("a", "b|c", "x\ny", "<word>", "<b>Sale</b>", "42", "8,50", "", " sp ", "\u202e", "é💥"),
    *("`", "#no", "\\", '"q"', "true", "null", '{"a": 1}', "cart-1", "cart-2", "wish", "wishes"),
)
NUMBERS = (0, 1, -3, 2.5, 1e20, 12345678901234567890, True, False, None)
NAMES = (
    *("product_id", "price", "quantity", "name", "category", "cart_id", "order_id", "checkout_id"),
    *("currency", "products", "url", "email", "phone", "list", "pirce", "my_list", "my_lists"),
    *("a.b", "coupon", "firstName", "gdpr_optin", "email_optin", *TEXTS),
)
EVENTS = (
    *("Product Viewed", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started"),
    *("Order Completed", "Product List Viewed", "Wish Listed", "Wish Listd", "order_completed"),
    *("x|y", "User Registered", "Ümit <x>"),
)
CONTEXTS: tuple[JSONObject, ...] = (
    {},
    {"locale": "tr-TR", "timezone": "Europe/Istanbul", "library": {"name": "analytics.js"}},
    {"page": {"url": "https://b.example/?q=<z>", "title": "T|t"}, "userAgent": "Mozilla/5.0 <x>"},
)


def make_value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.choice(("text", "text", "number", "list", "object"))
    if kind == "number":
        return chance.choice(NUMBERS)
    if kind == "list" and depth < 2:
        return [make_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if kind == "object" and depth < 2:
        return {chance.choice(NAMES): make_value(chance, depth + 1) for _ in range(2)}
    return chance.choice(TEXTS)


def make_call(chance: random.Random) -> JSONObject:
    """Make a call that an app could send by mistake: any name, any value, any person."""
    ids = {
        "userId": chance.choice((None, "ada", "bob", "adb", "u-1", "u-2", "İpek", "7")),
        "anonymousId": chance.choice((None, "d1", "d2", "d3")),
    }
    body: JSONObject = {chance.choice(NAMES): make_value(chance) for _ in range(4)}
    if chance.random() < 0.5:
        products = [{"product_id": "mug", chance.choice(NAMES): make_value(chance)}]
        body |= {"cart_id": "c-1", "currency": "EUR", "order_id": "o-1", "products": products}
    kind = chance.choice(("track", "track", "identify", "page", "screen", "group", "alias", "odd"))
    call: JSONObject = {"type": kind, **{name: id for name, id in ids.items() if id}}
    call["traits" if kind in ("identify", "group") else "properties"] = body
    names = {"track": "event", "page": "name", "screen": "name"}
    if kind in names:
        call[names[kind]] = chance.choice(EVENTS if kind == "track" else ("Home", "Hoem", "a\nb"))
    call |= {"group": {"groupId": "g|1"}, "alias": {"previousId": "old"}}.get(kind, {})
    context = chance.choice(CONTEXTS)
    return {**call, **({"context": context} if context else {})}


def read_fixture_calls(folder: str) -> Iterator[JSONObject]:
    for path in sorted((ROOT / "fixtures" / folder).glob("*.ndjson")):
        for line in path.read_text("utf-8").splitlines():
            document = json.loads(line)
            yield from document.get("events", [document])


def choose_calls(kind: str, chance: random.Random) -> list[JSONObject]:
    if kind == "shopper":
        return [dict(call) for call in load_sample_calls()]
    if kind == "hostile":
        return [make_call(chance) for _ in range(9)]
    calls = [call for call in read_fixture_calls(kind) if call.get("type")]
    return chance.sample(calls, min(12, len(calls)))


def send_calls(client: FlaskClient, calls: list[JSONObject]) -> None:
    for call in calls:
        sent = {name: value for name, value in call.items() if name != "messageId"}
        body = json.dumps({"writeKey": "wk_demo", "batch": [sent]})
        assert client.post("/v1/batch", data=body).status_code == 200


def write_recorded_features(folder: Path, kinds: tuple[str, ...], seeds: range) -> int:
    """Write a feature of every kind of traffic for each preset; return how many there are."""
    features = [
        (f"{preset}-{kind}-{seed}", preset, kind, seed)
        for preset in ("guide", "segment-defaults")
        for kind in kinds
        for seed in seeds
    ]
    for name, preset, kind, seed in features:
        app = create_app(Config(db=":memory:"), load_preset_workspace(preset))
        client = app.test_client()
        send_calls(client, choose_calls(kind, random.Random(seed)))
        answer = client.get("/scenarios/new.feature?after=0")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        folder.joinpath(f"{name}.feature").write_bytes(answer.data)
    return len(features)


def verify_all_pass(folder: Path, count: int) -> None:
    verified = run_python_module("segment_insider_emulator", "verify", str(folder))
    assert f"{count} scenarios: {count} passed" in verified.stdout, verified.stdout
    assert verified.returncode == 0


@pytest.mark.extended
def test_recorded_scenarios_pass(tmp_path: Path) -> None:
    kinds = ("shopper", "events", "conformance", "hostile")
    verify_all_pass(tmp_path, write_recorded_features(tmp_path, kinds, range(1)))


@pytest.mark.extended
def test_scenarios_of_any_traffic_pass(tmp_path: Path) -> None:
    kinds = ("conformance", "hostile")
    verify_all_pass(tmp_path, write_recorded_features(tmp_path, kinds, range(1, 9)))
