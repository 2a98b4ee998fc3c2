Feature: 10 Understanding the Track Spec
  "Segment calls the Track spec to record user actions along with their details."

  Rule: "The name and other parameter attributes become the event name and event parameters"

    @documented
    Scenario: A custom event with its parameters
      When Ada does "Wish Listed" with:
        | property | value    |
        | list     | Birthday |
        | priority | 2        |
        | public   | true     |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name  | custom.list | custom.priority | custom.public |
        | wish_listed | Birthday    | 2               | true          |

    @observed
    Scenario: Parameters that Insider One knows by a name of its own get that name
      When Ada does "Wish Listed" with:
        | property   | value                        |
        | product_id | mug                          |
        | price      | 8.50                         |
        | image_url  | https://shop.example/mug.jpg |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name  | product_id | unit_price | unit_sale_price | product_image_url            |
        | wish_listed | mug        | 8.50       | 8.50            | https://shop.example/mug.jpg |

    @observed
    Scenario Outline: <event> becomes <event_name>
      When Ada does "<event>"
      Then Insider One receives 1 "<event_name>" for Ada

      Examples:
        | event         | event_name    |
        | Wish Listed   | wish_listed   |
        | newsletter    | newsletter    |
        | Song 2 Played | song_2_played |

    @documented
    Scenario: A name with other signs is refused, although Segment shows it as delivered
      When Ada does "Order #1 Rated"
      Then the call "Order #1 Rated" ends as dropped
      And Insider One receives no events for Ada

    @observed
    Scenario: A parameter with capitals or spaces loses its value
      When Ada does "Wish Listed" with:
        | property  | value |
        | Gift Wrap | true  |
        | list      | mine  |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name  | custom.list |
        | wish_listed | mine        |

  Rule: "After you launch the actions, data will start to flow to Insider One"

    @documented
    Scenario: A custom event before Track Event is launched
      Given Grace disables the mapping "Track Event"
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as not_subscribed because "disabled, 'Track Event' would"

    @documented
    Scenario: A custom event afterwards
      Given Grace disables the mapping "Track Event"
      And Ada does "Wish Listed"
      And Grace enables the mapping "Track Event"
      When Ada does "Wish Listed"
      Then Insider One receives 1 "wish_listed" for Ada
