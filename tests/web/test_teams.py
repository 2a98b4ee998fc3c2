"""Teams: who may do what with which sandbox, and that other teams stay hidden."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.web.access import HEALTH_PATH, Team, load_teams
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_scenarios.client import ControlClient

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SANDBOXES = "/emulator/v1/sandboxes"
TOKENS = {"anonymous": None, "admin": "sesame", "checkout": "c-token", "search": "s-token"}
SANDBOX_OWNERS = {"lab": "admin", "co-1": "checkout", "se-1": "search"}
PATH_VARIABLE = re.compile(r"<(?:any\((\w+)[^)]*\):)?[^>]*>")  # with the first word it may be
ROUTES_WITHOUT_SANDBOX = (
    "sandboxes.",
    "openapi.",
    "insider.described",
    "inspector.team.",
    "inspector.serve_static_file",
)


def digest_token(token: str) -> str:
    return "sha256:" + sha256(token.encode()).hexdigest()


def make_team(name: str, token: str, **options: object) -> dict[str, object]:
    return {"name": name, "tokens": [digest_token(token)], **options}


X, Y = digest_token("x"), digest_token("y")
CHECKOUT, SEARCH = make_team("checkout", "c-token", sandboxes=2), make_team("search", "s-token")


def write_teams_file(folder: Path, *teams: dict[str, object]) -> str:
    file = folder / "teams.json"
    file.write_bytes(orjson.dumps({"teams": teams}))
    return str(file)


@contextmanager
def make_shared_app(teams: str | None, db: str = ":memory:") -> Iterator[Flask]:
    config = Config(db=db, host="0.0.0.0", password="sesame", teams=teams)
    app = create_app(config, load_preset_workspace("guide"), clock=lambda: NOW)
    yield app
    app.extensions["sandboxes"].close()


@contextmanager
def make_app_with_sandboxes(folder: Path) -> Iterator[Flask]:
    """An emulator in which the admin and both teams have a sandbox."""
    with make_shared_app(write_teams_file(folder, CHECKOUT, SEARCH)) as app:
        for id, owner in SANDBOX_OWNERS.items():
            order = {"id": id, "writeKey": f"wk_{id}", "account": f"of-{id}", "key": f"key-{id}"}
            assert make_client(app, owner).post(SANDBOXES, json=order).status_code == 201
        yield app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with make_app_with_sandboxes(tmp_path) as app:
        yield app


def make_client(app: Flask, caller: str) -> FlaskClient:
    asking = app.test_client()
    if token := TOKENS[caller]:
        asking.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return asking


def parse_json(response: TestResponse) -> Any:
    return orjson.loads(response.data)


def list_sandbox_ids(app: Flask, caller: str) -> list[str]:
    return [
        sandbox["id"]
        for sandbox in parse_json(make_client(app, caller).get(SANDBOXES))["sandboxes"]
    ]


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", HEALTH_PATH, [200, 200, 200, 200], id="health is public"),
        pytest.param(
            "GET", f"/sandboxes/co-1{HEALTH_PATH}", [401, 200, 200, 404], id="health of a sandbox"
        ),
        pytest.param("GET", "/emulator/v1/openapi.json", [401, 200, 200, 200], id="description"),
        pytest.param(
            "GET", "/emulator/v1/openapi/insider.json", [401, 200, 200, 200], id="Insider One's"
        ),
        pytest.param("GET", "/", [401, 200, 302, 302], id="front page"),
        pytest.param("GET", "/team", [401, 200, 200, 200], id="page of sandboxes"),
        pytest.param("GET", "/settings", [401, 200, 404, 404], id="the default's settings"),
        pytest.param("GET", "/emulator/v1/messages", [401, 200, 404, 404], id="the default's"),
        pytest.param("POST", "/emulator/v1/reset", [401, 200, 404, 404], id="reset of the default"),
        pytest.param(
            "GET", f"{SANDBOXES}/default", [401, 200, 404, 404], id="the default, in the list"
        ),
        pytest.param("DELETE", f"{SANDBOXES}/default", [401, 409, 404, 404], id="end the default"),
        pytest.param("GET", f"{SANDBOXES}/lab", [401, 200, 404, 404], id="the admin's"),
        pytest.param("GET", f"{SANDBOXES}/co-1", [401, 200, 200, 404], id="a team's"),
        pytest.param("POST", f"{SANDBOXES}/co-1/reset", [401, 200, 200, 404], id="reset a team's"),
        pytest.param("DELETE", f"{SANDBOXES}/co-1", [401, 200, 200, 404], id="end a team's"),
        pytest.param(
            "GET", "/sandboxes/co-1/emulator/v1/messages", [401, 200, 200, 404], id="its messages"
        ),
        pytest.param(
            "POST", "/sandboxes/co-1/emulator/v1/reset", [401, 200, 200, 404], id="its reset"
        ),
        pytest.param("GET", "/sandboxes/co-1/", [401, 200, 200, 404], id="its front page"),
        pytest.param("GET", "/sandboxes/co-1/settings", [401, 200, 200, 404], id="its settings"),
        pytest.param("POST", "/sandboxes/co-1/clear", [401, 303, 303, 404], id="its button"),
        pytest.param(
            "POST",
            "/sandboxes/co-1/settings/sandboxes/se-1/delete",
            [401, 303, 404, 404],
            id="another's button on its page",
        ),
        pytest.param("POST", "/team/co-1/delete", [401, 303, 303, 404], id="end a team's there"),
        pytest.param("POST", "/team/lab/delete", [401, 303, 404, 404], id="end the admin's there"),
        pytest.param("POST", "/team/default/delete", [401, 200, 404, 404], id="the default there"),
        pytest.param(
            "GET", f"/sandboxes/co-1{SANDBOXES}", [401, 200, 200, 404], id="the list from there"
        ),
    ],
)
def test_permissions_of_each_caller(
    tmp_path: Path, method: str, path: str, expected: list[int]
) -> None:
    # A GET changes nothing for the next caller.
    groups = [list(TOKENS)] if method == "GET" else [[who] for who in TOKENS]
    statuses = []
    for callers in groups:
        with make_app_with_sandboxes(tmp_path) as app:
            statuses += [
                make_client(app, who).open(path, method=method).status_code for who in callers
            ]
    assert statuses == expected


def iter_private_routes(rules: Iterator[Rule]) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route that needs permission."""
    for rule in rules:
        private = rule.rule.startswith("/emulator/") or rule.endpoint.startswith("inspector.")
        if private and rule.rule != HEALTH_PATH:
            path = PATH_VARIABLE.sub(lambda messages: messages[1] or "1", rule.rule)
            yield from ((method, path) for method in sorted(rule.methods or ()))


def test_a_sandbox_of_another_team_looks_like_a_missing_one(app: Flask) -> None:
    asking = make_client(app, "search")
    differing = []
    for method, path in iter_private_routes(app.url_map.iter_rules()):
        there = asking.open(f"/sandboxes/co-1{path}", method=method)
        gone = asking.open(f"/sandboxes/none{path}", method=method)
        alike = gone.data.replace(b"none", b"co-1")
        status = gone.status_code if path.startswith("/static/") else 404  # files are the program's
        seen = there.status_code, there.data, list(there.headers)
        if seen != (status, alike, list(gone.headers)):
            differing.append(f"{method} {path}")
    assert differing == []


def test_a_team_cannot_see_the_default_sandbox(app: Flask) -> None:
    asking = make_client(app, "search")
    none = [
        rule
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(ROUTES_WITHOUT_SANDBOX)
    ]
    status_by_route = {
        f"{method} {path}": asking.open(path, method=method).status_code
        for method, path in iter_private_routes(iter(none))
        if path != "/"
    }
    assert len(status_by_route) > 100
    assert {route for route, status in status_by_route.items() if status != 404} == set()


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param("admin", ["default", "lab", "co-1", "se-1"], id="admin"),
        pytest.param("checkout", ["co-1"], id="a team"),
    ],
)
def test_lists_show_only_sandboxes_of_the_caller(app: Flask, who: str, expected: list[str]) -> None:
    assert list_sandbox_ids(app, who) == expected
    for page in ("/team", "/sandboxes/co-1/settings"):
        page_text = make_client(app, who).get(page).text
        assert [
            id for id in ("default", *SANDBOX_OWNERS) if f'<a href="/sandboxes/{id}/">' in page_text
        ] == [id for id in expected if id != "default"]


def test_a_team_owns_what_it_creates(app: Flask) -> None:
    asking = make_client(app, "checkout")
    asking.post("/team", data={"id": "co-2"})
    assert list_sandbox_ids(app, "checkout") == ["co-1", "co-2"]
    assert parse_json(make_client(app, "admin").get(f"{SANDBOXES}/co-2"))["team"] == "checkout"
    assert list_sandbox_ids(app, "search") == ["se-1"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(SANDBOXES, id="control API"),
        pytest.param("/sandboxes/co-1/settings/sandboxes", id="settings"),
        pytest.param("/team", id="page of sandboxes"),
    ],
)
def test_the_sandboxes_of_a_team_are_limited(app: Flask, path: str) -> None:
    asking = make_client(app, "checkout")
    for _ in range(2):
        response = asking.post(path)
    assert "team checkout has 2 sandboxes already" in response.text
    assert len(list_sandbox_ids(app, "checkout")) == 2
    assert make_client(app, "search").post(SANDBOXES, json={}).status_code == 201


def test_sdks_and_insider_one_need_only_their_keys(app: Flask) -> None:
    anonymous = make_client(app, "anonymous")
    call = {"writeKey": "wk_co-1", "userId": "ada", "messageId": "m1"}
    assert anonymous.post("/v1/identify", json=call).status_code == 200
    upsert = {"users": [{"identifiers": {"uuid": "eve"}, "attributes": {"name": "Eve"}}]}
    keys = {"X-PARTNER-NAME": "of-co-1", "X-REQUEST-TOKEN": "key-co-1"}
    assert anonymous.post("/api/user/v1/upsert", json=upsert, headers=keys).status_code == 200
    people = parse_json(make_client(app, "checkout").get("/sandboxes/co-1/emulator/v1/profiles"))[
        "profiles"
    ]
    assert [person["identifiers"]["uuid"] for person in people] == ["ada", "eve"]


def make_basic_auth(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param("Bearer c-token", 200, id="bearer"),
        pytest.param("bearer c-token", 200, id="whatever its case"),
        pytest.param(make_basic_auth("ada", "c-token"), 200, id="a browser's, under any name"),
        pytest.param(make_basic_auth("", "sesame"), 200, id="the password"),
        pytest.param("Bearer sesame", 200, id="the password as a bearer token"),
        pytest.param("Bearer C-token", 401, id="another token"),
        pytest.param("Bearer c-toke", 401, id="its beginning"),
        pytest.param(f"Bearer {digest_token('c-token')}", 401, id="its digest"),
        pytest.param(make_basic_auth("c-token", ""), 401, id="as a user name"),
        pytest.param("Bearer", 401, id="no token"),
        pytest.param("Basic %%%", 401, id="no base64"),
        pytest.param("Digest username=c-token", 401, id="another scheme"),
        pytest.param("Bearer \xff\xfe", 401, id="no text"),
    ],
)
def test_a_token_can_be_a_bearer_token_or_a_password(
    app: Flask, authorization: str, status: int
) -> None:
    response = app.test_client().get(SANDBOXES, headers={"Authorization": authorization})
    assert response.status_code == status


def test_a_rejected_caller_sees_no_sandbox(app: Flask) -> None:
    page = make_client(app, "anonymous").get("/").text
    assert "wk_demo" not in page
    assert "Web shop" not in page


def test_scenario_runs_of_a_team_are_private(app: Flask) -> None:
    run = {"startedAt": "2026-11-23T10:00:00Z", "features": []}
    runs = "/emulator/v1/scenario-runs"
    assert make_client(app, "checkout").post(f"/sandboxes/co-1{runs}", json=run).status_code == 201
    assert make_client(app, "admin").post(runs, json=run).status_code == 201
    run_counts = {
        sandbox: len(parse_json(make_client(app, "admin").get(f"{sandbox}{runs}"))["scenarioRuns"])
        for sandbox in ("", "/sandboxes/lab", "/sandboxes/co-1", "/sandboxes/se-1")
    }
    assert run_counts == {"": 1, "/sandboxes/lab": 1, "/sandboxes/co-1": 1, "/sandboxes/se-1": 0}


def test_a_team_may_have_the_default_sandbox(tmp_path: Path) -> None:
    teams = write_teams_file(tmp_path, {**CHECKOUT, "default": True}, SEARCH)
    with make_shared_app(teams) as app:
        assert list_sandbox_ids(app, "checkout") == ["default"]
        assert make_client(app, "checkout").get("/").status_code == 200
        assert make_client(app, "search").get("/emulator/v1/messages").status_code == 404


@pytest.mark.parametrize(
    ("who", "is_named"),
    [pytest.param("admin", True, id="admin"), pytest.param("checkout", False, id="a team")],
)
def test_a_team_cannot_see_the_database_url(tmp_path: Path, who: str, is_named: bool) -> None:
    with make_shared_app(
        write_teams_file(tmp_path, CHECKOUT), str(tmp_path / "emulator.db")
    ) as app:
        make_client(app, "checkout").post(SANDBOXES, json={"id": "co-1"})
        page = make_client(app, who).get("/sandboxes/co-1/settings").text
        assert "<dt>Database</dt><dd>sqlite" in page
        assert (str(tmp_path) in page) is is_named


@pytest.mark.parametrize(
    ("path", "method", "body", "status"),
    [
        pytest.param("/v1/track", "POST", {"event": "Song Played", "userId": "ada"}, 200, id="one"),
        pytest.param(
            "/v1/batch", "POST", {"batch": [{"type": "identify", "userId": "ada"}]}, 200, id="batch"
        ),
        pytest.param("/v1/projects/{key}/settings", "GET", None, 404, id="settings"),
    ],
)
@pytest.mark.parametrize("key", ["wk_co-l", "wk_se-1"], ids=["mistyped", "of a deleted sandbox"])
@pytest.mark.parametrize(
    ("has_default", "expected_id"),
    [
        pytest.param(False, "unknown_source", id="the default has no team"),
        pytest.param(True, None, id="the default is a team's"),
    ],
)
def test_calls_with_an_unknown_write_key_are_hidden_from_teams(
    tmp_path: Path,
    path: str,
    method: str,
    body: dict[str, object] | None,
    status: int,
    key: str,
    has_default: bool,
    expected_id: str | None,
) -> None:
    with make_shared_app(
        write_teams_file(tmp_path, {**CHECKOUT, "default": has_default}, SEARCH)
    ) as app:
        search = make_client(app, "search")
        search.post(SANDBOXES, json={"id": "se-1", "writeKey": "wk_se-1"})
        search.delete(f"{SANDBOXES}/se-1")
        sent = body and {**body, "writeKey": key}
        response = make_client(app, "anonymous").open(
            path.format(key=key), method=method, json=sent
        )
        assert response.status_code == status
        messages = parse_json(make_client(app, "admin").get("/emulator/v1/messages"))["messages"]
        assert [message["reason"].partition(":")[0] for message in messages] == (
            [expected_id] if expected_id and body else []
        )
        assert parse_json(make_client(app, "admin").get("/emulator/v1/profiles"))["profiles"] == []


def test_the_team_of_the_default_sandbox_sees_its_messages(tmp_path: Path) -> None:
    with make_shared_app(write_teams_file(tmp_path, {**CHECKOUT, "default": True}, SEARCH)) as app:
        anonymous = make_client(app, "anonymous")
        for path, key in {"": "wk_demo", "/sandboxes/default": "wk_demmo"}.items():
            call = {"userId": "ada", "messageId": key, "writeKey": key}
            assert anonymous.post(f"{path}/v1/identify", json=call).status_code == 200
        messages = parse_json(make_client(app, "checkout").get("/emulator/v1/messages"))["messages"]
        assert {message["messageId"]: message["verdict"] == "rejected" for message in messages} == {
            "wk_demo": False,
            "wk_demmo": True,
        }


def test_a_team_owns_its_sandbox_after_a_restart_until_the_team_is_removed(
    tmp_path: Path,
) -> None:
    db = str(tmp_path / "emulator.db")
    with make_shared_app(write_teams_file(tmp_path, CHECKOUT, SEARCH), db) as app:
        make_client(app, "checkout").post(SANDBOXES, json={"id": "co-1"})
    with make_shared_app(write_teams_file(tmp_path, CHECKOUT, SEARCH), db) as app:
        assert (list_sandbox_ids(app, "checkout"), list_sandbox_ids(app, "search")) == (
            ["co-1"],
            [],
        )
    with make_shared_app(write_teams_file(tmp_path, SEARCH), db) as app:
        assert (list_sandbox_ids(app, "admin"), list_sandbox_ids(app, "search")) == (
            ["default", "co-1"],
            [],
        )


def test_a_team_may_have_two_tokens_while_one_replaces_the_other(tmp_path: Path) -> None:
    file = write_teams_file(tmp_path, {"name": "checkout", "tokens": [X, Y]})
    digests = (sha256(b"x").digest(), sha256(b"y").digest())
    assert load_teams(file) == [Team("checkout", digests)]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        pytest.param("teams: []", "teams: the list is empty. List one", id="none"),
        pytest.param("[]", "this is not a file of teams. Begin with `teams:`.", id="no object"),
        pytest.param(
            "teams: [{name: a, tokens: [topsecret]}]",
            "teams[0].tokens[0]: this is written otherwise than it must be. Write sha256: and",
            id="a token as it is",
        ),
        pytest.param(
            "teams: [{name: a}]",
            "teams[0]: 'tokens' is a required property. A team has name and tokens",
            id="no tokens",
        ),
        pytest.param(
            f"teams: [{{name: a b, tokens: ['{X}']}}]",
            "teams[0].name: this is written otherwise than it must be. Use 1 to 63",
            id="a name with a blank",
        ),
        pytest.param("teams: a", "teams: this is no list. List one", id="no list"),
        pytest.param(
            "teams: [{name: 7, tokens: [a]}]", "teams[0].name: this is no text. Use", id="no text"
        ),
        pytest.param(
            f"teams: [{{name: a, tokens: ['{X}'], default: 1}}]",
            "teams[0].default: this is neither true nor false. Write true",
            id="no Boolean",
        ),
        pytest.param(
            f"teams: [{{name: a, tokens: ['{X}'], sandboxes: 0}}]",
            "teams[0].sandboxes: the number is too small. Write how many",
            id="no sandboxes",
        ),
        pytest.param(
            f"teams: [{{name: a, tokens: ['{X}'], token: x}}]",
            "teams[0]: there is a name in it that is not known. A team has",
            id="an unknown name",
        ),
        pytest.param(
            f"teams: [{{name: a, tokens: ['{X}']}}, {{name: a, tokens: ['{Y}']}}]",
            "teams: two teams have the same name. Change one.",
            id="one name twice",
        ),
        pytest.param(
            f"teams: [{{name: a, tokens: ['{X}']}}, {{name: b, tokens: ['{X}']}}]",
            "teams: two teams have the same token. Change one.",
            id="one token twice",
        ),
    ],
)
def test_an_error_in_the_teams_file_is_reported_without_tokens(
    tmp_path: Path, document: str, complaint: str
) -> None:
    file = tmp_path / "teams.yaml"
    file.write_text(document)
    with pytest.raises(EmulatorError) as refused:
        load_teams(str(file))
    assert str(refused.value).startswith(f"{file}: {complaint}")
    assert "topsecret" not in str(refused.value)


def test_teams_need_an_admin_password(tmp_path: Path) -> None:
    options = ["serve", "--db", ":memory:", "--teams", write_teams_file(tmp_path, CHECKOUT)]
    result = CliRunner().invoke(main, options)
    assert (result.exit_code, result.stderr) == (
        2,
        "emulator: --teams: teams need a password for the operator, who has access to all "
        "sandboxes. Set EMULATOR_PASSWORD.\n",
    )


def test_a_client_sends_its_token_only_to_the_control_api(app: Flask) -> None:
    with serve_app_in_thread(app) as url, ControlClient(url, token="c-token") as asking:
        created = asking.create_sandbox()
        assert [sandbox["id"] for sandbox in asking.list_sandboxes()] == ["co-1", created["id"]]
        with ControlClient(created["url"], session=asking.session, token="c-token") as within:
            call = orjson.dumps({"userId": "ada", "messageId": "m1"})
            assert within.post_to_segment("/v1/identify", call, created["writeKey"]) == 200
            assert [message["userId"] for message in within.list_messages()] == ["ada"]
    assert "Authorization" not in asking.session.headers
    with pytest.raises(EmulatorError, match="needs a password or a team's token"):
        list_sandboxes_without_token(app)


def list_sandboxes_without_token(app: Flask) -> None:
    with serve_app_in_thread(app) as url, ControlClient(url) as stranger:
        stranger.list_sandboxes()


def test_scenarios_run_in_sandboxes_of_the_team_of_the_token(app: Flask, tmp_path: Path) -> None:
    feature = tmp_path / "songs.feature"
    feature.write_text(
        'Feature: Songs\n  Scenario: One\n    When Ada does "Song Played"\n'
        "    Then Insider One receives exactly these events for Ada:\n"
        "      | event_name  |\n      | song_played |\n"
    )
    with serve_app_in_thread(app) as url:
        runs = [
            CliRunner().invoke(
                main,
                ["verify", "--url", url, "--report-to", f"{url}/sandboxes/co-1", str(feature)],
                env={"EMULATOR_TOKEN": token},
            )
            for token in ("c-token", "wrong")
        ]
        assert [run.exit_code for run in runs] == [0, 2], [run.output for run in runs]
        asking = requests.get(
            f"{url}/sandboxes/co-1/emulator/v1/scenario-runs",
            headers={"Authorization": "Bearer c-token"},
            timeout=60,
        )
    assert len(asking.json()["scenarioRuns"]) == 1
    assert list_sandbox_ids(app, "checkout") == ["co-1"]


def test_a_team_cannot_change_journeys_of_other_sandboxes(tmp_path: Path) -> None:
    moment = [NOW]
    teams = write_teams_file(tmp_path, CHECKOUT)
    config = Config(db=":memory:", host="0.0.0.0", password="sesame", teams=teams)
    app = create_app(config, load_preset_workspace("guide"), clock=lambda: moment[0])
    admin = make_client(app, "admin")
    document = parse_json(admin.get("/emulator/v1/workspace"))
    document["insider"]["journeys"] = [
        {
            "id": 1,
            "name": "Songs",
            "starter": {"events": ["song_played"]},
            "eligibility": {"times": "once"},
            "steps": [{"wait": "1 hour"}, {"wait": "1 day"}],
        }
    ]
    replaced = admin.put("/emulator/v1/workspace", json={"workspace": document})
    assert replaced.status_code == 200, replaced.text
    call = {"writeKey": "wk_demo", "userId": "ada", "event": "Song Played"}
    assert admin.post("/v1/track", json=call).status_code == 200
    moment[0] += timedelta(hours=2)
    assert list_sandbox_ids(app, "checkout") == []
    (run,) = parse_json(admin.get("/emulator/v1/journeys/1/runs"))["runs"]
    assert run["status"] == "in_progress"
    app.extensions["sandboxes"].close()


STRANGE = (
    *(
        ("GET", path)
        for path in (HEALTH_PATH, "/emulator/v1/messages", "/", "/profiles", "/stream")
    ),
    *(("POST", path) for path in (HEALTH_PATH, "/emulator/v1/reset", "/clear")),
    *(("GET", path) for path in ("", "/nothing", "/emulator/nothing")),
    *(("DELETE", path) for path in ("/profiles", "/settings")),
    *(("OPTIONS", path) for path in (HEALTH_PATH, "/profiles")),
    ("GET", "/static/x/inspector.css"),
)


@pytest.mark.extended_variants
@pytest.mark.parametrize("who", ["stranger", "mistaken"])
@pytest.mark.parametrize(("method", "path"), STRANGE)
def test_an_anonymous_caller_cannot_find_out_which_sandboxes_exist(
    app: Flask, who: str, method: str, path: str
) -> None:
    headers = {"Authorization": "Bearer wrong"} if who == "mistaken" else {}
    there, missing = (
        app.test_client().open(f"/sandboxes/{id}{path}", method=method, headers=headers)
        for id in ("co-1", "co-9")
    )
    assert there.status_code == missing.status_code
    assert there.text == missing.text.replace("co-9", "co-1")
    assert dict(there.headers) == {
        name: value.replace("co-9", "co-1") for name, value in missing.headers.items()
    }
