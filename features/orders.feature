Feature: Orders in practice
  What real shops send of an order, and what Insider One makes of it.

  Background:
    Given the clock stands at "2026-11-23T12:00:00Z"

  Rule: Insider One never takes an order back

    @assumed
    Scenario Outline: <event> changes neither order count nor order value
      Given Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 2        |
      When Ada does "<event>" with:
        | property | value |
        | order_id | o-17  |
        | currency | EUR   |
        | total    | 17.00 |
      Then the call "<event>" ends as accepted
      And Insider One receives 1 "<recorded as>" for Ada
      And Insider One can personalise for Ada by:
        | what        | value  |
        | order_count | 1      |
        | order_value | [17.0] |

      Examples:
        | event           | recorded as     |
        | Order Refunded  | order_refunded  |
        | Order Cancelled | order_cancelled |

  Rule: an order that is sent again counts again

    @assumed
    Scenario: The same order a minute later
      Given Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      And 1 minute passes
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then the call "Order Completed" ends as warning because "its value counts twice"
      And Insider One receives 2 "confirmation_page_view" for Ada
      And Insider One can personalise for Ada by:
        | what        | value  |
        | order_count | 1      |
        | order_value | [17.0] |

  Rule: prices are what the property price says

    @observed
    Scenario: A sale price beside the price is not read
      When Ada completes order "o-17" in EUR:
        | product_id | price | sale_price | quantity |
        | mug        | 8.50  | 6.00       | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | product_id | unit_price | unit_sale_price |
        | confirmation_page_view | mug        | 8.50       | 8.50            |
      And no mapping reads exactly these properties of the call "Order Completed":
        | property                          |
        | properties.products[0].sale_price |

    @observed
    Scenario: A free item is bought for nothing
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | pin        | 0     | 1        |
      Then the call "Order Completed" ends as accepted
      And Insider One receives exactly these events for Ada:
        | event_name             | product_id | unit_sale_price | quantity |
        | confirmation_page_view | mug        | 8.50            | 1        |
        | confirmation_page_view | pin        | 0               | 1        |
      And Insider One can personalise for Ada by:
        | what        | value |
        | order_value | [8.5] |

    @observed
    Scenario: Numbers as text arrive as numbers
      When Ada completes order "o-17" in EUR:
        | product_id | price  | quantity |
        | mug        | "8.50" | "2"      |
      Then the call "Order Completed" ends as accepted
      And the request of the call "Order Completed" has these values:
        | place                                         | must be | value        |
        | users.0.events.0.event_params.unit_sale_price | exactly | 8.5          |
        | users.0.events.0.event_params.quantity        | a       | whole number |
      And Insider One can personalise for Ada by:
        | what        | value  |
        | order_value | [17.0] |

    @assumed
    Scenario: Two currencies are two sums
      Given Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When Ada completes order "o-18" in USD:
        | product_id | price | quantity |
        | tray       | 21.00 | 1        |
      Then the profile of Ada has these values:
        | place                           | must be | value |
        | personal.order_count            |         | 2     |
        | personal.order_value.0.currency |         | EUR   |
        | personal.order_value.0.amount   |         | 8.5   |
        | personal.order_value.1.currency |         | USD   |
        | personal.order_value.1.amount   |         | 21    |

  Rule: an order needs its products, and all of them in order

    @observed
    Scenario: An order without products is one purchase of nothing
      When Ada does "Order Completed" with:
        | property | value |
        | order_id | o-17  |
        | currency | EUR   |
        | revenue  | 8.50  |
      Then the call "Order Completed" ends as warning because "confirmation_page_view has no unit_sale_price, quantity"
      And Insider One receives exactly these events for Ada:
        | event_name             | event_group_id | product_id | custom.revenue |
        | confirmation_page_view | o-17           |            | 8.50           |
      And Insider One can personalise for Ada by:
        | what        | value |
        | order_count | 1     |
        | order_value | []    |

    @observed
    Scenario: One price in words loses the whole order
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | tray       | free  | 1        |
        | tea        | 4.00  | 1        |
      Then the call "Order Completed" ends as failed because "must be a number"
      And Insider One knows nobody

    @documented
    Scenario: One product without a price loses the whole cart page
      When Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
        | tray       |       |
      Then the call "Cart Viewed" ends as dropped because "unit_sale_price parameter is required on cart_page_view event"
      And Insider One knows nobody

  Rule: an order is kept for two years, a look at a product for 90 days

    @documented
    Scenario Outline: <event> of <when> is not stored
      When an app posts to "/v1/track":
        """
        {"event": "<event>", "userId": "ada", "timestamp": "<when>",
         "properties": {"order_id": "o-17", "currency": "EUR", "price": 8.5, "quantity": 1,
                        "products": [{"product_id": "mug", "price": 8.5, "quantity": 1}]}}
        """
      Then the call "<event>" ends as warning because "days, so it is not stored"

      Examples:
        | event           | when                 |
        | Order Completed | 2024-11-23T11:59:00Z |
        | Product Viewed  | 2026-08-25T11:59:00Z |

    @documented
    Scenario: An order of last year is stored
      When an app posts to "/v1/track":
        """
        {"event": "Order Completed", "userId": "ada", "timestamp": "2025-11-23T12:00:00Z",
         "properties": {"order_id": "o-17", "currency": "EUR",
                        "products": [{"product_id": "mug", "price": 8.5, "quantity": 1}]}}
        """
      Then the call "Order Completed" ends as accepted
      And Segment answers 200

  Rule: a guest is known by what the order says

    @observed
    Scenario: A guest leaves an e-mail address with the order alone
      Given Ada is known to the shop as:
        | detail       | value   |
        | anonymous_id | anon-42 |
        | user_id      |         |
      When Ada does "Order Completed" with:
        | property              | value            |
        | order_id              | o-17             |
        | currency              | EUR              |
        | email                 | ada@shop.example |
        | products.0.product_id | mug              |
        | products.0.price      | 8.50             |
        | products.0.quantity   | 1                |
      Then the call "Order Completed" ends as accepted
      And Insider One knows Ada by exactly these identifiers:
        | identifier                  | value            |
        | email                       | ada@shop.example |
        | custom.segment_anonymous_id | anon-42          |
      And Ada can be reached by no channel
