"""`emulator contract run`, `check` and `record`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.cli import main
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import read_preset_document

CASE: JSONObject = {
    "name": "sign-up",
    "about": "A sign-up reaches Insider One.",
    "destination": {"settings": {"account_name": "shop", "ucd_key": "key"}},
    "subscription": {
        "name": "Sign-up",
        "actionSlug": "userRegisteredEvent",
        "trigger": 'type = "track"',
        "settings": {"uuid": {"@path": "$.userId"}, "timestamp": "2026-01-01T00:00:00Z"},
    },
    "batch": False,
    "events": [{"type": "track", "userId": "u1"}],
}
REQUEST = {
    "method": "POST",
    "url": "https://unification.useinsider.com/api/user/v1/upsert",
    "headers": {
        "x-partner-name": "shop",
        "x-request-token": "key",
        "x-platform-name": "segment",
        "content-type": "application/json",
        "user-agent": "Segment (Actions)",
    },
    "json": {
        "users": [
            {
                "identifiers": {"uuid": "u1", "custom": {}},
                "attributes": {"custom": {}},
                "events": [
                    {
                        "event_name": "sign_up_confirmation",
                        "timestamp": "2026-01-01T00:00:00Z",
                        "event_params": {"custom": {}},
                    }
                ],
                "not_append": True,
            }
        ],
        "platform": "segment",
    },
}
EXPECT = {"requests": [REQUEST], "results": [{"status": "delivered"}]}


def run_contract(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["contract", *map(str, arguments)])


def write_cases(folder: Path, *cases: JSONObject | str) -> Path:
    file = folder / "cases.ndjson"
    file.write_text("\n".join(c if isinstance(c, str) else json.dumps(c) for c in cases))
    return file


def test_run_prints_each_case_with_its_result(tmp_path: Path) -> None:
    result = run_contract("run", write_cases(tmp_path, CASE))

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {**CASE, "actual": EXPECT}


def test_check_accepts_recorded_cases(tmp_path: Path) -> None:
    file = write_cases(tmp_path, CASE)

    assert run_contract("record", file).exit_code == 0
    assert json.loads(file.read_text()) == {**CASE, "expect": EXPECT}
    assert run_contract("check", file).stdout == "1 passed, 0 failed, 0 known differences\n"


def test_check_names_each_difference(tmp_path: Path) -> None:
    other = json.loads(json.dumps(EXPECT))
    user = other["requests"][0]["json"]["users"][0]
    user["identifiers"]["uuid"] = "u2"
    user["not_append"] = 1
    user["extra"] = None
    file = write_cases(tmp_path, {**CASE, "expect": other})

    result = run_contract("check", file)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"FAILED  sign-up  {file}:1",
        '    requests[0].json.users[0].identifiers.uuid: expected "u2", received "u1"',
        "    requests[0].json.users[0].not_append: expected 1, received true",
        "    requests[0].json.users[0].extra: expected null, received nothing",
        "0 passed, 1 failed, 0 known differences",
    ]


def test_check_as_json_has_one_line_a_case(tmp_path: Path) -> None:
    file = write_cases(tmp_path, {**CASE, "expect": EXPECT})

    result = run_contract("check", "--json", file)

    assert json.loads(result.stdout) == {
        "where": f"{file}:1",
        "name": "sign-up",
        "verdict": "passed",
        "differences": [],
        "reason": None,
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        pytest.param("{broken", "invalid JSON", id="not JSON"),
        pytest.param('{"name": "x"}', "'destination' is a required property", id="incomplete"),
        pytest.param(
            json.dumps({**CASE, "events": [[]]}), "events.0: [] is not of type 'object'",
            id="wrong type",
        ),
        pytest.param(
            json.dumps({**CASE, "subscription": {"actionSlug": "orderComplete"}}),
            "subscription.actionSlug: unknown action 'orderComplete'. Known: updateUserProfile",
            id="unknown action",
        ),
        pytest.param(
            json.dumps({**CASE, "subscription": {**CASE["subscription"], "triggr": ""}}),
            "subscription: Additional properties are not allowed ('triggr' was unexpected)",
            id="unknown key",
        ),
        pytest.param('{"name":' + "[" * 101 + "]" * 101 + "}", "nested deeper", id="too deep"),
    ],
)  # fmt: skip
def test_an_invalid_line_is_reported_and_the_other_cases_run(
    tmp_path: Path, line: str, complaint: str
) -> None:
    file = write_cases(tmp_path, line, {**CASE, "expect": EXPECT})

    result = run_contract("check", file)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"emulator: {file}:1: ")
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == "1 passed, 0 failed, 0 known differences\n"


def test_record_does_not_change_a_file_with_an_invalid_line(tmp_path: Path) -> None:
    file = write_cases(tmp_path, CASE, "{broken")
    before = file.read_text()

    assert run_contract("record", file).exit_code == 2
    assert file.read_text() == before


def test_a_file_that_cannot_be_written_stays_unchanged(tmp_path: Path) -> None:
    file = write_cases(tmp_path, CASE)
    before = file.read_text()
    (tmp_path / ".cases.ndjson.new").mkdir()

    result = run_contract("record", file)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"emulator: {file}: cannot be written (")
    assert file.read_text() == before


def test_the_documented_sample_passes(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
    sample = page.partition("```json\n")[2].partition("```")[0]
    file = tmp_path / "sample.json"
    file.write_text(sample)

    assert run_contract("check", file).stdout == "1 passed, 0 failed, 0 known differences\n"


def test_a_missing_file_is_an_error() -> None:
    result = run_contract("check", "nowhere.ndjson")

    assert result.exit_code == 2
    assert result.stderr == (
        "emulator: nowhere.ndjson: cannot be read (No such file or directory). "
        "Name a file of contract cases.\n"
    )


def test_known_causes_of_events_are_left_out_and_counted(tmp_path: Path) -> None:
    events, shop = tmp_path / "events.ndjson", tmp_path / "shop.json"
    call = {"type": "identify", "userId": "ada", "traits": {"birthday": "1990-01-02"}}
    events.write_text(json.dumps(call))
    entry = {"cause": "wrong-format attributes.birthday"}
    arguments = ["contract", "events", "--strict", "--workspace", str(shop), str(events)]
    outcomes = []
    for known in ([], [entry]):
        shop.write_text(json.dumps({**read_preset_document("guide"), "knownCauses": known}))
        result = CliRunner().invoke(main, arguments)
        outcomes.append((result.exit_code, result.stdout.splitlines()[-1]))
    assert outcomes == [
        (1, "0 passed, 1 failed"),
        (0, "1 passed, 0 failed; 1 known cause left out"),
    ]
