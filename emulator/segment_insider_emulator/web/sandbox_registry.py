"""Registry of sandboxes: creates, finds, deletes and rebuilds them, and deletes idle ones."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock, RLock
from typing import Final

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.storage.database import Engine, hold_advisory_locks
from segment_insider_emulator.storage.postgres import close_unused_connections
from segment_insider_emulator.storage.sandboxes import (
    SandboxRecord,
    SandboxStore,
    create_sandbox_database,
    delete_sandbox_database,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.access import Team
from segment_insider_emulator.web.sandbox_creation import (
    DEFAULT_SANDBOX_ID,
    WORKSPACE_FIELD,
    build_sandbox_record,
    check_sandbox_keys_are_unique,
    check_sandbox_quota,
    load_requested_workspace,
)
from segment_insider_emulator.web.services import SandboxServices, SandboxState
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.model import replace_write_key_and_account

log = logging.getLogger(__name__)
SANDBOX_LIST_LOCK: Final = ("sandboxes",)
CHECKS_PER_IDLE_PERIOD: Final = 50  # a sandbox may be deleted up to 1/50 of the period too early
NEVER_USED: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One sandbox: its stored record and its service objects."""

    record: SandboxRecord
    services: SandboxServices


class SandboxRegistry:
    """The sandboxes of one process, synchronised with other processes of the same database.

    Args:
        default: Services of the default sandbox.
        build_services: Builds services for a workspace; also gets the requested document or preset.
        open_state: Opens the database and clock of a sandbox.
        record_store: Records of the created sandboxes, which are opened again here.
        default_owner: The team that owns the default sandbox.
    Raises: EmulatorError, when a sandbox cannot be opened.
    """

    def __init__(
        self,
        default: SandboxServices,
        build_services: Callable[
            [Workspace, SandboxState, JSONObject | str | None], SandboxServices
        ],
        open_state: Callable[[str], SandboxState],
        record_store: SandboxStore,
        clock: Clock,
        default_owner: str | None = None,
    ) -> None:
        workspace = self._default_workspace = default.workspace
        record = SandboxRecord(
            DEFAULT_SANDBOX_ID,
            None,
            workspace.write_key,
            workspace.account_name,
            workspace.account_key,
            format_iso_utc(clock()),
            default_owner,
        )
        self.default = Sandbox(record, default)
        self._build_services, self._open_state = build_services, open_state
        self._record_store, self._clock = record_store, clock
        self._lock = RLock()
        self.created_by_id: dict[str, Sandbox] = {}
        self._by_write_key: dict[str, Sandbox] = {}
        self._by_account: dict[str, Sandbox] = {}
        self._change_marker, self._loaded_marker = object(), object()
        self._guard = default.shared_state.create_state_guard("sandboxes", self)
        self.is_multi_process = default.shared_state.is_multi_process
        self.load_changes_of_other_processes()

    def list_sandboxes(self) -> list[Sandbox]:
        """Return the default sandbox, then the others in the order of their creation."""
        return [self.default, *self.created_by_id.values()]

    def get_sandbox(self, id: str) -> Sandbox | None:
        """Return the sandbox *id*; None if there is none."""
        return self.default if id == DEFAULT_SANDBOX_ID else self.created_by_id.get(id)

    def find_by_write_key(self, write_key: str) -> Sandbox | None:
        """Return the created sandbox with *write_key*; None if there is none."""
        return self._by_write_key.get(write_key)

    def find_by_account(self, account: str) -> Sandbox | None:
        """Return the created sandbox with this Insider One account; None if there is none."""
        return self._by_account.get(account)

    def create_sandbox(
        self,
        *,
        id: str | None = None,
        workspace: JSONObject | str | None = None,
        write_key: str | None = None,
        account: str | None = None,
        key: str | None = None,
        team: Team | None = None,
    ) -> Sandbox:
        """Create a sandbox and store it; settings that are None are generated and unique.

        Args:
            workspace: A document, the name of a preset, or None for the emulator's own.
            account, key: Of Insider One.
            team: The owner.
        Raises: ConflictError; EmulatorError, when a setting is invalid.
        """
        record = build_sandbox_record(
            id=id,
            workspace=workspace,
            write_key=write_key,
            account=account,
            key=key,
            created_at=format_iso_utc(self._clock()),
            team=team.name if team else None,
        )
        with self._lock_registry():
            existing = [sandbox.record for sandbox in self.created_by_id.values()]
            check_sandbox_quota(team, existing)
            check_sandbox_keys_are_unique(
                record, existing, self.default.services.workspace, self._main_engine
            )
            try:
                sandbox = Sandbox(
                    record, self._open_database_and_build_services(record, WORKSPACE_FIELD)
                )
            except EmulatorError:
                delete_sandbox_database(self._main_engine, record.id)
                raise
            with self._guard.lock_for_update:
                self._record_store.add_sandbox(record)
            self._register_sandbox(sandbox)
        return sandbox

    @contextmanager
    def replace_workspace(
        self,
        services: SandboxServices,
        workspace: Workspace | None,
        requested: JSONObject | str | None,
    ) -> Iterator[SandboxServices]:
        """Replace the workspace of a sandbox, given by its *services*, unless the with block fails.

        During the block no sandbox is created or deleted. The sandbox keeps its data and keys;
        injected faults and changes made in the panels are lost.

        Args:
            workspace: None for the emulator's own.
            requested: Document or preset to load after a restart; the default sandbox then loads
                its file again.
        Yields: The new services.
        Raises: ConflictError, when the sandbox has been deleted.
        """
        with self._lock_registry(), ExitStack() as undo:
            old = self._find_by_services(services)
            record = replace(old.record, workspace=requested)
            old.services.stop_workers()  # the new services continue with queued work
            undo.callback(self._rebuild_stopped_services, old)
            new = self._build_sandbox(record, workspace, old.services)
            undo.callback(new.services.stop_workers)
            yield new.services
            new.services.clear_all_faults()
            new.services.endpoint.reset_limits_and_retention()
            if old is not self.default:
                self._record_store.update_sandbox_workspace(record)
            new.services.workspace_version.publish_workspace()
            self._register_sandbox(new)
            undo.pop_all()

    def delete_sandbox(self, id: str, *, unused_since: str | None = None) -> bool:
        """Delete a sandbox with everything in it; returns whether it existed.

        Args:
            unused_since: Delete it only if it was not used since that time, ISO 8601.
        Raises: ConflictError, for the default sandbox.
        """
        if id == DEFAULT_SANDBOX_ID:
            remedy = "Reset it with POST /emulator/v1/sandboxes/default/reset."
            raise ConflictError("the default sandbox cannot be deleted", DEFAULT_SANDBOX_ID, remedy)
        with self._lock_registry():
            if id not in self.created_by_id:
                return False
            with self._guard.lock_for_update:
                is_deleted = self._record_store.delete_sandbox(id, unused_since)
            if not is_deleted:
                return False
            self._close_sandbox(id)
            delete_sandbox_database(self._main_engine, id)
        return True

    def load_changes_of_other_processes(self) -> None:
        """Load sandboxes that other processes created, and close those they deleted."""
        shared_state = self.default.services.shared_state
        if shared_state.is_multi_process:
            shared_state.refresh_from_database()
        if self._loaded_marker is not self._change_marker:
            with self._lock_registry():
                pass

    def rebuild_sandbox_if_stale(self, sandbox: Sandbox) -> Sandbox:
        """Return *sandbox*, rebuilt first if another process replaced its workspace."""
        services = sandbox.services
        if sandbox is not self.default:
            services.shared_state.refresh_from_database()
        if not services.workspace_version.is_stale:
            return sandbox
        with self._lock_registry():
            current = self._find_by_services(services)
            return (
                self._rebuild_sandbox(current)
                if current.services.workspace_version.is_stale
                else current
            )

    def export_state(self) -> JSONObject:
        """Return an empty shared state: the list of sandboxes is in the database."""
        return {}

    def load_state(self, state: JSONObject) -> None:
        """Note that another process has created or deleted a sandbox."""
        self._change_marker = object()

    def close(self) -> None:
        """Finish the work of all sandboxes and close their databases."""
        for sandbox in reversed(self.list_sandboxes()):
            sandbox.services.close()

    @property
    def _main_engine(self) -> Engine:
        return self.default.services.engine

    @contextmanager
    def _lock_registry(self) -> Iterator[None]:
        """Hold the lock on the sandbox registry that all processes share."""
        with self._lock, hold_advisory_locks(self._main_engine, SANDBOX_LIST_LOCK):
            self.default.services.shared_state.refresh_from_database()
            self._load_sandbox_changes()
            yield

    def _load_sandbox_changes(self) -> None:
        change_marker = self._change_marker
        if change_marker is self._loaded_marker:
            return
        records = {record.id: record for record in self._record_store.list_sandboxes()}
        for known in list(self.created_by_id.values()):
            record_now = records.get(known.record.id)
            if (
                record_now is None
                or replace(record_now, workspace=known.record.workspace) != known.record
            ):
                self._close_sandbox(known.record.id)
        for id, record in records.items():
            if id not in self.created_by_id:
                services = self._open_database_and_build_services(record, f"sandbox {id}")
                # At start there may be many sandboxes, and few of them are used.
                close_unused_connections(services.engine)
                self._register_sandbox(Sandbox(record, services))
        self._loaded_marker = change_marker

    def _rebuild_sandbox(self, sandbox: Sandbox) -> Sandbox:
        """Rebuild a sandbox with the workspace that another process has given it."""
        requested = sandbox.services.workspace_version.latest
        new = self._build_sandbox(
            replace(sandbox.record, workspace=requested),
            load_requested_workspace(requested),
            sandbox.services,
        )
        # New services start with the state of an empty sandbox.
        new.services.shared_state.refresh_from_database()
        sandbox.services.stop_workers()
        self._register_sandbox(new)
        return new

    def _close_sandbox(self, id: str) -> None:
        sandbox = self.created_by_id.pop(id)
        del self._by_write_key[sandbox.record.write_key]
        del self._by_account[sandbox.record.account]
        sandbox.services.close()

    def _open_database_and_build_services(
        self, record: SandboxRecord, where: str
    ) -> SandboxServices:
        workspace = load_requested_workspace(record.workspace, where) or self._default_workspace
        state = self._open_state(create_sandbox_database(self._main_engine, record.id))
        try:
            return self._build_services(
                _use_sandbox_keys_in_workspace(workspace, record), state, record.workspace
            )
        except EmulatorError:
            state.store.close()
            raise

    def _build_sandbox(
        self, record: SandboxRecord, workspace: Workspace | None, previous: SandboxServices
    ) -> Sandbox:
        workspace_with_keys = _use_sandbox_keys_in_workspace(
            workspace or self._default_workspace, record
        )
        return Sandbox(
            record,
            self._build_services(workspace_with_keys, previous.sandbox_state, record.workspace),
        )

    def _rebuild_stopped_services(self, sandbox: Sandbox) -> None:
        """Build the stopped services of a sandbox again, if they include background workers."""
        services = sandbox.services
        if (
            services.queue.is_worker_started
            or services.retention_worker
            or services.shared_state.is_multi_process
        ):
            self._register_sandbox(
                self._build_sandbox(sandbox.record, services.workspace, services)
            )

    def _find_by_services(self, services: SandboxServices) -> Sandbox:
        """Return the sandbox that has or had these *services*, before a change of its workspace."""
        for sandbox in self.list_sandboxes():
            if sandbox.services.engine is services.engine:
                return sandbox
        raise ConflictError("the sandbox has been deleted", "sandbox", "Create it again.")

    def _register_sandbox(self, sandbox: Sandbox) -> None:
        if sandbox.record.id == DEFAULT_SANDBOX_ID:
            self.default = sandbox
            return
        self.created_by_id[sandbox.record.id] = sandbox
        self._by_write_key[sandbox.record.write_key] = sandbox
        self._by_account[sandbox.record.account] = sandbox


class SandboxExpiry:
    """Deletes sandboxes that were not used for longer than *max_idle*.

    It runs when a request arrives. All periods start again when a process starts, because uses are
    not recorded without one.
    Raises: DatabaseUnavailable.
    """

    def __init__(
        self,
        registry: SandboxRegistry,
        record_store: SandboxStore,
        max_idle: timedelta,
        clock: Clock,
    ) -> None:
        self._registry, self._record_store = registry, record_store
        self._max_idle, self._clock = max_idle, clock
        self._sweep_lock = Lock()
        self._last_sweep_at = clock()
        self._last_recorded_at: dict[str, datetime] = {}
        record_store.mark_all_sandboxes_used(format_iso_utc(clock()))

    def record_sandbox_use(self, id: str) -> None:
        """Record that a sandbox is used now, and delete idle sandboxes."""
        now, precision = self._clock(), self._max_idle / CHECKS_PER_IDLE_PERIOD
        if (
            id != DEFAULT_SANDBOX_ID
            and now - self._last_recorded_at.get(id, NEVER_USED) >= precision
        ):
            self._record_store.mark_sandbox_used(id, format_iso_utc(now))
            self._last_recorded_at[id] = now
        if now - self._last_sweep_at >= precision and self._sweep_lock.acquire(blocking=False):
            try:
                self._delete_idle_sandboxes(now)
            finally:
                self._sweep_lock.release()

    def _delete_idle_sandboxes(self, now: datetime) -> None:
        self._last_sweep_at = now
        since = format_iso_utc(now - self._max_idle)
        for id in self._record_store.list_idle_sandbox_ids(since):
            # Deleting the previous one takes time, in which this one may have been used.
            if self._registry.delete_sandbox(id, unused_since=since):
                log.info("expired sandbox=%s", id)
            self._last_recorded_at.pop(id, None)


def _use_sandbox_keys_in_workspace(workspace: Workspace, record: SandboxRecord) -> Workspace:
    return replace_write_key_and_account(workspace, record.write_key, record.account, record.key)
