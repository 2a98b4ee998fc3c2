Feature: Messages to people
  A journey would send messages. A scenario can say which message a person gets, and by when.

  Rule: web push needs a token and a permission of the browser

    @documented
    Scenario: Ada gets a web push
      Given the workspace "web-push.yaml"
      And Ada visits the page "Home"
      And Ada allows web push
      When Ada does "Wish Listed"
      Then Ada gets a web push that says "Your wish is in stock"
      And Ada can be reached by web push

    @documented
    Scenario: The token names the browser
      Given the workspace "web-push.yaml"
      And Ada visits the page "Home"
      And Ada allows web push with the browser token "browser-1"
      When Ada does "Wish Listed"
      Then the journey "Wish in stock" would send web push to browser-1

    @documented
    Scenario: Ada blocks web push
      Given the workspace "web-push.yaml"
      And Ada visits the page "Home"
      And Ada allows web push
      And Ada blocks web push
      When Ada does "Wish Listed"
      Then Ada gets no message
      And Ada cannot be reached by web push because web_push.optin is false

  Rule: a message comes at a time

    @documented
    Scenario: An e-mail about an order comes within a quarter of an hour
      Given Ada opts in to e-mail
      And Ada completes order "o-17" in EUR:
        | product_id | price | quantity |
        | mug        | 8.50  | 1        |
      When 1 hour passes
      Then Ada gets an e-mail that says "Thank you for your order"
      And Ada gets an e-mail that says "Thank you for your order" within 15 minutes of the call "Order Completed"

    @documented
    Scenario: An SMS for a cart whose owner has no e-mail opt-in
      Given Ada opts in to SMS
      And Ada adds these products to cart "c-9":
        | product_id |
        | mug        |
      When Ada waits 45 minutes
      Then Ada gets an SMS that says "Your cart is waiting"

  Rule: an event comes at a time, too

    @observed
    Scenario: A retried event
      Given Insider One answers the next request with 503
      And Ada does "Wish Listed"
      When 10 minutes pass
      Then Insider One receives "wish_listed" for Ada within 10 minutes of the call "Wish Listed"
