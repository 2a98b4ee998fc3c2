Feature: 9 Event Actions for Insider One Cloud Destination
  "To easily map any events on your Segment platform to Insider One, click new mapping and use the
  actions modal to create an event mapping for the following events in the table."

  Rule: each action of the table records its event

    @documented
    Scenario Outline: <Event Name>: <Description>
      When Ada does "<event>" with:
        | property              | value |
        | cart_id               | c-9   |
        | order_id              | o-17  |
        | currency              | EUR   |
        | products.0.product_id | mug   |
        | products.0.price      | 8.50  |
        | products.0.quantity   | 1     |
      Then Insider One receives exactly these events for Ada:
        | event_name   |
        | <event_name> |

      Examples: Event actions
        | Event Name          | Description                                   | event                | event_name               |
        | Product List Viewed | Record Product List View Event to Insider One | Product List Viewed  | listing_page_view        |
        | User Registered     | Record User Registered Event to Insider One   | User Registered      | sign_up_confirmation     |
        | Cart Viewed         | Record Cart Viewed Event to Insider One       | Cart Viewed          | cart_page_view           |
        | Product Removed     | Record Product Removed Event to Insider One   | Product Removed      | item_removed_from_cart   |
        | Checkout            | Record Checkout Events to Insider One         | Checkout Started     | checkout_page_view       |
        | Checkout            | Record Checkout Events to Insider One         | Checkout Step Viewed | checkout_page_view       |
        | Product Viewed      | Record Product View Event to Insider One      | Product Viewed       | product_detail_page_view |
        | Product Added       | Record Product Added Event to Insider One     | Product Added        | item_added_to_cart       |
        | Order Completed     | Record Order Completed Event to Insider One   | Order Completed      | confirmation_page_view   |
        | Track Event         | Record custom event to Insider One            | Wish Listed          | wish_listed              |

    @observed
    Scenario: An action that nobody enabled records nothing
      Given Grace disables the mapping "Product Viewed Event"
      When Ada views these products:
        | product_id |
        | mug        |
      Then the call "Product Viewed" ends as not_subscribed
      And Insider One receives no events for Ada

  Rule: "Insider One uses the following Segment attributes", in event actions as well

    @documented
    Scenario Outline: With an event, <Segment attribute> is mapped to <Mapping on Insider One>
      Given the workspace "<workspace>"
      And Ada is known to the shop as:
        | detail       | value          |
        | user_id      | <user id>      |
        | anonymous_id | <anonymous id> |
      When Ada does "Wish Listed" with:
        | property   | value  |
        | <property> | <told> |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier   | value           |
        | <identifier> | <value>         |
        | <beside>     | <value of that> |

      Examples: Event Actions, Identification
        | Segment attribute     | Mapping on Insider One | workspace           | user id | anonymous id | property   | told             | identifier                  | value            | beside | value of that |
        | userID                | uuid                   | guide               | ada-42  |              | list       | Birthday         | uuid                        | ada-42           | email  |               |
        | email                 | email                  | guide               | ada-42  |              | email      | ada@shop.example | email                       | ada@shop.example | uuid   | ada-42        |
        | phone                 | phone number           | guide               | ada-42  |              | phone      | +442071838750    | phone_number                | "+442071838750"  | uuid   | ada-42        |
        | anonymousId           | segment_anonymous_Id   | guide               |         | anon-42      | list       | Birthday         | custom.segment_anonymous_id | anon-42          | uuid   |               |
        | your custom attribute | your custom identifier | own-identifier.yaml | ada-42  |              | loyalty_id | L-7              | custom.loyalty_id           | L-7              | uuid   | ada-42        |

    @observed
    Scenario Outline: With an event, <property> does not identify where "Treat <field> as Identifier" is off
      Given the workspace "addresses-do-not-identify.yaml"
      When Ada does "Wish Listed" with:
        | property   | value   |
        | <property> | <value> |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier | value |
        | uuid       | ada   |

      Examples:
        | property | field        | value            |
        | email    | Email        | ada@shop.example |
        | phone    | Phone Number | "+442071838750"  |
