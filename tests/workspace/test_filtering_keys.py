"""Filters, the source's schema and settings, and the tracking plan in a workspace file."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.lint.destination_rules import (
    find_constant_filter_conditions,
    find_filters_without_fields,
    find_schema_settings_without_plan,
    find_unparsable_filters,
)
from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.cli.serve import _print_ready_message
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset
from segment_insider_emulator.workspace.validation import WorkspaceFinding, validate_document

DROP: JSONObject = {"type": "DROP"}


def workspace(source: JSONObject | None = None, *filters: JSONObject, **more: Any) -> JSONObject:
    return {
        "source": {"name": "Web shop", "writeKey": "wk_demo", **(source or {})},
        "destination": {
            "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
            "subscriptions": [],
            "filters": list(filters),
        },
        **more,
    }


def filter_of(statement: str = "all", **changes: Any) -> JSONObject:
    return {"if": statement, "actions": [DROP], **changes}


def acting(**action: Any) -> JSONObject:
    return workspace(None, filter_of(actions=[action]))


FILTER = "destination.filters[0]"
ACTION = f"{FILTER}.actions[0]"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            workspace(None, *[filter_of()] * 11),
            (
                "destination.filters",
                "this list has more than 10 entries",
                "List the destination filters, 10 at most: Segment takes no more.",
            ),
            id="eleven filters",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            workspace(None, filter_of(title="x" * 65)),
            (
                f"{FILTER}.title",
                "this has more than 64 characters",
                "Give the filter a title of 64 characters at most.",
            ),
            id="a long title",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            acting(type="BLOCK"),
            (
                f"{ACTION}.type",
                "this must be one of SAMPLE, DROP, DROP_PROPERTIES, ALLOW_PROPERTIES",
                "Write SAMPLE, DROP, DROP_PROPERTIES or ALLOW_PROPERTIES.",
            ),
            id="an unknown action",
        ),
        pytest.param(
            acting(type="SAMPLE"),
            (ACTION, "'percent' is missing", "Give the share that is kept, from 0 to 1."),
            id="a sample of no size",
        ),
        pytest.param(
            acting(type="SAMPLE", percent=50),
            (
                f"{ACTION}.percent",
                "this is more than 1",
                "Write the share that is kept, from 0 to 1.",
            ),
            id="percent is a share",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            acting(type="DROP_PROPERTIES", fields={"properties": "email"}),
            (f"{ACTION}.fields.properties", "this is text, not a list", "List keys as text."),
            id="one field",
        ),
        pytest.param(
            workspace({"schema": {"track": {"Debug Ping": "off"}}}),
            (
                "source.schema.track.Debug Ping",
                "this is text, not true or false",
                "Write true or false.",
            ),
            id="a switch",
        ),
        pytest.param(
            workspace({"settings": {"identify": {"commonEventOnViolations": "OMIT_PROPERTIES"}}}),
            (
                "source.settings.identify.commonEventOnViolations",
                "this must be one of ALLOW, BLOCK, OMIT_TRAITS",
                "Write ALLOW, BLOCK or OMIT_TRAITS.",
            ),
            id="traits are no properties",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            workspace({"settings": {"track": {"allowUnplanned": True}}}),
            (
                "source.settings.track.allowUnplanned",
                "unknown key 'allowUnplanned'",
                "Did you mean 'allowUnplannedEvents'?",
            ),
            id="an unknown control",
        ),
    ],
)
def test_schema_errors_of_filtering_keys(
    document: JSONObject, expected: tuple[str, str, str]
) -> None:
    assert validate_document(document) == [WorkspaceFinding("error", *expected)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            workspace(None, filter_of("type == 'track'"), filter_of("a ="), filter_of("!")),
            [
                "= at character 7 stands where a field or a value is wanted",
                "it ends where a field or a value is wanted",
                "it ends where a field or a value is wanted",
            ],
            id="broken",
        ),
        pytest.param(workspace(None, filter_of("a =", enabled=False)), [], id="not enabled"),
        pytest.param(workspace(None, filter_of("type = 'track'")), [], id="fine"),
    ],
)
def test_broken_filters(document: JSONObject, expected: list[str]) -> None:
    told = "Segment cannot read this filter and drops every event: "
    remedy = "Correct it, or switch the filter off with enabled: false."
    assert list(find_unparsable_filters(build_context(document))) == [
        WorkspaceFinding("error", f"destination.filters[{index}].if", told + what, remedy)
        for index, what in enumerate(expected)
    ]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "type = 'track' and traits.activated < '2019-01-01'",
            ["`traits.activated < '2019-01-01'` never holds: < compares numbers, "
             "'2019-01-01' is text"],
        ),
        ("5 >= lowercase(event)",
         ["`5 >= lowercase(event)` never holds: >= compares numbers, "
          "lowercase(event) is text or null"]),
        ("length(event) = '5'",
         ["`length(event) = '5'` never holds: length(event) is number, '5' is text"]),
        ("length(event) != '5'",
         ["`length(event) != '5'` always holds: length(event) is number, '5' is text"]),
        ("typeof(event) = 'boolean'",
         ["`typeof(event) = 'boolean'` never holds: "
          "typeof() says string, number, list, bool, null or object"]),
        ("'Order' = lowercase(event)",
         ["`'Order' = lowercase(event)` never holds: lowercase() gives no such letters"]),
        ("type in ['Track', 'Page']",
         ["`type in ['Track', 'Page']` never holds: the type of an event is "
          "track, identify, page, screen, group or alias"]),
        ("event in 'Order Completed'",
         ["`event in 'Order Completed'` never holds: in needs a list, 'Order Completed' is text"]),
        ("event in []", ["`event in []` never holds: the list is empty"]),
        ("contains(event, 12)", ["`contains(event, 12)` never holds: contains() takes text, "
                                 "12 is number"]),
        ("match(event, 'a[')",
         ["`match(event, 'a[')` never holds: the pattern is malformed, it has a [ without its ]"]),
        (r"match(event, '[-a]')",
         ["`match(event, '[-a]')` never holds: the pattern is malformed, "
          r"in [ ], - is where a character should be; write \- for it"]),
        ("match(event, 'a\\')",
         ["`match(event, 'a\\')` never holds: the pattern is malformed, "
          "it ends in a \\ that escapes nothing"]),
        ("semver(context.app.version, '~', '2.1.0')",
         ["`semver(context.app.version, '~', '2.1.0')` never holds: "
          "semver() compares by =, !=, >, >=, < or <="]),
        ("semver(context.app.version, '>', 'v2')",
         ["`semver(context.app.version, '>', 'v2')` never holds: "
          "'v2' is no version such as 2.1.0"]),
        ("event and 'x'", ["`'x'` never holds: it is text, not a condition"]),
        ("lowercase(event)", ["`lowercase(event)` never holds: it is text or null, "
                              "not a condition"]),
        ("event = 'a' and (userId = 'u' and event in ['b', 'c'])",
         ["`event = 'a' and (userId = 'u' and event in ['b', 'c'])` never holds: "
          "event cannot be both"]),
        (r"properties.a\ b > true",
         [r"`properties.a\ b > true` never holds: > compares numbers, true is true or false"]),
        ("all", []),
        ("true", []),
        ("event", []),
        ("event = 'a' or event = 'b'", []),
        ("event = 'a' and event in ['a', 'b']", []),
        ("lowercase(event) = 'order' and length(userId) > 0 and !lowercase(userId)", []),
        ("match(event, properties.pattern) and semver(context.app.version, '>=', '2')", []),
        ("properties.total > properties.limit and typeof(properties.list) = 'list'", []),
    ],
)  # fmt: skip
def test_a_condition_with_the_same_result_for_every_event(
    statement: str, expected: list[str]
) -> None:
    findings = list(
        find_constant_filter_conditions(build_context(workspace(None, filter_of(statement))))
    )
    assert [finding.what for finding in findings] == expected
    assert {finding.where for finding in findings} <= {"destination.filters[0].if"}
    assert {finding.severity for finding in findings} <= {"warning"}


def test_a_filter_action_without_fields_does_nothing() -> None:
    document = acting(type="ALLOW_PROPERTIES", fields={})
    assert list(find_filters_without_fields(build_context(document))) == [
        WorkspaceFinding(
            "warning",
            ACTION,
            "this action names no fields and does nothing",
            "Name them, such as fields: {properties: [email]}.",
        )
    ]
    assert list(find_filters_without_fields(build_context(acting(type="DROP")))) == []


def test_schema_settings_without_a_plan_do_nothing() -> None:
    controlled = {"settings": {"track": {"allowUnplannedEvents": False}, "region": "eu"}}
    assert list(find_schema_settings_without_plan(build_context(workspace(controlled)))) == [
        WorkspaceFinding(
            "warning",
            "source.settings.track",
            "no tracking plan is connected, so these controls do nothing",
            "Name the plan's file as trackingPlan.",
        )
    ]
    assert (
        list(
            find_schema_settings_without_plan(
                build_context(workspace(controlled, trackingPlan="p.json"))
            )
        )
        == []
    )


def test_a_plan_path_starts_at_the_workspace_file() -> None:
    plan = load_workspace_or_preset("fixtures/plans/shop.yaml").tracking_plan
    assert plan is not None
    assert ("TRACK", "Order Completed") in plan.rules_by_version


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        pytest.param(
            None,
            "{}: the tracking plan cannot be read (No such file or directory). "
            "Name a file as trackingPlan by its path from the workspace file's folder.",
            id="no file",
        ),
        pytest.param(
            "[]",
            "{}: this is not a tracking plan. Give what GET /tracking-plans/{{id}}/rules answers: "
            '{{"rules": [{{"type", "key", "jsonSchema"}}]}}.',
            id="no plan",
        ),
    ],
)
def test_a_plan_that_cannot_be_used(tmp_path: Path, plan: str | None, said: str) -> None:
    own = tmp_path / "shop.json"
    own.write_text(json.dumps(workspace(trackingPlan="plan.json")))
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(EmulatorError) as raised:
        load_workspace_or_preset(own)
    assert str(raised.value) == said.format(tmp_path / "plan.json")
    linted = CliRunner().invoke(main, ["lint", str(own), "--json"])
    assert linted.exit_code == 1
    assert "trackingPlan" in [each["where"] for each in json.loads(linted.stdout)["findings"]]


def test_unchecked_plan_rules_are_reported_by_lint_at_start_and_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {"properties": {"properties": {"properties": {"coupon": {"type": "any"}}}}}
    rules = [
        {"type": "TRACK", "key": f"Event {number}", "version": 1, "jsonSchema": schema}
        for number in range(12)
    ]
    own = tmp_path / "shop.json"
    own.write_text(json.dumps(workspace(trackingPlan="plan.json")))
    (tmp_path / "plan.json").write_text(json.dumps({"rules": rules}))
    told = [f"the rule TRACK Event {number}, version 1 is checked in part" for number in range(12)]

    linted = CliRunner().invoke(main, ["lint", str(own), "--json"])
    found = [each["what"] for each in json.loads(linted.stdout)["findings"]]
    assert [what.partition(" alone")[0] for what in found if "the rule" in what] == told
    assert linted.exit_code == 1

    _print_ready_message(
        Config(workspace=str(own)), "http://127.0.0.1:8282", load_workspace_or_preset(own)
    )
    lines = capsys.readouterr().err.splitlines()
    assert [
        each.partition(" alone")[0].split(": ", 3)[-1] for each in lines if "TRACK" in each
    ] == told

    page = (
        create_app(Config(db=":memory:"), load_workspace_or_preset(own))
        .test_client()
        .get("/workspace")
        .text
    )
    assert [what in page for what in told] == [True] * 12
