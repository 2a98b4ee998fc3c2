Feature: Transformations
  Segment changes an event on its way: for all destinations, or for Insider One alone.

  Rule: a renamed event is another event

    @documented
    Scenario: An order with the name of an old app is a purchase
      Given Segment renames the event "completed_order" to "Order Completed"
      And Segment renames these properties of "Order Completed":
        | property | becomes  |
        | orderNo  | order_id |
      When Ada does "completed_order" with:
        | property              | value |
        | orderNo               | o-17  |
        | currency              | EUR   |
        | products.0.product_id | mug   |
        | products.0.name       | Mug   |
        | products.0.price      | 8.50  |
        | products.0.quantity   | 1     |
      Then Insider One receives exactly these events for Ada:
        | event_name             | event_group_id | product_id |
        | confirmation_page_view | o-17           | mug        |

    @documented
    Scenario: Only track events have another name
      Given Segment has this transformation:
        """
        {"name": "Rename", "if": "all", "newEventName": "Wish Listed"}
        """
      When Ada visits the page "Home"
      Then Insider One receives no "wish_listed" for Ada

  Rule: a property that moved is no longer where it was

    @documented
    Scenario: The trait that the mapping reads has another name
      Given Segment has this transformation:
        """
        {"name": "Names", "if": "type = 'identify'",
         "propertyRenames": [{"oldName": "first_name", "newName": "given_name"}]}
        """
      When Ada tells the shop these traits:
        | trait      | value            |
        | first_name | Ada              |
        | email      | ada@shop.example |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value            |
        | uuid      | ada              |
        | email     | ada@shop.example |

  Rule: values can be written, computed and hidden

    @documented
    Scenario: Every price is in euros
      Given Segment has this transformation:
        """
        {"name": "EUR", "if": "event = 'Product Viewed'",
         "propertyValueTransformations": [
           {"propertyPaths": ["properties.currency"], "propertyValue": "EUR"}]}
        """
      When Ada does "Product Viewed" with:
        | property   | value |
        | product_id | mug   |
        | name       | Mug   |
        | price      | 8.50  |
        | currency   | TRY   |
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id | currency |
        | product_detail_page_view | mug        | EUR      |

    @documented
    Scenario: A currency in small letters is written in capitals
      Given Segment has this transformation:
        """
        {"name": "Capitals", "if": "type = 'track'",
         "fqlDefinedProperties": [
           {"propertyName": "properties.currency", "fql": "uppercase(properties.currency)"}]}
        """
      When Ada does "Product Viewed" with:
        | property   | value |
        | product_id | mug   |
        | name       | Mug   |
        | price      | 8.50  |
        | currency   | eur   |
      Then Insider One receives exactly these events for Ada:
        | event_name               | product_id | currency |
        | product_detail_page_view | mug        | EUR      |

  Rule: a transformation can stop an event

    @assumed
    Scenario: Test events go nowhere
      Given Segment has this transformation:
        """
        {"name": "No tests", "if": "contains(event, 'Test')", "drop": true}
        """
      When Ada does "Test Ping"
      Then the call "Test Ping" ends as filtered because "FILTERED_BY_RULES: transformation 'No tests' drops it"

    @documented
    Scenario: A condition that cannot be read stops every event
      Given Segment has this transformation:
        """
        {"name": "Broken", "if": "event = 'x"}
        """
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "INTERNAL: transformation 'Broken' fails and drops it"

  Rule: transformations of the destination come after its consent

    @documented
    Scenario Outline: Ada <refuses> Advertising, and the destination's transformation <runs>
      Given Segment has this transformation:
        """
        {"name": "Stop", "if": "all", "drop": true,
         "destinationMetadataId": "643697f531f98a978f414453"}
        """
      And the destination needs consent to Advertising
      And Ada <refuses> Advertising
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "<why>"

      Examples:
        | refuses | runs         | why                                              |
        | refuses | does not run | FILTERED_BY_END_USER_CONSENT                     |
        | accepts | runs         | FILTERED_BY_RULES: transformation 'Stop' drops it |
