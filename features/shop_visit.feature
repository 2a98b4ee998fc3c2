Feature: A visit to the shop
  What people do in a shop, in the words of the shop.

  @documented
  Scenario: A customer with several names searches, buys and gets money back
    Given the clock stands at "2026-11-23T12:00:00Z"
    When Ayşe-Nur O'Hara logs in
    And Ayşe-Nur O'Hara searches for "blue mug"
    And Ayşe-Nur O'Hara buys these products in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 2        |
    And Ayşe-Nur O'Hara waits 2 days
    And Ayşe-Nur O'Hara refunds order "order-1" in EUR:
      | product_id | price | quantity |
      | mug        | 8.50  | 1        |
    Then Insider One receives these events for Ayşe-Nur O'Hara in this order:
      | event_name             | event_group_id |
      | confirmation_page_view | order-1        |
    And the call "Order Completed" leads to 1 request

  @observed
  Scenario: Names have several words and scripts
    When Şule İnce logs in
    And kunde-4711 logs in
    And 田中 花子 logs in
    And Ali Can logs in
    And Ludwig van Beethoven logs in
    And प्रिया शर्मा logs in
    Then Insider One knows 6 people
    And Insider One knows these attributes of Şule İnce:
      | attribute | value     |
      | uuid      | şule ince |

  @observed
  Scenario: After she logs out, Ada is another person until she logs in
    When Ada logs in
    And Ada logs out
    And Ada does "Wish Listed"
    Then Insider One receives 1 "wish_listed" for Ada
    And Insider One knows 2 people

  @documented
  Scenario: An opt-out takes an opt-in back
    Given Ada opts in to email and sms
    When Ada opts out of sms
    Then Insider One knows these attributes of Ada:
      | attribute   | value |
      | email_optin | true  |
      | sms_optin   | false |
    And the call "identify" leads to 1 request

  @documented
  Scenario: Two mappings make two requests of one call
    Given the workspace "segment-defaults"
    When Ada adds these products to cart "c-9":
      | product_id | price | quantity |
      | mug        | 8.50  | 2        |
    Then the call "Product Added" leads to 2 requests

  @observed
  Scenario: Two people with one e-mail address are one profile
    Given Bea has not signed in
    When Ada tells the shop these traits:
      | trait | value             |
      | email | home@shop.example |
    And Bea tells the shop these traits:
      | trait | value             |
      | email | home@shop.example |
    Then Ada and Bea have the same profile

  @documented
  Scenario: Segment answers every call with success
    When an app posts to "/v1/track":
      """
      {"event": "Wish Listed", "userId": "ada"}
      """
    Then Segment answers 200
    And Segment answers with this body:
      """
      {"success": true}
      """

  @observed
  Scenario: Two people who do the same send the same events
    Given Ada does "Wish Listed" with:
      | property   | value |
      | product_id | mug   |
    And Ada tells the shop these traits:
      | trait        | value  |
      | address.city | Ankara |
    When Can does "Wish Listed" with:
      | property   | value |
      | product_id | mug   |
    And Can tells the shop these traits:
      | trait        | value  |
      | address.city | Ankara |
    Then Ada and Can receive the same events
    And Ada and Can have the same attributes:
      | attribute |
      | city      |

  @observed
  Scenario: A category in one text keeps its levels, a list loses the event
    Given Ada views the category "Women > Shoes":
      | product_id |
      | mug        |
    When Can views the category levels "Women > Shoes":
      | product_id |
      | mug        |
    Then Insider One receives exactly these events for Ada:
      | event_name        | taxonomy          |
      | listing_page_view | ["Women > Shoes"] |
    And Insider One receives no events for Can
    And the call "Product List Viewed" ends as failed because "Product Category must be a string"
