Feature: Consent categories
  Segment sends an event on only to the destinations whose consent categories the person accepts.

  Rule: every category of the destination must be accepted

    @documented
    Scenario: Ada refuses Advertising
      Given the destination needs consent to Advertising
      And Ada refuses Advertising
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "FILTERED_BY_END_USER_CONSENT: context.consent refuses 'Advertising'"
      And Insider One receives no "wish_listed" for Ada

    @documented
    Scenario: Ada accepts Advertising
      Given the destination needs consent to Advertising
      And Ada accepts Advertising
      When Ada does "Wish Listed"
      Then Insider One receives exactly these events for Ada:
        | event_name  |
        | wish_listed |

    @documented
    Scenario: One of two categories is not enough
      Given the destination needs consent to Advertising and Analytics
      And Ada accepts Analytics
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "context.consent does not name 'Advertising', which counts as refused"

    @documented
    Scenario: Ada changes her mind
      Given the destination needs consent to Advertising
      And Ada refuses Advertising
      And Ada does "Wish Listed"
      And Ada accepts Advertising
      When Ada does "Gift Wrapped"
      Then Insider One receives exactly these events for Ada:
        | event_name   |
        | gift_wrapped |

  Rule: without a consent object nothing is enforced

    @documented
    Scenario: Nobody asked Ada
      Given the destination needs consent to Advertising
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as accepted

    @documented
    Scenario: An empty list of answers refuses everything
      Given the destination needs consent to Advertising
      And the calls of Ada have this context:
        | place                       | value |
        | consent.categoryPreferences | {}    |
      When Ada does "Wish Listed"
      Then the call "Wish Listed" ends as filtered because "FILTERED_BY_END_USER_CONSENT"

  Rule: consent is looked at before the integrations object

    @documented
    Scenario Outline: Ada <answers> Advertising and the app switches Insider One <switched>
      Given the destination needs consent to Advertising
      When an app posts to "/v1/track":
        """
        {"userId": "ada", "event": "Wish Listed",
         "context": {"consent": {"categoryPreferences": {"Advertising": <consent>}}},
         "integrations": {"Insider Cloud Mode (Actions)": <integration>}}
        """
      Then the call "Wish Listed" ends as <end> because "<why>"

      Examples:
        | answers | consent | switched | integration | end      | why                             |
        | refuses | false   | on       | true        | filtered | FILTERED_BY_END_USER_CONSENT    |
        | refuses | false   | off      | false       | filtered | FILTERED_BY_END_USER_CONSENT    |
        | accepts | true    | off      | false       | filtered | FILTERED_BY_INTEGRATIONS_OBJECT |

  Rule: destinations learn of the refusal itself

    @documented
    Scenario: The change of the answers arrives
      Given the destination needs consent to Advertising
      And Ada refuses Advertising
      When Ada does "Segment Consent Preference Updated"
      Then the call "Segment Consent Preference Updated" ends as accepted
