Feature: Mappings of one's own
  What a trigger takes and where a field reads from decides what arrives.

  Rule: a trigger takes the calls that it describes

    @documented
    Scenario: A narrower trigger
      Given the mapping "Product Viewed Event" has this trigger:
        """
        type = "track" and event = "Product Viewed" and properties.price > 5
        """
      And Ada views these products:
        | product_id | price |
        | pin        | 1.50  |
      When Ada views these products:
        | product_id | price |
        | mug        | 8.50  |
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id |
        | product_detail_page_view | mug        |

  Rule: a field is read from the call, or is what it says

    @documented
    Scenario: Fields that say something else
      Given the mapping "Track Event" has these fields:
        | field                | value                 |
        | parameters           | {"shop": "web"}       |
        | uuid                 | $.properties.customer |
        | segment_anonymous_id |                       |
      When Bob does "Wish Listed" with:
        | property | value |
        | customer | ada   |
        | currency | EUR   |
      Then the request of the call "Wish Listed" has these values:
        | place                                     | must be | value |
        | users.0.identifiers.uuid                  |         | ada   |
        | users.0.identifiers.custom                |         | {}    |
        | users.0.events.0.event_params.custom.shop |         | web   |
        | users.0.events.0.event_params.currency    | absent  |       |

  Rule: mappings and identifiers are added and removed while events arrive

    @documented
    Scenario: A new mapping takes an event that none took
      Given the workspace "segment-defaults"
      And Grace removes the mapping "Track Event"
      When Grace adds the mapping "Songs" of the action "Track Event":
        """
        type = "track" and event = "Song Played"
        """
      And Ada does "Song Played"
      Then Insider One receives exactly these events for Ada:
        | event_name  |
        | song_played |

    @documented
    Scenario: A custom identifier is sent
      Given Grace adds the custom identifier "loyalty_id" from "traits.loyalty_id"
      When Ada tells the shop these traits:
        | trait      | value |
        | loyalty_id | L-7   |
      Then the request of the call "identify" has these values:
        | place                                 | must be | value |
        | users.0.identifiers.custom.loyalty_id |         | L-7   |

    @documented
    Scenario: An identifier is removed
      Given Grace removes the identifier "uuid"
      When Ada does "Song Played"
      Then Insider One receives exactly these events for Ada:
        | event_name  |
        | song_played |
