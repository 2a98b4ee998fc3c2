"""No expression, template or number keeps a process busy for long.

Each is given to a process of its own, which is stopped after a while: an engine that searches for
ever would not hear of a deadline within.
"""

from pathlib import Path

import orjson
import pytest
from forked_commands import run_python_module

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

PATIENCE = 60  # seconds, of which most go into starting on a busy machine
LONG = "a" * 20_000 + "!"
HANGING = ("(a+)+$", "(a|aa)+$", "(.*a){20}$", "([a-z]+)*[0-9]")
STARS = "*a" * 40 + "*b"
EVENT = {"type": "track", "userId": "ada", "event": "Seen", "properties": {"text": LONG}}
LIQUID = {
    "a long range": "{% for i in (1..99999999) %}{{ i }}{% endfor %}",
    "loops in loops": "{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}",
    "a text that doubles": "{% assign x = 'aaaaaaaaaa' %}" + "{% assign x = x | append: x %}" * 25,
    "long joins": "{{ properties.text | split: '' | join: properties.text }}",
    "large products": "{{ 9999999999 | times: 9999999999 | times: 9999999999 }}",
    "many replacements": "{{ properties.text | replace: 'a', properties.text }}",
}


def make_mapping(trigger: str = 'type = "track"', text: object = "x") -> JSONObject:
    """Make a subscription with a trigger and a mapping of a text."""
    return {
        "name": "Seen",
        "actionSlug": "trackEvent",
        "enabled": True,
        "trigger": trigger,
        "settings": {
            "event_name": {"@literal": "seen"},
            "uuid": {"@path": "$.userId"},
            "timestamp": {"@literal": "2026-11-23T10:00:00Z"},
            "parameters": {"text": text},
        },
    }


def make_tracking_plan(pattern: str) -> JSONObject:
    """Make a tracking plan with a rule that has *pattern*."""
    schema = {"properties": {"properties": {"properties": {"text": {"pattern": pattern}}}}}
    return {"rules": [{"type": "TRACK", "key": "Seen", "version": 1, "jsonSchema": schema}]}


def make_drop_filter(condition: str) -> list[JSONObject]:
    return [{"title": "Some", "if": condition, "actions": [{"type": "DROP"}]}]


CASES: dict[str, tuple[list[JSONObject], list[JSONObject], JSONObject | None]] = {
    **{
        f"a trigger: {name}": ([make_mapping(f'match(properties.text, "{glob}")')], [], None)
        for name, glob in {"stars": STARS, "many stars": "*" * 2000 + "b"}.items()
    },
    "a trigger: brackets": ([make_mapping("(" * 5000 + 'type = "track"' + ")" * 5000)], [], None),
    "a trigger: negations": ([make_mapping("!(" * 3000 + 'type = "track"' + ")" * 3000)], [], None),
    "a filter: stars": (
        [make_mapping()],
        make_drop_filter(f"match(properties.text, '{STARS}')"),
        None,
    ),
    "a filter: brackets": (
        [make_mapping()],
        make_drop_filter("(" * 5000 + "type = 'track'" + ")" * 5000),
        None,
    ),
    **{
        f"a tracking plan: {pattern}": ([make_mapping()], [], make_tracking_plan(pattern))
        for pattern in HANGING
    },
    **{
        f"Liquid: {name}": ([make_mapping(text={"@liquid": source})], [], None)
        for name, source in LIQUID.items()
    },
    "a template": ([make_mapping(text={"@template": "{{" * 5000})], [], None),
    "a path": ([make_mapping(text={"@path": "$." + "a." * 5000})], [], None),
    "a replacement": (
        [make_mapping(text={"@replace": {"pattern": "", "replacement": LONG, "value": LONG}})],
        [],
        None,
    ),
}


ONE_OF_EACH_KIND = {name.partition(":")[0]: name for name in CASES}.values()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=name, marks=[] if name in ONE_OF_EACH_KIND else [pytest.mark.extended]
        )
        for name, case in CASES.items()
    ],
)
def test_mapping_an_event_ends(
    tmp_path: Path, case: tuple[list[JSONObject], list[JSONObject], JSONObject | None]
) -> None:
    subscriptions, filters, plan = case
    document = load_preset_workspace("guide").document
    destination = {
        **document["destination"],
        "subscriptions": subscriptions,
        **({"filters": filters} if filters else {}),
    }
    written = {**document, "destination": destination, **({"trackingPlan": plan} if plan else {})}
    file, event = tmp_path / "shop.json", tmp_path / "event.ndjson"
    file.write_bytes(orjson.dumps(written))
    event.write_bytes(orjson.dumps(EVENT))
    command = ("segment_insider_emulator", "map", "--workspace", str(file), str(event))
    ran = run_python_module(*command, timeout=PATIENCE)
    assert "Traceback" not in ran.stderr
    # Mapped, or refused in one line.
    assert (ran.returncode, ran.stderr.count("\n")) in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 1))
