"""Mistakes in scenarios: each fails and says what to write instead."""

import json
import subprocess
from inspect import signature
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from forked_commands import run_python_module
from pytest_bdd.steps import step_function_context_registry

from segment_insider_scenarios.step_catalogue import ARGUMENT_NOUNS, LIBRARY_PACKAGE
from segment_insider_scenarios.step_errors import describe_missing_argument

EVENTS = "Insider One receives exactly these events for Ada"
ATTRIBUTES = "Insider One knows these attributes of Ada"
RECEIVES_NO = 'Insider One receives no "{}" for Ada'
IF_INTENDED = 'If not, add the step: Given the name "{}" is correct.'
WITHOUT_THEN = "This scenario checks nothing: it has no Then. Add a Then step."
# What the scenario does -> its steps, and what its failure says below them.
MISTAKES = {
    "lacks a table": (
        """\
        When Ada views these products:
        Then Insider One knows 1 person
        """,
        """\
        This step needs a table below it, such as:

          | product_id | price | quantity |
          | mug        | 8.50  | 2        |""",
    ),
    "lacks a text": (
        """\
        When an app posts to "/v1/track":
        Then Segment answers 200
        """,
        '''\
        This step needs a text below it, such as:

          """
          {"event": "Wish Listed", "userId": "ada"}
          """''',
    ),
    "lacks the table of a project's step": (
        """\
        When Ada wishes for:
        Then Insider One knows 1 person
        """,
        "This step needs a table below it. A wish for each row.",
    ),
    "has two people with one user id": (
        """\
        Given Ada shops
        And ADA shops
        And Ada signs in
        When ADA signs in
        Then Insider One knows 2 people
        """,
        "Ada: ADA and Ada have the same user id, ada. "
        "Use one name, or set user_id: Given Ada is known to the shop as: …",
    ),
    "names two people where one belongs": (
        """\
        When Ada and Can logs in
        Then Insider One knows 2 people
        """,
        """\
        There is no such step: When Ada and Can logs in

        It is about one person: write a step for Ada and one for Can.
          When {person} logs in""",
    ),
    "waits for a message that no channel has": (
        """\
        When Ada visits the page "Home"
        Then Ada gets a fax that says "Welcome"
        """,
        "Ada gets a fax that says \"Welcome\": 'a fax' is not a message that a journey sends. "
        "Known: an e-mail, an email, an SMS, a WhatsApp message, a WhatsApp, a web push.",
    ),
    "expects a message that no journey sends": (
        """\
        When Ada completes order "o-17" in EUR:
          | product_id | price | quantity |
          | mug        | 8.50  | 1        |
        Then Ada gets an e-mail that says "Welcome"
        """,
        """\
        Failed: Ada gets an e-mail that says "Welcome".

        Ada gets no message.

        What happened to the calls for Ada:
          Order Completed - accepted
            matched Order Completed Event""",
    ),
    "expects an event in time of a call that was not made": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives "wish_listed" for Ada within 1 minute of the call "identify"
        """,
        "there was no call 'identify'. Calls in this scenario: Wish Listed.",
    ),
    "has a length that is none": (
        """\
        When Ada visits the page "Home"
        Then Insider One receives "homepage_view" for Ada within soon of the call "Home"
        """,
        'Insider One receives "homepage_view" for Ada within soon of the call "Home": '
        "'soon' is not a duration. Write a duration, such as 45 minutes, 1 day 2 hours or PT45M.",
    ),
    "opts in to web push by a call": (
        """\
        When Ada opts in to e-mail and web push
        Then Ada can be reached by e-mail
        """,
        "Ada opts in to e-mail and web push: no call contains the permission for web push: the "
        "browser gives it. Add the step: Ada allows web push.",
    ),
    "allows web push before Insider One knows the person": (
        """\
        When Ada allows web push
        Then Ada can be reached by web push
        """,
        "web push: Insider One does not know Ada yet. "
        'Add a step before it, such as: Ada visits the page "Home".',
    ),
    "compares two people without events": (
        """\
        Given Can shops
        When Ada signs in
        Then Ada and Can receive the same events
        """,
        """\
        Failed: Ada and Can receive the same events.

        Neither Ada nor Can has an event.

        What happened to the calls for Ada:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
    "compares an attribute that nobody has": (
        """\
        Given Can signs in
        When Ada signs in
        Then Ada and Can have the same attributes:
          | attribute |
          | city      |
        """,
        """\
        Failed: Ada and Can have the same attributes.

        Neither has city.

        What happened to the calls for Ada:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
    "has a category without a level": (
        """\
        When Ada views the category levels "Women >":
          | product_id |
          | mug        |
        Then Insider One knows 1 person
        """,
        "the category levels \"Women >\": a level of the category 'Women >' is empty. "
        "Write a name on both sides of each >, such as Women > Shoes.",
    ),
    "has a table that is not read": (
        """\
        When Ada does "Wish Listed"
          | property   | value |
          | product_id | mug   |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        'Ada does "Wish Listed": this step takes no table. '
        'With a table it is: When {person} does "{event}" with:',
    ),
    "has a table that no such step reads": (
        """\
        When Ada signs in
          | trait | value |
        Then Insider One knows 1 person
        """,
        "Ada signs in: this step takes no table. Remove the table, or choose another step.",
    ),
    "misspells a parameter": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_name  | unit_prize |
          | wish_listed |            |
        """,
        f"{EVENTS}: Insider One has no parameter 'unit_prize'. Did you mean 'unit_price'?",
    ),
    "misspells the column of the event": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_nam   |
          | wish_listed |
        """,
        f"{EVENTS}: Insider One has no parameter 'event_nam'. Did you mean 'event_name'?",
    ),
    "forgets that a parameter is custom": (
        """\
        When Ada does "Wish Listed" with:
          | property | value |
          | sku      | M-1   |
        Then Insider One receives exactly these events for Ada:
          | event_name  | sku |
          | wish_listed |     |
        """,
        f"{EVENTS}: Insider One has no parameter 'sku'. Did you mean 'custom.sku'?",
    ),
    "has an unknown parameter": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives exactly these events for Ada:
          | event_name  | zzz |
          | wish_listed |     |
        """,
        f"{EVENTS}: Insider One has no parameter 'zzz'. "
        "Write 'custom.zzz' when it is one of your own.",
    ),
    "misspells an attribute": (
        """\
        When Ada signs in
        Then Insider One knows these attributes of Ada:
          | attribute  | value |
          | sms_option |       |
        """,
        f"{ATTRIBUTES}: Insider One has no attribute 'sms_option'. Did you mean 'sms_optin'?",
    ),
    "misspells an identifier": (
        """\
        When Ada signs in
        Then Insider One knows Ada by exactly these identifiers:
          | identifier | value |
          | uid        |       |
        """,
        "Insider One knows Ada by exactly these identifiers: "
        "Insider One has no identifier 'uid'. Did you mean 'uuid'?",
    ),
    "misspells a person": (
        """\
        When Ada signs in
        Then Insider One receives no "wish_listed" for Adda
        """,
        "Adda: no Given or When step names this person. Did you mean Ada?",
    ),
    "expects something of an unknown person": (
        """\
        When Ada signs in
        Then Insider One does not know Zoe
        """,
        "Zoe: no Given or When step names this person. Add first: Given Zoe shops.",
    ),
    "lists a property twice": (
        """\
        When Ada does "Wish Listed" with:
          | property | value |
          | price    | 8     |
          | price    |       |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "property | value: 'price' is listed twice. Keep one of them.",
    ),
    "lists a column twice": (
        """\
        When Ada views these products:
          | price | price |
          | 8     | 9     |
        Then Insider One knows 1 person
        """,
        "price | price: 'price' is listed twice. Keep one of them.",
    ),
    "has no steps": ("", WITHOUT_THEN),
    "has no Then": ("Given Ada shops\nWhen Ada signs in", WITHOUT_THEN),
    "uses a Given as a When": (
        """\
        When Ada has not signed in
        Then Insider One knows nobody
        """,
        """\
        There is no such step: When Ada has not signed in

        It exists as a Given:
          Given {person} has not signed in""",
    ),
    "names a person in five words": (
        """\
        When Ada Byron King Noel Lovelace does "Wish Listed"
        Then Insider One knows 1 person
        """,
        'There is no such step: When Ada Byron King Noel Lovelace does "Wish Listed"\n\n'
        "A person's name has at most four words of letters, digits, ', - and full stops: Ada, "
        "not Ada Byron King Noel Lovelace.\n"
        '  When {person} does "{event}"',
    ),
    "opts in a person with two letters swapped": (
        """\
        Given Ada signs in
        When dAa opts in to email
        Then Insider One knows 1 people
        """,
        (
            "dAa: no earlier step introduces this person. Did you mean Ada? If not, add first: "
            "Given dAa shops."
        ),
    ),
    "unsubscribes a person with two letters swapped": (
        """\
        Given Ada opts in to email
        When Aad unsubscribes from email
        Then Ada can be reached by email
        """,
        "Aad: no earlier step introduces this person. "
        "Did you mean Ada? If not, add first: Given Aad shops.",
    ),
    "unsubscribes from an unknown channel": (
        """\
        Given Ada opts in to email
        When Ada unsubscribes from pigeon
        Then Ada is unsubscribed from email
        """,
        "Ada unsubscribes from pigeon: unknown channel 'pigeon'. Known: email, sms, whatsapp.",
    ),
    "unsubscribes a person whose number is not known": (
        """\
        Given Ada does "Wish Listed"
        When Ada unsubscribes from SMS
        Then Ada is unsubscribed from SMS
        """,
        "Ada unsubscribes from SMS: Insider One does not know the phone number of Ada. "
        "Add first: Given Ada opts in to sms.",
    ),
    "expects another unsubscribe": (
        """\
        When Ada unsubscribes from e-mail
        Then Ada is unsubscribed from SMS
        """,
        """\
        Failed: Ada is unsubscribed from SMS.

            channel
          - sms
          + email

        - 1 expected, not received; + 1 received, not expected.

        Segment received no call for Ada.""",
    ),
    "joins a group that nobody has left": (
        """\
        Given Ada leaves the e-mail group "Newsletter"
        When Ada joins the e-mail group "Sales"
        Then Ada has left exactly these e-mail groups:
          | group |
        """,
        "Ada joins the e-mail group Sales: Ada has not left the e-mail group 'Sales'. "
        "Ada has left: Newsletter.",
    ),
    "expects another group": (
        """\
        When Ada leaves the e-mail group "Newsletter"
        Then Ada has left exactly these e-mail groups:
          | group |
        """,
        """\
        Failed: Ada has left exactly these e-mail groups.

            group
          + Newsletter

        - 0 expected, not received; + 1 received, not expected.

        Segment received no call for Ada.""",
    ),
    "names another column of groups": (
        """\
        When Ada leaves the e-mail group "Newsletter"
        Then Ada has left exactly these e-mail groups:
          | name |
        """,
        "Ada has left exactly these e-mail groups: there is no column 'name'. Known: group.",
    ),
    "mistypes the type of an integration": (
        """\
        Given Grace has the role "Administrator" in InOne
        When Grace creates the integration "Web shop" of type "Souree"
        Then InOne shows exactly these integrations:
          | Integration Name |
          | Web shop         |
        """,
        f"Grace: unknown type 'Souree'. Did you mean 'Source'? {IF_INTENDED.format('Souree')}",
    ),
    "mistypes the type of an integration that is refused": (
        """\
        Given Grace has the role "Editor" in InOne
        When Grace tries to create the integration "Web shop" of type "source"
        Then InOne refuses because "cannot make changes"
        """,
        f"Grace: unknown type 'source'. Did you mean 'Source'? {IF_INTENDED.format('source')}",
    ),
    "asks for a reason and names none": (
        """\
        Given Grace has the role "Editor" in InOne
        When Grace tries to create the integration "Web shop" of type "Source"
        Then InOne refuses because ""
        """,
        'InOne refuses because "": the reason is empty. Write a part of it.',
    ),
    "asks for the reason of a call and names none": (
        """\
        When Ada does "Wish Listed"
        Then the call "Wish Listed" ends as accepted because " "
        """,
        'the call "Wish Listed" ends as accepted because "": the reason is empty. '
        "Write a part of it.",
    ),
    "opts in to an unknown channel": (
        """\
        When Ada opts in to emial
        Then Insider One knows 1 person
        """,
        "Ada opts in to emial: unknown channel 'emial'. Did you mean 'email'? "
        "Known: email, sms, whatsapp.",
    ),
    "refuses a category where there are none": (
        """\
        Given Ada refuses Advertising
        When Ada does "Wish Listed"
        Then Insider One knows nobody
        """,
        "Ada refuses Advertising: the workspace has no consent categories. "
        "Add first: Given the destination needs consent to Advertising.",
    ),
    "accepts an unknown category": (
        """\
        Given the destination needs consent to Advertising
        And Ada accepts Advertsing
        When Ada does "Wish Listed"
        Then Insider One knows 1 person
        """,
        "Ada accepts Advertsing: there is no consent category 'Advertsing'. "
        "Did you mean 'Advertising'?",
    ),
    "renames properties in a table of other columns": (
        """\
        Given Segment renames these properties of "Wish Listed":
          | old | new |
          | a   | b   |
        When Ada does "Wish Listed"
        Then Insider One knows 1 person
        """,
        "Wish Listed: the table has other columns. Head it | property | becomes |.",
    ),
    "has a transformation with an unknown key": (
        '''\
        Given Segment has this transformation:
          """
          {"name": "T", "if": "all", "newName": "X"}
          """
        When Ada does "Wish Listed"
        Then Insider One knows 1 person
        ''',
        "the workspace: transformations[0].newName: unknown key 'newName'. "
        "Did you mean 'newEventName'?",
    ),
    "reaches by an unknown channel": (
        """\
        When Ada opts in to email
        Then Ada can be reached by email and pigeon
        """,
        "Ada can be reached by email and pigeon: unknown channel 'pigeon'. "
        "Known: email, sms, whatsapp, web_push.",
    ),
    "does not reach by an unknown channel": (
        """\
        When Ada opts in to email
        Then Ada cannot be reached by text because sms_optin is absent
        """,
        "Ada cannot be reached by text because sms_optin is absent: unknown channel 'text'. "
        "Known: email, sms, whatsapp, web_push.",
    ),
    "reaches by another channel": (
        """\
        When Leo opts in to email
        Then Leo can be reached by sms
        """,
        """\
        Failed: Leo can be reached by sms.

            channel   reached
          - email     no
          - sms       yes
          + email     yes
          + sms       no
            web_push  no
            whatsapp  no

        - 2 expected, not received; + 2 received, not expected.
        Nearest to email: reached is yes, expected no.
        Nearest to sms: reached is no, expected yes.

        What happened to the calls for Leo:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
    "excludes an event that can never be": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives no "Wish Listed" for Ada
        """,
        "Insider One receives no \"Wish Listed\" for Ada: Insider One has no events 'Wish Listed'. "
        "Did you mean 'wish_listed'? "
        "Names have lower-case letters, digits, dots, underscores and hyphens.",
    ),
    "excludes an event by a name that is changed on the way": (
        """\
        When Ada does "Wish Listed"
        Then Insider One receives no "purchase" for Ada
        """,
        "Insider One receives no \"purchase\" for Ada: Insider One has no events 'purchase'. "
        "It stores them as 'confirmation_page_view'.",
    ),
    "expects events of a person who sent none": (
        """\
        When Ada signs in
        Then Insider One receives exactly these events for Ada:
          | event_name  |
          | wish_listed |
        """,
        """\
        Failed: Insider One receives exactly these events for Ada.

            event_name
          - wish_listed

        None of these arrived. What did for Ada: attributes uuid, email; events none.

        What happened to the calls for Ada:
          identify - accepted
            matched Create or Update a User Profile""",
    ),
    "excludes an order under the name that the shop gives it": (
        """\
        When Ada completes order "o-17" in EUR:
          | product_id | price | quantity |
          | mug        | 8.50  | 1        |
        Then Insider One receives no "Order Completed" for Ada
        """,
        f"{RECEIVES_NO.format('Order Completed')}: 'Order Completed' arrives as "
        "'confirmation_page_view'. "
        "Write that name.",
    ),
    "excludes an order under a name that no mapping gives it": (
        """\
        When Ada completes order "o-17" in EUR:
          | product_id | price | quantity |
          | mug        | 8.50  | 1        |
        Then Insider One receives no "order_completed" for Ada
        """,
        f"{RECEIVES_NO.format('order_completed')}: 'Order Completed' arrives as "
        "'confirmation_page_view', "
        "not as 'order_completed'. Write 'confirmation_page_view'.",
    ),
    "excludes an event of the spec that a mapping renames": (
        """\
        When Ada signs in
        Then Insider One receives 0 "product_added" for Ada
        """,
        f"{RECEIVES_NO.format('product_added')}: 'Product Added' arrives as 'item_added_to_cart', "
        "not as 'product_added'. Write 'item_added_to_cart'.",
    ),
    "excludes a misspelt default event": (
        """\
        When Ada signs in
        Then Insider One receives no "confirmation_page_veiw" for Ada
        """,
        f"{RECEIVES_NO.format('confirmation_page_veiw')}: nothing arrives as "
        "'confirmation_page_veiw'. "
        f"Did you mean 'confirmation_page_view'? {IF_INTENDED.format('confirmation_page_veiw')}",
    ),
    "excludes a default event in other words": (
        """\
        When Ada signs in
        Then Insider One receives no "add_to_cart" for Ada
        """,
        f"{RECEIVES_NO.format('add_to_cart')}: nothing arrives as 'add_to_cart'. "
        f"Did you mean 'item_added_to_cart'? {IF_INTENDED.format('add_to_cart')}",
    ),
    "excludes an event that is never sent": (
        """\
        When Ada signs in
        Then Insider One receives no "zebra_crossed" for Ada
        """,
        f"{RECEIVES_NO.format('zebra_crossed')}: no event of this feature arrives as "
        "'zebra_crossed'. "
        "Correct the name. If it is right, add the step: "
        'Given the name "zebra_crossed" is correct.',
    ),
    "excludes a misspelt event of the shop": (
        """\
        Given Bob does "Gift Wrapped"
        When Ada signs in
        Then Insider One receives no "gift_wraped" for Ada
        """,
        f"{RECEIVES_NO.format('gift_wraped')}: nothing arrives as 'gift_wraped'. "
        f"Did you mean 'gift_wrapped'? {IF_INTENDED.format('gift_wraped')}",
    ),
    "misspells a column of products": (
        """\
        When Ada views these products:
          | product_id | pirce |
          | mug        | 8.50  |
        Then Insider One receives 1 "product_detail_page_view" for Ada
        """,
        "product_id | pirce: unknown property 'pirce'. "
        f"Did you mean 'price'? {IF_INTENDED.format('pirce')}",
    ),
    "misspells a property": (
        """\
        When Ada does "Wish Listed" with:
          | property              | value |
          | products.0.product_di | mug   |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "the table of property and value: unknown property 'product_di'. "
        f"Did you mean 'product_id'? {IF_INTENDED.format('product_di')}",
    ),
    "misspells a trait": (
        """\
        When Ada tells the shop these traits:
          | trait        | value  |
          | adress.city  | London |
        Then Insider One knows 1 person
        """,
        "the table of trait and value: unknown trait 'adress'. "
        f"Did you mean 'address'? {IF_INTENDED.format('adress')}",
    ),
    "misspells an event of the spec": (
        """\
        When Ada does "Product Shraed"
        Then Insider One knows 1 person
        """,
        "does \"Product Shraed\": unknown event 'Product Shraed'. "
        f"Did you mean 'Product Shared'? {IF_INTENDED.format('Product Shraed')}",
    ),
    "has an event of the spec in small letters": (
        """\
        When Ada does "order_completed"
        Then Insider One knows 1 person
        """,
        "does \"order_completed\": unknown event 'order_completed'. "
        f"Did you mean 'Order Completed'? {IF_INTENDED.format('order_completed')}",
    ),
    "misspells a page": (
        """\
        When Ada visits the page "Hoem"
        Then Insider One knows 1 person
        """,
        "the page \"Hoem\": unknown page 'Hoem'. Did you mean 'Home'? "
        f"{IF_INTENDED.format('Hoem')}",
    ),
    "misspells a person who does something": (
        """\
        Given Jonas signs in
        When Jonsa signs in
        Then Insider One receives no events for Jonas
        """,
        "Jonsa: no earlier step introduces this person. "
        "Did you mean Jonas? If not, add first: Given Jonsa shops.",
    ),
    "writes one name in two ways": (
        """\
        Given Ada goes on at the device "laptop"
        And Ada signs in
        And Ada goes on at the device "lapop"
        When Ada signs in
        Then Insider One knows 1 person
        """,
        "Ada goes on at the device \"laptop\": the scenario has 'laptop' and 'lapop'. "
        "Use one spelling. If both are correct, add: "
        'Given the name "laptop" is correct.',
    ),
    "says that a name is correct which no step has": (
        """\
        Given the name "pirce" is correct
        When Ada signs in
        Then Insider One knows 1 person
        """,
        "no other step has the name 'pirce'. "
        "Write it as the other step has it, or remove this step.",
    ),
    "writes properties across": (
        """\
        When Ada does "Wish Listed" with:
          | tax | coupon |
          | 1.5 | YAZ10  |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "tax | coupon: this table has the wrong header. Begin with the line: | property | value |. "
        "Write each property on a line of its own.",
    ),
    "forgets the header of products": (
        """\
        When Ada views these products:
          | mug  | 8.50 |
          | tray | 21   |
        Then Insider One receives no events for Ada
        """,
        "mug | 8.50: this header has no property name. "
        "Begin with a header such as: | product_id | price |.",
    ),
    "has products without a row": (
        """\
        When Ada views these products:
          | product_id | price |
        Then Insider One receives no events for Ada
        """,
        "product_id | price: the table has no rows. "
        "Begin with a header such as: | product_id | price |.",
    ),
    "has a price with a comma": (
        """\
        When Ada views these products:
          | product_id | price |
          | mug        | 8,50  |
        Then Insider One receives 1 "product_detail_page_view" for Ada
        """,
        "product_id | price: the price 8,50 is not a number. "
        'Write 8.50, or "8,50" in quotes if it is a text.',
    ),
    "has a price with a comma in a list of properties": (
        """\
        When Ada does "Wish Listed" with:
          | property         | value    |
          | products.0.price | 1.250,00 |
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "the table of property and value: the products.0.price 1.250,00 is not a number. "
        'Write 1250.00, or "1.250,00" in quotes if it is a text.',
    ),
    "details an order that is never completed": (
        """\
        Given order "o-2" has these details:
          | property | value |
          | tax      | 1.36  |
        When Ada completes order "o-1" in EUR:
          | product_id | price | quantity |
          | mug        | 8.50  | 1        |
        Then Insider One receives 1 "confirmation_page_view" for Ada
        """,
        "order \"o-2\" has these details: the details of order 'o-2' are not used. "
        "Complete this order in the scenario, or remove the step.",
    ),
    "details an order twice": (
        """\
        Given order "o-1" has these details:
          | property | value |
          | tax      | 1.36  |
        And order "o-1" has these details:
          | property | value |
          | coupon   | YAZ   |
        When Ada completes order "o-1" in EUR:
          | product_id | price | quantity |
          | mug        | 8.50  | 1        |
        Then Insider One receives 1 "confirmation_page_view" for Ada
        """,
        "the order 'o-1' already has details. Put all details into one table.",
    ),
    "prepares a person and uses another": (
        """\
        Given Mehmet is known to the shop as:
          | detail | value            |
          | email  | mm@shop.example  |
        When Ada signs in
        Then Insider One knows 1 person
        """,
        "Mehmet is known to the shop as: the scenario prepares Mehmet and does not use it. "
        "Name this person in another step, or remove the step.",
    ),
    "leaves a device at once": (
        """\
        Given Ada goes on at the device "phone"
        And Ada goes on at the device "tablet"
        When Ada visits the page "Home"
        Then Insider One knows 1 person
        """,
        "Ada goes on at the device \"phone\": nothing happens on the device 'phone'. "
        "Let the person do something there, or remove the step.",
    ),
    "prepares a fault that affects no request": (
        """\
        Given Ada signs in
        And Insider One answers the next 2 requests with 503
        When 45 minutes pass
        Then Insider One knows 1 person
        """,
        "Insider One answers the next 2 requests with 503: no request triggered this fault. "
        "Add a step that sends a request, or remove the step.",
    ),
    "misspells a field of a mapping": (
        """\
        Given the mapping "Track Event" has these fields:
          | field | value         |
          | uiud  | $.anonymousId |
        When Ada does "Wish Listed"
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "uiud: the action 'Track Event' has no field 'uiud'. Did you mean 'uuid'?",
    ),
    "misspells a mapping that takes no call": (
        """\
        When Ada signs in
        Then the mapping "Order Completd Event" takes no call
        """,
        'the mapping "Order Completd Event" takes no call: '
        "there is no mapping 'Order Completd Event'. Did you mean 'Order Completed Event'?",
    ),
    "misspells a place that is absent": (
        """\
        When Ada does "Wish Listed"
        Then the newest "wish_listed" of Ada has these values:
          | place                | must be | value |
          | event_params.curency | absent  |       |
        """,
        "event_params.curency: there is no place 'curency'. "
        f"Did you mean 'currency'? {IF_INTENDED.format('curency')}",
    ),
    "misspells an attribute of its own that is absent": (
        """\
        Given Bob tells the shop these traits:
          | trait | value |
          | email | b@c.example |
        When Ada signs in
        Then Insider One knows these attributes of Ada:
          | attribute          | value |
          | custom.phone_nmber |       |
        """,
        f"{ATTRIBUTES}: unknown attribute 'phone_nmber'. "
        f"Did you mean 'phone_number'? {IF_INTENDED.format('phone_nmber')}",
    ),
    "misspells the column of merges": (
        """\
        When Ada signs in
        Then Insider One has merged exactly these profiles into that of Ada:
          | foundby |
        """,
        "foundby: there is no column 'foundby'. "
        "Known: found_by, and brought. before an identifier, as brought.uuid.",
    ),
    "misspells a role": (
        """\
        Given Grace has the role "Administator" in InOne
        When Grace tries to create the integration "Web shop" of type "Source"
        Then InOne refuses because "cannot make changes"
        """,
        "Grace: unknown role 'Administator'. "
        f"Did you mean 'Administrator'? {IF_INTENDED.format('Administator')}",
    ),
    "misspells a role that may not change integrations": (
        """\
        Given Grace has the role "Editorr" in InOne
        When Grace tries to create the integration "Web shop" of type "Source"
        Then InOne refuses because "cannot make changes"
        """,
        f"Grace: unknown role 'Editorr'. Did you mean 'Editor'? {IF_INTENDED.format('Editorr')}",
    ),
    "adds a letter to the name of a person": (
        """\
        Given Ada signs in
        When sAda signs in
        Then Insider One knows 1 person
        """,
        "sAda: no earlier step introduces this person. "
        "Did you mean Ada? If not, add first: Given sAda shops.",
    ),
    "hits a wrong letter in the short name of a person": (
        """\
        Given Ada signs in
        When Aua signs in
        Then Insider One knows 1 person
        """,
        "Aua: no earlier step introduces this person. "
        "Did you mean Ada? If not, add first: Given Aua shops.",
    ),
    "misspells a currency": (
        """\
        When Ada views cart "c-9" in ERU:
          | product_id | price |
          | mug        | 8.50  |
        Then Insider One receives 1 "cart_page_view" for Ada
        """,
        "in ERU: unknown currency 'ERU'. Write a three-letter ISO 4217 code, such as EUR. "
        'To send it anyway: Given the name "ERU" is correct.',
    ),
    "expects something before anything happens": (
        """\
        Given Ada shops
        Then Insider One receives no events for Ada
        """,
        "Insider One receives no events for Ada: nothing happens before this step. "
        "Add a When before it: what has the person done?",
    ),
    "takes another workspace after something happened": (
        """\
        Given Ada signs in
        And the workspace "segment-defaults"
        When Ada does "Wish Listed"
        Then Insider One receives 1 "wish_listed" for Ada
        """,
        "the workspace: an earlier step has changed something (Ada signs in). "
        "Make it one of the first steps.",
    ),
}
CONFTEST = '''\
from pytest_bdd import parsers, when


@when(parsers.parse("{person:w} wishes for:"))
def wishes_for(person, datatable):
    """A wish for each row."""
'''
KNOWN_NAMES = """\
Feature: Names
  Scenario: One that is known, one of the account's own, and one that another person sent
    Given Bob does "Wish Listed" with:
      | property | value |
      | sku      | M-1   |
    When Ada does "Wish Listed"
    Then Insider One receives exactly these events for Ada:
      | event_name  | unit_price | custom.sku | custom.zzz |
      | wish_listed |            |            |            |
"""


CORRECT_NAMES = """\
Feature: Correct names
  Background:
    Given the name "pirce" is correct

  Scenario: Names that are near a known one
    Given the name "Product Shraed" is correct
    And the name "add_to_cart" is correct
    When Ada does "Product Shraed" with:
      | property | value |
      | pirce    | 8.50  |
    Then Insider One receives exactly these events for Ada:
      | event_name     | custom.pirce |
      | product_shraed | 8.50         |
    And Insider One receives no "add_to_cart" for Ada

  Scenario: Names of the shop that are near no other
    Given Ada does "Wish Listed" with:
      | property | value |
      | season   | 1     |
      | tag      | mug   |
      | sizes    | "S,M" |
    When Ada does "Gift Wrapped"
    Then Insider One receives 1 "gift_wrapped" for Ada
    And Insider One receives no "confirmation_page_view" for Ada

  Scenario: Events of another person, and of another scenario
    Given Bob does "Gift Wrapped"
    When Ada signs in
    Then Insider One receives no "gift_wrapped" for Ada
    And Insider One receives no "wish_listed" for Ada

  Scenario: Two ids of a series, and people with similar names who both shop
    Given Ali shops
    And Alia shops
    And Ali adds these products to cart "cart-a":
      | product_id |
      | mug-1      |
    And Alia adds these products to cart "cart-b":
      | product_id |
      | mug-2      |
    And Ali completes order "o-17" in EUR:
      | product_id | price | quantity |
      | mug-1      | 8.50  | 1        |
    When Alia completes order "o-18" in EUR:
      | product_id | price | quantity |
      | mug-2      | 8.50  | 1        |
    Then Insider One receives 1 "confirmation_page_view" for Ali
    And Insider One receives 1 "confirmation_page_view" for Alia

  Scenario: Ids that are numbers
    Given Ada is known to the shop as:
      | detail  | value    |
      | user_id | "100077" |
    And Ada adds these products to cart "100018":
      | product_id | price |
      | 100234     | 8.50  |
    When Ada completes order "100017" in EUR:
      | product_id | price | quantity |
      | 100234     | 8.50  | 1        |
    Then Insider One receives exactly these events for Ada:
      | event_name             | product_id | event_group_id | custom.cart_id | unit_price |
      | item_added_to_cart     | 100234     |                | 100018         | 8.5        |
      | confirmation_page_view | 100234     | 100017         |                | 8.5        |
    And Insider One knows these attributes of Ada:
      | attribute | value  |
      | uuid      | 100077 |
    And the newest "confirmation_page_view" of Ada has these values:
      | place                   | must be | value  |
      | event_params.product_id |         | 100234 |

  Scenario: A text where a number belongs, on purpose
    When Ada does "Product Viewed" with:
      | property   | value  |
      | product_id | mug    |
      | price      | "8,50" |
    Then the call "Product Viewed" ends as failed

  Scenario: The clock is set first and the workspace is another
    Given the clock stands at "2026-11-23T12:00:00Z"
    And the workspace "segment-defaults"
    When Ada does "Wish Listed"
    Then the newest "wish_listed" of Ada has these values:
      | place     | must be | value            |
      | timestamp | like    | 2026-11-23T12:.* |
"""


def remove_indent(text: str) -> str:
    return "\n".join(line.removeprefix(" " * 8) for line in text.splitlines())


def run_verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["segment_insider_emulator", "verify", *arguments]
    return run_python_module(*command, cwd=folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the result of each scenario by its name."""
    folder = tmp_path_factory.mktemp("mistakes")
    scenarios = [
        f"  Scenario: {name}\n{indent(remove_indent(steps), '    ')}\n"
        for name, (steps, _) in MISTAKES.items()
    ]
    (folder / "mistakes.feature").write_text("\n".join(["Feature: Mistakes", *scenarios]))
    (folder / "names.feature").write_text(KNOWN_NAMES)
    (folder / "correct.feature").write_text(CORRECT_NAMES)
    (folder / "conftest.py").write_text(CONFTEST)
    result = run_verify(folder, "--json", ".")
    return {scenario["scenario"]: scenario for scenario in json.loads(result.stdout)["scenarios"]}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_explained_in_a_scenario_that(name: str, results: Any) -> None:
    failure = results[name]["failure"]
    assert failure.partition("\n\n")[2] == remove_indent(MISTAKES[name][1])


def test_a_known_own_or_received_name_is_accepted(results: Any) -> None:
    verdicts = [result["verdict"] for result in results.values() if result["feature"] == "Names"]
    assert verdicts == ["passed"]


def test_correct_scenarios_pass(results: Any) -> None:
    failures = {
        name: result["failure"]
        for name, result in results.items()
        if result["feature"] == "Correct names" and result["verdict"] != "passed"
    }
    assert failures == {}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "shop.yaml",
            "source: {}\n",
            "shop.yaml is not a .feature file. Name one, or a folder of them.",
            id="a file that is no feature",
        ),
        pytest.param(
            "conftest.py",
            "import nonsense\n",
            "conftest.py: it cannot be imported (ModuleNotFoundError: No module named 'nonsense'). "
            "Correct it.",
            id="a conftest file that lacks something",
        ),
        pytest.param(
            "conftest.py",
            "def wishes(:\n",
            "conftest.py: it cannot be imported (SyntaxError: invalid syntax). Correct it.",
            id="a conftest file that is no Python",
        ),
    ],
)
def test_an_unreadable_file_is_one_line_and_exit_code_2(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    result = run_verify(tmp_path, name if name.endswith(".yaml") else ".")
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"emulator: {message}\n")


def test_a_broken_conftest_file_in_a_subfolder_does_not_stop_other_folders(tmp_path: Path) -> None:
    (tmp_path / "names.feature").write_text(KNOWN_NAMES)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "conftest.py").write_text("import nonsense\n")
    result = run_verify(tmp_path, ".")
    fault = "it cannot be imported (ModuleNotFoundError: No module named 'nonsense'). Correct it."
    message = f"emulator: inner/conftest.py: {fault}\n"
    assert (result.returncode, result.stderr) == (2, message)
    assert result.stdout.endswith("\n1 scenario: 1 passed; 1 file could not be read\n")


@pytest.mark.extended
def test_scenarios_of_other_projects_may_lack_a_then(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("from pytest_bdd import scenarios\nscenarios('.')\n")
    (tmp_path / "conftest.py").write_text(
        "from pytest_bdd import when\n\n\n@when('nothing happens')\ndef nothing():\n    pass\n"
    )
    (tmp_path / "own.feature").write_text(
        "Feature: Own\n"
        "  Scenario: Theirs\n    When nothing happens\n"
        "  Scenario: Ours\n    When Ada signs in\n"
    )
    command = ["pytest", "-rA", "-p", "no:cacheprovider", "."]
    result = run_python_module(*command, cwd=tmp_path)
    assert "PASSED test_own.py::test_theirs" in result.stdout
    assert "FAILED test_own.py::test_ours" in result.stdout
    assert WITHOUT_THEN in result.stdout.splitlines()


def test_every_step_of_the_library_shows_its_table_or_text() -> None:
    silent = {
        context.step_func.__name__
        for context in step_function_context_registry.values()
        for argument in ARGUMENT_NOUNS.keys() & signature(context.step_func).parameters
        if context.step_func.__module__.startswith(LIBRARY_PACKAGE)
        and "such as:" not in describe_missing_argument(argument, context.step_func)
    }
    assert silent == set()
