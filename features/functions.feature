@nodejs
Feature: Segment functions
  Functions of the Segment workspace change, stop and send events. They need Node.js.

  Rule: an insert function changes what Insider One receives

    @documented
    Scenario: A function adds a value that the mapping sends
      Given Segment has the insert function "Add currency":
        """
        async function onTrack (event) {
          event.properties.currency = 'EUR'
          return event
        }
        """
      When Ada does "Order Completed" with:
        | property              | value |
        | order_id              | o-17  |
        | products.0.product_id | mug   |
        | products.0.name       | Mug   |
        | products.0.price      | 8.50  |
        | products.0.quantity   | 1     |
      Then Insider One receives exactly these events for Ada:
        | event_name             | event_group_id | currency |
        | confirmation_page_view | o-17           | EUR      |

    @documented
    Scenario: A trigger sees the event before the function
      Given Segment has the insert function "Rename":
        """
        async function onTrack (event) {
          event.event = 'Order Completed'
          return event
        }
        """
      When Ada does "Wish Listed"
      Then Insider One receives exactly these events for Ada:
        | event_name      |
        | order_completed |

  Rule: an insert function stops events

    @documented
    Scenario: A test order goes no further
      Given Segment has the insert function "No tests":
        """
        async function onTrack (event) {
          if (event.properties.test === 'yes') throw new DropEvent('a test order')
          return event
        }
        """
      When Ada does "Wish Listed" with:
        | property | value |
        | test     | yes   |
      Then the call "Wish Listed" ends as filtered because "onTrack threw DropEvent at line 2: a test order"
      And Insider One receives no "wish_listed" for Ada

    @documented
    Scenario: A type of call without a handler is stopped
      Given Segment has the insert function "Identify only":
        """
        async function onIdentify (event) { return event }
        """
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "UNSUPPORTED_EVENT_TYPE"

    @documented
    Scenario: A call that a function rejects fails
      Given Segment has the insert function "Check":
        """
        async function onTrack (event) { throw new ValidationError('no total') }
        """
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as failed because "MESSAGE_REJECTED"

    @documented
    Scenario: A function that asks for it runs again
      Given Segment has the insert function "Busy":
        """
        let runs = 0
        async function onTrack (event) {
          runs += 1
          if (runs === 1) throw new RetryError('busy')
          return event
        }
        """
      And Ada does "Wish Listed"
      When 10 minutes pass
      Then Insider One receives exactly these events for Ada:
        | event_name  |
        | wish_listed |

  Rule: a source function takes webhooks

    @documented
    Scenario: A webhook becomes a call
      Given Segment has the source function "Gifts":
        """
        async function onRequest (request) {
          const { user } = request.json()
          Segment.track({ event: 'Gift Wrapped', userId: user, properties: {} })
        }
        """
      When an app posts to "/source-functions/wk_demo/Gifts":
        """
        {"user": "ada"}
        """
      Then Segment answers with this body:
        """
        {"success": true, "calls": 1, "logs": []}
        """
