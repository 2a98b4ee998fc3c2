Feature: Consent in practice
  Opt-ins come in any order, change, and are taken back.

  Rule: an opt-in waits for its address

    @documented
    Scenario: The SMS opt-in comes before the number
      Given Ada tells the shop these traits:
        | trait     | value |
        | sms_optin | true  |
      When Ada tells the shop these traits:
        | trait | value         |
        | phone | +442071838750 |
      Then Ada can be reached by sms

    @documented
    Scenario: Until the number comes nobody can send an SMS
      When Ada tells the shop these traits:
        | trait     | value |
        | sms_optin | true  |
      Then Ada can be reached by no channel
      And Ada cannot be reached by sms because no phone_number

  Rule: an unsubscribe outranks every opt-in

    @documented
    Scenario Outline: Ada unsubscribes from <channel>
      Given Ada opts in to email, sms and whatsapp
      When Ada unsubscribes from <channel>
      Then Ada can be reached by <others>
      And Ada cannot be reached by <channel> because <why>

      Examples:
        | channel  | others             | why                                                |
        | email    | sms and whatsapp   | email_optin is false, global_unsubscribe is true   |
        | sms      | email and whatsapp | sms_optin is false, sms_opt_out_user is true       |
        | whatsapp | email and sms      | whatsapp_optin is false, wa_opt_out_user is true   |

    @assumed
    Scenario: A new opt-in does not take the unsubscribe back
      Given Ada opts in to email
      And Ada unsubscribes from email
      When Ada tells the shop these traits:
        | trait       | value |
        | email_optin | true  |
      Then Ada can be reached by no channel
      And Ada cannot be reached by email because global_unsubscribe is true

  Rule: a number that identifies stays

    @assumed
    Scenario: A new number does not replace the one that identifies
      Given Ada tells the shop these traits:
        | trait     | value         |
        | phone     | +442071838750 |
        | sms_optin | true          |
      When Ada tells the shop these traits:
        | trait | value         |
        | phone | +442071838751 |
      Then the call "identify" ends as warning because "the profile already has another value, so this value is ignored"
      And Insider One knows exactly these attributes of Ada:
        | attribute    | value           |
        | uuid         | ada             |
        | phone_number | "+442071838750" |
        | sms_optin    | true            |

  Rule: what somebody unknown agreed to is theirs when they sign in

    @assumed
    Scenario: A newsletter opt-in before the sign-in is kept
      Given Ada is known to the shop as:
        | detail       | value            |
        | anonymous_id | anon-42          |
        | email        | ada@shop.example |
      And Ada has not signed in
      And Ada tells the shop these traits:
        | trait       | value |
        | email_optin | true  |
      When Ada signs in
      Then Ada can be reached by email
      And Insider One knows 1 person

  Rule: consent that is no opt-in trait is no opt-in

    @observed
    Scenario: Consent in the context is not read
      When an app posts to "/v1/identify":
        """
        {"userId": "ada", "traits": {"email": "ada@shop.example"},
         "context": {"consent": {"categoryPreferences": {"Advertising": true}}}}
        """
      Then the call "identify" ends as accepted
      And the request of the call "identify" has these values:
        | place                          | must be | value            |
        | users.0.attributes.email       |         | ada@shop.example |
        | users.0.attributes.email_optin | absent  |                  |
        | users.0.attributes.gdpr_optin  | absent  |                  |

    @documented
    Scenario: Without a GDPR opt-in Ada can be reached
      When Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | true             |
      Then Insider One knows exactly these attributes of Ada:
        | attribute   | value            |
        | uuid        | ada              |
        | email       | ada@shop.example |
        | email_optin | true             |
      And Ada can be reached by email
