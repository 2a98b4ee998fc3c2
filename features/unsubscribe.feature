Feature: Unsubscribing and subscribing again
  Shops tell Insider One's Contact API who does not want to hear from them any more, and who does again.

  Rule: a call is about one channel

    @documented
    Scenario Outline: Ada unsubscribes from <channel> and subscribes again
      Given Ada opts in to e-mail, SMS and WhatsApp
      And Ada unsubscribes from <channel>
      When Ada subscribes to <channel>
      Then Ada is unsubscribed from no channel
      And Ada can be reached by e-mail, SMS and WhatsApp

      Examples:
        | channel  |
        | e-mail   |
        | SMS      |
        | WhatsApp |

    @documented
    Scenario: Ada unsubscribes from SMS alone
      Given Ada opts in to e-mail, SMS and WhatsApp
      When Ada unsubscribes from SMS
      Then Ada is unsubscribed from SMS
      And Ada can be reached by e-mail and WhatsApp
      And Insider One knows these attributes of Ada:
        | attribute        | value |
        | sms_optin        | false |
        | sms_opt_out_user | true  |
        | whatsapp_optin   | true  |

  Rule: version 2 creates the people that Insider One does not know

    @documented
    Scenario: Somebody unknown unsubscribes
      Given Ada is known to the shop as:
        | detail | value            |
        | email  | ada@shop.example |
      When Ada unsubscribes from e-mail
      Then Insider One knows exactly these attributes of Ada:
        | attribute          | value            |
        | uuid               | ada              |
        | email              | ada@shop.example |
        | email_optin        | false            |
        | global_unsubscribe | true             |
      And Ada can be reached by no channel

  Rule: people leave one kind of e-mail and keep the others

    @documented
    Scenario: Ada leaves the newsletter
      Given Ada opts in to e-mail
      When Ada leaves the e-mail group "Newsletter"
      Then Ada has left exactly these e-mail groups:
        | group      |
        | Newsletter |
      And Ada can be reached by e-mail

    @documented
    Scenario: Ada joins the newsletter again
      Given Ada opts in to e-mail
      And Ada leaves the e-mail group "Newsletter"
      And Ada leaves the e-mail group "Sales"
      When Ada joins the e-mail group "Newsletter"
      Then Ada has left exactly these e-mail groups:
        | group |
        | Sales |

  Rule: journeys send nothing to people who unsubscribed

    @documented
    Scenario: Ada unsubscribes before the reminder is due
      Given Ada opts in to e-mail and SMS
      And Ada adds these products to cart "c-9":
        | product_id | price |
        | mug        | 8.50  |
      And Ada unsubscribes from e-mail
      When 1 hour passes
      Then the journey "Cart abandonment" holds back email for Ada because "email_optin is false, global_unsubscribe is true"
