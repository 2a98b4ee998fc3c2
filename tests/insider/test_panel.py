"""Integrations of the InOne panel: who may change them, and which keys open the account."""

import weakref
from itertools import count
from pathlib import Path

import pytest
from account import NOW

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account import IntegrationPanel, RoleNotPermitted
from segment_insider_emulator.storage.database import open_database
from segment_insider_emulator.storage.panel_settings import IntegrationStore

LATER = "2026-11-23T10:00:00.000Z"
UNKNOWN = "X-REQUEST-TOKEN is not a key of this account: enter the API Key that the panel showed."
REVOKED = (
    "The key of integration {name!r} was revoked at 2026-11-23T10:00:00.000Z: "
    "create an integration in the panel and enter its key as API Key."
)


def create_panel(url: str = ":memory:", account_key: str = "test-key") -> IntegrationPanel:
    numbers, engine = count(1), open_database(url)
    new_panel = IntegrationPanel(
        "mybrand",
        account_key,
        IntegrationStore(engine),
        lambda: NOW,
        generate_key=lambda: f"key-{next(numbers)}",
    )
    weakref.finalize(new_panel, engine.dispose)
    return new_panel


def list_states(panel: IntegrationPanel) -> list[tuple[str, str | None]]:
    return [(integration.name, integration.revoked_at) for integration in panel.list_integrations()]


@pytest.mark.documented
@pytest.mark.parametrize("role", ["Administrator", "Editor with PII access"])
def test_these_roles_may_change_integrations(role: str) -> None:
    panel = create_panel()
    integration, key = panel.create_integration("Web shop", "Source", role)
    assert (integration.created_by, panel.explain_key_rejection(key)) == (role, None)
    assert panel.revoke_integration(integration.id, role) is not None


@pytest.mark.documented
@pytest.mark.parametrize(
    ("role", "role_text"),
    [
        ("Editor", "the role 'Editor'"),
        ("Viewer", "the role 'Viewer'"),
        ("administrator", "the role 'administrator'"),
        ("", "no role"),
    ],
)
def test_every_other_role_is_refused_with_one_sentence(role: str, role_text: str) -> None:
    panel = create_panel()
    before = list_states(panel)
    for change in (
        lambda: panel.create_integration("Web shop", "Source", role),
        lambda: panel.revoke_integration(1, role),
    ):
        with pytest.raises(RoleNotPermitted) as error:
            change()
        assert str(error.value) == (
            f"role: a user with {role_text} cannot make changes to External Platform Integrations. "
            "Use the role Administrator or Editor with PII access."
        )
    assert list_states(panel) == before


@pytest.mark.parametrize(
    ("name", "kind", "complaint"),
    [
        pytest.param(
            "  ", "Source", "name: the Integration Name is empty. Give it a name.", id="no name"
        ),
        pytest.param(
            "Web shop",
            "Destination",
            "type: an integration of type 'Destination' does not receive events. "
            "Select 'Source' as the Integration Type.",
            id="another direction",
        ),
    ],
)
def test_an_invalid_form_is_refused(name: str, kind: str, complaint: str) -> None:
    with pytest.raises(EmulatorError) as error:
        create_panel().create_integration(name, kind, "Administrator")
    assert str(error.value) == complaint


@pytest.mark.assumed
def test_the_key_of_the_workspace_file_works_until_it_is_revoked() -> None:
    panel = create_panel()
    (integration,) = panel.list_integrations()
    assert (panel.explain_key_rejection("test-key"), integration.origin, integration.key_shown) == (
        None,
        "workspace",
        "…",
    )
    panel.revoke_integration(integration.id, "Administrator")
    assert panel.explain_key_rejection("test-key") == REVOKED.format(name="Workspace file")


@pytest.mark.assumed
def test_a_revoked_key_stays_revoked_and_other_keys_still_work() -> None:
    panel = create_panel()
    first, _ = panel.create_integration("First", "Source", "Administrator")
    panel.create_integration("Second", "Source", "Administrator")
    assert panel.revoke_integration(first.id, "Administrator") == panel.revoke_integration(
        first.id, "Administrator"
    )
    assert [panel.explain_key_rejection(key) for key in ("key-1", "key-2", "test-key")] == [
        REVOKED.format(name="First"),
        None,
        None,
    ]
    assert list_states(panel) == [("Workspace file", None), ("First", LATER), ("Second", None)]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "X-REQUEST-TOKEN is empty: enter the API Key that the panel showed."),
        ("wrong", UNKNOWN),
        ("TEST-KEY", UNKNOWN),
        ("Schlüssel", UNKNOWN),
    ],
)
def test_an_unknown_key_is_rejected_with_a_reason(key: str, reason: str) -> None:
    assert create_panel().explain_key_rejection(key) == reason


def test_an_unknown_integration_cannot_be_revoked() -> None:
    assert create_panel().revoke_integration(99, "Administrator") is None


def test_integrations_survive_a_restart_and_no_key_is_stored(tmp_path: Path) -> None:
    db = tmp_path / "panel.db"
    panel = create_panel(str(db))
    panel.create_integration("Web shop", "Source", "Administrator")
    panel.revoke_integration(panel.list_integrations()[0].id, "Administrator")
    reopened = create_panel(str(db))
    assert reopened.list_integrations() == panel.list_integrations()
    assert [reopened.explain_key_rejection(key) for key in ("key-1", "test-key")] == [
        None,
        REVOKED.format(name="Workspace file"),
    ]
    file_content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [key for key in (b"key-1", b"test-key") if key in file_content] == []


def test_a_key_removed_from_the_workspace_file_no_longer_works(tmp_path: Path) -> None:
    db = str(tmp_path / "panel.db")
    create_panel(db)
    reopened = create_panel(db, account_key="another-key")
    assert [reopened.explain_key_rejection(key) for key in ("test-key", "another-key")] == [
        UNKNOWN,
        None,
    ]
    assert list_states(reopened) == [("Workspace file", None)]


def test_reset_restores_only_the_integration_of_the_workspace_file() -> None:
    panel = create_panel()
    panel.create_integration("Web shop", "Source", "Administrator")
    panel.revoke_integration(panel.list_integrations()[0].id, "Administrator")
    panel.reset_integrations()
    assert [panel.explain_key_rejection(key) for key in ("key-1", "test-key")] == [UNKNOWN, None]
    assert list_states(panel) == [("Workspace file", None)]


def test_keys_are_not_guessable() -> None:
    engine = open_database(":memory:")
    panel = IntegrationPanel("mybrand", "test-key", IntegrationStore(engine), lambda: NOW)
    keys = {panel.create_integration("Shop", "Source", "Administrator")[1] for _ in range(3)}
    engine.dispose()
    assert [len(key) for key in keys] == [48, 48, 48]
