Feature: Checkout abandonment
  Somebody begins to pay and leaves. Only carts start the journey "Cart abandonment" of the workspace
  `guide`; a checkout on its own does not.

  Background:
    Given the clock stands at "2026-11-23T12:00:00Z"
    And Ada is known to the shop as:
      | detail | value            |
      | email  | ada@shop.example |
    And Ada opts in to email

  Rule: a checkout is recorded product by product, and starts no journey

    @observed
    Scenario: A checkout without a cart
      When Ada starts checkout "k-3" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name         | product_id | event_group_id |
        | checkout_page_view | mug        | k-3            |
      And Ada never enters the journey "Cart abandonment"

    @documented
    Scenario: A checkout after a cart leaves the journey of the cart as it is
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When Ada starts checkout "k-3" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives 1 "checkout_page_view" for Ada
      And Ada enters the journey "Cart abandonment" because of "item_added_to_cart"
      And Ada waits in the journey "Cart abandonment"

  Rule: a cleared cart is no abandoned cart

    @assumed
    Scenario: Ada clears her cart
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When Ada does "Cart Cleared"
      Then Insider One receives exactly these events for Ada:
        | event_name         | product_id |
        | item_added_to_cart | mug        |
        | cart_cleared       |            |
      And Insider One can personalise for Ada by:
        | what | value |
        | cart | []    |
      And Ada leaves the journey "Cart abandonment" because of "cart_cleared"
