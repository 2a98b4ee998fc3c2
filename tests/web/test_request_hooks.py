"""One ordered list says what runs before and after every view."""

import pytest
from flask import Flask

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.web.request_hooks import (
    BEFORE_VIEW,
    run_hooks_after_view,
    run_hooks_before_view,
)
from segment_insider_emulator.workspace import load_preset_workspace


def create_emulator() -> Flask:
    return create_app(Config(db=":memory:"), load_preset_workspace("guide"))


def test_hooks_of_all_views_are_those_of_the_list_in_its_order() -> None:
    app = create_emulator()
    assert app.before_request_funcs[None] == [run_hooks_before_view]
    assert app.after_request_funcs[None] == [run_hooks_after_view]


def test_access_is_checked_before_a_sandbox_is_selected() -> None:
    names = [hook.__name__ for hook in BEFORE_VIEW]
    assert names.index("check_access") < names.index("select_sandbox_of_request")


def test_a_sandbox_is_selected_before_anything_reads_it() -> None:
    names = [hook.__name__ for hook in BEFORE_VIEW]
    assert names.index("select_sandbox_of_request") < names.index("run_due_journey_steps")


@pytest.mark.parametrize(
    ("host", "method", "path", "status", "named"),
    [
        ("sms.useinsider.com", "POST", "/v1/send", 501, "sms.useinsider.com/v1/send"),
        ("SMS.useinsider.com:443", "POST", "/v1/send", 501, "sms.useinsider.com/v1/send"),
        ("catalog.api.useinsider.com", "POST", "/v2/ingest", 501, "the product catalogue"),
        ("recommendation.api.useinsider.com", "GET", "/v2/trending", 501, "recommendation.api"),
        ("unification.useinsider.com", "POST", "/api/raw/v1/export", 501, "/api/raw/v1/export"),
        ("localhost", "POST", "/api/user/v3/metadata/columns", 501, "/api/user/v3/metadata"),
        ("analytics.api.useinsider.com", "GET", "/email/v1/overall", 501, "/email/v1/overall"),
        ("contact.useinsider.com", "GET", "/", 404, "contact.useinsider.com/"),
        ("contact.useinsider.com", "POST", "/emulator/v1/reset", 404, "/emulator/v1/reset"),
        ("mail.useinsider.com", "POST", "/v1/track/nowhere", 404, "mail.useinsider.com/v1/track"),
        ("localhost", "POST", "/whatsapp/v3/x", 404, "/whatsapp/v3/x"),
    ],
)
def test_an_address_that_is_not_imitated_is_named(
    host: str, method: str, path: str, status: int, named: str
) -> None:
    client = create_emulator().test_client()
    response = client.open(path, method=method, headers={"Host": host})
    assert (response.status_code, response.mimetype) == (status, "application/json")
    assert response.json
    text = response.json["error"]
    assert ("does not imitate" in text, named in text) == (True, True)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("contact.useinsider.com", "/email/v1/unsubscribe"),
        ("mobile.useinsider.com", "/api/v1/privacy/gdpr/consent/set"),
        ("unification.useinsider.com", "/api/user/v1/upsert"),
        ("localhost", "/sandboxes/default/sms/v2/subscribe"),
    ],
)
def test_the_hosts_of_imitated_addresses_reach_them(host: str, path: str) -> None:
    response = create_emulator().test_client().post(path, json={}, headers={"Host": host})
    assert response.status_code in (400, 401)
