Feature: 4 Configuring Insider One As a Destination
  "Follow these steps to configure Insider One as a destination in your Segment account."

  The workspace file stands for the steps in Segment's catalogue: the destination is added, has its
  data source and its name, and is not connected yet.

  Background:
    Given the workspace "unconnected.yaml"

  Rule: "navigate to Components > Integrations > External Integrations and select Segment"

    @documented
    Scenario: Enter the Integration Name, and select Source as the Integration Type
      Given Grace has the role "Administrator" in InOne
      When Grace creates the integration "Web shop" of type "Source"
      Then InOne shows exactly these integrations:
        | Integration Name | Integration Type | Insider One Account Name | Revoked |
        | Workspace file   | Source           | mybrand                  | false   |
        | Web shop         | Source           | mybrand                  | false   |

    @assumed
    Scenario: Another Integration Type takes no events
      Given Grace has the role "Administrator" in InOne
      When Grace tries to create the integration "Web shop" of type "Destination"
      Then InOne refuses because "an integration of type 'Destination' does not receive events"

    @assumed
    Scenario: An integration that is no longer wanted stays in the list
      Given Grace has the role "Administrator" in InOne
      And Grace creates the integration "Web shop" of type "Source"
      When Grace revokes the integration "Web shop"
      Then InOne shows exactly these integrations:
        | Integration Name | Revoked |
        | Workspace file   | false   |
        | Web shop         | true    |

  Rule: "You cannot make any changes without having either an Administrator or an Editor with PII access"

    @documented
    Scenario Outline: The role <role> may
      Given Grace has the role "<role>" in InOne
      When Grace creates the integration "Web shop" of type "Source"
      Then InOne shows exactly these integrations:
        | Integration Name |
        | Workspace file   |
        | Web shop         |

      Examples:
        | role                   |
        | Administrator          |
        | Editor with PII access |

    @documented
    Scenario: An Editor without PII access may not
      Given Grace has the role "Editor" in InOne
      When Grace tries to create the integration "Web shop" of type "Source"
      Then InOne refuses because "a user with the role 'Editor' cannot make changes to External Platform Integrations"
      And InOne shows exactly these integrations:
        | Integration Name |
        | Workspace file   |

  Rule: "enter your Segment Integration Key and Account Name, open the Enable Destination toggle, and click the Save Changes button"

    Background:
      Given Grace has the role "Administrator" in InOne
      And Grace creates the integration "Web shop" of type "Source"

    @documented
    Scenario: From then on events arrive
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace opens the Enable Destination toggle
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then the call "Order Completed" ends as accepted
      And Insider One receives 1 "confirmation_page_view" for Ada

    @observed
    Scenario: What happened before the toggle was opened never arrives
      Given Grace enters the key and account name of "Web shop" in Segment
      And Ada completes order "o-16" in EUR:
        | product_id | price | quantity |
        | tea        | 4.00  | 1        |
      And Grace opens the Enable Destination toggle
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Insider One receives exactly these events for Ada:
        | event_name             | event_group_id |
        | confirmation_page_view | o-17           |

  Rule: a wrong turn shows with the next event, not when it is saved

    Background:
      Given Grace has the role "Administrator" in InOne
      And Grace creates the integration "Web shop" of type "Source"

    @observed
    Scenario: The Enable Destination toggle is closed
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace closes the Enable Destination toggle
      When Ada signs in
      Then the call "identify" ends as disabled because "turn on Enable Destination"
      And Insider One knows nobody

    @documented
    Scenario: The key is a wrong one
      Given Grace enters these settings in Segment:
        | setting                 | value    |
        | Segment Integration Key | mistyped |
        | Account Name            | mybrand  |
      And Grace opens the Enable Destination toggle
      When Ada signs in
      Then the call "identify" ends as failed because "Access Denied"
      And the call "identify" ends as failed because "enter the API Key that the panel showed"
      And Insider One knows nobody

    @documented
    Scenario: The account is a wrong one
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace enters these settings in Segment:
        | setting      | value   |
        | Account Name | MyBrand |
      And Grace opens the Enable Destination toggle
      When Ada signs in
      Then the call "identify" ends as failed because "Partner is invalid."
      And Insider One knows nobody

    @assumed
    Scenario: The key has been revoked meanwhile
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace opens the Enable Destination toggle
      And Grace revokes the integration "Web shop"
      When Ada signs in
      Then the call "identify" ends as failed because "The key of integration 'Web shop' was revoked"
      And Insider One knows nobody

    @observed
    Scenario: The event has no mapping
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace opens the Enable Destination toggle
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as not_subscribed because "no enabled subscription matches this event"
      And Insider One knows nobody

    @observed
    Scenario: The event's mapping is disabled
      Given Grace enters the key and account name of "Web shop" in Segment
      And Grace opens the Enable Destination toggle
      And Grace disables the mapping "Order Completed Event"
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then the call "Order Completed" ends as not_subscribed because "disabled, 'Order Completed Event' would"
      And Insider One knows nobody
