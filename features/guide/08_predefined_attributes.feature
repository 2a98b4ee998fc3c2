Feature: 8 Create or update a User Profile: predefined attributes
  "Insider One also maps the mutually predefined attributes from Segment in the following mappings (can
  be changed while configuration)."

  Rule: each attribute of the table arrives under Insider One's name

    @documented
    Scenario Outline: <Attribute on Segment> is mapped to <Mapping on Insider One>
      When Ada tells the shop these traits:
        | trait   | value   |
        | <trait> | <value> |
      Then Insider One knows exactly these attributes of Ada:
        | attribute   | value   |
        | uuid        | ada     |
        | <attribute> | <value> |

      Examples: Predefined attributes
        | Attribute on Segment | Mapping on Insider One | trait           | value                | attribute |
        | Age                  | Age                    | age             | 36                   | age       |
        | Birthday             | Birthday               | birthday        | 1990-12-10T00:00:00Z | birthday  |
        | firstName            | Name                   | firstName       | Ada                  | name      |
        | lastName             | Surname                | lastName        | Byron                | surname   |
        | Gender               | Gender                 | gender          | F                    | gender    |
        | address.country      | Country                | address.country | GB                   | country   |
        | address.city         | City                   | address.city    | London               | city      |

    @documented
    Scenario: All of them in one call
      When Ada tells the shop these traits:
        | trait           | value                |
        | age             | 36                   |
        | birthday        | 1990-12-10T00:00:00Z |
        | firstName       | Ada                  |
        | lastName        | Byron                |
        | gender          | F                    |
        | address.country | GB                   |
        | address.city    | London               |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value                |
        | uuid      | ada                  |
        | age       | 36                   |
        | birthday  | 1990-12-10T00:00:00Z |
        | name      | Ada                  |
        | surname   | Byron                |
        | gender    | F                    |
        | country   | GB                   |
        | city      | London               |

  Rule: Segment's names are case-sensitive, whatever the table's capitals are

    @observed
    Scenario Outline: The trait <trait> is not read
      Given the name "<trait>" is correct
      When Ada tells the shop these traits:
        | trait   | value   |
        | <trait> | <value> |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value |
        | uuid      | ada   |
      And no mapping reads exactly these properties of the call "identify":
        | property       |
        | traits.<trait> |

      Examples:
        | trait    | value                |
        | Age      | 36                   |
        | Birthday | 1990-12-10T00:00:00Z |
        | Gender   | F                    |

    @observed
    Scenario: Segment's catalogue reads first_name and not firstName
      Given the workspace "segment-defaults"
      When Ada tells the shop these traits:
        | trait     | value |
        | firstName | Ada   |
        | last_name | Byron |
      Then Insider One knows these attributes of Ada:
        | attribute | value |
        | name      |       |
        | surname   | Byron |

  Rule: "(can be changed while configuration)"

    @documented
    Scenario: A shop that calls people by their nicknames
      Given the workspace "own-identifier.yaml"
      When Ada tells the shop these traits:
        | trait    | value    |
        | nickname | Countess |
        | branch   | Ely      |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value    |
        | uuid      | ada      |
        | name      | Countess |
        | city      | Ely      |
