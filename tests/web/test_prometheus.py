"""An emulator counts and measures for Prometheus, in its format and with bounded labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests
import yaml
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from segment_insider_emulator import __version__
from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.web import metrics
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@contextmanager
def open_app(**settings: object) -> Iterator[Flask]:
    config = Config(db=":memory:", metrics=True, **settings)  # type: ignore[arg-type]
    app = create_app(config, load_preset_workspace("guide"))
    try:
        yield app
    finally:
        app.extensions["sandboxes"].close()


def parse(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client: FlaskClient) -> Samples:
    response = client.get("/metrics")
    assert (response.status_code, response.content_type) == (200, CONTENT_TYPE_LATEST)
    return parse(response.get_data(as_text=True))


def count_requests(samples: Samples, route: str) -> dict[tuple[str, str], float]:
    """Return the number of requests by method and status."""
    return {
        (dict(labels)["method"], dict(labels)["status"]): value
        for (name, labels), value in samples.items()
        if name == "emulator_requests_total" and dict(labels)["route"] == route
    }


def test_requests_messages_and_sandboxes_are_counted() -> None:
    with open_app() as app:
        client = app.test_client()
        call = {"writeKey": "wk_demo", "event": "Signed Up", "userId": "ada"}
        assert client.post("/v1/track", json=call).status_code == 200
        client.post("/v1/identify", json={"writeKey": "wk_demo"})
        client.get("/messages/1")
        client.get("/messages/99")
        client.post("/emulator/v1/sandboxes", json={})
        samples = scrape(client)
        assert count_requests(samples, "/v1/track") == {("POST", "200"): 1}
        page = "/messages/<int(max=9223372036854775807):id>"
        assert count_requests(samples, page) == {("GET", "200"): 1, ("GET", "404"): 1}
        assert samples["emulator_messages_total", (("verdict", "rejected"),)] == 1
        assert samples["emulator_sandboxes", ()] == 2
        assert samples["emulator_stored_messages", ()] == 2
        assert samples["emulator_queue_messages", ()] == 0
        assert samples["emulator_database_bytes", ()] > 4096
        assert samples["emulator_request_seconds_count", (("area", "segment"),)] == 2
        build = [dict(labels) for name, labels in samples if name == "emulator_build_info"]
        assert build[0]["version"] == __version__


def test_labels_have_no_text_of_requests() -> None:
    with open_app() as app:
        client = app.test_client()
        series = []
        for number in range(40):
            client.get(f"/no-such-page-{number}")
            client.open(f"/v1/track?{number}", method=f"VERB{number}")
            client.get(f"/sandboxes/no-{number}/emulator/v1/messages")
            client.post("/v1/track", json={"writeKey": f"key-{number}", "event": "secret-event"})
            series.append(scrape(client).keys())
        assert series[2] == series[-1]
        after = client.get("/metrics").get_data(as_text=True)
        assert "secret-event" not in after
        assert "no-such-page" not in after
        assert "VERB" not in after


def test_retries_are_counted_until_they_end() -> None:
    with open_app() as app:
        client = app.test_client()
        client.post("/emulator/v1/faults", json={"status": 503, "times": 1})
        call = {"writeKey": "wk_demo", "traits": {"email": "a@shop.example"}, "userId": "ada"}
        client.post("/v1/identify", json=call)
        waiting = scrape(client)
        client.post("/emulator/v1/deliveries/retry")
        ended = scrape(client)
        assert [own["emulator_retries_waiting", ()] for own in (waiting, ended)] == [1, 0]
        assert ended["emulator_messages_total", (("verdict", "accepted"),)] == 1


def test_the_server_answers_them() -> None:
    with open_app() as app, serve_app_in_thread(app) as url:
        assert requests.get(f"{url}/emulator/v1/health", timeout=60).ok
        samples = parse(requests.get(f"{url}/metrics", timeout=60).text)
        assert count_requests(samples, "/emulator/v1/health") == {("GET", "200"): 1}


def test_they_need_the_operator_s_password(tmp_path: Path) -> None:
    teams = tmp_path / "teams.yaml"
    digest = sha256(b"team-token").hexdigest()
    teams.write_text(f"teams:\n  - {{name: qa, tokens: ['sha256:{digest}'], default: true}}\n")
    with open_app(password="secret", teams=str(teams)) as app:
        statuses = [
            app.test_client().get("/metrics", headers=headers).status_code
            for headers in (
                {},
                {"Authorization": "Bearer team-token"},
                {"Authorization": "Bearer secret"},
                {"Authorization": "Bearer secret", "Origin": "http://attacker.example"},
            )
        ]
        assert statuses == [401, 403, 200, 403]


def test_without_the_option_there_are_none() -> None:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    assert app.test_client().get("/metrics").status_code == 404
    app.extensions["sandboxes"].close()


def test_without_the_extra_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_spec("prometheus_client")
    monkeypatch.setattr(metrics, "find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--db", ":memory:", "--metrics"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert "segment-insider-emulator[metrics]" in result.stderr


def test_the_rules_of_the_docs_name_metrics_that_exist() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    block = text.partition("Two rules, `emulator-rules.yml`:")[2].partition("```yaml")[2]
    rules = yaml.safe_load(block.partition("```")[0])["groups"][0]["rules"]
    with open_app() as app:
        shown = app.test_client().get("/metrics").get_data(as_text=True)
    names = [
        word for rule in rules for word in rule["expr"].replace("{", " ").replace("(", " ").split()
    ]
    named = [name.removesuffix("_total") for name in names if name.startswith("emulator_")]
    assert len(named) == 3
    assert [name for name in named if f"# HELP {name}" not in shown] == []
