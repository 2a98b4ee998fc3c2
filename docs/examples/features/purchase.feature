Feature: Purchase

  Scenario: An order of two products
    When Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 1        |
      | tray       | 21.00 | 1        |
    Then Insider One receives exactly these events for Ada:
      | event_name             | event_group_id | product_id |
      | confirmation_page_view | o-17           | mug        |
      | confirmation_page_view | o-17           | tray       |

  Scenario: Staff are not told to Insider One
    Given Bea is known to the shop as:
      | detail | value                  |
      | email  | bea@staff.shop.example |
    When Bea signs in
    Then Insider One does not know Bea
