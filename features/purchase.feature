Feature: Purchase
  A completed order reaches Insider One as one purchase for each product.

  Rule: products of one order share its event group

    @observed
    Scenario: An order of two products
      When Ada completes order "o-17" in EUR:
        | product_id | name | category | price | quantity |
        | mug        | Mug  | Kitchen  | 8.50  | 2        |
        | tray       | Tray | Kitchen  | 21.00 | 1        |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name             | event_group_id | product_id | name | taxonomy    | unit_price | unit_sale_price | quantity | currency |
        | confirmation_page_view | o-17           | mug        | Mug  | ["Kitchen"] | 8.50       | 8.50            | 2        | EUR      |
        | confirmation_page_view | o-17           | tray       | Tray | ["Kitchen"] | 21.00      | 21.00           | 1        | EUR      |

    @documented
    Scenario: Two orders are two groups
      Given Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When Ada completes order "o-18" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | event_group_id | product_id |
        | confirmation_page_view | o-17           | mug        |
        | confirmation_page_view | o-18           | mug        |

    @observed
    Scenario: The checkout comes before the purchase
      Given Ada starts checkout "k-3" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name             | event_group_id | product_id | unit_price | unit_sale_price | quantity | currency | custom.checkout_id |
        | checkout_page_view     | k-3            | mug        | 8.50       | 8.50            | 1        | EUR      | k-3                |
        | confirmation_page_view | o-17           | mug        | 8.50       | 8.50            | 1        | EUR      |                    |

  Rule: what the whole order has stands on each of its products

    @documented
    Scenario: Tax, shipping and coupon
      Given order "o-17" has these details:
        | property    | value     |
        | affiliation | Main shop |
        | revenue     | 29.50     |
        | shipping    | 3         |
        | tax         | 4.71      |
        | discount    | 2         |
        | coupon      | SPRING    |
        | checkout_id | k-3       |
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | tray       | 21.00 | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | product_id | custom.affiliation | custom.revenue | custom.shipping | custom.tax | custom.discount | custom.coupon | custom.checkout_id |
        | confirmation_page_view | mug        | Main shop          | 29.50          | 3               | 4.71       | 2               | SPRING        | k-3                |
        | confirmation_page_view | tray       | Main shop          | 29.50          | 3               | 4.71       | 2               | SPRING        | k-3                |

    @observed
    Scenario: What nobody mapped does not arrive
      Given order "o-17" has these details:
        | property  | value |
        | gift_wrap | true  |
        | tax       | 4.71  |
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity | engraving |
        | mug        | 8.50  | 1        | For Bob   |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name             | event_group_id | product_id | unit_price | unit_sale_price | quantity | currency | custom.tax |
        | confirmation_page_view | o-17           | mug        | 8.50       | 8.50            | 1        | EUR      | 4.71       |
      And no mapping reads exactly these properties of the call "Order Completed":
        | property                         |
        | properties.gift_wrap             |
        | properties.products[0].engraving |

  Rule: an order without its details is a smaller purchase, or none

    @assumed
    Scenario: Products without a quantity are bought, with a warning
      When Ada completes order "o-17" in EUR:
        | product_id | price |
        | mug        | 8.50  |
      Then Insider One receives 1 "confirmation_page_view" for Ada
      And the call "Order Completed" ends as warning because "confirmation_page_view has no quantity"

    @observed
    Scenario: An order with an empty list of products is no purchase
      When Ada does "Order Completed" with:
        | property | value |
        | order_id | o-17  |
        | currency | EUR   |
        | products | []    |
      Then Insider One receives no events for Ada

    @observed
    Scenario: A quantity that is no whole number loses the whole order
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | tea        | 4.00  | 0.5      |
      Then the call "Order Completed" ends as failed
      And Insider One knows nobody

    @documented
    Scenario: An order of nobody is taken by Segment, and gone
      When an app posts to "/v1/track":
        """
        {"event": "Order Completed", "properties": {"order_id": "o-17", "currency": "EUR"}}
        """
      Then Segment answers 200
      And the call "Order Completed" ends as rejected because "no_user_anon_id"
      And Insider One knows nobody

    @observed
    Scenario: What an app shows on a screen reaches nobody
      When Ada opens the screen "Order Completed"
      Then the call "Order Completed" ends as not_subscribed
      And Insider One knows nobody

  Rule: every other event arrives once, under its own name

    @observed
    Scenario: A review after the purchase
      When Ada does "Product Reviewed" with:
        | property   | value |
        | product_id | mug   |
        | rating     | 5     |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name       | product_id | custom.rating |
        | product_reviewed | mug        | 5             |

    @observed
    Scenario: Segment's proposed triggers send an order twice
      Given the workspace "segment-defaults"
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | product_id | event_group_id |
        | order_completed        | mug        | o-17           |
        | confirmation_page_view | mug        | o-17           |
