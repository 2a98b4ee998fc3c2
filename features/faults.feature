Feature: When something goes wrong
  A call that Insider One did not take is tried again, and one that it took is kept once.

  Rule: Segment tries again what was not taken

    @documented
    Scenario: Insider One is down for a moment
      Given Insider One answers the next request with 503
      And Ada does "Wish Listed"
      When 45 minutes pass
      Then the call "Wish Listed" ends as accepted
      And Insider One receives 1 "wish_listed" for Ada

    @documented
    Scenario: Insider One does not answer
      Given Insider One does not answer the next request
      And Ada does "Wish Listed"
      When Segment tries again what failed
      Then Insider One receives 1 "wish_listed" for Ada

    @documented
    Scenario: The first answer is lost
      Given Insider One takes the next request and the answer is lost
      And Ada does "Wish Listed"
      When Segment tries again what failed
      Then the call "Wish Listed" ends as warning because "it is stored once"
      And Insider One receives 1 "wish_listed" for Ada

    @documented
    Scenario Outline: An outage that ends: Insider One <outage>
      Given Insider One <outage>
      And Ada does "Wish Listed"
      And nothing goes wrong any more
      When Segment tries again what failed
      Then Insider One receives 1 "wish_listed" for Ada

      Examples:
        | outage                                             |
        | answers the next 100 requests with 503             |
        | does not answer the next 100 requests              |
        | takes the next 100 requests and the answer is lost |

  Rule: what Segment itself refuses is the app's to send again

    @documented
    Scenario Outline: Segment is overloaded for the next <requests>
      Given Segment answers the next <requests> with 503
      When an app posts to "/v1/track":
        """
        {"event": "Wish Listed", "userId": "ada"}
        """
      Then Segment answers 503
      And the number of requests to Insider One is 0

      Examples:
        | requests   |
        | request    |
        | 2 requests |
