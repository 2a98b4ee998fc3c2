Feature: 11 Understanding the Ecommerce Spec
  "Insider One uses the Ecommerce spec to map the following events."

  @documented
  Scenario Outline: <Event on Segment> is mapped to <Mapping on Insider One>
    When Ada does "<event>" with:
      | property              | value |
      | cart_id               | c-9   |
      | checkout_id           | k-3   |
      | order_id              | o-17  |
      | currency              | EUR   |
      | products.0.product_id | mug   |
      | products.0.price      | 8.50  |
      | products.0.quantity   | 1     |
    Then Insider One receives exactly these events for Ada:
      | event_name   |
      | <event_name> |

    Examples: Ecommerce events
      | Event on Segment                         | Mapping on Insider One            | event                | event_name               |
      | Product Viewed                           | Product Detail Page View          | Product Viewed       | product_detail_page_view |
      | Product List Viewed                      | Listing Page View                 | Product List Viewed  | listing_page_view        |
      | Product Added                            | Add to Cart                       | Product Added        | item_added_to_cart       |
      | Cart Reviewed                            | Cart Page View                    | Cart Reviewed        | cart_page_view           |
      | Order Completed                          | Purchase (Confirmation Page View) | Order Completed      | confirmation_page_view   |
      | Checkout Started or Checkout Step Viewed | Checkout Page Viewed              | Checkout Started     | checkout_page_view       |
      | Checkout Started or Checkout Step Viewed | Checkout Page Viewed              | Checkout Step Viewed | checkout_page_view       |

  @documented
  Scenario: The way through the shop
    Given Ada views the category "Kitchen":
      | product_id |
      | mug        |
    And Ada views these products:
      | product_id | price |
      | mug        | 8.50  |
    And Ada adds these products to cart "c-9":
      | product_id | price |
      | mug        | 8.50  |
    And Ada views cart "c-9" in EUR:
      | product_id | price |
      | mug        | 8.50  |
    And Ada starts checkout "k-3" in EUR:
      | product_id | price |
      | mug        | 8.50  |
    When Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 1        |
    Then Insider One receives exactly these events for Ada:
      | event_name               | product_id | event_group_id |
      | listing_page_view        |            |                |
      | product_detail_page_view | mug        |                |
      | item_added_to_cart       | mug        |                |
      | cart_page_view           | mug        | c-9            |
      | checkout_page_view       | mug        | k-3            |
      | confirmation_page_view   | mug        | o-17           |
