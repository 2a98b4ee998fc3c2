"""All lint rules on whole workspaces."""

import json
from pathlib import Path

import pytest
from small_workspaces import FIRST, make_subscription, make_workspace

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.lint import LINT_RULES, lint_document
from segment_insider_emulator.mapping.segment_spec import ECOMMERCE_EVENT_PROPERTIES
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import parse_document
from segment_insider_emulator.workspace.loading import read_document, read_preset_document
from segment_insider_emulator.workspace.validation import WorkspaceFinding


def test_the_guide_lints_without_errors_and_warnings() -> None:
    assert [
        finding
        for finding in lint_document(read_preset_document("guide"))
        if finding.severity != "note"
    ] == []


def test_the_example_of_the_docs_lints_without_errors_and_warnings() -> None:
    page = Path("docs/workspace.md").read_text("utf-8")
    example = parse_document(
        page.split("```yaml\n")[1].split("```")[0].encode(), "docs/workspace.md"
    )
    assert [finding for finding in lint_document(example) if finding.severity != "note"] == []


@pytest.mark.parametrize(
    ("faulty", "place"),
    [
        pytest.param(make_subscription(name="Orders", trigger=""), " 'Orders'.trigger", id="rule"),
        pytest.param(make_subscription(name="Orders", trigger=1), " 'Orders'.trigger", id="shape"),
        pytest.param(make_subscription("orders", "Orders"), " 'Orders'.actionSlug", id="action"),
        pytest.param({"actionSlug": "trackEvent"}, "", id="no name"),
        pytest.param("Orders", "", id="no object"),
    ],
)
def test_a_subscription_s_name_is_part_of_the_path(faulty: JSONObject, place: str) -> None:
    places = [
        finding.where
        for finding in lint_document(make_workspace(faulty))
        if finding.where.startswith(FIRST)
    ]
    assert places[0] == f"{FIRST}{place}"


def test_segment_defaults_send_every_mapped_event_twice() -> None:
    twice = [
        finding.what
        for finding in lint_document(read_preset_document("segment-defaults"))
        if "times" in finding.what
    ]
    assert twice == [
        f"\"{event}\" is sent 2 times: by 'Track Event' and '{taker} Event'"
        for event, taker in [
            ("Product List Viewed", "Product List Viewed"),
            ("Product Viewed", "Product Viewed"),
            ("Product Added", "Product Added"),
            ("Product Removed", "Product Removed"),
            ("Cart Viewed", "Cart Viewed"),
            ("Checkout Started", "Checkout"),
            ("Checkout Step Viewed", "Checkout"),
            ("Order Completed", "Order Completed"),
            ("User Registered", "User Registered"),
        ]
    ]


def test_an_invalid_file_gets_only_its_validation_errors() -> None:
    assert lint_document({"source": {"name": "Web shop", "writeKey": ""}, "destination": {}}) == [
        WorkspaceFinding(
            "error",
            "destination",
            f"{key!r} is missing",
            "Describe the destination as Segment's Public API does: name, enabled, settings, "
            "subscriptions.",
        )
        for key in ("settings", "subscriptions")
    ] + [
        WorkspaceFinding(
            "error",
            "source.writeKey",
            "this is empty",
            "Give the key that SDKs send, such as wk_demo.",
        )
    ]


def test_findings_are_sorted_by_severity() -> None:
    severities = [
        finding.severity
        for finding in lint_document(read_document(Path("fixtures/workspaces/mistakes.yaml")))
    ]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


@pytest.mark.extended
def test_no_rule_fails_on_a_recorded_mapping_or_trigger() -> None:
    cases = (
        line
        for file in Path("fixtures/conformance").glob("*.ndjson")
        for line in file.read_text("utf-8").split("\n")
        if line
    )
    for case in map(json.loads, cases):
        subject = build_context(make_workspace(case["subscription"]))
        for rule in LINT_RULES:
            list(rule(subject))


def test_every_e_commerce_event_has_properties() -> None:
    assert all(ECOMMERCE_EVENT_PROPERTIES.values())
