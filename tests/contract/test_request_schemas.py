"""The published schemas accept every request that the core can make, and no other."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from segment_insider_emulator.cli import main
from segment_insider_emulator.contract.cases import ContractCase, read_cases, run_case
from segment_insider_emulator.contract.request_schema import build_request_schema
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace, load_preset_workspace
from segment_insider_emulator.workspace.model import build_workspace

RECORDED = sorted((Path(__file__).parents[2] / "fixtures" / "conformance").glob("*.ndjson"))
GUIDE = load_preset_workspace("guide")
SETTINGS = {"account_name": "shop", "ucd_key": "key"}
KEYS = st.sampled_from(
    ["product_id", "price", "quantity", "category", "products", "email", "phone", "Gift Wrap",
     "order_id", "cart_id", "currency", "variant", "first_name", "firstName", "age", "locale",
     "Taxonomy", "taxonomy", "email_optin", "address", "city"]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
    | st.sampled_from(["5", "5.5", "true", "2026-01-01T00:00:00Z"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "identify", "page"]),
        "userId": st.just("u1") | SCALARS,
        "timestamp": st.just("2026-01-01T00:00:00Z") | SCALARS,
    },
    optional={
        "event": st.sampled_from(
            ["Order Completed", "Cart Viewed", "Product Viewed", "Checkout Started", "Wished"]
        ),
        "name": SCALARS,
        "anonymousId": SCALARS,
        "properties": OBJECTS,
        "traits": OBJECTS,
        "context": st.fixed_dictionaries({}, optional={"traits": OBJECTS, "ip": SCALARS}),
    },
)


def make_workspace(*subscriptions: JSONObject) -> Workspace:
    return build_workspace(
        {
            "source": {"name": "Shop", "writeKey": "wk"},
            "destination": {"settings": SETTINGS, "subscriptions": list(subscriptions)},
        }
    )


def make_validator(workspace: Workspace) -> Draft202012Validator:
    schema = build_request_schema(workspace)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def read_valid_cases(file: Path) -> list[ContractCase]:
    return [case for case in read_cases(file) if isinstance(case, ContractCase)]


@pytest.mark.extended_variants
@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_every_recorded_request_is_valid(file: Path) -> None:
    validators = {slug: make_validator(make_workspace({"actionSlug": slug})) for slug in ACTIONS}
    refused = [
        (case.name, error.json_path, error.message)
        for case in read_valid_cases(file)
        for request in run_case(case)["requests"]
        for error in validators[case.document["subscription"]["actionSlug"]].iter_errors(
            json.loads(json.dumps(request["json"]))
        )
    ]
    assert refused == []


def test_every_request_of_the_guide_is_valid() -> None:
    published, destination = make_validator(GUIDE), Destination(GUIDE.destination)

    @given(EVENTS)
    @settings(max_examples=150)
    def check_requests(event: JSONObject) -> None:
        for outcome in destination.iter_subscription_outcomes(event):
            if outcome.request:
                assert list(published.iter_errors(json.loads(outcome.request.body))) == []

    check_requests()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(["platform"], "web", id="another platform"),
        pytest.param(["users"], [], id="no users"),
        pytest.param(["users", 0, "events", 0, "event_name"], "cart", id="an unknown event"),
        pytest.param(["users", 0, "events", 0, "event_params", "quantity"], 1.5, id="half a mug"),
        pytest.param(["users", 0, "events", 0, "event_params", "x"], 1, id="an unknown parameter"),
        pytest.param(["users", 0, "identifiers", "uuid"], 7, id="an id that is no text"),
    ],
)
def test_an_impossible_request_is_invalid(path: list[str | int], value: JSON) -> None:
    body: JSONObject = {
        "users": [
            {
                "identifiers": {"uuid": "u1", "custom": {}},
                "attributes": {"custom": {}},
                "events": [
                    {
                        "event_name": "product_detail_page_view",
                        "timestamp": "2026-01-01T00:00:00Z",
                        "event_params": {"quantity": 1, "custom": {}},
                    }
                ],
                "not_append": True,
            }
        ],
        "platform": "segment",
    }
    published = make_validator(make_workspace({"actionSlug": "productViewedEvent"}))
    assert published.is_valid(body)
    *outer, last = path
    at: JSON = body
    for step in outer:
        at = at[step]
    at[last] = value
    assert not published.is_valid(body)


def test_a_disabled_mapping_makes_no_request() -> None:
    workspace = make_workspace(
        {"actionSlug": "trackEvent"}, {"actionSlug": "cartViewedEvent", "enabled": False}
    )
    assert list(build_request_schema(workspace)["$defs"]) == ["trackEvent"]


def test_the_command_prints_the_schema_of_a_workspace() -> None:
    printed = CliRunner().invoke(main, ["contract", "schema", "--workspace", "guide"])
    assert json.loads(printed.stdout) == build_request_schema(GUIDE)
