"""What is wrong with the parameters of an event."""

import pytest
from small_workspaces import (
    FIRST,
    make_condition,
    make_mapped_workspace,
    make_path,
    make_subscription,
    make_workspace,
    run_rule,
)

from segment_insider_emulator.analysis.lint import LintRule, payload_rules
from segment_insider_emulator.types import JSONObject

PRODUCTS = {"@arrayPath": ["$.properties.products", {"coupon": {"@path": "coupon"}}]}


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            payload_rules.find_keys_that_lose_their_value,
            make_mapped_workspace(
                parameters={"giftWrap": True, "gift_wrap": True},
                attributes={"VIP Tier": "gold"},
                products={"@arrayPath": ["$.properties.products", {"Colour ": "red"}]},
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.{field}.{key}",
                    f"the key {key!r} arrives as {name!r}, without its value",
                    f"Write {instead!r}.",
                )
                for field, key, name, instead in [
                    ("parameters", "giftWrap", "giftwrap", "gift_wrap"),
                    ("attributes", "VIP Tier", "vip_tier", "vip_tier"),
                    ("products", "Colour ", "colour", "colour"),
                ]
            ],
            id="keys that lose their value",
        ),
        pytest.param(
            payload_rules.find_overwritten_product_values,
            make_mapped_workspace(
                "orderCompletedEvent", parameters={"coupon": "X"}, products=PRODUCTS
            ),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters.coupon",
                    "the parameter 'coupon' overwrites the coupon of each product",
                    "Give one of the two another name.",
                )
            ],
            id="constant over products",
        ),
        pytest.param(
            payload_rules.find_overwritten_product_values,
            make_mapped_workspace(
                parameters={
                    "sku": make_path("properties.sku"),
                    "url": make_condition(
                        "properties.products", **{"else": make_path("context.page.url")}
                    ),
                },
                products={
                    "@arrayPath": [
                        "$.properties.products",
                        {"sku": {"@path": "sku"}, "url": {"@path": "url"}},
                    ]
                },
            ),
            [],
            id="parameters that lists of products do not have",
        ),
        pytest.param(
            payload_rules.find_missing_required_parameters,
            make_mapped_workspace(
                "cartViewedEvent", parameters={"currency": "EUR"}, products=PRODUCTS
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "Insider One needs event_group_id, unit_sale_price with cart_page_view, and "
                    "no mapping fills it",
                    "Map it under parameters, or under products where each has its own.",
                )
            ],
            id="required of a cart page view",
        ),
        *(
            pytest.param(
                payload_rules.find_missing_required_parameters,
                make_mapped_workspace(
                    "orderCompletedEvent", parameters={"currency": "EUR"}, products=PRODUCTS
                )
                | {"insider": {"options": options}},
                [
                    (
                        severity,
                        f"{FIRST}.settings",
                        f"Insider One {verb} {names} with confirmation_page_view, and no "
                        "mapping fills it",
                        "Map it under parameters, or under products where each has its own.",
                    )
                ],
                id=f"required of a confirmation page view: {options}",
            )
            for options, severity, verb, names in [
                ({}, "warning", "asks for", "event_group_id, unit_sale_price, quantity"),
                (
                    {"confirmationPageViewRequired": "drop"},
                    "error",
                    "needs",
                    "event_group_id, unit_sale_price, quantity",
                ),
                (
                    {"quantityRequired": False},
                    "warning",
                    "asks for",
                    "event_group_id, unit_sale_price",
                ),
            ]
        ),
        pytest.param(
            payload_rules.find_missing_required_parameters,
            make_mapped_workspace(
                event_name="purchase", parameters={"currency": "EUR"}, products=PRODUCTS
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "Insider One needs event_group_id, unit_sale_price, quantity with purchase, "
                    "and no mapping fills it",
                    "Map it under parameters, or under products where each has its own.",
                )
            ],
            id="required of a purchase",
        ),
        pytest.param(
            payload_rules.find_missing_required_parameters,
            make_mapped_workspace(event_name="purchase", parameters=make_path("properties")),
            [],
            id="required, perhaps among all properties",
        ),
        pytest.param(
            payload_rules.find_dropped_spec_properties,
            make_mapped_workspace("checkoutEvent", parameters={"a": make_path("properties")}),
            [],
            id="all properties read",
        ),
        pytest.param(
            payload_rules.find_dropped_spec_properties,
            make_workspace(make_subscription("productListViewedEvent")),
            [
                (
                    "warning",
                    f"{FIRST}.settings",
                    'of "Product List Viewed", nothing reads list_id, products',
                    "Map what you need under parameters or products, in lower snake case.",
                )
            ],
            id="dropped properties",
        ),
        pytest.param(
            payload_rules.find_dropped_custom_properties,
            make_workspace(make_subscription()),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters",
                    "properties of custom events are dropped unless parameters names them",
                    "Merge $.properties into parameters, as the preset guide does.",
                )
            ],
            id="properties of custom events",
        ),
        pytest.param(
            payload_rules.find_textual_variants,
            make_workspace(make_subscription()),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters.variant_id",
                    'a variant in words, such as "Blue", fails the whole event',
                    "Map it to a parameter of your own, such as variant.",
                )
            ],
            id="variant in words",
        ),
    ],
)
def test_a_rule_reports_path_problem_and_remedy(
    rule: LintRule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert run_rule(rule, document) == findings
