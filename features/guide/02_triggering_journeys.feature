Feature: 2 Triggering Journeys
  "You can track user behavior (e.g., cart abandonment, purchase, etc.) to trigger journeys with
  Insider One's Architect product, and target users across channels."

  Waits and messages are those of the workspace `guide`: Insider One has no defaults for them.

  Background:
    Given the clock stands at "2026-11-23T12:00:00Z"
    And Ada is known to the shop as:
      | detail       | value            |
      | email        | ada@shop.example |
      | phone        | +442071838750    |
      | anonymous_id | laptop           |

  Rule: cart abandonment starts with the cart

    @documented
    Scenario: A product in the cart starts the journey
      When Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      Then Ada enters the journey "Cart abandonment" because of "item_added_to_cart"
      And Ada waits in the journey "Cart abandonment"

    @documented
    Scenario: A look at the cart starts the journey
      When Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
      Then Ada enters the journey "Cart abandonment" because of "cart_page_view"

    @documented
    Scenario: Whoever is inside does not enter again, whatever else goes into the cart
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
        | tray       | 21.00 |
      When Ada views cart "c-9" in EUR:
        | product_id | price |
        | mug        | 8.50  |
        | tray       | 21.00 |
      Then Ada enters the journey "Cart abandonment" because of "item_added_to_cart"
      And Ada enters the journey "Cart abandonment" 1 time
      And Ada waits in the journey "Cart abandonment"

    @documented
    Scenario: Whoever buys without a cart never enters
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Ada never enters the journey "Cart abandonment"

    @documented
    Scenario: Whoever only looks at a product never enters
      When Ada views these products:
        | product_id | price |
        | mug        | 8.50  |
      Then Ada never enters the journey "Cart abandonment"

    @assumed
    Scenario: Whoever abandons another cart two days later enters a second time
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And 2 days pass
      When Ada adds these products to cart "c-10":
        | product_id | price |
        | tray       | 21.00 |
      Then Ada enters the journey "Cart abandonment" 2 times

  Rule: 45 minutes later whoever has not bought is written to

    @assumed
    Scenario: 45 minutes later Ada would get an e-mail
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 45 minutes pass
      Then the journey "Cart abandonment" would send email to ada@shop.example
      And the journey "Cart abandonment" ends for Ada as completed

    @assumed
    Scenario: A minute before Ada still waits
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 44 minutes pass
      Then Ada waits in the journey "Cart abandonment"
      And the journey "Cart abandonment" would not write to Ada

    @assumed
    Scenario: The whole way, step by step
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 45 minutes pass
      Then the journey "Cart abandonment" leaves exactly this trail for Ada:
        | kind       | event.event_name   | channel | path      | address          | message                         |
        | entered    | item_added_to_cart |         |           |                  |                                 |
        | waiting    |                    |         |           |                  |                                 |
        | checked    |                    | email   | reachable |                  |                                 |
        | would_send |                    | email   |           | ada@shop.example | You left something in your cart |
        | completed  |                    |         |           |                  |                                 |

    @documented
    Scenario: Bob's purchase says nothing about Ada's cart
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Bob completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When 45 minutes pass
      Then the journey "Cart abandonment" would send email to ada@shop.example

  Rule: a purchase ends it at once

    @documented
    Scenario: Ada leaves the journey when she buys
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And 30 minutes pass
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Ada leaves the journey "Cart abandonment" because of "confirmation_page_view"
      And the journey "Cart abandonment" ends for Ada as exited
      And the journey "Cart abandonment" reaches the goal "Purchase" with Ada

    @documented
    Scenario: Nothing would be sent about a cart that was bought
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When 45 minutes pass
      Then the journey "Cart abandonment" would not write to Ada

    @assumed
    Scenario: Whoever takes everything out again stays in the journey
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When Ada removes these products from cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      Then Ada waits in the journey "Cart abandonment"

  Rule: users are targeted across the channels that reach them

    @documented
    Scenario: Where e-mail does not reach, SMS does
      Given Ada opts in to sms
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 45 minutes pass
      Then the journey "Cart abandonment" would send sms to +442071838750
      And the journey "Cart abandonment" holds back email for Ada because "email_optin is absent"

    @documented
    Scenario: The journey starts, and nobody can be reached
      Given Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | false            |
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 45 minutes pass
      Then the journey "Cart abandonment" holds back email for Ada because "email_optin is false"
      And the journey "Cart abandonment" holds back sms for Ada because "no phone_number, sms_optin is absent"
      And the journey "Cart abandonment" ends for Ada as dropped
      And the journey "Cart abandonment" would not write to Ada

    @documented
    Scenario: The opt-in of the moment counts, not that of the start
      Given Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada opts in to email
      When 45 minutes pass
      Then the journey "Cart abandonment" would send email to ada@shop.example

    @documented
    Scenario: An objection to being processed holds back everything
      Given Ada opts in to email and sms
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada tells the shop these traits:
        | trait      | value |
        | gdpr_optin | false |
      When 45 minutes pass
      Then the journey "Cart abandonment" holds back email for Ada because "gdpr_optin is false"
      And the journey "Cart abandonment" holds back sms for Ada because "gdpr_optin is false"

    @documented
    Scenario: Web push takes more than Segment can send
      When Ada opts in to email, sms and whatsapp
      Then Ada can be reached by email, sms and whatsapp
      And Ada cannot be reached by web push because web push needs a browser token and a permission, which an upsert cannot contain

  Rule: two devices are one cart owner as soon as they sign in

    @assumed
    Scenario: A cart on the phone, bought on the laptop
      Given Ada goes on at the device "phone"
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada signs in
      And Ada goes on at the device "laptop"
      And Ada signs in
      When Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      Then Ada leaves the journey "Cart abandonment" because of "confirmation_page_view"

    @assumed
    Scenario: A cart on each device is one e-mail
      Given Ada opts in to email
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada goes on at the device "phone"
      And Ada adds these products to cart "c-10":
        | product_id | price |
        | tray       | 21.00 |
      And Ada signs in
      When 45 minutes pass
      Then the journey "Cart abandonment" would send email to ada@shop.example
      And Insider One receives 2 "item_added_to_cart" for Ada

    @assumed
    Scenario: A device that never signs in is somebody who cannot be reached
      Given Ada opts in to email
      And Ada goes on at the device "phone"
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      When 45 minutes pass
      Then the journey "Cart abandonment" holds back email for Ada because "no email, email_optin is absent"

  Rule: a purchase and a registration start journeys, too

    @assumed
    Scenario: Ten minutes after the order Ada would get a thank-you
      Given Ada opts in to email
      And Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
        | tray       | 21.00 | 1        |
      When 10 minutes pass
      Then the journey "Purchase thank-you" would send email to ada@shop.example

    @assumed
    Scenario: Five minutes after the registration Ada would be welcomed
      Given Ada opts in to email
      And Ada does "User Registered"
      When 5 minutes pass
      Then the journey "Welcome" would send email to ada@shop.example
      And Ada waits in the journey "Welcome"

    @assumed
    Scenario: Whoever has looked at a product meanwhile gets no second letter
      Given Ada opts in to email
      And Ada does "User Registered"
      And 1 hour passes
      And Ada views these products:
        | product_id | price |
        | mug        | 8.50  |
      When 3 days pass
      Then the journey "Welcome" leaves exactly this trail for Ada:
        | kind       | event.event_name         | channel | message | goal               |
        | entered    | sign_up_confirmation     |         |         |                    |
        | waiting    |                          |         |         |                    |
        | would_send |                          | email   | Welcome |                    |
        | waiting    |                          |         |         |                    |
        | goal       | product_detail_page_view |         |         | First product seen |
        | checked    |                          |         |         |                    |
        | completed  |                          |         |         |                    |
