Feature: 1 Page, Identify and Track specs
  "With this integration, you can enable Insider One to collect Segment's Page and identify, and
  Track specs."

  @documented
  Scenario: A track call is an event on Insider One
    Given Ada shops
    When Ada does "Wish Listed"
    Then Insider One receives exactly these events and parameters for Ada:
      | event_name  |
      | wish_listed |

  @documented
  Scenario: An identify call is a profile on Insider One
    Given Ada is known to the shop as:
      | detail | value            |
      | email  | ada@shop.example |
    When Ada signs in
    Then Insider One knows exactly these attributes of Ada:
      | attribute | value            |
      | uuid      | ada              |
      | email     | ada@shop.example |
    And Insider One receives no events for Ada

  Rule: page calls have no action of their own, so the workspace sends them through Track Event

    @assumed
    Scenario Outline: The page <page> is a view of <which>
      When Ada visits the page "<page>" with:
        | property | value                      |
        | path     | <path>                     |
        | title    | <title>                    |
        | url      | https://shop.example<path> |
        | referrer | https://search.example/    |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name   | url                        | referrer                | custom.page_name | custom.page_path | custom.page_title |
        | <event_name> | https://shop.example<path> | https://search.example/ | <page>           | <path>           | <title>           |

      Examples:
        | page    | path     | title     | event_name      | which         |
        | Home    | /        | My brand  | homepage_view   | the home page |
        | Kitchen | /kitchen | For cooks | other_page_view | another page  |

    @assumed
    Scenario: What a page call tells of its search
      When Ada visits the page "Results" with:
        | property | value  |
        | category | Search |
        | search   | ?q=mug |
      Then Insider One receives exactly these events and parameters for Ada:
        | event_name      | custom.page_name | custom.page_category | custom.page_search |
        | other_page_view | Results          | Search               | ?q=mug             |

    @assumed
    Scenario: Whoever reads without signing in is known by the anonymous id
      Given Ada is known to the shop as:
        | detail       | value   |
        | anonymous_id | anon-42 |
      And Ada has not signed in
      When Ada visits the page "Home"
      Then Insider One receives 1 "homepage_view" for Ada
      And Insider One knows Ada by exactly these identifiers:
        | identifier                  | value   |
        | custom.segment_anonymous_id | anon-42 |

    @observed
    Scenario: Segment's catalogue proposes nothing for page calls
      Given the workspace "segment-defaults"
      When Ada visits the page "Home"
      Then the call "Home" ends as not_subscribed
      And Insider One knows nobody

    @observed
    Scenario: Nor is there an action for screens
      When Ada opens the screen "Home"
      Then the call "Home" ends as not_subscribed
