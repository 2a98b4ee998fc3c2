Feature: Carts

  Scenario: A cart is abandoned
    Given the clock stands at "2026-11-23T12:00:00Z"
    And Ada is known to the shop as:
      | detail | value            |
      | email  | ada@shop.example |
      | phone  | +442071838750    |
    And Ada opts in to sms
    And Ada adds these products to cart "c-9":
      | product_id | price |
      | mug        | 8.50  |
    When 45 minutes pass
    Then the journey "Cart abandonment" would send email to ada@shop.example
