"""The sandboxes of one process: found, created, given another workspace, and ended."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import RLock
from typing import Final

from segment_insider_emulator.capture.database import Engine, claimed
from segment_insider_emulator.capture.idle import give_back
from segment_insider_emulator.capture.sandboxes import Described, SandboxStore, beside, remove
from segment_insider_emulator.clock import Clock, iso
from segment_insider_emulator.errors import Conflict, EmulatorError
from segment_insider_emulator.parts import Kept, Parts
from segment_insider_emulator.sandboxes.admission import DEFAULT, refuse_more, refuse_taken
from segment_insider_emulator.sandboxes.order import BODY, described, workspace_of
from segment_insider_emulator.teams import Team
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.model import with_keys

CLAIM: Final = ("sandboxes",)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One emulator of several."""

    described: Described
    parts: Parts


class Sandboxes:
    """The sandboxes of one process.

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
        default: Parts,
        make: Callable[[Workspace, Kept, JSONObject | str | None], Parts],
        empty: Callable[[str], Kept],
        store: SandboxStore,
        now: Clock,
        owner: str | None = None,
    ) -> None:
        own = self._original = default.workspace
        named = Described(
            DEFAULT, None, own.write_key, own.account_name, own.account_key, iso(now()), owner
        )
        self._default = Sandbox(named, default)
        self._make, self._empty = make, empty
        self._store, self._now = store, now
        self._lock = RLock()
        self._by_id: dict[str, Sandbox] = {}
        self._by_write_key: dict[str, Sandbox] = {}
        self._by_account: dict[str, Sandbox] = {}
        self._changed, self._caught_up = object(), object()
        self._held = default.shared.hold("sandboxes", self)
        self.refresh()

    @property
    def default(self) -> Sandbox:
        """The one that answers whatever names no other."""
        return self._default

    @property
    def is_alone(self) -> bool:
        """Whether there is only the default one."""
        return not self._by_id

    def list(self) -> list[Sandbox]:
        """The default one, then the others in the order of their creation."""
        return [self._default, *self._by_id.values()]

    def get(self, id: str) -> Sandbox | None:
        """One sandbox by its id."""
        return self._default if id == DEFAULT else self._by_id.get(id)

    def of_write_key(self, write_key: str) -> Sandbox | None:
        """The one that was created with *write_key*, or got it then."""
        return self._by_write_key.get(write_key)

    def of_account(self, account: str) -> Sandbox | None:
        """The one whose Insider One account has that name, likewise."""
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
        """One more sandbox; what is not named is made up, and nobody else has it.

        Args:
            workspace: A document, the name of a preset, or None for the emulator's own.
            account, key: Of Insider One.
            team: Whose it is to be.
        Raises: Conflict; EmulatorError, when it cannot be made as asked.
        """
        wanted = described(
            id=id,
            workspace=workspace,
            write_key=write_key,
            account=account,
            key=key,
            created_at=iso(self._now()),
            team=team.name if team else None,
        )
        with self._alone():
            others = [each.described for each in self._by_id.values()]
            refuse_more(team, others)
            refuse_taken(wanted, others, self._default.parts.workspace, self._db)
            try:
                made = Sandbox(wanted, self._open(wanted, BODY))
            except EmulatorError:
                remove(self._db, wanted.id)
                raise
            with self._held.changing():
                self._store.add(wanted)
            self._know(made)
        return made

    @contextmanager
    def replacing(
        self, own: Parts, workspace: Workspace | None, asked: JSONObject | str | None
    ) -> Iterator[Parts]:
        """Give the sandbox of *own* another workspace, unless the block fails; nobody creates or
        ends one meanwhile.

        What it captured stays, its keys, too; faults and what the panels changed are gone.

        Args:
            workspace: None for the emulator's own.
            asked: What to open it with after a restart; the default sandbox has the file again.
        Yields: Its parts from then on.
        Raises: Conflict, when the sandbox was deleted meanwhile.
        """
        with self._alone(), ExitStack() as undo:
            old = self._holding(own)
            wanted = replace(old.described, workspace=asked)
            old.parts.stop()  # whoever comes after goes on with what waits
            undo.callback(self._resume, old)
            new = self._made(wanted, workspace, old.parts)
            undo.callback(new.parts.stop)
            yield new.parts
            new.parts.reset_faults()
            new.parts.endpoint.reset()
            if old is not self._default:
                self._store.change(wanted)
            new.parts.given.announce()
            self._know(new)
            undo.pop_all()

    def delete(self, id: str, *, unused_since: str | None = None) -> bool:
        """End a sandbox with all that it holds; whether there was one.

        Args:
            unused_since: Only if nobody has asked for it since that time, ISO 8601.
        Raises: Conflict, for the default one.
        """
        if id == DEFAULT:
            remedy = "Start it afresh with POST /emulator/v1/sandboxes/default/reset."
            raise Conflict("the default sandbox stays as long as the emulator", DEFAULT, remedy)
        with self._alone():
            if id not in self._by_id:
                return False
            with self._held.changing():
                forgotten = self._store.forget(id, unused_since)
            if not forgotten:
                return False
            self._end(id)
            remove(self._db, id)
        return True

    def refresh(self) -> None:
        """Know which sandboxes there are by now, whichever process created or ended them."""
        self._default.parts.shared.refresh()
        if self._caught_up is not self._changed:
            with self._alone():
                pass

    def entered(self, sandbox: Sandbox) -> Sandbox:
        """*sandbox* with all that other processes had done to it at the last `refresh` or
        later."""
        own = sandbox.parts
        if sandbox is not self._default:
            own.shared.refresh()
        if not own.given.is_over:
            return sandbox
        with self._alone():
            known = self._holding(own)
            return self._exchanged(known) if known.parts.given.is_over else known

    def state(self) -> JSONObject:
        """For other processes: nothing but that it has changed; the rest is in the store."""
        return {}

    def restore(self, state: JSONObject) -> None:
        """Take note that another process has created or ended one."""
        self._changed = object()

    def close(self) -> None:
        """Finish what is under way in all of them, and let go of their databases."""
        for each in reversed(self.list()):
            each.parts.close()

    @property
    def _db(self) -> Engine:
        return self._default.parts.engine

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody, in another process either, creates, changes or ends one meanwhile."""
        with self._lock, claimed(self._db, CLAIM):
            self._default.parts.shared.refresh()
            self._catch_up()
            yield

    def _catch_up(self) -> None:
        changed = self._changed
        if changed is self._caught_up:
            return
        listed = {each.id: each for each in self._store.all()}
        for known in list(self._by_id.values()):
            now = listed.get(known.described.id)
            if now is None or replace(now, workspace=known.described.workspace) != known.described:
                self._end(known.described.id)
        for id, made in listed.items():
            if id not in self._by_id:
                parts = self._open(made, f"sandbox {id}")
                give_back(parts.engine)  # at the start there are many, and few that are asked for
                self._know(Sandbox(made, parts))
        self._caught_up = changed

    def _exchanged(self, old: Sandbox) -> Sandbox:
        """A sandbox with the workspace that another process has given it."""
        wanted = old.parts.given.wanted
        new = self._made(replace(old.described, workspace=wanted), workspace_of(wanted), old.parts)
        new.parts.shared.refresh()  # it begins with the state of a sandbox that is new
        old.parts.stop()
        self._know(new)
        return new

    def _end(self, id: str) -> None:
        ended = self._by_id.pop(id)
        del self._by_write_key[ended.described.write_key]
        del self._by_account[ended.described.account]
        ended.parts.close()

    def _open(self, described: Described, where: str) -> Parts:
        workspace = workspace_of(described.workspace, where) or self._original
        kept = self._empty(beside(self._db, described.id))
        try:
            return self._make(_keyed(workspace, described), kept, described.workspace)
        except EmulatorError:
            kept.store.close()
            raise

    def _made(self, described: Described, workspace: Workspace | None, own: Parts) -> Sandbox:
        keyed = _keyed(workspace or self._original, described)
        return Sandbox(described, self._make(keyed, own.kept, described.workspace))

    def _resume(self, stopped: Sandbox) -> None:
        """Have a sandbox work again whose parts were stopped, where any of them works by itself or
        is told of other processes."""
        own = stopped.parts
        if own.queue.has_begun or own.pruner or own.shared.several:
            self._know(self._made(stopped.described, own.workspace, own))

    def _holding(self, own: Parts) -> Sandbox:
        """The sandbox of *own*, whose workspace another request may have replaced since."""
        for each in self.list():
            if each.parts.engine is own.engine:
                return each
        raise Conflict("the sandbox was deleted meanwhile", "sandbox", "Create it again.")

    def _know(self, sandbox: Sandbox) -> None:
        if sandbox.described.id == DEFAULT:
            self._default = sandbox
            return
        self._by_id[sandbox.described.id] = sandbox
        self._by_write_key[sandbox.described.write_key] = sandbox
        self._by_account[sandbox.described.account] = sandbox


def _keyed(workspace: Workspace, described: Described) -> Workspace:
    return with_keys(workspace, described.write_key, described.account, described.key)
