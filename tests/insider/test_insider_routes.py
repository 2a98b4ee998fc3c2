"""The Flask routes pass every raw request to the Insider One API."""

from types import SimpleNamespace

import orjson
import pytest
from account import KEYS, Account
from flask import Flask
from flask.testing import FlaskClient

from segment_insider_emulator.web.insider_routes import bp


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.extensions["emulator"] = SimpleNamespace(endpoint=Account().endpoint)
    app.register_blueprint(bp)
    return app.test_client()


def test_the_response_to_an_upsert_has_its_verdict(client: FlaskClient) -> None:
    user = {"identifiers": {"uuid": "u1"}, "attributes": {"idfa": "x"}}
    response = client.post(
        "/api/user/v1/upsert", data=orjson.dumps({"users": [user]}), headers=KEYS
    )
    assert (response.status_code, response.data, response.headers["x-emulator-verdict"]) == (
        200,
        b'{"data":{"successful":{"count":1},"fail":{}}}',
        "warning",
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/user/v1/upsert", 405),
        ("PATCH", "/api/user/v1/nowhere", 404),
        ("POST", "/api/contact/v1/nowhere", 404),
    ],
)
def test_unknown_addresses_and_methods_are_refused_in_json(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method, headers=KEYS)
    assert (response.status_code, response.mimetype) == (status, "application/json")


def test_a_body_beyond_the_limit_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/user/v1/upsert", data=b" " * 5_000_002, headers=KEYS)
    assert response.json == {
        "error": "request body is bigger than maximum allowed size 5,000,000 bytes"
    }
