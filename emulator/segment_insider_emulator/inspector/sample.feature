Feature: Purchase

  Scenario: An order of two products
    When Ada completes order "o-17" in EUR:
      | product_id | name | price | quantity |
      | mug        | Mug  | 8.50  | 1        |
      | tray       | Tray | 21.00 | 1        |
    Then Insider One receives at least these events for Ada:
      | event_name             | event_group_id | product_id | unit_price |
      | confirmation_page_view | o-17           | mug        | 8.50       |
      | confirmation_page_view | o-17           | tray       | 21.00      |
