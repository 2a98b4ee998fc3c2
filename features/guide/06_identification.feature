Feature: 6 Create or update a User Profile: Identification
  "Insider One uses the following Segment attributes and maps them in the database as displayed in the
  following table."

  The table's second row has lost its first two cells; its text, "Treat Email as Identifier", tells
  that they were email.

  Rule: each attribute of the table identifies

    @documented
    Scenario Outline: <Segment attribute> is mapped to <Mapping on Insider One>
      Given the workspace "<workspace>"
      And Ada is known to the shop as:
        | detail       | value          |
        | user_id      | <user id>      |
        | anonymous_id | <anonymous id> |
      When Ada tells the shop these traits:
        | trait   | value  |
        | <trait> | <told> |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier   | value           |
        | <identifier> | <value>         |
        | <beside>     | <value of that> |

      Examples: Create or update a User Profile, Identification
        | Segment attribute     | Mapping on Insider One | workspace           | user id | anonymous id | trait      | told             | identifier                  | value            | beside | value of that |
        | userID                | uuid                   | guide               | ada-42  |              | age        | 36               | uuid                        | ada-42           | email  |               |
        | email                 | email                  | guide               | ada-42  |              | email      | ada@shop.example | email                       | ada@shop.example | uuid   | ada-42        |
        | phone                 | phone number           | guide               | ada-42  |              | phone      | +442071838750    | phone_number                | "+442071838750"  | uuid   | ada-42        |
        | anonymousId           | segment_anonymous_Id   | guide               |         | anon-42      | age        | 36               | custom.segment_anonymous_id | anon-42          | uuid   |               |
        | your custom attribute | your custom identifier | own-identifier.yaml | ada-42  |              | loyalty_id | L-7              | custom.loyalty_id           | L-7              | uuid   | ada-42        |

  Rule: "(Optional) The field can be selected as an identifier"

    @observed
    Scenario Outline: <trait> is an attribute alone where "Treat <field> as Identifier" is off
      Given the workspace "addresses-do-not-identify.yaml"
      When Ada tells the shop these traits:
        | trait   | value   |
        | <trait> | <value> |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier | value |
        | uuid       | ada   |
      And Insider One knows exactly these attributes of Ada:
        | attribute   | value   |
        | uuid        | ada     |
        | <attribute> | <value> |

      Examples:
        | trait | field        | attribute    | value            |
        | email | Email        | email        | ada@shop.example |
        | phone | Phone Number | phone_number | "+442071838750"  |

  Rule: whoever has no identifier is nobody

    @documented
    Scenario: An identify call without any id does not get past Segment
      When an app posts to "/v1/identify":
        """
        {"traits": {"email": "ada@shop.example"}}
        """
      Then Segment answers 200
      And the call "identify" ends as rejected because "no_user_anon_id"
      And Insider One knows nobody
