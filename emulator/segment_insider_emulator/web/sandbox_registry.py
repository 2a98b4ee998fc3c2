"""Delete sandboxes that were not used for longer than --keep-sandboxes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock, RLock
from typing import Final

from segment_insider_emulator.clock import Clock, format_iso_utc
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.storage.database import Engine, advisory_locks
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
    check_quota,
    check_unique,
    load_requested_workspace,
    new_sandbox_record,
)
from segment_insider_emulator.web.services import SandboxServices, SandboxState
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.model import replace_keys

SANDBOX_LIST_LOCK: Final = ("sandboxes",)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One sandbox: its stored record and its services."""

    record: SandboxRecord
    services: SandboxServices


class SandboxRegistry:
    """The sandboxes of one process, synchronised with other processes of the same database.

    Args:
        default: Answers whatever names no other.
        make: Builds the parts for a workspace, of which it is told what was asked for.
        empty: Opens a database, with a clock beside it.
        store: Where those that were created are listed; they are opened again here.
        owner: The team that has the default one.
    Raises: EmulatorError, when one of those cannot be opened.
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
        own = self._default_workspace = default.workspace
        named = SandboxRecord(
            DEFAULT_SANDBOX_ID,
            None,
            own.write_key,
            own.account_name,
            own.account_key,
            format_iso_utc(clock()),
            default_owner,
        )
        self._default = Sandbox(named, default)
        self._build_services, self._open_state = build_services, open_state
        self._record_store, self._clock = record_store, clock
        self._lock = RLock()
        self._by_id: dict[str, Sandbox] = {}
        self._by_write_key: dict[str, Sandbox] = {}
        self._by_account: dict[str, Sandbox] = {}
        self._change_marker, self._loaded_marker = object(), object()
        self._guard = default.shared_state.create_guard("sandboxes", self)
        self.refresh()

    @property
    def default(self) -> Sandbox:
        """The sandbox that answers requests that name no other."""
        return self._default

    @property
    def has_only_default(self) -> bool:
        """Whether the default sandbox is the only one."""
        return not self._by_id

    def list(self) -> list[Sandbox]:
        """Return the default sandbox, then the others in the order of their creation."""
        return [self._default, *self._by_id.values()]

    def get(self, id: str) -> Sandbox | None:
        """Return the sandbox *id*; None if there is none."""
        return self._default if id == DEFAULT_SANDBOX_ID else self._by_id.get(id)

    def find_by_write_key(self, write_key: str) -> Sandbox | None:
        """Return the created sandbox with *write_key*; None if there is none."""
        return self._by_write_key.get(write_key)

    def find_by_account(self, account: str) -> Sandbox | None:
        """Return the created sandbox with this Insider One account; None if there is none."""
        return self._by_account.get(account)

    def create(
        self,
        *,
        id: str | None = None,
        workspace: JSONObject | str | None = None,
        write_key: str | None = None,
        account: str | None = None,
        key: str | None = None,
        team: Team | None = None,
    ) -> Sandbox:
        """Create a sandbox; settings that are None are generated and unique.

        Args:
            workspace: A document, the name of a preset, or None for the emulator's own.
            account, key: Of Insider One.
            team: Whose it is to be.
        Raises: Conflict; EmulatorError, when it cannot be made as asked.
        """
        wanted = new_sandbox_record(
            id=id,
            workspace=workspace,
            write_key=write_key,
            account=account,
            key=key,
            created_at=format_iso_utc(self._clock()),
            team=team.name if team else None,
        )
        with self._exclusive_access():
            others = [each.record for each in self._by_id.values()]
            check_quota(team, others)
            check_unique(wanted, others, self._default.services.workspace, self._engine)
            try:
                made = Sandbox(wanted, self._open_services(wanted, WORKSPACE_FIELD))
            except EmulatorError:
                delete_sandbox_database(self._engine, wanted.id)
                raise
            with self._guard.updating():
                self._record_store.add(wanted)
            self._register(made)
        return made

    @contextmanager
    def replace_workspace(
        self,
        services: SandboxServices,
        workspace: Workspace | None,
        requested: JSONObject | str | None,
    ) -> Iterator[SandboxServices]:
        """Give the sandbox of *own* another workspace, unless the block fails; nobody creates or
        ends one meanwhile.

        What it captured stays, its keys, too; faults and what the panels changed are gone.

        Args:
            workspace: None for the emulator's own.
            asked: What to open it with after a restart; the default sandbox has the file again.
        Yields: Its parts from then on.
        Raises: Conflict, when the sandbox was deleted meanwhile.
        """
        with self._exclusive_access(), ExitStack() as undo:
            old = self._find_by_services(services)
            wanted = replace(old.record, workspace=requested)
            old.services.stop()  # whoever comes after goes on with what waits
            undo.callback(self._restart_workers, old)
            new = self._build_sandbox(wanted, workspace, old.services)
            undo.callback(new.services.stop)
            yield new.services
            new.services.reset_faults()
            new.services.endpoint.reset()
            if old is not self._default:
                self._record_store.update_workspace(wanted)
            new.services.workspace_version.publish()
            self._register(new)
            undo.pop_all()

    def delete(self, id: str, *, unused_since: str | None = None) -> bool:
        """Delete a sandbox with everything in it; returns whether it existed.

        Args:
            unused_since: Only if nobody has asked for it since that time, ISO 8601.
        Raises: Conflict, for the default one.
        """
        if id == DEFAULT_SANDBOX_ID:
            remedy = "Start it afresh with POST /emulator/v1/sandboxes/default/reset."
            raise ConflictError(
                "the default sandbox stays as long as the emulator", DEFAULT_SANDBOX_ID, remedy
            )
        with self._exclusive_access():
            if id not in self._by_id:
                return False
            with self._guard.updating():
                forgotten = self._record_store.delete(id, unused_since)
            if not forgotten:
                return False
            self._close_sandbox(id)
            delete_sandbox_database(self._engine, id)
        return True

    def refresh(self) -> None:
        """Load sandboxes that other processes have created or deleted."""
        self._default.services.shared_state.refresh_from_database()
        if self._loaded_marker is not self._change_marker:
            with self._exclusive_access():
                pass

    def rebuild_if_stale(self, sandbox: Sandbox) -> Sandbox:
        """*sandbox* with all that other processes had done to it at the last `refresh` or
        later."""
        own = sandbox.services
        if sandbox is not self._default:
            own.shared_state.refresh_from_database()
        if not own.workspace_version.is_stale:
            return sandbox
        with self._exclusive_access():
            known = self._find_by_services(own)
            return self._rebuild(known) if known.services.workspace_version.is_stale else known

    def state(self) -> JSONObject:
        """Return an empty state for other processes: the list of sandboxes is in the database."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Note that another process has created or deleted a sandbox."""
        self._change_marker = object()

    def close(self) -> None:
        """Finish the work of all sandboxes and close their databases."""
        for each in reversed(self.list()):
            each.services.close()

    @property
    def _engine(self) -> Engine:
        return self._default.services.engine

    @contextmanager
    def _exclusive_access(self) -> Iterator[None]:
        """Hold the cross-process lock on the sandbox registry."""
        with self._lock, advisory_locks(self._engine, SANDBOX_LIST_LOCK):
            self._default.services.shared_state.refresh_from_database()
            self._load_changes()
            yield

    def _load_changes(self) -> None:
        changed = self._change_marker
        if changed is self._loaded_marker:
            return
        listed = {each.id: each for each in self._record_store.list_sandboxes()}
        for known in list(self._by_id.values()):
            now = listed.get(known.record.id)
            if now is None or replace(now, workspace=known.record.workspace) != known.record:
                self._close_sandbox(known.record.id)
        for id, made in listed.items():
            if id not in self._by_id:
                parts = self._open_services(made, f"sandbox {id}")
                close_unused_connections(
                    parts.engine
                )  # at the start there are many, and few that are asked for
                self._register(Sandbox(made, parts))
        self._loaded_marker = changed

    def _rebuild(self, sandbox: Sandbox) -> Sandbox:
        """Rebuild a sandbox with the workspace that another process has given it."""
        wanted = sandbox.services.workspace_version.latest
        new = self._build_sandbox(
            replace(sandbox.record, workspace=wanted),
            load_requested_workspace(wanted),
            sandbox.services,
        )
        new.services.shared_state.refresh_from_database()  # it begins with the state of a sandbox that is new
        sandbox.services.stop()
        self._register(new)
        return new

    def _close_sandbox(self, id: str) -> None:
        ended = self._by_id.pop(id)
        del self._by_write_key[ended.record.write_key]
        del self._by_account[ended.record.account]
        ended.services.close()

    def _open_services(self, record: SandboxRecord, where: str) -> SandboxServices:
        workspace = load_requested_workspace(record.workspace, where) or self._default_workspace
        kept = self._open_state(create_sandbox_database(self._engine, record.id))
        try:
            return self._build_services(
                _with_sandbox_keys(workspace, record), kept, record.workspace
            )
        except EmulatorError:
            kept.store.close()
            raise

    def _build_sandbox(
        self, record: SandboxRecord, workspace: Workspace | None, previous: SandboxServices
    ) -> Sandbox:
        keyed = _with_sandbox_keys(workspace or self._default_workspace, record)
        return Sandbox(record, self._build_services(keyed, previous.state, record.workspace))

    def _restart_workers(self, sandbox: Sandbox) -> None:
        """Have a sandbox work again whose parts were stopped, where any of them works by itself or
        is told of other processes."""
        own = sandbox.services
        if own.queue.is_started or own.retention_worker or own.shared_state.is_multi_process:
            self._register(self._build_sandbox(sandbox.record, own.workspace, own))

    def _find_by_services(self, services: SandboxServices) -> Sandbox:
        """Return the sandbox of *services*, whose workspace may have been replaced since."""
        for each in self.list():
            if each.services.engine is services.engine:
                return each
        raise ConflictError("the sandbox was deleted meanwhile", "sandbox", "Create it again.")

    def _register(self, sandbox: Sandbox) -> None:
        if sandbox.record.id == DEFAULT_SANDBOX_ID:
            self._default = sandbox
            return
        self._by_id[sandbox.record.id] = sandbox
        self._by_write_key[sandbox.record.write_key] = sandbox
        self._by_account[sandbox.record.account] = sandbox


def _with_sandbox_keys(workspace: Workspace, record: SandboxRecord) -> Workspace:
    return replace_keys(workspace, record.write_key, record.account, record.key)


log = logging.getLogger(__name__)

CHECKS_PER_IDLE_PERIOD: Final = 50  # of its time, a sandbox may be ended so much of it too early
NEVER_USED: Final = datetime.min.replace(tzinfo=UTC)


class SandboxExpiry:
    """Deletes sandboxes that no process has used for longer than *max_idle*.

    It does so when something else is asked for. The time counts anew when a process starts: nobody
    has counted before.
    Raises: StorageFault.
    """

    def __init__(
        self,
        registry: SandboxRegistry,
        record_store: SandboxStore,
        max_idle: timedelta,
        clock: Clock,
    ) -> None:
        self._registry, self._record_store, self._max_idle, self._clock = (
            registry,
            record_store,
            max_idle,
            clock,
        )
        self._sweep_lock = Lock()
        self._last_sweep_at = clock()
        self._last_recorded_at: dict[str, datetime] = {}
        record_store.mark_all_used(format_iso_utc(clock()))

    def record_use(self, id: str) -> None:
        """Record that the sandbox *id* is used now, and delete idle ones."""
        now, grain = self._clock(), self._max_idle / CHECKS_PER_IDLE_PERIOD
        if id != DEFAULT_SANDBOX_ID and now - self._last_recorded_at.get(id, NEVER_USED) >= grain:
            self._record_store.mark_used(id, format_iso_utc(now))
            self._last_recorded_at[id] = now
        if now - self._last_sweep_at >= grain and self._sweep_lock.acquire(blocking=False):
            try:
                self._delete_idle(now)
            finally:
                self._sweep_lock.release()

    def _delete_idle(self, now: datetime) -> None:
        self._last_sweep_at = now
        since = format_iso_utc(now - self._max_idle)
        for id in self._record_store.list_idle_ids(since):
            # The one before may have taken a while to end, in which this one was asked for.
            if self._registry.delete(id, unused_since=since):
                log.info("expired sandbox=%s", id)
            self._last_recorded_at.pop(id, None)
