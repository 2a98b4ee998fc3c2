"""Edits of what lint finds: each is suggested as a change, and solves its finding."""

import copy

import pytest

from segment_insider_emulator.analysis.drift import DriftReport, find_drift
from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.edits import (
    IDENTIFIER_KEYS,
    WorkspaceEdit,
    apply_workspace_edit,
    parse_workspace_edit,
)
from segment_insider_emulator.workspace.loading import read_preset_document

USER: JSONObject = {"uuid": {"@path": "$.userId"}, "event_name": {"@path": "$.event"}}
FIRST = "destination.subscriptions[0]"


def make_workspace(trigger: str = 'type = "track"', **mapping: object) -> JSONObject:
    document = copy.deepcopy(read_preset_document("segment-defaults"))
    subscription = {"name": "M", "actionSlug": "trackEvent", "enabled": True, "trigger": trigger}
    document["destination"]["subscriptions"] = [{**subscription, "settings": {**USER, **mapping}}]
    return document


def change_destination(*keys: str | int, value: object) -> JSONObject:
    document = read_preset_document("segment-defaults")
    edit = WorkspaceEdit(keys, value)
    return {**document, "destination": apply_workspace_edit(document["destination"], edit)}


def find_edit(document: JSONObject, text: str) -> WorkspaceEdit:
    report = find_drift(document)
    assert isinstance(report, DriftReport)
    (edit,) = {
        deviation.edit.json_text: deviation.edit
        for deviation in report.deviations
        if text in deviation.what and deviation.edit
    }.values()
    return edit


@pytest.mark.parametrize(
    ("document", "finding", "path", "value"),
    [
        pytest.param(
            make_workspace('event = "A" OR event = "B"'), "OR in capitals",
            f"{FIRST}.trigger", 'event = "A" or event = "B"', id="OR",
        ),
        pytest.param(
            make_workspace("event = 'A'"), "single quotes",
            f"{FIRST}.trigger", 'event = "A"', id="single quotes",
        ),
        pytest.param(
            make_workspace('event = "A"and type = "track"'), "no space follows",
            f"{FIRST}.trigger", 'event = "A" and type = "track"', id="no space",
        ),
        pytest.param(
            make_workspace('match(event, "*Order*")'), "one wildcard only",
            f"{FIRST}.trigger", 'contains(event, "Order")', id="wildcards",
        ),
        pytest.param(
            make_workspace('event = "order completed"'), "capitals count",
            f"{FIRST}.trigger", 'event = "Order Completed"', id="spelling of an event",
        ),
        pytest.param(
            make_workspace(parameters={"a/b": {"@paht": "$.x"}}), "unknown directive",
            f"{FIRST}.settings.parameters.a/b.@path", "$.x", id="directive",
        ),
        pytest.param(
            make_workspace(parameters={"a": {"@json": {"mode": "encode", "value": 1, "x": 3}}}),
            "has no option", f"{FIRST}.settings.parameters.a.@json",
            {"mode": "encode", "value": 1}, id="option",
        ),
        pytest.param(
            make_workspace(loyalty={"@path": "$.properties.l"}), "has no field",
            f"{FIRST}.settings.parameters.loyalty", {"@path": "$.properties.l"},
            id="custom key at the top",
        ),
        pytest.param(
            make_workspace(paramters={"x": 1}), "has no field",
            f"{FIRST}.settings.parameters", {"x": 1}, id="spelling of a field",
        ),
        pytest.param(
            make_workspace(parameters={"a": {"@path": "$.propertis.l"}}), "no event has",
            f"{FIRST}.settings.parameters.a", {"@path": "$.properties.l"}, id="path",
        ),
        pytest.param(
            make_workspace(custom_identifiers={"crm": {"@path": "$.properties.crm"}}),
            "crm is sent as an identifier", "insider.identifiers",
            ["uuid", "email", "phone_number", "crm"], id="identifier",
        ),
        pytest.param(
            make_workspace(attributes={"phone_number": {"@path": "$.properties.p"}}),
            "'phone_number' becomes a custom attribute", f"{FIRST}.settings.attributes.phone",
            {"@path": "$.properties.p"}, id="phone",
        ),
        pytest.param(
            change_destination("enabled", value=False), "the destination is disabled",
            "destination.enabled", True, id="destination that is off",
        ),
        pytest.param(
            change_destination("subscriptions", 9, "enabled", value=False),
            "no enabled subscription has the action Order Completed",
            "destination.subscriptions[9].enabled", True, id="mapping that is off",
        ),
        pytest.param(
            change_destination("subscriptions", 2, "name", value="Track Event"),
            "also has the name", "destination.subscriptions[2].name", "Track Event 2", id="name",
        ),
        pytest.param(
            change_destination("settings", "account_name", value="other"),
            "account_name is not that of", "destination.settings.account_name", "mybrand",
            id="account",
        ),
    ],
)  # fmt: skip
def test_a_finding_is_solved_by_its_edit(
    document: JSONObject, finding: str, path: str, value: object
) -> None:
    edit = find_edit(document, finding)
    assert (edit.path, edit.value) == (path, value)
    assert parse_workspace_edit(edit.json_text) == edit
    if edit.keys == IDENTIFIER_KEYS:
        edited = {**document, "insider": {"identifiers": edit.value}}
    else:
        destination = apply_workspace_edit(document["destination"], edit)
        edited = {**document, "destination": destination}
    before = {entry.what for entry in lint_document(document)}
    after = {entry.what for entry in lint_document(edited)}
    assert not any(finding in what for what in after)
    assert finding.startswith("no enabled") or any(finding in what for what in before)


def test_the_key_of_the_account_is_in_no_edit() -> None:
    document = change_destination("settings", "ucd_key", value="other")
    report = find_drift(document)
    assert isinstance(report, DriftReport)
    (deviation,) = [each for each in report.deviations if each.what.startswith("ucd_key is not")]
    assert deviation.edit is None
