Feature: Wishes

  Scenario: Ada puts a mug on her wish list
    Given Ada views these products:
      | product_id | price |
      | mug        | 8.50  |
    When Ada does "Wish Listed" with:
      | property   | value |
      | product_id | mug   |
      | price      | 8     |
    Then Insider One receives exactly these events for Ada:
      | event_name               | product_id | unit_price |
      | product_detail_page_view | mug        | 8.50       |
      | wish_listed              | mug        | 8.50       |
