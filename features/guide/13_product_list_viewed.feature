Feature: 13 Product List Viewed/Listing Page View
  "Insider One receives the track event named Product List Viewed in the Ecommerce spec and registers
  this event as Listing Page View."

  Rule: "Insider One also registers the category as a taxonomy within the event parameters"

    @documented
    Scenario Outline: <Property on Segment> is registered as <Mapping on Insider One>
      When Ada does "Product List Viewed" with:
        | property   | value   |
        | <property> | <value> |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name        | <parameter> |
        | listing_page_view | <received>  |

      Examples: Product List Viewed/Listing Page View
        | Property on Segment | Mapping on Insider One | property | value   | parameter | received    |
        | category            | taxonomy               | category | Kitchen | taxonomy  | ["Kitchen"] |

    @observed
    Scenario: The list is one event, whatever is on it
      When Ada views the category "Kitchen":
        | product_id | price |
        | mug        | 8.50  |
        | tray       | 21.00 |
      Then Insider One receives exactly these events for Ada:
        | event_name        | taxonomy    | product_id |
        | listing_page_view | ["Kitchen"] |            |

  Rule: "any other property within this event is registered as a custom event parameter, which you can configure under the event parameters mapping section"

    @documented
    Scenario: Properties that are configured
      When Ada does "Product List Viewed" with:
        | property              | value   |
        | list_id               | l-1     |
        | category              | Kitchen |
        | products.0.product_id | mug     |
        | products.1.product_id | tray    |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name        | taxonomy    | custom.list_id | custom.product_ids |
        | listing_page_view | ["Kitchen"] | l-1            | ["mug", "tray"]    |

    @observed
    Scenario: A property that is not configured does not arrive
      When Ada does "Product List Viewed" with:
        | property | value   |
        | category | Kitchen |
        | season   | Winter  |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name        | taxonomy    |
        | listing_page_view | ["Kitchen"] |
