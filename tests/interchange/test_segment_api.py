"""A workspace is read from Segment's Public API, and a file is compared with it."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from click.testing import CliRunner, Result
from requests import ConnectionError as NoConnection
from requests import PreparedRequest

from segment_insider_emulator.cli import main
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange.segment_api import SegmentApi
from segment_insider_emulator.types import JSONObject

ANSWERS = Path("fixtures/imports/public-api")
TOKEN = "sgp_a-token-for-tests"
EU, US = "https://eu1.api.segmentapis.com", "https://api.segmentapis.com"


def read_answer(name: str) -> JSONObject:
    answer: JSONObject = json.loads((ANSWERS / f"{name}.json").read_text())
    return answer


TERRAFORM_PLAN = Path("fixtures/imports/terraform/show.json")
DESTINATION = read_answer("destination")["data"]["destination"]
DESTINATION_ID, SOURCE_ID = DESTINATION["id"], DESTINATION["sourceId"]
PLAN_ID = read_answer("tracking-plan")["data"]["trackingPlan"]["id"]
SUBSCRIPTIONS = read_answer("subscriptions")["data"]["subscriptions"]


class RecordedSegment:
    """Answers of Segment's Public API by path; lists come in pages of two."""

    def __init__(self) -> None:
        source = read_answer("source")
        source["data"]["trackingPlanId"] = PLAN_ID
        self.requests: list[PreparedRequest] = []
        self.waits: list[float] = []
        self.refusals: dict[str, list[tuple[int, dict[str, str], str]]] = {}
        self.answers: dict[str, JSONObject] = {
            f"/destinations/{DESTINATION_ID}": read_answer("destination"),
            f"/destinations/{DESTINATION_ID}/subscriptions": read_answer("subscriptions"),
            f"/destination/{DESTINATION_ID}/filters": read_answer("filters"),
            f"/sources/{SOURCE_ID}": source,
            f"/sources/{SOURCE_ID}/settings": read_answer("source-settings"),
            f"/tracking-plans/{PLAN_ID}": read_answer("tracking-plan"),
            f"/tracking-plans/{PLAN_ID}/rules": read_answer("tracking-plan-rules"),
            "/transformations": {"data": {"transformations": []}},
            "/functions": {"data": {"functions": []}},
        }

    def answer(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.requests.append(request)
        parts = urlsplit(str(request.url))
        if refusals := self.refusals.get(parts.path):
            return refusals.pop(0)
        if parts.path not in self.answers:
            return 404, {}, '{"errors": [{"type": "not-found", "message": "no such thing"}]}'
        data = dict(self.answers[parts.path]["data"])
        query = parse_qs(parts.query)
        if "pagination[count]" in query:
            start = int(query.get("pagination[cursor]", ["0"])[0])
            for name, entries in data.items():
                if isinstance(entries, list):
                    data[name] = entries[start : start + 2]
                    more = {"next": str(start + 2)} if start + 2 < len(entries) else {}
                    pagination = {"current": str(start), **more}
            data["pagination"] = pagination
        return 200, {}, json.dumps({"data": data})


@pytest.fixture
def segment(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordedSegment]:
    recorded = RecordedSegment()
    monkeypatch.setenv("SEGMENT_PUBLIC_API_TOKEN", TOKEN)
    monkeypatch.setattr(time, "sleep", recorded.waits.append)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in (responses.GET, responses.POST, responses.PATCH):
            for url in (US, EU):
                mock.add_callback(method, _everything_below(url), recorded.answer)
        yield recorded


def _everything_below(url: str) -> re.Pattern[str]:
    return re.compile(re.escape(url) + "/.*")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def import_live(tmp_path: Path, *arguments: str) -> Path:
    file = tmp_path / "shop.yaml"
    result = run("import", "--segment", DESTINATION_ID, "--output", str(file), *arguments)
    assert result.exit_code in (0, 1), result.output
    return file


def test_a_workspace_is_imported_as_from_saved_answers(
    segment: RecordedSegment, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    for number, answer in enumerate(segment.answers.values()):
        (saved / f"{number}.json").write_text(json.dumps(answer))
    expected = json.loads(run("import", str(saved), "--json").output)["workspace"]
    live = json.loads(run("import", "--segment", DESTINATION_ID, "--json").output)["workspace"]
    assert live == expected
    assert len(live["destination"]["subscriptions"]) > 2  # more than a page
    assert live["trackingPlan"]["rules"]


def test_only_reading_requests_are_sent_to_the_region_with_the_token(
    segment: RecordedSegment, tmp_path: Path
) -> None:
    import_live(tmp_path, "--region", "eu")
    assert {request.method for request in segment.requests} == {"GET"}
    assert {urlsplit(str(request.url)).netloc for request in segment.requests} == {
        "eu1.api.segmentapis.com"
    }
    assert {request.headers["Authorization"] for request in segment.requests} == {f"Bearer {TOKEN}"}


def test_a_rate_limit_is_waited_for(segment: RecordedSegment, tmp_path: Path) -> None:
    path = f"/destinations/{DESTINATION_ID}"
    limited = (429, {"Retry-After": "7"}, '{"errors": [{"message": "Too many requests"}]}')
    segment.refusals[path] = [limited, (503, {}, "busy")]
    import_live(tmp_path)
    assert segment.waits == [7, 4]


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        ((401, {}, '{"errors": [{"message": "no"}]}'), "Segment answered 401: no"),
        ((403, {}, "{}"), "--region eu"),
        ((404, {}, "<html>"), "Check the id of the destination"),
        ((429, {"Retry-After": "3600"}, "{}"), "try again in some minutes"),
        ((302, {"Location": "https://elsewhere.example/"}, ""), "Segment answered 302"),
        ((200, {}, "<html>"), "not one of Segment's"),
        ((200, {}, "[]"), "not one of Segment's"),
    ],
)
def test_a_refusal_is_one_line_without_the_token(
    segment: RecordedSegment, refusal: tuple[int, dict[str, str], str], text: str
) -> None:
    segment.refusals[f"/destinations/{DESTINATION_ID}"] = [refusal] * 5
    result = run("import", "--segment", DESTINATION_ID)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert text in result.output
    assert TOKEN not in result.output


def test_a_lost_connection_is_one_line(segment: RecordedSegment) -> None:
    with responses.RequestsMock() as mock:
        mock.add(
            responses.GET, f"{US}/destinations/{DESTINATION_ID}", body=NoConnection(f"{TOKEN}")
        )
        result = run("import", "--segment", DESTINATION_ID)
    assert result.exit_code == 2
    assert "does not answer (ConnectionError)" in result.output
    assert TOKEN not in result.output


def test_what_the_token_may_not_read_is_reported(segment: RecordedSegment) -> None:
    segment.refusals["/transformations"] = [(403, {}, '{"errors": [{"message": "Protocols"}]}')]
    result = run("import", "--segment", DESTINATION_ID, "--json")
    findings = json.loads(result.output)["findings"]
    assert result.exit_code == 1
    assert ["Protocols" in finding["what"] for finding in findings].count(True) == 1


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({}, "SEGMENT_PUBLIC_API_TOKEN"),
        ({"SEGMENT_PUBLIC_API_TOKEN": "two words"}, "SEGMENT_PUBLIC_API_TOKEN"),
        (
            {"SEGMENT_PUBLIC_API_TOKEN": TOKEN, "SEGMENT_PUBLIC_API_URL": "http://proxy.example"},
            "SEGMENT_PUBLIC_API_URL",
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(environment: dict[str, str], where: str) -> None:
    with pytest.raises(EmulatorError) as raised:
        SegmentApi.from_environment(environment, "us")
    assert raised.value.where == where
    assert "two words" not in str(raised.value)


def test_a_token_is_not_in_the_text_of_its_api() -> None:
    assert TOKEN not in repr(SegmentApi(US, TOKEN))


def test_an_imported_file_does_not_differ(segment: RecordedSegment, tmp_path: Path) -> None:
    result = run("drift", str(import_live(tmp_path)), "--live")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no differences" in result.stderr


def change_trigger(subscriptions: list[JSONObject]) -> None:
    subscriptions[0]["trigger"] = 'type = "page"'


def change_mapping(subscriptions: list[JSONObject]) -> None:
    subscriptions[0]["settings"]["uuid"] = {"@path": "$.anonymousId"}


def change_action(subscriptions: list[JSONObject]) -> None:
    subscriptions[0] |= {"actionId": "jR4ZKLguthvzW1gJJTtVnj", "actionSlug": "trackEvent"}


def turn_off(subscriptions: list[JSONObject]) -> None:
    subscriptions[0]["enabled"] = not subscriptions[0]["enabled"]


def remove(subscriptions: list[JSONObject]) -> None:
    del subscriptions[0]


def add(subscriptions: list[JSONObject]) -> None:
    subscriptions.append({**subscriptions[0], "id": "new", "name": "Clicked together"})


NAME = SUBSCRIPTIONS[0]["name"]


@pytest.mark.parametrize(
    ("click_in_segment", "where", "kind"),
    [
        (change_trigger, f"destination.subscriptions {NAME!r}: trigger", "changed"),
        (change_mapping, f"destination.subscriptions {NAME!r}: settings.uuid", "changed"),
        (change_action, f"destination.subscriptions {NAME!r}: actionId", "changed"),
        (turn_off, f"destination.subscriptions {NAME!r}: enabled", "changed"),
        (remove, f"destination.subscriptions {NAME!r}", "only in the file"),
        (add, "destination.subscriptions 'Clicked together'", "only in the other"),
    ],
)
def test_a_click_in_segment_is_found(
    segment: RecordedSegment,
    tmp_path: Path,
    click_in_segment: Callable[[list[JSONObject]], None],
    where: str,
    kind: str,
) -> None:
    file = import_live(tmp_path)
    click_in_segment(
        segment.answers[f"/destinations/{DESTINATION_ID}/subscriptions"]["data"]["subscriptions"]
    )
    result = run("drift", str(file), "--live", "--json")
    differences = json.loads(result.stdout)["differences"]
    assert result.exit_code == 1
    assert (where, kind) in [(entry["where"], entry["kind"]) for entry in differences]
    assert f"{where}: {kind}" in run("drift", str(file), "--live").stdout


def test_other_clicks_in_segment_are_found(segment: RecordedSegment, tmp_path: Path) -> None:
    file = import_live(tmp_path)
    answers = segment.answers
    answers[f"/destinations/{DESTINATION_ID}"]["data"]["destination"]["enabled"] = False
    answers[f"/tracking-plans/{PLAN_ID}/rules"]["data"]["rules"][0]["jsonSchema"] = {}
    answers["/transformations"]["data"]["transformations"] = [
        {"id": "t1", "name": "Rename", "sourceId": SOURCE_ID, "enabled": True,
         "if": "event = 'A'", "newEventName": "B"}
    ]  # fmt: skip
    result = run("drift", str(file), "--live", "--json")
    places = {entry["where"] for entry in json.loads(result.stdout)["differences"]}
    assert {"destination.enabled", "transformations 'Rename'"} <= places
    assert any(place.startswith("trackingPlan.rules ") for place in places)


def test_a_workspace_without_the_id_of_its_destination_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    run("export", "--preset", "guide", "--format", "workspace", "--output", str(file))
    result = run("drift", str(file), "--live")
    assert (result.exit_code, "destination.id" in result.output) == (2, True)


def test_a_terraform_plan_is_compared_in_the_same_way(tmp_path: Path) -> None:
    plan, file = tmp_path / "plan.json", tmp_path / "shop.yaml"
    plan.write_text(TERRAFORM_PLAN.read_text())
    run("import", str(plan), "--output", str(file))
    same = run("drift", str(file), "--terraform-plan", str(plan))
    assert (same.exit_code, same.stdout) == (0, "")
    file.write_text(file.read_text().replace("enabled: true", "enabled: false", 1))
    changed = run("drift", str(file), "--terraform-plan", str(plan))
    assert (changed.exit_code, "enabled: changed" in changed.stdout) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "--segment", "d1", "x.json"],
        ["drift", "--live"],
        ["drift", "--live", "--preset", "guide"],
        ["drift", "shop.yaml", "--live", "--terraform-plan", "plan.json"],
        ["drift", "shop.yaml", "--live", "--region", "mars"],
        ["drift", "shop.yaml", "--live", "--traffic", "events.ndjson"],
    ],
)
def test_options_that_do_not_fit_together_are_refused(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, "Traceback" in result.output) == (2, False)
