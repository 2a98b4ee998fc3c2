"""The token flow of the SDKs that have one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sdks.sdk_emulator import SdkEmulator, run_emulator
from sdks.sdk_senders import NodeSdk, send_with_python_sdk
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.model import OAuthApplication

CALLS = [("track", "Giraffe Fed", {"leaves": 3})]


def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY = private_key()


def to_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def guarded(cache: Path) -> Iterator[SdkEmulator]:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    oauth = OAuthApplication("shop-app", public.decode())
    with run_emulator(
        cache, replace(load_preset_workspace("guide"), oauth_application=oauth)
    ) as emulator:
        yield emulator


def python_oauth_options(url: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {
        "oauth_client_id": "shop-app",
        "oauth_client_key": to_pem(key),
        "oauth_key_id": "k1",
        "oauth_auth_server": url,
    }


def node_oauth_options(url: str, key: rsa.RSAPrivateKey) -> dict[str, Any]:
    settings = {"clientId": "shop-app", "clientKey": to_pem(key), "keyId": "k1", "authServer": url}
    return {"oauthSettings": {**settings, "maxRetries": 1}, "maxRetries": 1}


@pytest.mark.observed
def test_the_python_sdk_gets_a_token(guarded: SdkEmulator) -> None:
    assert send_with_python_sdk(guarded.url, CALLS, **python_oauth_options(guarded.url, KEY)) == []
    assert guarded.list_verdicts() == ["accepted"]


@pytest.mark.observed
def test_the_node_sdk_gets_a_token(guarded: SdkEmulator, node_sdk: NodeSdk) -> None:
    assert node_sdk(guarded.url, CALLS, **node_oauth_options(guarded.url, KEY)) == []
    assert guarded.list_verdicts() == ["accepted"]


@pytest.mark.observed
def test_the_python_sdk_reports_a_key_of_another_application(guarded: SdkEmulator) -> None:
    failures = send_with_python_sdk(
        guarded.url, CALLS, **python_oauth_options(guarded.url, private_key())
    )
    assert failures == ["[Segment] invalid_client: Signature verification failed (401)"]
    assert guarded.list_verdicts() == []


@pytest.mark.extended
@pytest.mark.observed
def test_the_node_sdk_reports_a_key_of_another_application(
    guarded: SdkEmulator, node_sdk: NodeSdk
) -> None:
    options = node_oauth_options(guarded.url, private_key())
    assert node_sdk(guarded.url, CALLS, **options) == ["delivery_failure"]
    assert guarded.list_verdicts() == []
