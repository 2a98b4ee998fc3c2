Feature: Cart abandonment
  Somebody fills a cart and leaves. Insider One then knows the cart and no purchase, which is what
  a journey that wins people back waits for.

  Rule: a cart reaches Insider One product by product

    @observed
    Scenario: Two products are put into the cart
      When Ada adds these products to cart "c-9":
        | product_id | name | category | price | currency | quantity | sku    |
        | mug        | Mug  | Kitchen  | 8.50  | EUR      | 2        | MUG-01 |
        | tray       | Tray | Kitchen  | 21.00 | EUR      | 1        |        |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name         | product_id | name | taxonomy    | unit_price | unit_sale_price | currency | quantity | custom.cart_id | custom.sku |
        | item_added_to_cart | mug        | Mug  | ["Kitchen"] | 8.50       | 8.50            | EUR      | 2        | c-9            | MUG-01     |
        | item_added_to_cart | tray       | Tray | ["Kitchen"] | 21.00      | 21.00           | EUR      | 1        | c-9            |            |

    @observed
    Scenario: The cart page shows two products
      When Ada views cart "c-9" in EUR:
        | product_id | name | category | price | quantity |
        | mug        | Mug  | Kitchen  | 8.50  | 2        |
        | tray       |      |          | 21.00 |          |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name     | event_group_id | product_id | name | taxonomy    | unit_price | unit_sale_price | quantity | currency |
        | cart_page_view | c-9            | mug        | Mug  | ["Kitchen"] | 8.50       | 8.50            | 2        | EUR      |
        | cart_page_view | c-9            | tray       |      |             | 21.00      | 21.00           |          | EUR      |

    @observed
    Scenario: A product is taken out of the cart
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
        | tray       | 21.00 |
      When Ada removes these products from cart "c-9":
        | product_id | price |
        | tray       | 21.00 |
      Then Insider One receives exactly these events for Ada:
        | event_name             | product_id | unit_price | custom.cart_id |
        | item_added_to_cart     | mug        | 8.50       | c-9            |
        | item_added_to_cart     | tray       | 21.00      | c-9            |
        | item_removed_from_cart | tray       | 21.00      | c-9            |

  Rule: an abandoned cart is cart events and no purchase

    @documented
    Scenario: Ada leaves with a full cart
      Given Ada views the category "Kitchen":
        | product_id |
        | mug        |
        | tray       |
      And Ada views these products:
        | product_id | price |
        | mug        | 8.50  |
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id | event_group_id | custom.product_ids |
        | listing_page_view        |            |                | ["mug", "tray"]    |
        | product_detail_page_view | mug        |                |                    |
        | item_added_to_cart       | mug        |                |                    |
        | cart_page_view           | mug        | c-9            |                    |
      And Insider One receives no "confirmation_page_view" for Ada

    @documented
    Scenario: Bob's purchase leaves Ada's cart abandoned
      Given Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
      When Bob completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives 1 "cart_page_view" for Ada
      And Insider One receives no "confirmation_page_view" for Ada
      And Insider One receives 1 "confirmation_page_view" for Bob
      And Insider One knows 2 people

  Rule: whoever has not signed in is known by an anonymous id

    @documented
    Scenario: An anonymous cart
      Given Ada is known to the shop as:
        | detail       | value   |
        | anonymous_id | anon-42 |
        | user_id      |         |
      When Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      Then Insider One receives exactly these events for Ada:
        | event_name         | product_id |
        | item_added_to_cart | mug        |
      And Insider One knows Ada by exactly these identifiers:
        | identifier                  | value   |
        | custom.segment_anonymous_id | anon-42 |

    @documented
    Scenario: Signing in keeps the cart
      Given Ada is known to the shop as:
        | detail       | value            |
        | anonymous_id | anon-42          |
        | email        | ada@shop.example |
      And Ada has not signed in
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When Ada signs in
      Then Insider One knows Ada by exactly these identifiers:
        | identifier                  | value            |
        | uuid                        | ada              |
        | email                       | ada@shop.example |
        | custom.segment_anonymous_id | anon-42          |
      And Insider One receives 1 "item_added_to_cart" for Ada
      And Insider One knows 1 person

    @assumed
    Scenario: An account that does not list the anonymous id knows no owner of the cart
      Given the workspace "segment-defaults"
      And Ada has not signed in
      When Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      Then Insider One does not know Ada
      And the call "Product Added" ends as warning because "no identifier of this user is usable"

  Rule: an incomplete cart page is lost, although Segment shows it as delivered

    @documented
    Scenario Outline: A cart page without <parameter>
      When Ada does "Cart Viewed" with:
        | property              | value      |
        | cart_id               | <cart_id>  |
        | currency              | <currency> |
        | products.0.product_id | mug        |
        | products.0.price      | <price>    |
      Then the call "Cart Viewed" ends as dropped because "<parameter> parameter is required on cart_page_view event"
      And Insider One knows nobody

      Examples:
        | parameter       | cart_id | currency | price |
        | event_group_id  |         | EUR      | 8.50  |
        | currency        | c-9     |          | 8.50  |
        | unit_sale_price | c-9     | EUR      |       |

    @observed
    Scenario: The name in the guide's table is not the one that Segment's catalogue takes
      Given the workspace "segment-defaults"
      When Ada does "Cart Reviewed" with:
        | property              | value |
        | cart_id               | c-9   |
        | currency              | EUR   |
        | products.0.product_id | mug   |
        | products.0.price      | 8.50  |
      Then Insider One receives no "cart_page_view" for Ada
      And Insider One receives 1 "cart_reviewed" for Ada
