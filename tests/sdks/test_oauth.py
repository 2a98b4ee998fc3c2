"""The token flow of the SDKs that have one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sdks.sdk_emulator import End, running
from sdks.sdk_senders import NodeSdk, with_python
from segment_insider_emulator.workspace import load_preset
from segment_insider_emulator.workspace.model import OAuthApplication

CALLS = [("track", "Giraffe Fed", {"leaves": 3})]


def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY = private_key()


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def guarded(cache: Path) -> Iterator[End]:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    oauth = OAuthApplication("shop-app", public.decode())
    with running(cache, replace(load_preset("guide"), oauth_application=oauth)) as emulator:
        yield emulator


def for_python(url: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {
        "oauth_client_id": "shop-app",
        "oauth_client_key": pem(key),
        "oauth_key_id": "k1",
        "oauth_auth_server": url,
    }


def for_node(url: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    settings = {"clientId": "shop-app", "clientKey": pem(key), "keyId": "k1", "authServer": url}
    return {"oauthSettings": {**settings, "maxRetries": 1}, "maxRetries": 1}


@pytest.mark.observed
def test_the_python_sdk_gets_a_token(guarded: End) -> None:
    assert with_python(guarded.url, CALLS, **for_python(guarded.url, KEY)) == []
    assert guarded.came() == ["accepted"]


@pytest.mark.observed
def test_the_node_sdk_gets_a_token(guarded: End, node_sdk: NodeSdk) -> None:
    assert node_sdk(guarded.url, CALLS, **for_node(guarded.url, KEY)) == []
    assert guarded.came() == ["accepted"]


@pytest.mark.observed
def test_the_python_sdk_tells_of_a_key_that_is_not_the_application_s(guarded: End) -> None:
    failures = with_python(guarded.url, CALLS, **for_python(guarded.url, private_key()))
    assert failures == ["[Segment] invalid_client: Signature verification failed (401)"]
    assert guarded.came() == []


@pytest.mark.observed
def test_the_node_sdk_tells_of_a_key_that_is_not_the_application_s(
    guarded: End, node_sdk: NodeSdk
) -> None:
    options = for_node(guarded.url, private_key())
    assert node_sdk(guarded.url, CALLS, **options) == ["delivery_failure"]
    assert guarded.came() == []
