"""Teams: who may do what with which sandbox, and that nobody learns of another team's."""

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
from segment_insider_emulator.web.server import serve_in_thread
from segment_insider_emulator.workspace import load_preset
from segment_insider_scenarios.client import ControlClient

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SANDBOXES = "/emulator/v1/sandboxes"
HOLDS = {"nobody": None, "admin": "sesame", "checkout": "c-token", "search": "s-token"}
WHOSE = {"lab": "admin", "co-1": "checkout", "se-1": "search"}
VARIABLE = re.compile(r"<(?:any\((\w+)[^)]*\):)?[^>]*>")  # with the first word it may be
OF_NONE = (
    "sandboxes.",
    "openapi.",
    "insider.described",
    "inspector.team.",
    "inspector.serve_static_file",
)


def digest(token: str) -> str:
    return "sha256:" + sha256(token.encode()).hexdigest()


def team(name: str, token: str, **more: object) -> dict[str, object]:
    return {"name": name, "tokens": [digest(token)], **more}


X, Y = digest("x"), digest("y")
CHECKOUT, SEARCH = team("checkout", "c-token", sandboxes=2), team("search", "s-token")


def written(folder: Path, *teams: dict[str, object]) -> str:
    file = folder / "teams.json"
    file.write_bytes(orjson.dumps({"teams": teams}))
    return str(file)


@contextmanager
def shared(teams: str | None, db: str = ":memory:") -> Iterator[Flask]:
    config = Config(db=db, host="0.0.0.0", password="sesame", teams=teams)
    app = create_app(config, load_preset("guide"), clock=lambda: NOW)
    yield app
    app.extensions["sandboxes"].close()


@contextmanager
def furnished(folder: Path) -> Iterator[Flask]:
    """An emulator in which whoever runs it and both teams have a sandbox."""
    with shared(written(folder, CHECKOUT, SEARCH)) as app:
        for id, owner in WHOSE.items():
            order = {"id": id, "writeKey": f"wk_{id}", "account": f"of-{id}", "key": f"key-{id}"}
            assert client(app, owner).post(SANDBOXES, json=order).status_code == 201
        yield app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with furnished(tmp_path) as app:
        yield app


def client(app: Flask, who: str) -> FlaskClient:
    asking = app.test_client()
    if token := HOLDS[who]:
        asking.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return asking


def told(answer: TestResponse) -> Any:
    return orjson.loads(answer.data)


def listed(app: Flask, who: str) -> list[str]:
    return [each["id"] for each in told(client(app, who).get(SANDBOXES))["sandboxes"]]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("GET", HEALTH_PATH, [200, 200, 200, 200], id="health is everybody's"),
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
def test_who_may(tmp_path: Path, method: str, path: str, expected: list[int]) -> None:
    found = []
    for who in HOLDS:
        with furnished(tmp_path) as app:
            found.append(client(app, who).open(path, method=method).status_code)
    assert found == expected


def addresses(rules: Iterator[Rule]) -> Iterator[tuple[str, str]]:
    """Method and path of all that is asked of ourselves, but for what is everybody's."""
    for rule in rules:
        private = rule.rule.startswith("/emulator/") or rule.endpoint.startswith("inspector.")
        if private and rule.rule != HEALTH_PATH:
            path = VARIABLE.sub(lambda found: found[1] or "1", rule.rule)
            yield from ((method, path) for method in sorted(rule.methods or ()))


def test_another_teams_sandbox_is_answered_as_one_that_is_not_there(app: Flask) -> None:
    asking = client(app, "search")
    differing = []
    for method, path in addresses(app.url_map.iter_rules()):
        there = asking.open(f"/sandboxes/co-1{path}", method=method)
        gone = asking.open(f"/sandboxes/none{path}", method=method)
        alike = gone.data.replace(b"none", b"co-1")
        status = gone.status_code if path.startswith("/static/") else 404  # files are the program's
        told = there.status_code, there.data, list(there.headers)
        if told != (status, alike, list(gone.headers)):
            differing.append(f"{method} {path}")
    assert differing == []


def test_of_the_default_sandbox_a_team_sees_nothing(app: Flask) -> None:
    asking = client(app, "search")
    none = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(OF_NONE)]
    answers = {
        f"{method} {path}": asking.open(path, method=method).status_code
        for method, path in addresses(iter(none))
        if path != "/"
    }
    assert len(answers) > 100
    assert {asked for asked, status in answers.items() if status != 404} == set()


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param("admin", ["default", "lab", "co-1", "se-1"], id="admin"),
        pytest.param("checkout", ["co-1"], id="a team"),
    ],
)
def test_lists_show_what_is_the_callers(app: Flask, who: str, expected: list[str]) -> None:
    assert listed(app, who) == expected
    for page in ("/team", "/sandboxes/co-1/settings"):
        shown = client(app, who).get(page).text
        assert [id for id in ("default", *WHOSE) if f'<a href="/sandboxes/{id}/">' in shown] == [
            id for id in expected if id != "default"
        ]


def test_a_team_owns_what_it_creates(app: Flask) -> None:
    asking = client(app, "checkout")
    asking.post("/team", data={"id": "co-2"})
    assert listed(app, "checkout") == ["co-1", "co-2"]
    assert told(client(app, "admin").get(f"{SANDBOXES}/co-2"))["team"] == "checkout"
    assert listed(app, "search") == ["se-1"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(SANDBOXES, id="control API"),
        pytest.param("/sandboxes/co-1/settings/sandboxes", id="settings"),
        pytest.param("/team", id="page of sandboxes"),
    ],
)
def test_a_team_has_so_many_sandboxes_and_no_more(app: Flask, path: str) -> None:
    asking = client(app, "checkout")
    for _ in range(2):
        answer = asking.post(path)
    assert "team checkout has 2 sandboxes already" in answer.text
    assert len(listed(app, "checkout")) == 2
    assert client(app, "search").post(SANDBOXES, json={}).status_code == 201


def test_an_sdk_and_insider_one_need_their_keys_alone(app: Flask) -> None:
    nobody = client(app, "nobody")
    call = {"writeKey": "wk_co-1", "userId": "ada", "messageId": "m1"}
    assert nobody.post("/v1/identify", json=call).status_code == 200
    upsert = {"users": [{"identifiers": {"uuid": "eve"}, "attributes": {"name": "Eve"}}]}
    keys = {"X-PARTNER-NAME": "of-co-1", "X-REQUEST-TOKEN": "key-co-1"}
    assert nobody.post("/api/user/v1/upsert", json=upsert, headers=keys).status_code == 200
    people = told(client(app, "checkout").get("/sandboxes/co-1/emulator/v1/profiles"))["profiles"]
    assert [each["identifiers"]["uuid"] for each in people] == ["ada", "eve"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param("Bearer c-token", 200, id="bearer"),
        pytest.param("bearer c-token", 200, id="whatever its case"),
        pytest.param(basic("ada", "c-token"), 200, id="a browser's, under any name"),
        pytest.param(basic("", "sesame"), 200, id="the password"),
        pytest.param("Bearer sesame", 200, id="the password as a bearer token"),
        pytest.param("Bearer C-token", 401, id="another token"),
        pytest.param("Bearer c-toke", 401, id="its beginning"),
        pytest.param(f"Bearer {digest('c-token')}", 401, id="its digest"),
        pytest.param(basic("c-token", ""), 401, id="as a user name"),
        pytest.param("Bearer", 401, id="no token"),
        pytest.param("Basic %%%", 401, id="no base64"),
        pytest.param("Digest username=c-token", 401, id="another scheme"),
        pytest.param("Bearer \xff\xfe", 401, id="no text"),
    ],
)
def test_a_token_comes_as_a_bearer_or_a_password(
    app: Flask, authorization: str, status: int
) -> None:
    answer = app.test_client().get(SANDBOXES, headers={"Authorization": authorization})
    assert answer.status_code == status


def test_whoever_is_refused_is_shown_nothing_of_a_sandbox(app: Flask) -> None:
    page = client(app, "nobody").get("/").text
    assert "wk_demo" not in page
    assert "Web shop" not in page


def test_a_teams_runs_of_scenarios_are_its_own(app: Flask) -> None:
    run = {"startedAt": "2026-11-23T10:00:00Z", "features": []}
    runs = "/emulator/v1/scenario-runs"
    assert client(app, "checkout").post(f"/sandboxes/co-1{runs}", json=run).status_code == 201
    assert client(app, "admin").post(runs, json=run).status_code == 201
    found = {
        sandbox: len(told(client(app, "admin").get(f"{sandbox}{runs}"))["scenarioRuns"])
        for sandbox in ("", "/sandboxes/lab", "/sandboxes/co-1", "/sandboxes/se-1")
    }
    assert found == {"": 1, "/sandboxes/lab": 1, "/sandboxes/co-1": 1, "/sandboxes/se-1": 0}


def test_a_team_may_have_the_default_sandbox(tmp_path: Path) -> None:
    teams = written(tmp_path, {**CHECKOUT, "default": True}, SEARCH)
    with shared(teams) as app:
        assert listed(app, "checkout") == ["default"]
        assert client(app, "checkout").get("/").status_code == 200
        assert client(app, "search").get("/emulator/v1/messages").status_code == 404


@pytest.mark.parametrize(
    ("who", "is_named"),
    [pytest.param("admin", True, id="admin"), pytest.param("checkout", False, id="a team")],
)
def test_where_the_database_is_a_team_is_not_told(tmp_path: Path, who: str, is_named: bool) -> None:
    with shared(written(tmp_path, CHECKOUT), str(tmp_path / "emulator.db")) as app:
        client(app, "checkout").post(SANDBOXES, json={"id": "co-1"})
        page = client(app, who).get("/sandboxes/co-1/settings").text
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
    ("has_default", "kept"),
    [
        pytest.param(False, "unknown_source", id="the default is nobody's"),
        pytest.param(True, None, id="the default is a team's"),
    ],
)
def test_what_has_a_write_key_of_nobodys_no_team_sees(
    tmp_path: Path,
    path: str,
    method: str,
    body: dict[str, object] | None,
    status: int,
    key: str,
    has_default: bool,
    kept: str | None,
) -> None:
    with shared(written(tmp_path, {**CHECKOUT, "default": has_default}, SEARCH)) as app:
        search = client(app, "search")
        search.post(SANDBOXES, json={"id": "se-1", "writeKey": "wk_se-1"})
        search.delete(f"{SANDBOXES}/se-1")
        sent = body and {**body, "writeKey": key}
        answer = client(app, "nobody").open(path.format(key=key), method=method, json=sent)
        assert answer.status_code == status
        found = told(client(app, "admin").get("/emulator/v1/messages"))["messages"]
        assert [each["reason"].partition(":")[0] for each in found] == (
            [kept] if kept and body else []
        )
        assert told(client(app, "admin").get("/emulator/v1/profiles"))["profiles"] == []


def test_the_team_that_has_the_default_sandbox_sees_what_is_sent_to_it(tmp_path: Path) -> None:
    with shared(written(tmp_path, {**CHECKOUT, "default": True}, SEARCH)) as app:
        nobody = client(app, "nobody")
        for path, key in {"": "wk_demo", "/sandboxes/default": "wk_demmo"}.items():
            call = {"userId": "ada", "messageId": key, "writeKey": key}
            assert nobody.post(f"{path}/v1/identify", json=call).status_code == 200
        found = told(client(app, "checkout").get("/emulator/v1/messages"))["messages"]
        assert {each["messageId"]: each["verdict"] == "rejected" for each in found} == {
            "wk_demo": False,
            "wk_demmo": True,
        }


def test_a_sandbox_is_its_teams_after_a_restart_and_the_admins_when_the_team_is_gone(
    tmp_path: Path,
) -> None:
    db = str(tmp_path / "emulator.db")
    with shared(written(tmp_path, CHECKOUT, SEARCH), db) as app:
        client(app, "checkout").post(SANDBOXES, json={"id": "co-1"})
    with shared(written(tmp_path, CHECKOUT, SEARCH), db) as app:
        assert (listed(app, "checkout"), listed(app, "search")) == (["co-1"], [])
    with shared(written(tmp_path, SEARCH), db) as app:
        assert (listed(app, "admin"), listed(app, "search")) == (["default", "co-1"], [])


def test_a_team_may_have_two_tokens_while_one_replaces_the_other(tmp_path: Path) -> None:
    file = written(tmp_path, {"name": "checkout", "tokens": [X, Y]})
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
def test_a_mistake_is_told_and_no_token(tmp_path: Path, document: str, complaint: str) -> None:
    file = tmp_path / "teams.yaml"
    file.write_text(document)
    with pytest.raises(EmulatorError) as refused:
        load_teams(str(file))
    assert str(refused.value).startswith(f"{file}: {complaint}")
    assert "topsecret" not in str(refused.value)


def test_teams_without_a_password_are_refused(tmp_path: Path) -> None:
    options = ["serve", "--db", ":memory:", "--teams", written(tmp_path, CHECKOUT)]
    result = CliRunner().invoke(main, options)
    assert (result.exit_code, result.stderr) == (
        2,
        "emulator: --teams: teams need a password for the operator, who has access to all "
        "sandboxes. Set EMULATOR_PASSWORD.\n",
    )


def test_a_client_shows_its_token_to_the_control_api_alone(app: Flask) -> None:
    with serve_in_thread(app) as url, ControlClient(url, token="c-token") as asking:
        made = asking.create_sandbox()
        assert [each["id"] for each in asking.list_sandboxes()] == ["co-1", made["id"]]
        with ControlClient(made["url"], session=asking.session, token="c-token") as within:
            call = orjson.dumps({"userId": "ada", "messageId": "m1"})
            assert within.post_to_segment("/v1/identify", call, made["writeKey"]) == 200
            assert [each["userId"] for each in within.list_messages()] == ["ada"]
    assert "Authorization" not in asking.session.headers
    with pytest.raises(EmulatorError, match="needs a password or a team's token"):
        refused(app)


def refused(app: Flask) -> None:
    with serve_in_thread(app) as url, ControlClient(url) as stranger:
        stranger.list_sandboxes()


def test_scenarios_run_in_sandboxes_of_the_team_whose_token_the_environment_has(
    app: Flask, tmp_path: Path
) -> None:
    feature = tmp_path / "songs.feature"
    feature.write_text(
        'Feature: Songs\n  Scenario: One\n    When Ada does "Song Played"\n'
        "    Then Insider One receives exactly these events for Ada:\n"
        "      | event_name  |\n      | song_played |\n"
    )
    with serve_in_thread(app) as url:
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
            timeout=5,
        )
    assert len(asking.json()["scenarioRuns"]) == 1
    assert listed(app, "checkout") == ["co-1"]


def test_a_team_moves_no_journey_of_a_sandbox_that_is_not_its(tmp_path: Path) -> None:
    moment = [NOW]
    teams = written(tmp_path, CHECKOUT)
    config = Config(db=":memory:", host="0.0.0.0", password="sesame", teams=teams)
    app = create_app(config, load_preset("guide"), clock=lambda: moment[0])
    admin = client(app, "admin")
    document = told(admin.get("/emulator/v1/workspace"))
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
    assert listed(app, "checkout") == []
    (run,) = told(admin.get("/emulator/v1/journeys/1/runs"))["runs"]
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


@pytest.mark.parametrize("who", ["stranger", "mistaken"])
@pytest.mark.parametrize(("method", "path"), STRANGE)
def test_a_stranger_cannot_tell_a_sandbox_from_one_that_is_not_there(
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
