Feature: Requests
  What Insider One is sent, to the JSON value.

  Rule: a request says who, what and when

    @observed
    Scenario: The request of an order
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 2        |
        | tray       | 21.00 | 1        |
      Then the number of requests to Insider One is 1
      And the request of the call "Order Completed" has these values:
        | place                                    | must be    | value                     |
        | platform                                 | exactly    | segment                   |
        | users                                    | of length  | 1                         |
        | users.0.identifiers                      | containing | {"uuid": "ada"}           |
        | users.0.events.0.timestamp               | a          | time                      |
        | users.0.events.0.event_params.product_id | one of     | ["mug", "tray"]           |
        | users.0.events.0.event_params.unit_price | about      | 8.5 ± 0.01                |
        | users.0.events.1.event_params.quantity   | a          | whole number              |
        | users.0.events                           | of length  | 2                         |
        | users.0.events                           | containing | {"event_name": "confirmation_page_view"} |
        | users.0.events.0.event_params.url        | absent     |                           |

    @observed
    Scenario: Where it goes, and under whose name
      When Ada does "Wish Listed"
      Then the request of the mapping "Track Event" has these values:
        | place                   | must be | value                |
        | method                  |         | POST                 |
        | url                     | like    | https://.*/upsert    |
        | headers.x-platform-name |         | segment              |
        | headers.x-partner-name  |         | mybrand              |
      And the mapping "Order Completed Event" takes no call

  Rule: a profile and its events are what requests made of them

    @documented
    Scenario: The newest of several events
      Given Ada does "Wish Listed" with:
        | property | value |
        | price    | 8.50  |
      When Ada does "Wish Listed" with:
        | property | value |
        | price    | 21.00 |
      Then the newest "wish_listed" of Ada has these values:
        | place                   | must be  | value |
        | event_params.unit_price | at least | 20    |
        | event_params.unit_price | at most  | 22    |
        | timestamp               | a        | time  |
      And the profile of Ada has these values:
        | place            | must be   | value |
        | identifiers.uuid |           | ada   |
        | events           | of length | 2     |

    @documented
    Scenario: Events among others, and their order
      Given Ada views these products:
        | product_id |
        | mug        |
        | tray       |
      When Ada does "Wish Listed" with:
        | property   | value |
        | product_id | tray  |
      Then Insider One receives at least these events for Ada:
        | event_name               | product_id |
        | wish_listed              | tray       |
        | product_detail_page_view | mug        |
      And Insider One receives these events for Ada in this order:
        | event_name               | product_id |
        | product_detail_page_view | mug        |
        | wish_listed              | tray       |
