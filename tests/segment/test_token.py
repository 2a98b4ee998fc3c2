"""The OAuth token endpoint, and calls with a bearer token."""

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment.oauth import TOKEN_LIFETIME_S, TokenIssuer
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import OAuthApplication

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
APPLICATION = OAuthApplication("shop-app", PUBLIC.decode())
FORM = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "scope": "tracking_api:write",
}
CALL = {"event": "Giraffe Fed", "userId": "ada", "writeKey": "wk_demo"}


def sign_assertion(key: Any = PRIVATE, algorithm: str = "RS256", **claims: Any) -> str:
    now = time.time()
    identity = {"iss": "shop-app", "sub": "shop-app", "aud": "http://localhost", "jti": "1"}
    times = {"iat": now - 5, "exp": now + 3600}  # with fractions, as Node sends them
    all_claims = {
        name: value for name, value in (identity | times | claims).items() if value is not None
    }
    return jwt.encode(all_claims, key, algorithm, headers={"kid": "k1"})


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app = create_app(
        Config(db=":memory:"),
        replace(load_preset_workspace("guide"), oauth_application=APPLICATION),
    )
    yield app.test_client()
    app.extensions["emulator"].store.close()


def request_token(client: FlaskClient, **form: str) -> tuple[int, Any]:
    response = client.post("/token", data=FORM | form)
    return response.status_code, response.json


@pytest.mark.observed
def test_a_signed_assertion_is_exchanged_for_a_token(client: FlaskClient) -> None:
    status, body = request_token(client, client_assertion=sign_assertion())
    token = body.pop("access_token")
    assert (status, body) == (200, {"expires_in": 3600, "token_type": "Bearer"})
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.post("/v1/track", json=CALL, headers=bearer).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error", "description"),
    [
        pytest.param(
            lambda: {"client_assertion": sign_assertion(exp=time.time() - 1)},
            *(400, "invalid_request", "Token is expired"),
            id="expired",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            lambda: {
                "client_assertion": sign_assertion(iat=time.time() + 900, exp=time.time() + 960)
            },
            *(400, "invalid_request", "Token used before issued"),
            id="of the future",
            marks=pytest.mark.observed,
        ),
        pytest.param(
            lambda: {"client_assertion": sign_assertion(sub="another")},
            *(401, "invalid_client", "its subject is not the clientId of the workspace"),
            id="another application",
        ),
        pytest.param(
            lambda: {"client_assertion": sign_assertion(jti=None)},
            *(401, "invalid_client", 'Token is missing the "jti" claim'),
            id="without an id",
        ),
        pytest.param(
            lambda: {"client_assertion": sign_assertion("s" * 64, "HS256")},
            *(401, "invalid_client", "The specified alg value is not allowed"),
            id="another algorithm",
        ),
        pytest.param(
            lambda: {"client_assertion": "x.y.z"},
            *(401, "invalid_client", "Invalid header padding"),
            id="no JWT",
        ),
        pytest.param(dict, *(400, "invalid_request", "it is missing"), id="no assertion"),
        pytest.param(
            lambda: {"client_assertion": sign_assertion(), "scope": "functions:write"},
            *(400, "invalid_scope", "this scope is not given"),
            id="another scope",
        ),
        pytest.param(
            lambda: {"grant_type": "password"},
            *(400, "invalid_request", "grant_type is not 'client_credentials'"),
            id="another grant",
        ),
    ],
)
def test_an_error_response_has_both_oauth_members(
    client: FlaskClient,
    form: Callable[[], dict[str, str]],
    status: int,
    error: str,
    description: str,
) -> None:
    # Signed now, not when tests are collected: that may have been long ago.
    actual_status, body = request_token(client, **form())
    del body["detail"]
    assert (actual_status, body) == (status, {"error": error, "error_description": description})


def test_a_body_that_is_not_a_form_is_refused(client: FlaskClient) -> None:
    response = client.post("/token", json=FORM)
    assert (response.status_code, response.json["error"]) == (415, "invalid_request")  # type: ignore[index]  # JSON


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch"])
@pytest.mark.parametrize("token", ["", "x", "9999999999.00", "9999999999.é", "x." + "0" * 64])
def test_a_forged_token_is_refused(client: FlaskClient, path: str, token: str) -> None:
    response = client.post(path, json=CALL, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert client.get("/emulator/v1/messages").json == {"messages": [], "next": None}


def test_a_token_is_valid_for_an_hour_even_after_a_restart() -> None:
    response = TokenIssuer("key", None).exchange_assertion(
        FORM | {"client_assertion": "any"}, 1000.5
    )
    authorization = f"Bearer {response['access_token']}"
    restarted = TokenIssuer("key", APPLICATION)
    restarted.check_authorization(authorization, 1000 + TOKEN_LIFETIME_S - 1)
    with pytest.raises(IngestError, match="this token has expired"):
        restarted.check_authorization(authorization, 1000 + TOKEN_LIFETIME_S)
    with pytest.raises(IngestError, match="this token was not issued here"):
        TokenIssuer("another key", APPLICATION).check_authorization(authorization, 1000)


@pytest.mark.parametrize(
    "authorization", [None, "Basic " + base64.b64encode(b"wk_demo:").decode(), "Bearer any"]
)
def test_any_bearer_token_is_accepted_without_an_application(authorization: str | None) -> None:
    TokenIssuer("key", None).check_authorization(authorization, 0)


@pytest.mark.parametrize(
    ("pem", "what"),
    [("none", "this is no public key"), (PRIVATE.decode(), "this is a private key")],
)
def test_an_unusable_key_is_an_error_at_the_start(pem: str, what: str) -> None:
    with pytest.raises(EmulatorError) as error:
        TokenIssuer("key", OAuthApplication("shop-app", pem))
    assert (error.value.what, error.value.where) == (what, "oauth.publicKey")
