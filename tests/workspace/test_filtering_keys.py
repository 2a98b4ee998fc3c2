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


def build_workspace_document(
    source: JSONObject | None = None, *filters: JSONObject, **more: Any
) -> JSONObject:
    return {
        "source": {"name": "Web shop", "writeKey": "wk_demo", **(source or {})},
        "destination": {
            "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
            "subscriptions": [],
            "filters": list(filters),
        },
        **more,
    }


def build_filter(statement: str = "all", **changes: Any) -> JSONObject:
    return {"if": statement, "actions": [DROP], **changes}


def build_filter_with_action(**action: Any) -> JSONObject:
    return build_workspace_document(None, build_filter(actions=[action]))


FILTER = "destination.filters[0]"
ACTION = f"{FILTER}.actions[0]"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            build_workspace_document(None, *[build_filter()] * 11),
            (
                "destination.filters",
                "this list has more than 10 entries",
                "List the destination filters, 10 at most: Segment takes no more.",
            ),
            id="eleven filters",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_workspace_document(None, build_filter(title="x" * 65)),
            (
                f"{FILTER}.title",
                "this has more than 64 characters",
                "Give the filter a title of 64 characters at most.",
            ),
            id="a long title",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_filter_with_action(type="BLOCK"),
            (
                f"{ACTION}.type",
                "this must be one of SAMPLE, DROP, DROP_PROPERTIES, ALLOW_PROPERTIES",
                "Write SAMPLE, DROP, DROP_PROPERTIES or ALLOW_PROPERTIES.",
            ),
            id="an unknown action",
        ),
        pytest.param(
            build_filter_with_action(type="SAMPLE"),
            (ACTION, "'percent' is missing", "Give the share that is kept, from 0 to 1."),
            id="a sample of no size",
        ),
        pytest.param(
            build_filter_with_action(type="SAMPLE", percent=50),
            (
                f"{ACTION}.percent",
                "this is more than 1",
                "Write the share that is kept, from 0 to 1.",
            ),
            id="percent is a share",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_filter_with_action(type="DROP_PROPERTIES", fields={"properties": "email"}),
            (f"{ACTION}.fields.properties", "this is text, not a list", "List keys as text."),
            id="one field",
        ),
        pytest.param(
            build_workspace_document({"schema": {"track": {"Debug Ping": "off"}}}),
            (
                "source.schema.track.Debug Ping",
                "this is text, not true or false",
                "Write true or false.",
            ),
            id="a switch",
        ),
        pytest.param(
            build_workspace_document(
                {"settings": {"identify": {"commonEventOnViolations": "OMIT_PROPERTIES"}}}
            ),
            (
                "source.settings.identify.commonEventOnViolations",
                "this must be one of ALLOW, BLOCK, OMIT_TRAITS",
                "Write ALLOW, BLOCK or OMIT_TRAITS.",
            ),
            id="traits are no properties",
            marks=pytest.mark.documented,
        ),
        pytest.param(
            build_workspace_document({"settings": {"track": {"allowUnplanned": True}}}),
            (
                "source.settings.track.allowUnplanned",
                "unknown key 'allowUnplanned'",
                "Did you mean 'allowUnplannedEvents'?",
            ),
            id="an unknown control",
        ),
    ],
)
def test_schema_errors_have_their_path_and_remedy(
    document: JSONObject, expected: tuple[str, str, str]
) -> None:
    assert validate_document(document) == [WorkspaceFinding("error", *expected)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            build_workspace_document(
                None, build_filter("type == 'track'"), build_filter("a ="), build_filter("!")
            ),
            [
                "= at character 7 stands where a field or a value is wanted",
                "it ends where a field or a value is wanted",
                "it ends where a field or a value is wanted",
            ],
            id="broken",
        ),
        pytest.param(
            build_workspace_document(None, build_filter("a =", enabled=False)), [], id="not enabled"
        ),
        pytest.param(build_workspace_document(None, build_filter("type = 'track'")), [], id="fine"),
    ],
)
def test_an_unreadable_filter_condition_is_reported(
    document: JSONObject, expected: list[str]
) -> None:
    introduction = "Segment cannot read this filter and drops every event: "
    remedy = "Correct it, or switch the filter off with enabled: false."
    assert list(find_unparsable_filters(build_context(document))) == [
        WorkspaceFinding("error", f"destination.filters[{index}].if", introduction + what, remedy)
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
def test_a_condition_with_the_same_result_for_every_event_is_reported(
    statement: str, expected: list[str]
) -> None:
    findings = list(
        find_constant_filter_conditions(
            build_context(build_workspace_document(None, build_filter(statement)))
        )
    )
    assert [finding.what for finding in findings] == expected
    assert {finding.where for finding in findings} <= {"destination.filters[0].if"}
    assert {finding.severity for finding in findings} <= {"warning"}


def test_a_filter_action_without_fields_does_nothing() -> None:
    document = build_filter_with_action(type="ALLOW_PROPERTIES", fields={})
    assert list(find_filters_without_fields(build_context(document))) == [
        WorkspaceFinding(
            "warning",
            ACTION,
            "this action names no fields and does nothing",
            "Name them, such as fields: {properties: [email]}.",
        )
    ]
    assert (
        list(find_filters_without_fields(build_context(build_filter_with_action(type="DROP"))))
        == []
    )


def test_schema_settings_without_a_plan_do_nothing() -> None:
    controlled = {"settings": {"track": {"allowUnplannedEvents": False}, "region": "eu"}}
    assert list(
        find_schema_settings_without_plan(build_context(build_workspace_document(controlled)))
    ) == [
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
                build_context(build_workspace_document(controlled, trackingPlan="p.json"))
            )
        )
        == []
    )


def test_a_plan_path_starts_at_the_workspace_file() -> None:
    plan = load_workspace_or_preset("fixtures/plans/shop.yaml").tracking_plan
    assert plan is not None
    assert ("TRACK", "Order Completed") in plan.rules_by_version


@pytest.mark.parametrize(
    ("plan", "text"),
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
def test_an_unusable_plan_is_refused_with_a_reason(
    tmp_path: Path, plan: str | None, text: str
) -> None:
    workspace_file = tmp_path / "shop.json"
    workspace_file.write_text(json.dumps(build_workspace_document(trackingPlan="plan.json")))
    if plan is not None:
        (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(EmulatorError) as error:
        load_workspace_or_preset(workspace_file)
    assert str(error.value) == text.format(tmp_path / "plan.json")
    result = CliRunner().invoke(main, ["lint", str(workspace_file), "--json"])
    assert result.exit_code == 1
    assert "trackingPlan" in [finding["where"] for finding in json.loads(result.stdout)["findings"]]


def test_unchecked_plan_rules_are_reported_by_lint_at_start_and_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = {"properties": {"properties": {"properties": {"coupon": {"type": "any"}}}}}
    rules = [
        {"type": "TRACK", "key": f"Event {number}", "version": 1, "jsonSchema": schema}
        for number in range(12)
    ]
    workspace_file = tmp_path / "shop.json"
    workspace_file.write_text(json.dumps(build_workspace_document(trackingPlan="plan.json")))
    (tmp_path / "plan.json").write_text(json.dumps({"rules": rules}))
    warnings = [
        f"the rule TRACK Event {number}, version 1 is checked in part" for number in range(12)
    ]

    result = CliRunner().invoke(main, ["lint", str(workspace_file), "--json"])
    texts = [finding["what"] for finding in json.loads(result.stdout)["findings"]]
    assert [what.partition(" alone")[0] for what in texts if "the rule" in what] == warnings
    assert result.exit_code == 1

    _print_ready_message(
        Config(workspace=str(workspace_file)),
        "http://127.0.0.1:8282",
        load_workspace_or_preset(workspace_file),
    )
    lines = capsys.readouterr().err.splitlines()
    assert [
        line.partition(" alone")[0].split(": ", 3)[-1] for line in lines if "TRACK" in line
    ] == warnings

    page = (
        create_app(Config(db=":memory:"), load_workspace_or_preset(workspace_file))
        .test_client()
        .get("/workspace")
        .text
    )
    assert [what in page for what in warnings] == [True] * 12
