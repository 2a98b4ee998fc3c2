"""Journeys of a workspace file: parsed in full, or refused with the path and the remedy."""

from datetime import timedelta

import pytest
from sandbox import build_email, build_journey, build_wait

from segment_insider_emulator.insider.journey_definition import (
    AttributeChangeCondition,
    AttributeCondition,
    ChannelElement,
    CheckElement,
    ConditionComparison,
    EventCondition,
    JourneyDefinition,
    JourneyElement,
    ReachabilityElement,
    SinceEntryCondition,
    WaitElement,
)
from segment_insider_emulator.insider.journey_parser import parse_journeys
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.validation import validate_document

PURCHASE = EventCondition(("confirmation_page_view",), {})


def build_workspace(*journeys: JSON) -> JSONObject:
    return {
        "source": {"name": "Web shop", "writeKey": "wk_demo"},
        "destination": {
            "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
            "subscriptions": [],
        },
        "insider": {"journeys": list(journeys)},
    }


def test_every_part_of_a_journey_is_parsed() -> None:
    document = load_workspace_or_preset("fixtures/workspaces/journeys.yaml").document["insider"][
        "journeys"
    ]
    cart, newsletter = parse_journeys(document).values()
    branch = "steps[1].matching[0]"
    elements: list[JourneyElement] = [
        WaitElement("steps[0]", timedelta(minutes=45), "steps[1]"),
        CheckElement(
            "steps[1]",
            SinceEntryCondition(EventCondition(("cart_cleared",), {}), False),
            branch,
            None,
        ),
        ReachabilityElement(
            branch, "email", f"{branch}.reachable[0]", f"{branch}.not_reachable[0]"
        ),
        ChannelElement(f"{branch}.reachable[0]", "email", "Your cart", f"{branch}.reachable[1]"),
        WaitElement(f"{branch}.reachable[1]", timedelta(hours=23.25), f"{branch}.reachable[2]"),
        CheckElement(
            f"{branch}.reachable[2]",
            AttributeCondition("custom.plan", ConditionComparison("is", "gold")),
            f"{branch}.reachable[2].matching[0]",
            None,
        ),
        ChannelElement(f"{branch}.reachable[2].matching[0]", "whatsapp", "A gift for you", None),
        ChannelElement(f"{branch}.not_reachable[0]", "sms", "Your cart", None),
    ]
    assert cart == JourneyDefinition(
        id=1,
        name="Cart abandonment",
        starter=EventCondition(
            ("item_added_to_cart",),
            {
                "unit_sale_price": ConditionComparison("more_than", 5),
                "currency": ConditionComparison("is", "EUR"),
            },
        ),
        ignored_date_parameters=(),
        segment_conditions=(AttributeCondition("country", ConditionComparison("is_not", "US")),),
        exits=(PURCHASE, AttributeChangeCondition("custom.cart_size", "changes_to", 0)),
        goals={
            "Purchase": PURCHASE,
            "Came back": EventCondition(("product_detail_page_view",), {}),
        },
        reentry_period=timedelta(days=7),
        attribution_window=timedelta(days=1),
        first_step_path="steps[0]",
        elements={element.step_path: element for element in elements},
        document=document[0],
    )
    assert (newsletter.starter, newsletter.reentry_period, newsletter.attribution_window) == (
        AttributeChangeCondition("email_optin", "changes_to", True),
        None,
        timedelta(days=3),
    )


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_the_journeys_of_presets_have_no_errors(name: str) -> None:
    assert validate_document(load_preset_workspace(name).document) == []


def test_the_preset_guide_has_example_journeys() -> None:
    document = load_preset_workspace("guide").document["insider"]["journeys"]
    assert [journey.name for journey in parse_journeys(document).values()] == [
        "Cart abandonment",
        "Purchase thank-you",
        "Welcome",
    ]


@pytest.mark.parametrize(
    ("definition", "where", "what", "remedy"),
    [
        pytest.param(
            {"id": 1},
            "",
            "'name' is missing",
            "Give id, name, starter, eligibility and steps.",
            id="not a journey",
        ),
        pytest.param(
            build_journey(starters=[]),
            ".starters",
            "unknown key 'starters'",
            "Did you mean 'starter'?",
            id="unknown key",
        ),
        pytest.param(
            build_journey(id="1"),
            ".id",
            "this is text, not a whole number",
            "Give a whole number, 1 or more, that no other journey has.",
            id="id that is text",
        ),
        pytest.param(
            build_journey(starter={}),
            ".starter",
            "a key is missing",
            "Write one of events, attribute.",
            id="nothing starts it",
        ),
        pytest.param(
            build_journey(starter={"events": ["a"], "attribute": "email"}),
            ".starter",
            "events and attribute cannot be combined",
            "Write one of events, attribute.",
            id="two starters",
        ),
        pytest.param(
            build_journey(starter={"attribute": "email"}),
            ".starter",
            "a key is missing",
            "Write one of changes, changes_to, changes_from.",
            id="attribute without its change",
        ),
        pytest.param(
            build_journey(starter={"attribute": "email", "changes_to": ["a"]}),
            ".starter.changes_to",
            "changes_to takes a single value",
            "Architect detects changes of text, numbers and booleans.",
            id="change to a list",
        ),
        pytest.param(
            build_journey(starter={"events": ["home_page_view"]}),
            ".starter",
            "homepage_view starts a journey only with a segment",
            "Add a segment, such as [{attribute: email_optin, is: true}].",
            id="homepage view of everybody",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_journey(starter={"events": ["a"], "parameters": {"unit_price": {"above": 3}}}),
            ".starter.parameters.unit_price",
            "not a condition for a value",
            "Write a value, or one of is, is_not, more_than, less_than, contains, exists with its "
            "value.",
            id="unknown operator",
        ),
        pytest.param(
            build_journey(
                starter={"events": ["a"], "parameters": {"unit_price": {"more_than": "3"}}}
            ),
            ".starter.parameters.unit_price.more_than",
            "more_than takes a number",
            "Write it without quotes.",
            id="number in quotes",
        ),
        pytest.param(
            build_journey(exits=[{"attribute": "customs.plan", "changes": True}]),
            ".exits[0].attribute",
            "'customs.plan' is not a field of a profile",
            "Write a default name, or custom. and a name.",
            id="unknown place",
        ),
        pytest.param(
            build_journey(eligibility={"times": "multiple"}),
            ".eligibility",
            "times: multiple and period must be used together",
            "Write times: once, or times: multiple with a period such as 7 days.",
            id="multiple times without a period",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_journey(eligibility={"times": "twice"}),
            ".eligibility.times",
            "this must be one of once, multiple",
            "Say how often one person may enter.",
            id="unknown eligibility",
        ),
        pytest.param(
            build_journey(goals=[{"name": str(number), "events": ["a"]} for number in range(11)]),
            ".goals",
            "a journey has at most 10 goals",
            "Keep 10.",
            id="eleven goals",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_journey(goals=[{"name": "Purchase", "events": ["a"]}]),
            ".goals[0].name",
            "the goal 'Purchase' already exists",
            "Choose another name; Purchase always exists.",
            id="goal that is always there",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_journey(build_wait("a while")),
            ".steps[0].wait",
            "'a while' is not a duration",
            "Write a duration, such as 45 minutes, 1 day 2 hours or PT45M.",
            id="wait of no length",
        ),
        pytest.param(
            build_journey({"channel": "pigeon", "message": "Hi"}),
            ".steps[0].channel",
            "this must be one of email, sms, whatsapp, web_push",
            "Give one channel.",
            id="unknown channel",
        ),
        pytest.param(
            build_journey({"channel": "email"}),
            ".steps[0]",
            "'message' is missing",
            "Give the message a name.",
            id="channel without a message",
        ),
        pytest.param(
            build_journey({"wait": "1 hour", "reachable": []}),
            ".steps[0]",
            "'reachable' does not belong to a wait",
            "Write it as a separate step.",
            id="path of a wait",
        ),
        pytest.param(
            build_journey({"check": {"did": {"events": ["a"]}}, "matching": [build_wait("x")]}),
            ".steps[0].matching[0].wait",
            "'x' is not a duration",
            "Write a duration, such as 45 minutes, 1 day 2 hours or PT45M.",
            id="mistake in a path",
        ),
        pytest.param(
            build_journey({"check_reachability": "email"}, build_email()),
            ".steps[1]",
            "no step can follow a check in the same list",
            "Move the step into a path of the check.",
            id="step after a check",
        ),
    ],
)
def test_errors_have_their_path(definition: JSONObject, where: str, what: str, remedy: str) -> None:
    error, *_ = validate_document(build_workspace(definition))
    assert (error.where, error.what, error.remedy) == (f"insider.journeys[0]{where}", what, remedy)


def test_a_repeated_id_is_an_error() -> None:
    error, *_ = validate_document(build_workspace(build_journey(), build_journey()))
    assert (error.where, error.what) == (
        "insider.journeys[1].id",
        "insider.journeys[0] already has the id 1",
    )


def test_the_first_error_of_each_journey_is_reported() -> None:
    errors = validate_document(
        build_workspace(build_journey(build_wait("x")), build_journey(build_wait("y"), id=2))
    )
    assert [error.where for error in errors] == [
        "insider.journeys[0].steps[0].wait",
        "insider.journeys[1].steps[0].wait",
    ]
