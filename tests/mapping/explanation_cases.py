"""Destinations and events for tests of explanations: shipped ones and generated ones.

All of them come from one seed.
"""

from collections.abc import Callable, Iterator
from random import Random

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.sample_events import build_probe_events, fill_sample_event
from segment_insider_emulator.mapping.catalog import ACTIONS, DestinationAction
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.loading import read_preset_document

Output = tuple[JSONObject, JSONObject]  # a destination, and an event
SETTINGS = {"account_name": "shop", "ucd_key": "key"}
TIMESTAMP = "2026-05-06T07:08:09.123Z"
_SCALARS: list[JSON] = [
    "Mug", "Blue", "x y", "", "5", "9.9", "{{userId}}", '{"a": [1, {"b": "c"}]}', "true", "abc",
    None, True, False, 0, 1, 5, 8.5, [], {}, "2026-01-31", "É", "A-B-C",
]  # fmt: skip
_KEYS = [
    "a", "b", "s", "n", "list", "items", "deep", "price", "name", "taxonomy", "category", "url",
    "product_id", "quantity", "variant", "currency", "coupon", "email", "zone", "carrier",
]  # fmt: skip
_ITEM_PATHS = ["name", "price", "sku", "tags", "tags[0]", "size.eu", "size", "nope", "$.name", ""]


def iter_shipped_outputs(preset: str, random: Random) -> Iterator[Output]:
    """Yield the destination of *preset* with altered events that match it; without end."""
    document = read_preset_document(preset)
    context = build_context(document)
    events = [fill_sample_event(event) for _, event in build_probe_events(context)]
    events = [
        event
        for event in events
        if any(subscription.matches(event) for subscription in context.subscriptions)
    ]
    while True:
        event = random.choice(events)
        yield document["destination"], alter_event(event, random)


def iter_generated_outputs(seed: int, count: int) -> Iterator[Output]:
    """Yield generated mappings of any action, with nested directives, and events; without end."""
    random = Random(seed)
    while True:
        action = random.choice(sorted(ACTIONS.values(), key=lambda action: action.slug))
        event = generate_event(action, random)
        yield (
            {"settings": SETTINGS, "subscriptions": [generate_subscription(action, random)]},
            event,
        )


def alter_event(event: JSONObject, random: Random) -> JSONObject:
    """Return *event* with some values replaced, removed, null or empty, and some added."""
    copy: JSONObject = _alter_value(event, random, 0)
    part = copy.get("traits" if event["type"] == "identify" else "properties")
    for key in random.sample(_KEYS, random.randint(0, 3)):
        if isinstance(part, dict):
            part.setdefault(key, generate_value(random, 3))
    return {**copy, **{key: event[key] for key in ("type", "event", "timestamp") if key in event}}


def _alter_value(value: JSON, random: Random, depth: int) -> JSON:
    if isinstance(value, dict) and value and (depth < 2 or random.random() > 0.03):
        return {
            key: _alter_value(member, random, depth + 1)
            for key, member in value.items()
            if depth == 0 or random.random() > 0.15
        }
    if isinstance(value, list) and value and random.random() > 0.05:
        items = [_alter_value(item, random, depth + 1) for item in value]
        return items * random.randint(1, 2)
    if random.random() < 0.08:
        return random.choice([None, None, "", [], {}, 5, "abc"])
    return value


def generate_value(random: Random, depth: int) -> JSON:
    """Return any JSON value, at most *depth* levels deep."""
    kind = random.random()
    if depth and kind < 0.2:
        keys = random.sample(_KEYS, random.randint(0, 3))
        return {key: generate_value(random, depth - 1) for key in keys}
    if depth and kind < 0.3:
        return [generate_value(random, depth - 1) for _ in range(random.randint(0, 3))]
    if depth and kind < 0.4:
        return [_generate_item(random, depth) for _ in range(random.randint(0, 3))]
    return random.choice(_SCALARS)


def _generate_item(random: Random, depth: int) -> JSONObject:
    item: JSONObject = {"name": random.choice(["Mug", "Tray", None]), "price": 8.5}
    if random.random() < 0.5:
        item["tags"] = random.choice([["new", "red"], [], ["x"], [{"id": 1}]])
    if random.random() < 0.4:
        item["size"] = {"eu": random.choice([42, None]), "us": 9}
    if random.random() < 0.3:
        item["sku"] = generate_value(random, depth - 1)
    return item


def generate_event(action: DestinationAction, random: Random) -> JSONObject:
    """Return an event that matches the published trigger of *action*."""
    words = action.trigger.split('"')[1::2]
    event: JSONObject = dict(zip(("type", "event"), words, strict=False))
    event |= {"messageId": "m", "userId": "u1", "anonymousId": "a1", "timestamp": TIMESTAMP}
    if event["type"] == "track":
        event.setdefault("event", "Parcel Sent")
    for part in ("properties", "traits"):
        keys = random.sample(_KEYS, random.randint(0, 8))
        event[part] = {key: generate_value(random, 3) for key in keys}
    event["properties"]["products"] = [
        _generate_item(random, 2) for _ in range(random.randint(0, 3))
    ]
    event["context"] = {"locale": "nb-NO", "traits": {"email": "ada@shop.example"}}
    return event


def generate_subscription(action: DestinationAction, random: Random) -> JSONObject:
    """Return a subscription of *action* with generated mappings of its open fields."""
    mapping = action.default_mapping
    for field in action.fields:
        if field.multiple and random.random() < 0.5:
            mapping[field.key] = random.choice(
                [
                    {"@path": "$.properties.products"},
                    {
                        "@arrayPath": [
                            "$.properties.products",
                            _generate_object(random, _ITEM_PATHS, 2),
                        ]
                    },
                    {
                        "@arrayPath": [
                            "$.properties.items",
                            _generate_object(random, _ITEM_PATHS, 2),
                        ]
                    },
                ]
            )
        elif field.type == "object" and not field.multiple and random.random() < 0.7:
            mapping[field.key] = _generate_open_field(random)
        elif field.type == "string" and random.random() < 0.15:
            mapping[field.key] = _generate_if(random, _list_paths(random), 2)
    if "event_name" in mapping:
        mapping["event_name"] = "parcel_sent"
    mapping["timestamp"] = {"@path": "$.timestamp"}
    return {"actionSlug": action.slug, "settings": mapping}


def _generate_open_field(random: Random) -> JSON:
    shape = _generate_object(random, _list_paths(random), 3)
    kind = random.random()
    if kind < 0.25:
        whole = {"@path": random.choice(["$.properties", "$.traits", "$.properties.deep"])}
        direction = random.choice(["left", "right"])
        return {"@merge": {"objects": [whole, shape], "direction": direction}}
    if kind < 0.35:
        value = {"@path": random.choice(["$.properties", "$.traits"])}
        return {"@flatten": {"value": value, "separator": "_", "omitArrays": kind < 0.3}}
    return shape


def _list_paths(random: Random) -> list[str]:
    deeper = [f"{random.choice(_KEYS)}.{random.choice(_KEYS)}" for _ in range(3)]
    keys = [*_KEYS, *deeper, "products", "products[0].name", "list[0]", "items.length", "s.length"]
    paths = [f"$.{part}.{key}" for part in ("properties", "traits") for key in keys]
    return [*paths, "$.userId", "$.context.locale", "$.context.traits.email", "$.traits"]


def _generate_object(random: Random, paths: list[str], depth: int) -> JSONObject:
    keys = random.sample([*_KEYS, "Gift Wrap"], random.randint(1, 5))
    return {
        key.lower() if key != "Gift Wrap" else key: _generate_part(random, paths, depth)
        for key in keys
    }


def _generate_part(random: Random, paths: list[str], depth: int) -> JSON:
    if depth <= 0 or random.random() < 0.35:
        return {"@path": random.choice(paths)} if random.random() < 0.9 else "fixed"
    return random.choice(_GENERATORS)(random, paths, depth - 1)


def _generate_if(random: Random, paths: list[str], depth: int) -> JSON:
    first, second = (_generate_part(random, paths, depth - 1) for _ in range(2))
    tested = random.choice(["exists", "exists", "blank"])
    context = first if random.random() < 0.6 else _generate_part(random, paths, depth - 1)
    return {"@if": {tested: context, "then": first, "else": second}}


def _generate_template(random: Random, paths: list[str], depth: int) -> JSON:
    one, two = (random.choice(paths).removeprefix("$.") or "name" for _ in range(2))
    return {"@template": random.choice(["{{%s}} of {{%s}}", "{{{%s}}}-{{%s}}"]) % (one, two)}


def _generate_liquid(random: Random, paths: list[str], depth: int) -> JSON:
    path = random.choice([p for p in paths if p.isascii() and "[" not in p and p]).removeprefix(
        "$."
    )
    form = random.choice(
        ["{{ %s }}", "{{ %s | upcase }}", "{%% if %s %%}y{%% else %%}n{%% endif %%}",
         "{%% for x in %s %%}{{ x }};{%% endfor %%}", "{{ %s | default: 'none' }}",
         "{{ %s | join: '-' }}", "{{ %s | json }}", "{{ %s | size }}"]
    )  # fmt: skip
    return {"@liquid": form % path}


def _generate_array_path(random: Random, paths: list[str], depth: int) -> JSON:
    where = random.choice(["$.properties.products", "$.properties.items", "$.properties.list"])
    return {"@arrayPath": [where, _generate_object(random, _ITEM_PATHS, depth)]}


def _generate_merge(random: Random, paths: list[str], depth: int) -> JSON:
    objects: list[JSON] = [
        _generate_object(random, paths, depth) for _ in range(random.randint(1, 3))
    ]
    if random.random() < 0.5:
        objects.insert(random.randint(0, len(objects)), _generate_part(random, paths, depth))
    return {"@merge": {"objects": objects, "direction": random.choice(["left", "right"])}}


def _generate_transform(random: Random, paths: list[str], depth: int) -> JSON:
    apply = {
        "a": _generate_part(random, paths, depth),
        "name": _generate_part(random, paths, depth),
    }
    return {
        "@transform": {
            "apply": apply,
            "mapping": _generate_part(random, ["$.a", "name", "a.b"], depth),
        }
    }


_GENERATORS: list[Callable[[Random, list[str], int], JSON]] = [
    _generate_object, _generate_if, _generate_if, _generate_template, _generate_liquid,
    _generate_array_path, _generate_merge, _generate_transform,
    lambda r, p, d: [_generate_part(r, p, d), _generate_part(r, p, d)],
    lambda r, p, d: {"@case": {"operator": "upper", "value": _generate_part(r, p, d)}},
    lambda r, p, d: {
        "@replace": {"pattern": "a", "replacement": "o", "value": _generate_part(r, p, d)}
    },
    lambda r, p, d: {
        "@json": {"mode": r.choice(["encode", "decode"]), "value": _generate_part(r, p, d)}
    },
    lambda r, p, d: {"@flatten": {"value": _generate_part(r, p, d), "separator": "."}},
    lambda r, p, d: {"@excludeWhenNull": _generate_part(r, p, d)},
    lambda r, p, d: {"@literal": _generate_part(r, p, d)},
    lambda r, p, d: {"@path": r.choice(p)},
]  # fmt: skip
