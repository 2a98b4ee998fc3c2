Feature: 6 Create or update a User Profile: Identification
  "Insider One uses the following Segment attributes and maps them in the database as displayed in the
  following table."

  The table's second row has lost its first two cells; its text, "Treat Email as Identifier", tells
  that they were email.

  Rule: each attribute of the table identifies

    @documented
    Scenario Outline: <Segment attribute> is mapped to <Mapping on Insider One>
      Given Ada is known to the shop as:
        | detail       | value          |
        | user_id      | <user id>      |
        | anonymous_id | <anonymous id> |
      When Ada tells the shop these traits:
        | trait     | value |
        | firstName | Ada   |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier   | value   |
        | <identifier> | <value> |

      Examples: Create or update a User Profile, Identification
        | Segment attribute | Mapping on Insider One | user id | anonymous id | identifier                  | value   |
        | userID            | uuid                   | ada-42  |              | uuid                        | ada-42  |
        | anonymousId       | segment_anonymous_Id   |         | anon-42      | custom.segment_anonymous_id | anon-42 |

    @documented
    Scenario Outline: The trait <Segment attribute> is mapped to <Mapping on Insider One>
      Given the workspace "<workspace>"
      And Ada is known to the shop as:
        | detail       | value |
        | anonymous_id |       |
      When Ada tells the shop these traits:
        | trait   | value   |
        | <trait> | <value> |
      Then Insider One knows Ada by exactly these identifiers:
        | identifier   | value   |
        | uuid         | ada     |
        | <identifier> | <value> |

      Examples: Create or update a User Profile, Identification
        | Segment attribute     | Mapping on Insider One | workspace           | trait      | identifier        | value            |
        | email                 | email                  | guide               | email      | email             | ada@shop.example |
        | phone                 | phone number           | guide               | phone      | phone_number      | "+442071838750"  |
        | your custom attribute | your custom identifier | own-identifier.yaml | loyalty_id | custom.loyalty_id | L-7              |

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
