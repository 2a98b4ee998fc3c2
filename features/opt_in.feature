Feature: Opt-in
  Insider One sends to whoever said yes: an address, the channel's opt-in, and no objection to
  being processed at all.

  Rule: an opt-in is a Boolean trait

    @documented
    Scenario Outline: Ada says <answer> under <trait>
      When Ada tells the shop these traits:
        | trait   | value    |
        | <trait> | <answer> |
      Then Insider One knows exactly these attributes of Ada:
        | attribute   | value    |
        | uuid        | ada      |
        | <attribute> | <answer> |

      Examples:
        | trait          | answer | attribute      |
        | email_optin    | true   | email_optin    |
        | emailOptin     | true   | email_optin    |
        | email_optin    | false  | email_optin    |
        | sms_optin      | true   | sms_optin      |
        | smsOptin       | false  | sms_optin      |
        | whatsapp_optin | true   | whatsapp_optin |
        | whatsappOptin  | false  | whatsapp_optin |
        | gdpr_optin     | true   | gdpr_optin     |
        | gdprOptin      | false  | gdpr_optin     |

    @observed
    Scenario Outline: <answer> is no Boolean and loses all that Ada told
      When Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | <answer>         |
      Then the call "identify" ends as failed because "Email Opt-in must be a boolean"
      And Insider One knows nobody

      Examples:
        | answer |
        | yes    |
        | "on"   |

    @observed
    Scenario: Segment's catalogue maps no opt-in
      Given the workspace "segment-defaults"
      When Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | true             |
      Then Insider One knows these attributes of Ada:
        | attribute   | value            |
        | email       | ada@shop.example |
        | email_optin |                  |
      And no mapping reads exactly these properties of the call "identify":
        | property           |
        | traits.email_optin |

  Rule: a channel reaches whoever has its address and opted in

    @documented
    Scenario: Ada opts in to everything
      When Ada tells the shop these traits:
        | trait           | value            |
        | firstName       | Ada              |
        | lastName        | Byron            |
        | email           | ada@shop.example |
        | phone           | +442071838750    |
        | address.city    | London           |
        | address.country | GB               |
        | email_optin     | true             |
        | sms_optin       | true             |
        | whatsapp_optin  | true             |
        | gdpr_optin      | true             |
      Then Insider One knows exactly these attributes of Ada:
        | attribute      | value            |
        | uuid           | ada              |
        | name           | Ada              |
        | surname        | Byron            |
        | email          | ada@shop.example |
        | phone_number   | "+442071838750"  |
        | city           | London           |
        | country        | GB               |
        | email_optin    | true             |
        | sms_optin      | true             |
        | whatsapp_optin | true             |
        | gdpr_optin     | true             |
      And Ada can be reached by email, sms and whatsapp

    @documented
    Scenario Outline: Ada opts in to <channel> alone
      When Ada tells the shop these traits:
        | trait   | value            |
        | email   | ada@shop.example |
        | phone   | +442071838750    |
        | <trait> | true             |
      Then Ada can be reached by <channel>

      Examples:
        | channel  | trait          |
        | email    | email_optin    |
        | sms      | sms_optin      |
        | whatsapp | whatsapp_optin |

    @documented
    Scenario: An address without an opt-in
      When Ada tells the shop these traits:
        | trait | value            |
        | email | ada@shop.example |
      Then Ada can be reached by no channel
      And Ada cannot be reached by email because email_optin is absent

    @documented
    Scenario: A phone number that is not in E.164 form loses all that Ada told
      When Ada tells the shop these traits:
        | trait     | value            |
        | email     | ada@shop.example |
        | phone     | 020 7183 8750    |
        | sms_optin | true             |
      Then the call "identify" ends as dropped because "user has an invalid phone number"
      And Insider One knows nobody

    @documented
    Scenario: An objection to being processed outranks every opt-in
      When Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | true             |
        | gdpr_optin  | false            |
      Then Ada can be reached by no channel
      And Ada cannot be reached by email because gdpr_optin is false

  Rule: the latest answer counts, and only for what it is about

    @documented
    Scenario: Ada changes her mind about e-mail
      Given Ada tells the shop these traits:
        | trait          | value            |
        | email          | ada@shop.example |
        | phone          | +442071838750    |
        | email_optin    | true             |
        | whatsapp_optin | true             |
      When Ada tells the shop these traits:
        | trait       | value |
        | email_optin | false |
      Then Ada can be reached by whatsapp
      And Insider One knows these attributes of Ada:
        | attribute      | value            |
        | email          | ada@shop.example |
        | email_optin    | false            |
        | whatsapp_optin | true             |
        | sms_optin      |                  |

    @observed
    Scenario: Shopping says nothing about opt-ins
      Given Ada tells the shop these traits:
        | trait       | value            |
        | email       | ada@shop.example |
        | email_optin | true             |
      When Ada does "Newsletter Opened"
      Then Ada can be reached by email
