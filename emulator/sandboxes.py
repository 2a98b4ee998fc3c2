"""Emulators beside each other in one process: the default sandbox, and those that were created."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import RLock
from typing import Any, Final, cast

import orjson
from flask import Flask, abort, current_app, request

from emulator.answers import fault
from emulator.capture.sandboxes import Described, SandboxStore, beside, remove
from emulator.clock import Clock, iso
from emulator.errors import EmulatorError
from emulator.parts import ADDRESSED, Kept, Parts
from emulator.segment.addressee import named_key
from emulator.types import JSONObject
from emulator.workspace import Workspace, preset
from emulator.workspace.loading import from_document
from emulator.workspace.model import with_keys

DEFAULT: Final = "default"
PREFIX: Final = "/sandboxes/"
MOST: Final = 1000  # sandboxes; each costs memory, and on disk open files
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# What a header, a path and the user name of Basic authentication can carry.
_KEY: Final = re.compile(r"[!-.0-9;-~]{1,100}")
_NAMED_BY: Final = "emulator.sandbox"  # in a WSGI environment: the id in the address
_REMEMBERED = 64  # workspaces


class Conflict(EmulatorError):
    """A sandbox that cannot be had because of those that there are."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One emulator of several."""

    described: Described
    parts: Parts


class Sandboxes:
    """The sandboxes of one process.

    Args:
        default: Answers whatever names no other.
        make: Builds the parts for a workspace.
        empty: Opens a database, with a clock beside it.
        store: Where those that were created are listed; they are opened again here.
    Raises: EmulatorError, when one of those cannot be opened.
    """

    def __init__(
        self,
        default: Parts,
        make: Callable[[Workspace, Kept], Parts],
        empty: Callable[[str], Kept],
        store: SandboxStore,
        now: Clock,
    ) -> None:
        own = self._original = default.workspace
        self._default = Sandbox(
            Described(DEFAULT, None, own.write_key, own.account_name, own.account_key, iso(now())),
            default,
        )
        self._make, self._empty = make, empty
        self._store, self._now = store, now
        self._lock = RLock()
        self._by_id: dict[str, Sandbox] = {}
        self._by_write_key: dict[str, Sandbox] = {}
        self._by_account: dict[str, Sandbox] = {}
        for described in store.all():
            self._know(Sandbox(described, self._open(described)))

    def list(self) -> list[Sandbox]:
        """The default one, then the others in the order of their creation."""
        return [self._default, *self._by_id.values()]

    def get(self, id: str) -> Sandbox | None:
        """One sandbox by its id."""
        return self._default if id == DEFAULT else self._by_id.get(id)

    def create(
        self,
        *,
        id: str | None = None,
        workspace: JSONObject | str | None = None,
        write_key: str | None = None,
        account: str | None = None,
        key: str | None = None,
    ) -> Sandbox:
        """One more sandbox; what is not named is made up, and nobody else has it.

        Args:
            workspace: A document, the name of a preset, or None for the emulator's own.
            account, key: Of Insider One.
        Raises: Conflict; EmulatorError, when it cannot be made as asked.
        """
        described = Described(
            id=_id(id) if id else f"sandbox-{secrets.token_hex(4)}",
            workspace=workspace,
            write_key=_key(write_key, "writeKey") if write_key else f"wk_{secrets.token_hex(8)}",
            account=_key(account, "account") if account else f"account-{secrets.token_hex(4)}",
            key=_key(key, "key") if key else secrets.token_hex(16),
            created_at=iso(self._now()),
        )
        with self._lock:
            self._refuse_taken(described)
            made = Sandbox(described, self._open(described))
            self._store.add(described)
            self._know(made)
        return made

    def replace(
        self, own: Parts, workspace: Workspace | None, asked: JSONObject | str | None
    ) -> Parts:
        """Give the sandbox of *own* another workspace; what it captured stays, its keys, too.

        Journeys begin afresh, and faults and what the panels changed are gone.

        Args:
            workspace: None for the emulator's own.
            asked: What to open it with after a restart; the default sandbox has the file again.
        Returns: Its parts from now on.
        """
        with self._lock:
            old = next(each for each in self.list() if each.parts is own)
            described = replace(old.described, workspace=asked)
            if own.queue:
                own.queue.close()
            made = _keyed(workspace or self._original, described)
            new = Sandbox(described, self._make(made, own.kept))
            new.parts.journeys.reset()
            if old is self._default:
                self._default = new
            else:
                self._store.change(described)
                self._know(new)
        request.environ[ADDRESSED] = new.parts
        return new.parts

    def delete(self, id: str) -> bool:
        """End a sandbox with all that it holds; whether there was one.

        Raises: Conflict, for the default one.
        """
        if id == DEFAULT:
            remedy = "Start it afresh with POST /emulator/v1/sandboxes/default/reset."
            raise Conflict("the default sandbox stays as long as the emulator", DEFAULT, remedy)
        with self._lock:
            ended = self._by_id.pop(id, None)
            if ended is None:
                return False
            del self._by_write_key[ended.described.write_key]
            del self._by_account[ended.described.account]
            self._store.forget(id)
        ended.parts.close()
        remove(self._default.parts.config.db, id)
        return True

    def close(self) -> None:
        """Finish what is under way in all of them, and let go of their databases."""
        for each in reversed(self.list()):
            each.parts.close()

    def enter(self) -> None:
        """Find the sandbox that the current request is for, so that `parts` gives its parts.

        Named by the address; else by the write key at Segment's end, or the account at Insider
        One's; else it is the default one.
        """
        id = request.environ.get(_NAMED_BY)
        if id is not None:
            found = self.get(id) or abort(unknown(id))
        elif self._by_id:
            found = self._named() or self._default
        else:
            found = self._default
        request.environ[ADDRESSED] = found.parts

    def _named(self) -> Sandbox | None:
        side = (request.blueprint or "").partition(".")[0]
        if side == "segment":
            return self._by_write_key.get(named_key() or "")
        if side == "insider":
            return self._by_account.get(request.headers.get("X-PARTNER-NAME", ""))
        return None

    def _open(self, described: Described) -> Parts:
        workspace = workspace_of(described.workspace) or self._original
        own = beside(self._default.parts.config.db, described.id)
        return self._make(_keyed(workspace, described), self._empty(own))

    def _know(self, sandbox: Sandbox) -> None:
        self._by_id[sandbox.described.id] = sandbox
        self._by_write_key[sandbox.described.write_key] = sandbox
        self._by_account[sandbox.described.account] = sandbox

    def _refuse_taken(self, wanted: Described) -> None:
        if len(self._by_id) >= MOST:
            remedy = "Delete those that are done with: DELETE /emulator/v1/sandboxes/<id>."
            raise Conflict(f"there are {MOST:,} sandboxes already", "sandboxes", remedy)
        own = self._default.parts.workspace
        taken: list[tuple[str, str, bool]] = [
            ("id", wanted.id, self.get(wanted.id) is not None),
            (
                "writeKey",
                wanted.write_key,
                wanted.write_key in self._by_write_key
                or wanted.write_key in {each.write_key for each in own.sources},
            ),
            (
                "account",
                wanted.account,
                wanted.account in self._by_account or wanted.account == own.account_name,
            ),
        ]
        for name, value, is_taken in taken:
            if is_taken:
                what = f"another sandbox has the {name} {value!r}"
                raise Conflict(what, f"body.{name}", "Name another, or leave it out.")


class Prefixed:
    """Below /sandboxes/<id>/ is the whole emulator of that sandbox: WSGI middleware.

    The prefix becomes a part of the application's root, so that every address made keeps it.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            id, slash, rest = path.removeprefix(PREFIX).partition("/")
            environ[_NAMED_BY] = id
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}{PREFIX}{id}"
            environ["PATH_INFO"] = slash + rest
        return self._application(environ, start_response)


def serve_sandboxes(app: Flask, served: Sandboxes) -> None:
    """Have *app* answer for all that are *served*."""
    app.extensions["sandboxes"] = served
    app.wsgi_app = Prefixed(app.wsgi_app)  # type: ignore[method-assign]  # as Flask documents it
    app.before_request(served.enter)


def sandboxes() -> Sandboxes:
    """The sandboxes of the process that answers the current request."""
    return cast(Sandboxes, current_app.extensions["sandboxes"])


def unknown(id: str) -> Any:
    """The answer to whoever names a sandbox that there is not."""
    remedy = "List them with GET /emulator/v1/sandboxes, or create it with POST."
    return fault(404, f"there is no sandbox {id!r}", request.root_path + request.path, remedy)


def _keyed(workspace: Workspace, described: Described) -> Workspace:
    return with_keys(workspace, described.write_key, described.account, described.key)


def workspace_of(asked: JSONObject | str | None) -> Workspace | None:
    """A preset, the workspace of a document, or None for the emulator's own.

    Raises: EmulatorError, naming the first mistake.
    """
    if asked is None:
        return None
    if isinstance(asked, str):
        return _of_preset(asked)
    return _of_document(orjson.dumps(asked))


@lru_cache(_REMEMBERED)
def _of_preset(name: str) -> Workspace:
    return preset(name)


@lru_cache(_REMEMBERED)
def _of_document(document: bytes) -> Workspace:
    return from_document(orjson.loads(document), "workspace")


def _id(given: str) -> str:
    if not _ID.fullmatch(given):
        remedy = "Use up to 63 of a-z, 0-9, - and _, and begin with a letter or a digit."
        raise EmulatorError(f"{given[:80]!r} cannot stand in an address", "body.id", remedy)
    return given


def _key(given: str, name: str) -> str:
    if not _KEY.fullmatch(given):
        remedy = "Use up to 100 ASCII characters without blanks, colons and slashes."
        raise EmulatorError(f"this cannot be a {name}", f"body.{name}", remedy)
    return given
