"""Events that several subscriptions take, or none."""

import pytest
from small_workspaces import (
    FIRST,
    SUBSCRIPTIONS,
    TRACK,
    make_subscription,
    make_workspace,
    run_rule,
)

from segment_insider_emulator.analysis.lint import LintRule, destination_rules
from segment_insider_emulator.types import JSONObject

ORDERS = make_subscription("orderCompletedEvent", "Orders")
REST = make_subscription(name="Rest", trigger=f'{TRACK} and event != "Order Completed"')
BIG = make_subscription(name="Big", trigger=f"{TRACK} and properties.total > 100")


@pytest.mark.parametrize(
    ("subscriptions", "twice"),
    [
        pytest.param([ORDERS, REST], [], id="disjoint"),
        pytest.param([ORDERS, make_subscription(enabled=False)], [], id="disabled"),
        pytest.param(
            [ORDERS, make_subscription(name="All")],
            [
                (
                    f"{SUBSCRIPTIONS}[1].trigger",
                    "\"Order Completed\" is sent 2 times: by 'Orders' and 'All'",
                    "Add `and event != \"Order Completed\"` to the trigger of 'All'.",
                )
            ],
            id="catch-all",
        ),
        pytest.param(
            [REST, BIG],
            [
                (
                    f"{SUBSCRIPTIONS}[0].trigger",
                    "every other track call is sent 2 times: by 'Rest' and 'Big'",
                    "Narrow the trigger of 'Rest'.",
                )
            ],
            id="condition on a property",
        ),
        pytest.param(
            [
                make_subscription("updateUserProfile", "P"),
                make_subscription("updateUserProfile", "Q"),
            ],
            [
                (
                    f"{SUBSCRIPTIONS}[0].trigger",
                    "identify is sent 2 times: by 'P' and 'Q'",
                    "Narrow the trigger of 'P'.",
                )
            ],
            id="identify",
        ),
    ],
)
def test_an_event_that_two_subscriptions_accept_is_a_warning(
    subscriptions: list[JSONObject], twice: list[tuple[str, str, str]]
) -> None:
    assert run_rule(
        destination_rules.find_duplicate_deliveries, make_workspace(*subscriptions)
    ) == [("warning", *pair) for pair in twice]


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            destination_rules.find_unhandled_call_types,
            make_workspace(make_subscription("updateUserProfile")),
            [
                (
                    "note",
                    SUBSCRIPTIONS,
                    "no subscription accepts track, page, screen, group, alias calls",
                    "If they matter, add a Track Event with a trigger and an event_name for them.",
                )
            ],
            id="only identify is taken",
        ),
        pytest.param(
            destination_rules.find_missing_cart_reviewed,
            make_workspace(make_subscription("cartViewedEvent")),
            [
                (
                    "note",
                    f"{FIRST}.trigger",
                    '"Cart Reviewed", the name in the guide\'s table, creates no cart page view',
                    'Add `or event = "Cart Reviewed"`, in parentheses, if your shop sends it.',
                )
            ],
            id="Cart Reviewed",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
