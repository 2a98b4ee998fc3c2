Feature: 3 Personalizing User Experience
  "You can leverage the comprehensive user information (e.g., name, age, viewed products, items added
  to cart, interest categories, etc.) passed from Segment to deliver personalized user experiences."

  How viewed products, cart and interests follow from events is ours: docs/assumptions.md lists the rules.

  @documented
  Scenario: Name and age
    When Ada tells the shop these traits:
      | trait     | value |
      | firstName | Ada   |
      | lastName  | Byron |
      | age       | 36    |
    Then Insider One can personalise for Ada by:
      | what    | value |
      | name    | Ada   |
      | surname | Byron |
      | age     | 36    |

  @assumed
  Scenario: Viewed products, the latest first
    Given Ada views these products:
      | product_id | price |
      | mug        | 8.50  |
    And Ada views these products:
      | product_id | price |
      | tray       | 21.00 |
    When Ada views these products:
      | product_id | price |
      | mug        | 8.50  |
    Then Insider One can personalise for Ada by:
      | what            | value           |
      | viewed_products | ["mug", "tray"] |

  @assumed
  Scenario: Items added to the cart, and still in it
    Given Ada adds these products to cart "c-9":
      | product_id | price |
      | mug        | 8.50  |
      | tray       | 21.00 |
      | tea        | 4.00  |
    And Ada removes these products from cart "c-9":
      | product_id | price |
      | tray       | 21.00 |
    When Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 1        |
    Then Insider One can personalise for Ada by:
      | what | value   |
      | cart | ["tea"] |

  @assumed
  Scenario: Interest categories, the commonest first
    Given Ada views the category "Garden":
      | product_id |
      | spade      |
    When Ada views these products:
      | product_id | category |
      | mug        | Kitchen  |
      | tray       | Kitchen  |
    Then Insider One can personalise for Ada by:
      | what                | value                 |
      | interest_categories | ["Kitchen", "Garden"] |

  @assumed
  Scenario: What was bought, and for how much
    Given Ada completes order "o-17" in EUR:
      | product_id | price | quantity |
      | tea        | 4.00  | 1        |
    When Ada completes order "o-18" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 2        |
      | tray       | 21.00 | 1        |
    Then Insider One can personalise for Ada by:
      | what          | value           |
      | last_purchase | ["mug", "tray"] |
      | order_count   | 2               |
      | order_value   | [42.0]          |

  @assumed
  Scenario: Nothing is made up about whoever said nothing
    When Ada does "Newsletter Opened"
    Then Insider One can personalise for Ada by:
      | what            | value |
      | name            |       |
      | age             |       |
      | viewed_products | []    |
      | cart            | []    |
