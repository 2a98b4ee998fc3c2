Feature: 5 Create or update a User Profile: Understanding the Identify Spec
  "This spec connects users to their actions and records this information with a unique user ID and
  other optional user data (e.g., name, email, etc.)."

  Rule: an identify call creates a profile, or updates it

    @documented
    Scenario: The first one creates the profile
      When Ada tells the shop these traits:
        | trait     | value            |
        | firstName | Ada              |
        | email     | ada@shop.example |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value            |
        | uuid      | ada              |
        | name      | Ada              |
        | email     | ada@shop.example |

    @documented
    Scenario: The next one updates it
      Given Ada tells the shop these traits:
        | trait     | value |
        | firstName | Ada   |
        | age       | 36    |
      When Ada tells the shop these traits:
        | trait | value |
        | age   | 37    |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value |
        | uuid      | ada   |
        | name      | Ada   |
        | age       | 37    |
      And Insider One knows 1 person

  Rule: it connects users to their actions

    @documented
    Scenario: Actions of somebody who has signed in are theirs
      Given Ada signs in
      When Ada views these products:
        | product_id |
        | mug        |
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id |
        | product_detail_page_view | mug        |
      And Insider One knows 1 person

    @documented
    Scenario: Anonymous to known is one profile with the whole history
      Given Ada is known to the shop as:
        | detail       | value            |
        | anonymous_id | anon-42          |
        | email        | ada@shop.example |
      And Ada has not signed in
      And Ada visits the page "Home"
      And Ada views these products:
        | product_id |
        | mug        |
      And Ada adds these products to cart "c-9":
        | product_id |
        | mug        |
      When Ada signs in
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id |
        | homepage_view            |            |
        | product_detail_page_view | mug        |
        | item_added_to_cart       | mug        |
      And Insider One knows Ada by exactly these identifiers:
        | identifier                  | value            |
        | uuid                        | ada              |
        | email                       | ada@shop.example |
        | custom.segment_anonymous_id | anon-42          |
      And Insider One knows 1 person

    @assumed
    Scenario: A second device joins the same profile, with its history
      Given Ada goes on at the device "laptop"
      And Ada signs in
      And Ada views these products:
        | product_id |
        | mug        |
      And Ada goes on at the device "phone"
      And Ada views these products:
        | product_id |
        | tray       |
      When Ada signs in
      Then Insider One has merged exactly these profiles into that of Ada:
        | found_by                   | brought.segment_anonymous_id |
        | segment_anonymous_id:phone | ["phone"]                    |
      And Insider One receives 2 "product_detail_page_view" for Ada
      And Insider One knows 1 person

    @assumed
    Scenario: Two people who share a phone number stay two
      Given Ada tells the shop these traits:
        | trait | value         |
        | phone | +442071838750 |
      When Bob tells the shop these traits:
        | trait | value         |
        | phone | +442071838750 |
      Then Insider One knows 2 people
      And Insider One has merged exactly these profiles into that of Bob:
        | found_by |

    @observed
    Scenario: Traits that the guide does not name are not sent
      When Ada tells the shop these traits:
        | trait   | value      |
        | name    | Ada Byron  |
        | company | Analytical |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value |
        | uuid      | ada   |
      And no mapping reads exactly these properties of the call "identify":
        | property       |
        | traits.company |
        | traits.name    |
