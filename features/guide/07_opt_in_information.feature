Feature: 7 Create or update a User Profile: opt-in information
  "If you want to send email or SMS campaigns to your users, you must pass the respective opt-in
  information of the user to Insider One as email opt-in and sms opt-in, along with GDPR opt-in, email,
  and phone number (in E.164 format)."

  An empty cell is what was never told.

  Rule: "You can pass the email opt-in, SMS opt-in, WhatsApp opt-in, and GDPR opt-in information as Boolean"

    @documented
    Scenario Outline: <Opt-in on Segment> is <Mapping on Insider One>, passed as <value>
      When Ada tells the shop these traits:
        | trait   | value   |
        | <trait> | <value> |
      Then Insider One knows exactly these attributes of Ada:
        | attribute | value   |
        | uuid      | ada     |
        | <trait>   | <value> |

      Examples: Opt-in information
        | Opt-in on Segment | Mapping on Insider One | trait          | value |
        | email opt-in      | email opt-in           | email_optin    | true  |
        | email opt-in      | email opt-in           | email_optin    | false |
        | SMS opt-in        | SMS opt-in             | sms_optin      | true  |
        | SMS opt-in        | SMS opt-in             | sms_optin      | false |
        | WhatsApp opt-in   | WhatsApp opt-in        | whatsapp_optin | true  |
        | WhatsApp opt-in   | WhatsApp opt-in        | whatsapp_optin | false |
        | GDPR opt-in       | GDPR opt-in            | gdpr_optin     | true  |
        | GDPR opt-in       | GDPR opt-in            | gdpr_optin     | false |

    @observed
    Scenario Outline: <trait> passed as <value> is no Boolean, and loses the whole call
      When Ada tells the shop these traits:
        | trait     | value   |
        | firstName | Ada     |
        | <trait>   | <value> |
      Then the call "identify" ends as failed because "must be a boolean"
      And Insider One knows nobody

      Examples:
        | trait          | value  |
        | email_optin    | yes    |
        | sms_optin      | on     |
        | whatsapp_optin | agreed |
        | gdpr_optin     | y      |

  Rule: email takes an address, its opt-in, and no objection by GDPR opt-in

    @documented
    Scenario Outline: email reaches Ada with email opt-in <email_optin> and GDPR opt-in <gdpr_optin>
      When Ada tells the shop these traits:
        | trait       | value         |
        | email       | <email>       |
        | email_optin | <email_optin> |
        | gdpr_optin  | <gdpr_optin>  |
      Then Ada can be reached by email

      Examples:
        | email            | email_optin | gdpr_optin |
        | ada@shop.example | true        | true       |
        | ada@shop.example | true        |            |

    @documented
    Scenario Outline: email does not reach Ada: <why>
      When Ada tells the shop these traits:
        | trait       | value         |
        | email       | <email>       |
        | email_optin | <email_optin> |
        | gdpr_optin  | <gdpr_optin>  |
      Then Ada can be reached by no channel
      And Ada cannot be reached by email because <why>

      Examples:
        | email            | email_optin | gdpr_optin | why                                                  |
        | ada@shop.example | true        | false      | gdpr_optin is false                                  |
        | ada@shop.example | false       | true       | email_optin is false                                 |
        | ada@shop.example | false       | false      | email_optin is false, gdpr_optin is false            |
        | ada@shop.example | false       |            | email_optin is false                                 |
        | ada@shop.example |             | true       | email_optin is absent                                |
        | ada@shop.example |             | false      | email_optin is absent, gdpr_optin is false           |
        | ada@shop.example |             |            | email_optin is absent                                |
        |                  | true        | true       | no email                                             |
        |                  | true        | false      | no email, gdpr_optin is false                        |
        |                  | true        |            | no email                                             |
        |                  | false       | true       | no email, email_optin is false                       |
        |                  | false       | false      | no email, email_optin is false, gdpr_optin is false  |
        |                  | false       |            | no email, email_optin is false                       |
        |                  |             | true       | no email, email_optin is absent                      |
        |                  |             | false      | no email, email_optin is absent, gdpr_optin is false |
        |                  |             |            | no email, email_optin is absent                      |

  Rule: SMS takes a phone number, its opt-in, and no objection by GDPR opt-in

    @documented
    Scenario Outline: SMS reaches Ada with SMS opt-in <sms_optin> and GDPR opt-in <gdpr_optin>
      When Ada tells the shop these traits:
        | trait      | value        |
        | phone      | <phone>      |
        | sms_optin  | <sms_optin>  |
        | gdpr_optin | <gdpr_optin> |
      Then Ada can be reached by sms

      Examples:
        | phone         | sms_optin | gdpr_optin |
        | +442071838750 | true      | true       |
        | +442071838750 | true      |            |

    @documented
    Scenario Outline: SMS does not reach Ada: <why>
      When Ada tells the shop these traits:
        | trait      | value        |
        | phone      | <phone>      |
        | sms_optin  | <sms_optin>  |
        | gdpr_optin | <gdpr_optin> |
      Then Ada can be reached by no channel
      And Ada cannot be reached by sms because <why>

      Examples:
        | phone         | sms_optin | gdpr_optin | why                                                       |
        | +442071838750 | true      | false      | gdpr_optin is false                                       |
        | +442071838750 | false     | true       | sms_optin is false                                        |
        | +442071838750 | false     | false      | sms_optin is false, gdpr_optin is false                   |
        | +442071838750 | false     |            | sms_optin is false                                        |
        | +442071838750 |           | true       | sms_optin is absent                                       |
        | +442071838750 |           | false      | sms_optin is absent, gdpr_optin is false                  |
        | +442071838750 |           |            | sms_optin is absent                                       |
        |               | true      | true       | no phone_number                                           |
        |               | true      | false      | no phone_number, gdpr_optin is false                      |
        |               | true      |            | no phone_number                                           |
        |               | false     | true       | no phone_number, sms_optin is false                       |
        |               | false     | false      | no phone_number, sms_optin is false, gdpr_optin is false  |
        |               | false     |            | no phone_number, sms_optin is false                       |
        |               |           | true       | no phone_number, sms_optin is absent                      |
        |               |           | false      | no phone_number, sms_optin is absent, gdpr_optin is false |
        |               |           |            | no phone_number, sms_optin is absent                      |

  Rule: WhatsApp takes a phone number, its opt-in, and no objection by GDPR opt-in

    @documented
    Scenario Outline: WhatsApp reaches Ada with WhatsApp opt-in <whatsapp_optin> and GDPR opt-in <gdpr_optin>
      When Ada tells the shop these traits:
        | trait          | value            |
        | phone          | <phone>          |
        | whatsapp_optin | <whatsapp_optin> |
        | gdpr_optin     | <gdpr_optin>     |
      Then Ada can be reached by whatsapp

      Examples:
        | phone         | whatsapp_optin | gdpr_optin |
        | +442071838750 | true           | true       |
        | +442071838750 | true           |            |

    @documented
    Scenario Outline: WhatsApp does not reach Ada: <why>
      When Ada tells the shop these traits:
        | trait          | value            |
        | phone          | <phone>          |
        | whatsapp_optin | <whatsapp_optin> |
        | gdpr_optin     | <gdpr_optin>     |
      Then Ada can be reached by no channel
      And Ada cannot be reached by whatsapp because <why>

      Examples:
        | phone         | whatsapp_optin | gdpr_optin | why                                                            |
        | +442071838750 | true           | false      | gdpr_optin is false                                            |
        | +442071838750 | false          | true       | whatsapp_optin is false                                        |
        | +442071838750 | false          | false      | whatsapp_optin is false, gdpr_optin is false                   |
        | +442071838750 | false          |            | whatsapp_optin is false                                        |
        | +442071838750 |                | true       | whatsapp_optin is absent                                       |
        | +442071838750 |                | false      | whatsapp_optin is absent, gdpr_optin is false                  |
        | +442071838750 |                |            | whatsapp_optin is absent                                       |
        |               | true           | true       | no phone_number                                                |
        |               | true           | false      | no phone_number, gdpr_optin is false                           |
        |               | true           |            | no phone_number                                                |
        |               | false          | true       | no phone_number, whatsapp_optin is false                       |
        |               | false          | false      | no phone_number, whatsapp_optin is false, gdpr_optin is false  |
        |               | false          |            | no phone_number, whatsapp_optin is false                       |
        |               |                | true       | no phone_number, whatsapp_optin is absent                      |
        |               |                | false      | no phone_number, whatsapp_optin is absent, gdpr_optin is false |
        |               |                |            | no phone_number, whatsapp_optin is absent                      |

  Rule: each channel has an opt-in of its own

    @documented
    Scenario Outline: email opt-in <email>, SMS opt-in <sms>, WhatsApp opt-in <whatsapp>
      When Ada tells the shop these traits:
        | trait          | value            |
        | email          | ada@shop.example |
        | phone          | +442071838750    |
        | email_optin    | <email>          |
        | sms_optin      | <sms>            |
        | whatsapp_optin | <whatsapp>       |
        | gdpr_optin     | true             |
      Then Ada can be reached by <channels>

      Examples:
        | email | sms   | whatsapp | channels                |
        | true  | true  | true     | email, sms and whatsapp |
        | true  | true  | false    | email and sms           |
        | true  | false | true     | email and whatsapp      |
        | true  | false | false    | email                   |
        | false | true  | true     | sms and whatsapp        |
        | false | true  | false    | sms                     |
        | false | false | true     | whatsapp                |
        | false | false | false    | no channel              |

  Rule: "phone number (in E.164 format)"

    @documented
    Scenario Outline: <phone> loses all that Ada told
      When Ada tells the shop these traits:
        | trait     | value   |
        | phone     | <phone> |
        | sms_optin | true    |
      Then the call "identify" ends as dropped because "user has an invalid phone number"
      And Insider One knows nobody

      Examples:
        | phone            |
        | 020 7183 8750    |
        | 442071838750     |
        | +44 20 7183 8750 |

    @documented
    Scenario: A German number in E.164 format is reached
      Given Jonas shops in "de_DE"
      When Jonas opts in to sms
      Then Jonas can be reached by sms
