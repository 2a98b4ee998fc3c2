"""`emulator send` and `emulator health` with a running emulator."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment_insider_emulator.app import create_app
from segment_insider_emulator.cli import main
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.server import serve_app_in_thread
from segment_insider_emulator.workspace import load_preset_workspace

NO_EMULATOR = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = create_app(Config(db=":memory:"), load_preset_workspace("guide"))
    with serve_app_in_thread(app) as url:
        yield url
    app.extensions["sandboxes"].close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def send(url: str, *arguments: str) -> dict[str, object]:
    """Send a call and return the message that the emulator received."""
    result = run("send", *arguments, "--url", url, "--json")
    assert result.stdout, result.stderr
    message: dict[str, object] = json.loads(result.stdout)
    return message


def test_a_call_is_sent_and_its_verdict_shown(url: str) -> None:
    result = run("send", "Wish Listed", "--user", "bea", "mood=good", "--url", url)
    assert result.exit_code == 0, result.stderr
    assert "track Wish Listed" in result.stdout
    assert "bea" in result.stdout
    assert "accepted" in result.stdout


def test_fields_are_texts_json_or_files(url: str, tmp_path: Path) -> None:
    (tmp_path / "cart.json").write_text('[{"product_id": "mug"}]')
    (tmp_path / "note.txt").write_text("a=b")
    message = send(
        url, "Wish Listed", "size=1:=2", "count:=3", f"products:=@{tmp_path / 'cart.json'}",
        f"note=@{tmp_path / 'note.txt'}", "empty=",
    )  # fmt: skip
    assert message["message"]["properties"] == {  # type: ignore[index]  # JSON
        "size": "1:=2", "count": 3, "products": [{"product_id": "mug"}], "note": "a=b", "empty": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(
            ["--type", "identify", "email=ada@shop.example"],
            {"userId": "ada", "traits": {"email": "ada@shop.example"}},
            id="identify",
        ),
        pytest.param(
            ["Home", "--type", "page", "--anonymous", "b-7"],
            {"anonymousId": "b-7", "name": "Home"},
            id="page of a browser",
        ),
        pytest.param(
            ["--type", "page", "path=/"],
            {"userId": "ada", "properties": {"path": "/"}},
            id="page without a name",
        ),
        pytest.param(
            ["g-1", "--type", "group", "plan=pro"],
            {"userId": "ada", "groupId": "g-1", "traits": {"plan": "pro"}},
            id="group",
        ),
        pytest.param(
            ["old", "--type", "alias"], {"userId": "ada", "previousId": "old"}, id="alias"
        ),
    ],
)
def test_each_kind_of_call_can_be_sent(
    url: str, arguments: list[str], expected: dict[str, object]
) -> None:
    message = send(url, *arguments)["message"]
    assert isinstance(message, dict)
    assert {name: message[name] for name in message if name != "messageId"} == expected


def test_a_sample_has_the_properties_of_segments_spec(url: str) -> None:
    message = send(url, "Order Completed", "--sample", "order_id=o-17")
    properties = message["message"]["properties"]  # type: ignore[index]  # JSON
    assert properties["order_id"] == "o-17"
    assert properties["products"][0]["price"] == 8.5
    assert message["verdict"] in ("accepted", "warning")


def test_a_call_that_insider_one_does_not_use_is_exit_code_1(url: str) -> None:
    result = run("send", "Order Completed", 'products:=[{"price": "x"}]', "--url", url)
    assert result.exit_code == 1
    assert "failed" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "Give the event of the track call.", id="no event"),
        pytest.param(["Wish Listed", "color"], "'color' is no field.", id="no field"),
        pytest.param(["Wish Listed", "a:={"], "the value of a is no JSON", id="no JSON"),
        pytest.param(["Wish Listed", "a=@none.txt"], "none.txt: cannot be read", id="no file"),
        pytest.param(["Wish Listed", "--sample"], "has no event 'Wish Listed'", id="no sample"),
        pytest.param(["x", "--type", "alias", "a=b"], "An alias call has no fields.", id="alias"),
    ],
)
def test_a_mistake_is_named_and_nothing_sent(arguments: list[str], message: str, url: str) -> None:
    result = run("send", *arguments, "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_missing_emulator_is_one_line() -> None:
    result = run("send", "Wish Listed", "--url", NO_EMULATOR)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_health_shows_that_an_emulator_answers(url: str) -> None:
    assert run("health", "--wait", "--url", url).stdout.startswith(f"{url} answers: ok, version ")
    assert json.loads(run("health", "--json", "--url", url).stdout)["status"] == "ok"


def test_health_waits_no_longer_than_its_timeout() -> None:
    result = run("health", "--url", NO_EMULATOR, "--wait", "--timeout", "1s")
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1


def test_an_unreadable_timeout_is_named() -> None:
    result = run("health", "--url", NO_EMULATOR, "--wait", "--timeout", "soon")
    assert result.exit_code == 2
    assert "'soon' is not a duration" in result.stderr
