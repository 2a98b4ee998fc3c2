Feature: Calls of every kind
  What the destination has no action for reaches nobody.

  @documented
  Scenario: A shopper joins a group
    When Ada joins the group "acme"
    Then the call "group" ends as not_subscribed
    And Insider One knows nobody

  @documented
  Scenario: A guest becomes a customer
    When Ada was known as "guest-7" before
    Then the call "alias" ends as not_subscribed
    And Insider One knows nobody

  @observed
  Scenario: A file of recorded calls
    Given the clock stands at "2026-01-01T12:00:00Z"
    And Ada shops
    When an app sends the calls of "../fixtures/events/shop.ndjson"
    Then Insider One receives at least these events for Ada:
      | event_name             | product_id |
      | item_added_to_cart     | mug        |
      | confirmation_page_view | mug        |

  @documented
  Scenario: The address of a page
    Given the calls of Ada have this context:
      | place    | value                   |
      | page.url | https://shop.example/a1 |
    And Ada does "Wish Listed"
    And the calls of Ada have no context
    When Ada does "Wish Shared"
    Then Insider One receives exactly these events for Ada:
      | event_name  | url                     |
      | wish_listed | https://shop.example/a1 |
      | wish_shared |                         |
