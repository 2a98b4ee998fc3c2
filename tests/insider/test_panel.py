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


def panel(url: str = ":memory:", account_key: str = "test-key") -> IntegrationPanel:
    numbers, engine = count(1), open_database(url)
    opened = IntegrationPanel(
        "mybrand",
        account_key,
        IntegrationStore(engine),
        lambda: NOW,
        generate_key=lambda: f"key-{next(numbers)}",
    )
    weakref.finalize(opened, engine.dispose)
    return opened


def states(own: IntegrationPanel) -> list[tuple[str, str | None]]:
    return [(each.name, each.revoked_at) for each in own.list_integrations()]


@pytest.mark.documented
@pytest.mark.parametrize("role", ["Administrator", "Editor with PII access"])
def test_these_roles_may_change_integrations(role: str) -> None:
    own = panel()
    made, key = own.create_integration("Web shop", "Source", role)
    assert (made.created_by, own.explain_key_rejection(key)) == (role, None)
    assert own.revoke_integration(made.id, role) is not None


@pytest.mark.documented
@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("Editor", "the role 'Editor'"),
        ("Viewer", "the role 'Viewer'"),
        ("administrator", "the role 'administrator'"),
        ("", "no role"),
    ],
)
def test_every_other_role_is_refused_in_one_sentence(role: str, said: str) -> None:
    own = panel()
    before = states(own)
    for change in (
        lambda: own.create_integration("Web shop", "Source", role),
        lambda: own.revoke_integration(1, role),
    ):
        with pytest.raises(RoleNotPermitted) as refused:
            change()
        assert str(refused.value) == (
            f"role: a user with {said} cannot make changes to External Platform Integrations. "
            "Use the role Administrator or Editor with PII access."
        )
    assert states(own) == before


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
def test_a_form_that_cannot_be_saved(name: str, kind: str, complaint: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        panel().create_integration(name, kind, "Administrator")
    assert str(refused.value) == complaint


@pytest.mark.assumed
def test_the_key_of_the_workspace_file_works_until_it_is_revoked() -> None:
    own = panel()
    (file,) = own.list_integrations()
    assert (own.explain_key_rejection("test-key"), file.origin, file.key_shown) == (
        None,
        "workspace",
        "te…",
    )
    own.revoke_integration(file.id, "Administrator")
    assert own.explain_key_rejection("test-key") == REVOKED.format(name="Workspace file")


@pytest.mark.assumed
def test_a_revoked_key_stays_revoked_and_others_go_on() -> None:
    own = panel()
    first, _ = own.create_integration("First", "Source", "Administrator")
    own.create_integration("Second", "Source", "Administrator")
    assert own.revoke_integration(first.id, "Administrator") == own.revoke_integration(
        first.id, "Administrator"
    )
    assert [own.explain_key_rejection(key) for key in ("key-1", "key-2", "test-key")] == [
        REVOKED.format(name="First"),
        None,
        None,
    ]
    assert states(own) == [("Workspace file", None), ("First", LATER), ("Second", None)]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "X-REQUEST-TOKEN is empty: enter the API Key that the panel showed."),
        ("wrong", UNKNOWN),
        ("TEST-KEY", UNKNOWN),
        ("Schlüssel", UNKNOWN),
    ],
)
def test_another_key_does_not_open_the_account(key: str, why: str) -> None:
    assert panel().explain_key_rejection(key) == why


def test_an_unknown_integration_cannot_be_revoked() -> None:
    assert panel().revoke_integration(99, "Administrator") is None


def test_integrations_survive_a_restart_and_no_key_is_stored(tmp_path: Path) -> None:
    db = tmp_path / "kept.db"
    own = panel(str(db))
    own.create_integration("Web shop", "Source", "Administrator")
    own.revoke_integration(own.list_integrations()[0].id, "Administrator")
    again = panel(str(db))
    assert again.list_integrations() == own.list_integrations()
    assert [again.explain_key_rejection(key) for key in ("key-1", "test-key")] == [
        None,
        REVOKED.format(name="Workspace file"),
    ]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [key for key in (b"key-1", b"test-key") if key in kept] == []


def test_a_key_that_left_the_workspace_file_works_no_more(tmp_path: Path) -> None:
    db = str(tmp_path / "kept.db")
    panel(db)
    again = panel(db, account_key="another-key")
    assert [again.explain_key_rejection(key) for key in ("test-key", "another-key")] == [
        UNKNOWN,
        None,
    ]
    assert states(again) == [("Workspace file", None)]


def test_reset_leaves_the_workspace_file_s_integration() -> None:
    own = panel()
    own.create_integration("Web shop", "Source", "Administrator")
    own.revoke_integration(own.list_integrations()[0].id, "Administrator")
    own.reset_integrations()
    assert [own.explain_key_rejection(key) for key in ("key-1", "test-key")] == [UNKNOWN, None]
    assert states(own) == [("Workspace file", None)]


def test_keys_are_not_guessable() -> None:
    engine = open_database(":memory:")
    own = IntegrationPanel("mybrand", "test-key", IntegrationStore(engine), lambda: NOW)
    keys = {own.create_integration("Shop", "Source", "Administrator")[1] for _ in range(3)}
    engine.dispose()
    assert [len(key) for key in keys] == [48, 48, 48]
