"""Each rule of lint, on a small workspace with one thing wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.types import JSONObject
from emulator.workspace.finding import Finding
from emulator.workspace.lint import (
    RULES,
    Rule,
    account,
    conditions,
    directives,
    fields,
    lint,
    overlap,
    parameters,
    people,
    reading,
)
from emulator.workspace.lint.spec import ECOMMERCE
from emulator.workspace.lint.subject import subject_of
from emulator.workspace.loading import read, read_preset
from emulator.workspace.parsing import parse

SUBSCRIPTIONS = "destination.subscriptions"
FIRST = f"{SUBSCRIPTIONS}[0]"
TRACK = 'type = "track"'


def path(place: str) -> JSONObject:
    return {"@path": f"$.{place}"}


def when(place: str, **branches: Any) -> JSONObject:
    return {"@if": {"exists": path(place), **branches}}


def workspace(*subscriptions: JSONObject, **changes: Any) -> JSONObject:
    destination = {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": list(subscriptions),
    }
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    return {"source": source, "destination": destination | changes.pop("destination", {})} | changes


def subscription(slug: str = "trackEvent", name: str = "S", **changes: Any) -> JSONObject:
    return {"name": name, "actionSlug": slug} | changes


def mapped(slug: str = "trackEvent", **settings: Any) -> JSONObject:
    """A workspace of one subscription that maps what it must, and *settings*."""
    common = {"uuid": path("userId"), "timestamp": path("timestamp"), "event_name": path("event")}
    return workspace(subscription(slug, settings=common | settings))


def triggered(trigger: str) -> JSONObject:
    return workspace(subscription(trigger=trigger))


def found(rule: Rule, document: JSONObject) -> list[tuple[str, str, str, str]]:
    return [(f.severity, f.where, f.what, f.remedy) for f in rule(subject_of(document))]


@pytest.mark.parametrize(
    ("trigger", "findings"),
    [
        pytest.param(f'{TRACK} and event = "A"', [], id="plain"),
        pytest.param(f'{TRACK} and (event = "A" or event = "B")', [], id="group"),
        pytest.param(f'{TRACK} and match(event, "A*")', [], id="function"),
        pytest.param(f'{TRACK} and (event = "A" or contains(event, "B"))', [], id="function last"),
        pytest.param(
            "",
            [
                (
                    "error",
                    "the trigger is empty, so that it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                )
            ],
            id="empty",
        ),
        pytest.param(
            "and",
            [
                (
                    "error",
                    "the trigger has no condition, so that it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                )
            ],
            id="no condition",
        ),
        pytest.param(
            f'{TRACK} and event = "A" or event = "B"',
            [
                (
                    "error",
                    '"and" and "or" are mixed: Segment reads each of them as "or", the last',
                    "Put the conditions that belong together in parentheses.",
                )
            ],
            id="and beside or",
        ),
        pytest.param(
            f'{TRACK} and (contains(event, "A") or event = "B")',
            [
                (
                    "error",
                    "contains() ends its group, so that the rest of the group counts outside",
                    "Put the function last in its group.",
                )
            ],
            id="function in a group",
        ),
        *(
            pytest.param(
                f"{TRACK} {rest}",
                [("error", f"the trigger is malformed at character {what}", remedy)],
                id=f"malformed: {rest}",
            )
            for rest, what, remedy in [
                (
                    '& event = "A"',
                    "16: a trigger cannot have '&', so that it never matches",
                    "Write and.",
                ),
                (
                    'and event# = "A"',
                    "25: '#' cannot follow 'event', so that it never matches",
                    'Write it like: type = "track" and event = "Order Completed".',
                ),
                (
                    'and event = "A',
                    "28: this quote is never closed, so that it never matches",
                    "Close the text with another quote.",
                ),
                (
                    'and (event = "A" or event = "("',
                    "20: this parenthesis is never closed, so that it never matches",
                    "Close it behind its last condition.",
                ),
            ]
        ),
        *(
            pytest.param(f"{TRACK} and {rest}", [("error", what, remedy)], id=rest)
            for rest, what, remedy in [
                ('event "A"', "no operator follows 'event'", 'Write event = "...".'),
                ("event =", "no value follows 'event ='", 'Write event = "...".'),
                ('event == "A"', "no value follows 'event ='", 'Write event = "...".'),
                (
                    'contains "A"',
                    "no parenthesis follows 'contains'",
                    'Write contains(event, "Order").',
                ),
                (
                    "contains(event)",
                    "contains() needs a field and a text",
                    'Write contains(event, "Order").',
                ),
                (
                    '"A"',
                    '"A" stands in no comparison, so that it is skipped',
                    "Put a field before it, or take it out.",
                ),
            ]
        ),
        pytest.param(
            f'{TRACK} and (event = "A" or (event = "B" and userId = "u"))',
            [
                (
                    "error",
                    "a group inside a group is malformed, so that the trigger never matches",
                    "Use one level of groups, or two subscriptions.",
                )
            ],
            id="nested groups",
        ),
        pytest.param(
            f'{TRACK} and !(event = "A")',
            [
                (
                    "error",
                    "! before a group is dropped, so that the group holds as it stands",
                    "Negate each condition in it, with != for =.",
                )
            ],
            id="negated group",
        ),
        pytest.param(
            f'{TRACK} AND event = "A"',
            [
                (
                    "warning",
                    "AND in capitals is skipped, so that another word may join the conditions",
                    "Write and in lower case.",
                )
            ],
            id="AND",
        ),
        pytest.param(
            'event = "A" OR event = "B"',
            [
                (
                    "error",
                    "OR in capitals is skipped, so that all conditions must hold",
                    "Write or in lower case.",
                )
            ],
            id="OR",
        ),
        pytest.param(
            "type = 'track'",
            [
                (
                    "error",
                    "'track' keeps its single quotes, and no event has them",
                    'Write "track".',
                )
            ],
            id="single quotes",
        ),
        pytest.param(
            'type = "track"and event = "A"',
            [
                (
                    "error",
                    'no blank follows "track", so that the next condition is lost',
                    "Put a blank behind the closing quote.",
                )
            ],
            id="no blank behind a quote",
        ),
        pytest.param(
            f'{TRACK}\r\nand event = "A"',
            [
                (
                    "error",
                    "a carriage return breaks the trigger",
                    "End its lines with line feeds only.",
                )
            ],
            id="carriage return",
        ),
        pytest.param(
            f'{TRACK} and anonymousId != "a"',
            [
                (
                    "error",
                    "the condition on 'anonymousId' is skipped",
                    "Known: type, event, name, userId, properties, traits, context.",
                )
            ],
            id="anonymousId",
        ),
        pytest.param(
            f'{TRACK} and contains(messageId, "a")',
            [
                (
                    "error",
                    "the condition on 'messageId' is skipped",
                    "Known: event, name, userId, properties, traits, context.",
                )
            ],
            id="function on messageId",
        ),
        pytest.param(
            f'{TRACK} and propertes.tax = "1"',
            [
                (
                    "error",
                    "the condition on 'propertes.tax' is skipped",
                    "Did you mean 'properties'?",
                )
            ],
            id="misspelt root",
        ),
        pytest.param(
            f'{TRACK} and match(event, "Order")',
            [
                (
                    "error",
                    'match() without a wildcard drops the first character of "Order"',
                    "Compare with =, or end the text in *.",
                )
            ],
            id="no wildcard",
        ),
        pytest.param(
            f'{TRACK} and match(event, "*rder*")',
            [
                (
                    "error",
                    'match() understands one wildcard only, not "*rder*"',
                    'Write contains(event, "rder").',
                )
            ],
            id="two wildcards",
        ),
        pytest.param(
            f'{TRACK} and properties.list[0].k = "A"',
            [("error", "a trigger cannot look into lists", "Compare another property.")],
            id="bracket",
        ),
        pytest.param(
            f"{TRACK} and properties.vip != true",
            [
                (
                    "error",
                    "!= true compares with text: it holds for true as well",
                    "Write = false.",
                )
            ],
            id="not true",
        ),
        pytest.param(
            f"{TRACK} and event != null",
            [
                (
                    "warning",
                    'event is compared with the text "null"',
                    "Leave the condition out: a track call always has both.",
                )
            ],
            id="event is not null",
        ),
    ],
)
def test_a_trigger_is_read_as_segment_reads_it(
    trigger: str, findings: list[tuple[str, str, str]]
) -> None:
    assert found(reading.misread_triggers, triggered(trigger)) == [
        (severity, f"{FIRST}.trigger", what, remedy) for severity, what, remedy in findings
    ]


@pytest.mark.parametrize(
    ("trigger", "impossible"),
    [
        (f'{TRACK} and event = "A"', False),
        (f'{TRACK} and event = "A" and event = "B"', True),
        (f'{TRACK} and event = "A" and event != "A"', True),
        (f'{TRACK} and (event = "A" or event = "B")', False),
        ('type = "Track"', True),
        ('type = "identify" and event = "A"', True),
        ('type = "identify" and event != "A"', False),
        (f'{TRACK} and traits.vip = "yes"', True),
        (f"{TRACK} and properties.vip = true and properties.vip = false", True),
        (f"{TRACK} and userId != null and userId = null", True),
        ('type = "page" and (name = "Home" or properties.path = "/")', False),
        ('event = "A"', False),
        ('event > "A"', True),
    ],
)
def test_a_trigger_that_cannot_match_is_an_error(trigger: str, impossible: bool) -> None:
    finding = (
        "error",
        f"{FIRST}.trigger",
        "no event can meet the trigger of 'S'",
        "Ask for one type of identify, track, page, screen, group, alias, for one event name, and "
        "for fields that such a call has.",
    )
    assert found(conditions.impossible_triggers, triggered(trigger)) == [finding] * impossible


ORDERS = subscription("orderCompletedEvent", "Orders")
REST = subscription(name="Rest", trigger=f'{TRACK} and event != "Order Completed"')
BIG = subscription(name="Big", trigger=f"{TRACK} and properties.total > 100")


@pytest.mark.parametrize(
    ("subscriptions", "twice"),
    [
        pytest.param([ORDERS, REST], [], id="disjoint"),
        pytest.param([ORDERS, subscription(enabled=False)], [], id="disabled"),
        pytest.param(
            [ORDERS, subscription(name="All")],
            [
                (
                    f"{SUBSCRIPTIONS}[1].trigger",
                    "\"Order Completed\" is sent 2 times: by 'Orders' and 'All'",
                    "Add `and event != \"Order Completed\"` to the trigger of 'All'.",
                )
            ],
            id="catch-all",
        ),
        pytest.param(
            [REST, BIG],
            [
                (
                    f"{SUBSCRIPTIONS}[0].trigger",
                    "every other track call is sent 2 times: by 'Rest' and 'Big'",
                    "Narrow the trigger of 'Rest'.",
                )
            ],
            id="condition on a property",
        ),
        pytest.param(
            [subscription("updateUserProfile", "P"), subscription("updateUserProfile", "Q")],
            [
                (
                    f"{SUBSCRIPTIONS}[0].trigger",
                    "identify is sent 2 times: by 'P' and 'Q'",
                    "Narrow the trigger of 'P'.",
                )
            ],
            id="identify",
        ),
    ],
)
def test_an_event_that_two_subscriptions_take_is_a_warning(
    subscriptions: list[JSONObject], twice: list[tuple[str, str, str]]
) -> None:
    assert found(overlap.events_sent_twice, workspace(*subscriptions)) == [
        ("warning", *each) for each in twice
    ]


PRODUCTS = {"@arrayPath": ["$.properties.products", {"coupon": {"@path": "coupon"}}]}


@pytest.mark.parametrize(
    ("rule", "document", "findings"),
    [
        pytest.param(
            account.silent_destinations,
            workspace(destination={"enabled": False}),
            [
                (
                    "warning",
                    "destination.enabled",
                    "the destination is disabled, so that nothing is sent",
                    "Write true.",
                ),
                (
                    "warning",
                    SUBSCRIPTIONS,
                    "no subscription is enabled, so that nothing is sent",
                    "Enable one, or start from the preset guide.",
                ),
            ],
            id="nothing enabled",
        ),
        pytest.param(
            account.too_many_subscriptions,
            workspace(*[subscription()] * 51),
            [("error", SUBSCRIPTIONS, "51 subscriptions; Segment allows 50", "Join some of them.")],
            id="51 subscriptions",
        ),
        pytest.param(
            account.wrong_credentials,
            workspace(insider={"account": {"name": "mybrand", "key": "other"}}),
            [
                (
                    "error",
                    "destination.settings.ucd_key",
                    "ucd_key is not that of insider.account, so that every request is refused",
                    "Write the same in both places.",
                )
            ],
            id="wrong key",
        ),
        pytest.param(
            account.wrong_credentials,
            workspace(destination={"settings": {"account_name": "a", "ucd_key": "k\n"}}),
            [
                (
                    "error",
                    "destination.settings.ucd_key",
                    "ucd_key has a character that no header may have, so that nothing is sent",
                    "Copy it anew, without line breaks.",
                )
            ],
            id="line break in the key",
        ),
        pytest.param(
            account.unknown_settings,
            workspace(
                destination={"settings": {"account_name": "a", "ucd_key": "k", "ucdKey": "k"}}
            ),
            [
                (
                    "warning",
                    "destination.settings.ucdKey",
                    "the destination has no setting 'ucdKey', so that it does nothing",
                    "Did you mean 'ucd_key'?",
                )
            ],
            id="unknown setting",
        ),
        pytest.param(
            account.shared_names,
            workspace(subscription(), subscription(name="T"), subscription(enabled=False)),
            [
                (
                    "warning",
                    f"{SUBSCRIPTIONS}[2].name",
                    "subscriptions[0] has the name 'S', too",
                    "Give each subscription a name of its own.",
                )
            ],
            id="two subscriptions of one name",
        ),
        pytest.param(
            directives.unknown_options,
            mapped(parameters={"tax": when("properties.tax", thn=path("properties.tax"))}),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax.@if.thn",
                    "@if has no option 'thn', so that it is dropped",
                    "Did you mean 'then'?",
                )
            ],
            id="unknown option",
        ),
        pytest.param(
            directives.idle_conditions,
            mapped(
                parameters={
                    "a": when("properties.a"),
                    "b": when("properties.b", **{"else": "none"}),
                    "c": {"@if": {"then": "c"}},
                    "d": when("properties.d", then="d"),
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.a.@if",
                    "@if has no then, so that it never gives a value",
                    "Say under then what it gives.",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.parameters.b.@if",
                    "@if has no then, so that it gives nothing where it finds what it tests",
                    "Say under then what it gives.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.parameters.c.@if",
                    "@if tests nothing, so that every event fails",
                    'Say what to test, such as exists: {"@path": ...}.',
                ),
            ],
            id="conditions that lead nowhere",
        ),
        pytest.param(
            directives.idle_conditions,
            mapped(
                parameters={
                    "@merge": {
                        "direction": "right",
                        "objects": [path("properties"), {"price": when("properties.price")}],
                    }
                }
            ),
            [],
            id="a condition that takes a key out of a merge",
        ),
        pytest.param(
            directives.unpaired_braces,
            mapped(
                parameters={
                    "color": {"@template": "{{properties.color"},
                    "list": {"@arrayPath": ["$.properties.list", {"k": {"@template": "{{{k}}"}}]},
                    "size": {"@template": "size}}"},
                    "fine": {"@template": '{"a": {"b": {{userId}}}} {{{event}}}'},
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.{field}.@template",
                    f"the braces of {template!r} do not pair, so that no value is put in",
                    remedy,
                )
                for field, template, remedy in [
                    ("color", "{{properties.color", "Write {{properties.color}}."),
                    ("list.@arrayPath[1].k", "{{{k}}", "Write {{k}}."),
                    ("size", "size}}", "Write {{properties.color}}."),
                ]
            ],
            id="unclosed braces",
        ),
        pytest.param(
            directives.broken_liquid,
            mapped(
                parameters={
                    "color": {"@liquid": "{{properties.color"},
                    "fine": {"@liquid": "{{properties.color | upcase}}"},
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.color.@liquid",
                    "this Liquid does not parse, so that every event fails: output "
                    '"{{properties.color" not closed, line:1, col:1',
                    "Correct it there, or before.",
                )
            ],
            id="unclosed Liquid",
        ),
        pytest.param(
            conditions.misspelt_events,
            triggered(f'{TRACK} and event = "order completed"'),
            [
                (
                    "warning",
                    f"{FIRST}.trigger",
                    "'order completed' does not match 'Order Completed': capitals count",
                    'Write "Order Completed".',
                )
            ],
            id="capitals of an event",
        ),
        pytest.param(
            conditions.missing_values,
            triggered(f'{TRACK} and properties.size != 3 and properties.tag != "x"'),
            [
                (
                    "warning",
                    f"{FIRST}.trigger",
                    "the negated condition on properties.size does not hold where properties.size "
                    "is missing",
                    "Add `or properties.size = null` if those events count.",
                ),
                (
                    "note",
                    f"{FIRST}.trigger",
                    "properties.tag != 'x' holds where properties.tag is missing, too",
                    "Add `and properties.tag != null` if those events do not count.",
                ),
            ],
            id="negations and missing values",
        ),
        pytest.param(
            overlap.calls_not_taken,
            workspace(subscription("updateUserProfile")),
            [
                (
                    "note",
                    SUBSCRIPTIONS,
                    "no subscription takes track, page, screen, group, alias calls",
                    "If they matter, add a Track Event with a trigger and an event_name for them.",
                )
            ],
            id="only identify is taken",
        ),
        pytest.param(
            overlap.cart_reviewed,
            workspace(subscription("cartViewedEvent")),
            [
                (
                    "note",
                    f"{FIRST}.trigger",
                    '"Cart Reviewed", as the guide\'s table has it, makes no cart page view',
                    'Add `or event = "Cart Reviewed"`, in parentheses, if your shop sends it.',
                )
            ],
            id="Cart Reviewed",
        ),
        pytest.param(
            fields.faulty_directives,
            mapped(parameters={"tax": {"@paht": "$.properties.tax"}}),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax",
                    "unknown directive '@paht'",
                    "Did you mean '@path'?",
                )
            ],
            id="unknown directive",
        ),
        pytest.param(
            fields.faulty_directives,
            mapped(uuid={"@path": 5}),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "/uuid/@path should be a string or a mapping directive but it is a number",
                    "Correct the mapping: as it is, every event fails.",
                )
            ],
            id="directive used wrongly",
        ),
        pytest.param(
            fields.unknown_fields,
            mapped("userRegisteredEvent", parameters={}, atributes={}, enable_batching=True),
            [
                (
                    "error",
                    f"{FIRST}.settings.event_name",
                    "userRegisteredEvent has no field 'event_name', so that it is dropped",
                    "Known: email_as_identifier, phone_number_as_identifier, append_arrays, uuid, "
                    "segment_anonymous_id, custom_identifiers, timestamp, attributes.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.parameters",
                    "userRegisteredEvent has no field 'parameters', so that it is dropped",
                    "Known: email_as_identifier, phone_number_as_identifier, append_arrays, uuid, "
                    "segment_anonymous_id, custom_identifiers, timestamp, attributes.",
                ),
                (
                    "error",
                    f"{FIRST}.settings.atributes",
                    "userRegisteredEvent has no field 'atributes', so that it is dropped",
                    "Did you mean 'attributes'?",
                ),
            ],
            id="fields the action does not have",
        ),
        pytest.param(
            fields.required_fields,
            workspace(subscription(settings={"timestamp": path("timestamp")})),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "event_name is required and not mapped, so that every event fails",
                    "Map it, or leave settings out to get the action's own mapping.",
                )
            ],
            id="required field",
        ),
        pytest.param(
            fields.dead_paths,
            mapped(
                parameters={
                    "tax": path("propertes.tax"),
                    "plan": path("traits.plan"),
                    "tier": when("traits.tier", then=path("traits.tier"), **{"else": "none"}),
                }
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.parameters.tax",
                    "no event has 'propertes'",
                    "Did you mean 'properties'?",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.parameters.plan",
                    "only identify, group calls have traits, and the trigger takes track",
                    "Read $.context.traits.",
                ),
            ],
            id="paths that no event has",
        ),
        pytest.param(
            fields.unnamed_pages,
            triggered('type = "page"'),
            [
                (
                    "error",
                    f"{FIRST}.settings.event_name",
                    "page calls have no event name, so that each of them fails",
                    "Map event_name to a text, such as other_page_view.",
                )
            ],
            id="page calls without a name",
        ),
        pytest.param(
            fields.batching,
            mapped(enable_batching=True),
            [
                (
                    "note",
                    f"{FIRST}.settings.enable_batching",
                    "a batch keeps empty texts, and one event's directive error fails all of it",
                    "Try both, single and batched, or leave batching off.",
                )
            ],
            id="batching",
        ),
        pytest.param(
            people.anonymous_subscriptions,
            workspace(
                subscription(settings={"attributes": {"email": path("context.traits.email")}}),
                subscription(settings={"segment_anonymous_id": path("anonymousId")}),
                subscription(settings={"custom_identifiers": {"card": path("context.card")}}),
                insider={"identifiers": ["card"]},
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "'S' sends no identifier, so that Insider One knows nobody by it",
                    "Map uuid, segment_anonymous_id or custom_identifiers.",
                ),
                (
                    "error",
                    f"{SUBSCRIPTIONS}[1].settings",
                    "'S' sends segment_anonymous_id, none of which the account lists",
                    "List one of them under insider.identifiers.",
                ),
            ],
            id="nobody to be known by",
        ),
        pytest.param(
            people.unlisted_identifiers,
            workspace(subscription(), insider={"identifiers": ["uuid", "segment_anonymous_Id"]}),
            [
                (
                    "warning",
                    "insider.identifiers",
                    "segment_anonymous_id is sent as an identifier and not listed, so that it "
                    "identifies nobody",
                    "Write segment_anonymous_id for segment_anonymous_Id.",
                ),
                *(
                    (
                        "warning",
                        "insider.identifiers",
                        f"{name} is sent as an identifier and not listed, so that it identifies "
                        "nobody",
                        f"Add {name}, if the account has it.",
                    )
                    for name in ("email", "phone_number")
                ),
            ],
            id="unlisted identifiers",
        ),
        pytest.param(
            people.unsent_identifiers,
            mapped() | {"insider": {"identifiers": ["uuid", "uid"]}},
            [
                (
                    "note",
                    "insider.identifiers[1]",
                    "no subscription sends the identifier 'uid'",
                    "Did you mean 'uuid'?",
                )
            ],
            id="identifier that nothing sends",
        ),
        pytest.param(
            people.unread_names,
            workspace(
                subscription(
                    "updateUserProfile",
                    settings={
                        "firstName": path("traits.first_name"),
                        "lastName": when(
                            "traits.lastName",
                            then=path("traits.lastName"),
                            **{"else": path("traits.last_name")},
                        ),
                    },
                )
            ),
            [
                (
                    "warning",
                    f"{FIRST}.settings.firstName",
                    "the trait firstName is not read, and what it says is lost",
                    "Read $.traits.firstName, else $.traits.first_name, with @if.",
                )
            ],
            id="one spelling of a name",
        ),
        pytest.param(
            people.unmapped_opt_ins,
            workspace(
                subscription(
                    "updateUserProfile",
                    settings={"emailOptin": True, "gdprOptin": True, "smsOptin": True},
                )
            ),
            [
                (
                    "warning",
                    f"{FIRST}.settings",
                    "nothing is mapped to whatsappOptin, so that people stay unreachable",
                    'Map them, such as whatsappOptin: {"@path": "$.traits.whatsapp_optin"}.',
                )
            ],
            id="opt-ins without a mapping",
        ),
        pytest.param(
            people.custom_twins,
            mapped(attributes={"email_optin": True, "phone_number": "+1"}),
            [
                (
                    "warning",
                    f"{FIRST}.settings.attributes.email_optin",
                    "on an event action, 'email_optin' becomes a custom attribute",
                    "Map it on updateUserProfile.",
                ),
                (
                    "warning",
                    f"{FIRST}.settings.attributes.phone_number",
                    "on an event action, 'phone_number' becomes a custom attribute",
                    "Map it on updateUserProfile, or write phone.",
                ),
            ],
            id="opt-in on an event",
        ),
        pytest.param(
            parameters.lost_keys,
            mapped(
                parameters={"giftWrap": True, "gift_wrap": True},
                attributes={"VIP Tier": "gold"},
                products={"@arrayPath": ["$.properties.products", {"Colour ": "red"}]},
            ),
            [
                (
                    "error",
                    f"{FIRST}.settings.{field}.{key}",
                    f"the key {key!r} arrives as {name!r}, without its value",
                    f"Write {instead!r}.",
                )
                for field, key, name, instead in [
                    ("parameters", "giftWrap", "giftwrap", "gift_wrap"),
                    ("attributes", "VIP Tier", "vip_tier", "vip_tier"),
                    ("products", "Colour ", "colour", "colour"),
                ]
            ],
            id="keys that lose their value",
        ),
        pytest.param(
            parameters.overwritten_products,
            mapped("orderCompletedEvent", parameters={"coupon": "X"}, products=PRODUCTS),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters.coupon",
                    "the parameter 'coupon' overwrites the coupon of each product",
                    "Give one of the two another name.",
                )
            ],
            id="constant over products",
        ),
        pytest.param(
            parameters.overwritten_products,
            mapped(
                parameters={
                    "sku": path("properties.sku"),
                    "url": when("properties.products", **{"else": path("context.page.url")}),
                },
                products={
                    "@arrayPath": [
                        "$.properties.products",
                        {"sku": {"@path": "sku"}, "url": {"@path": "url"}},
                    ]
                },
            ),
            [],
            id="parameters that lists of products do not have",
        ),
        pytest.param(
            parameters.required_parameters,
            mapped("cartViewedEvent", parameters={"currency": "EUR"}, products=PRODUCTS),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "Insider One needs event_group_id, unit_sale_price with cart_page_view, and "
                    "nothing fills it",
                    "Map it under parameters, or under products where each has its own.",
                )
            ],
            id="required of a cart page view",
        ),
        *(
            pytest.param(
                parameters.required_parameters,
                mapped("orderCompletedEvent", parameters={"currency": "EUR"}, products=PRODUCTS)
                | {"insider": {"options": options}},
                [
                    (
                        severity,
                        f"{FIRST}.settings",
                        f"Insider One {verb} {names} with confirmation_page_view, and nothing "
                        "fills it",
                        "Map it under parameters, or under products where each has its own.",
                    )
                ],
                id=f"required of a confirmation page view: {options}",
            )
            for options, severity, verb, names in [
                ({}, "warning", "asks for", "event_group_id, unit_sale_price, quantity"),
                (
                    {"confirmationPageViewRequired": "drop"},
                    "error",
                    "needs",
                    "event_group_id, unit_sale_price, quantity",
                ),
                (
                    {"quantityRequired": False},
                    "warning",
                    "asks for",
                    "event_group_id, unit_sale_price",
                ),
            ]
        ),
        pytest.param(
            parameters.required_parameters,
            mapped(event_name="purchase", parameters={"currency": "EUR"}, products=PRODUCTS),
            [
                (
                    "error",
                    f"{FIRST}.settings",
                    "Insider One needs event_group_id, unit_sale_price, quantity with purchase, "
                    "and nothing fills it",
                    "Map it under parameters, or under products where each has its own.",
                )
            ],
            id="required of a purchase",
        ),
        pytest.param(
            parameters.required_parameters,
            mapped(event_name="purchase", parameters=path("properties")),
            [],
            id="required, perhaps among all properties",
        ),
        pytest.param(
            parameters.dropped_properties,
            mapped("checkoutEvent", parameters={"a": path("properties")}),
            [],
            id="all properties read",
        ),
        pytest.param(
            parameters.dropped_properties,
            workspace(subscription("productListViewedEvent")),
            [
                (
                    "warning",
                    f"{FIRST}.settings",
                    'of "Product List Viewed", nothing reads list_id, products',
                    "Map what you need under parameters or products, in lower snake case.",
                )
            ],
            id="dropped properties",
        ),
        pytest.param(
            parameters.dropped_custom_properties,
            workspace(subscription()),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters",
                    "properties of custom events are dropped unless parameters names them",
                    "Merge $.properties into parameters, as the preset guide does.",
                )
            ],
            id="properties of custom events",
        ),
        pytest.param(
            parameters.textual_variants,
            workspace(subscription()),
            [
                (
                    "warning",
                    f"{FIRST}.settings.parameters.variant_id",
                    'a variant in words, such as "Blue", fails the whole event',
                    "Map it to a parameter of your own, such as variant.",
                )
            ],
            id="variant in words",
        ),
    ],
)
def test_a_rule_says_what_where_and_what_instead(
    rule: Rule, document: JSONObject, findings: list[tuple[str, str, str, str]]
) -> None:
    assert found(rule, document) == findings


def test_the_guide_lints_without_errors_and_warnings() -> None:
    assert [each for each in lint(read_preset("guide")) if each.severity != "note"] == []


def test_the_example_of_the_docs_lints_without_errors_and_warnings() -> None:
    page = Path("docs/workspace.md").read_text("utf-8")
    example = parse(page.split("```yaml\n")[1].split("```")[0].encode(), "docs/workspace.md")
    assert [each for each in lint(example) if each.severity != "note"] == []


@pytest.mark.parametrize(
    ("faulty", "place"),
    [
        pytest.param(subscription(name="Orders", trigger=""), " 'Orders'.trigger", id="rule"),
        pytest.param(subscription(name="Orders", trigger=1), " 'Orders'.trigger", id="shape"),
        pytest.param(subscription("orders", "Orders"), " 'Orders'.actionSlug", id="action"),
        pytest.param({"actionSlug": "trackEvent"}, "", id="no name"),
        pytest.param("Orders", "", id="no object"),
    ],
)
def test_the_name_of_a_subscription_is_part_of_the_place(faulty: JSONObject, place: str) -> None:
    places = [each.where for each in lint(workspace(faulty)) if each.where.startswith(FIRST)]
    assert places[0] == f"{FIRST}{place}"


def test_segment_defaults_send_every_mapped_event_twice() -> None:
    twice = [each.what for each in lint(read_preset("segment-defaults")) if "times" in each.what]
    assert twice == [
        f"\"{event}\" is sent 2 times: by 'Track Event' and '{taker} Event'"
        for event, taker in [
            ("Product List Viewed", "Product List Viewed"),
            ("Product Viewed", "Product Viewed"),
            ("Product Added", "Product Added"),
            ("Product Removed", "Product Removed"),
            ("Cart Viewed", "Cart Viewed"),
            ("Checkout Started", "Checkout"),
            ("Checkout Step Viewed", "Checkout"),
            ("Order Completed", "Order Completed"),
            ("User Registered", "User Registered"),
        ]
    ]


def test_a_file_that_is_no_workspace_gets_the_errors_of_its_shape_only() -> None:
    assert lint({"source": {"name": "Web shop", "writeKey": ""}, "destination": {}}) == [
        Finding(
            "error",
            "destination",
            f"{key!r} is missing",
            "Describe the destination as Segment's Public API does: name, enabled, settings, "
            "subscriptions.",
        )
        for key in ("settings", "subscriptions")
    ] + [
        Finding(
            "error",
            "source.writeKey",
            "this is empty",
            "Give the key that SDKs send, such as wk_demo.",
        )
    ]


def test_the_worst_comes_first() -> None:
    severities = [each.severity for each in lint(read(Path("fixtures/workspaces/mistakes.yaml")))]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_no_rule_trips_over_any_recorded_mapping_or_trigger() -> None:
    cases = (
        line
        for file in Path("fixtures/conformance").glob("*.ndjson")
        for line in file.read_text("utf-8").split("\n")
        if line
    )
    for case in map(json.loads, cases):
        subject = subject_of(workspace(case["subscription"]))
        for rule in RULES:
            list(rule(subject))


def test_every_e_commerce_event_has_properties() -> None:
    assert all(ECOMMERCE.values())
