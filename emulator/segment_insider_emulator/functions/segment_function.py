"""Functions of a Segment workspace: their definitions, and the changes that they make."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson

from segment_insider_emulator.filtering.result import EventChange
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:  # few workspaces have functions, and only they need the engine
    from segment_insider_emulator.functions.runner import FunctionRunner
    from segment_insider_emulator.insider.error_callbacks import CallbackHosts

FunctionKind: TypeAlias = Literal["insert", "source", "sourceInsert"]

FUNCTION_KINDS: tuple[FunctionKind, ...] = ("insert", "source", "sourceInsert")
KIND_NAMES: dict[FunctionKind, str] = {
    "insert": "insert function",
    "source": "source function",
    "sourceInsert": "source insert function",
}
HANDLERS = {
    "track": "onTrack",
    "identify": "onIdentify",
    "page": "onPage",
    "screen": "onScreen",
    "group": "onGroup",
    "alias": "onAlias",
    "delete": "onDelete",
}
BATCH_HANDLER: Final = "onBatch"
REQUEST_HANDLER: Final = "onRequest"
DEFAULT_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class SegmentFunction:
    """A function of a Segment workspace with its settings.

    Args:
        where: Its file or place in the workspace file, for messages.
        position: Index among the workspace's functions of its kind.
    """

    kind: FunctionKind
    name: str
    code: str
    settings: JSONObject
    enabled: bool = True
    where: str = ""
    position: int = 0

    @property
    def title(self) -> str:
        """Return kind and name, such as "insert function 'Add tier'"."""
        return f"{KIND_NAMES[self.kind]} {self.name!r}"


@dataclass(frozen=True, slots=True)
class FunctionLibrary:
    """A JavaScript file that functions find under a global name, such as lodash under `_`."""

    global_name: str
    code: str


@dataclass(frozen=True, slots=True)
class WorkspaceFunctions:
    """All functions of a workspace, with what they share.

    Args:
        allowed_hosts: Hosts that fetch() may call.
        timeout_s: Time limit of one run, in seconds.
    """

    functions: tuple[SegmentFunction, ...] = ()
    libraries: tuple[FunctionLibrary, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S

    def list_enabled(self, kind: FunctionKind) -> tuple[SegmentFunction, ...]:
        """Return the enabled functions of one kind, in the order of the file."""
        return tuple(
            function for function in self.functions if function.kind == kind and function.enabled
        )

    def find(self, kind: FunctionKind, name: str) -> SegmentFunction | None:
        """Return the function of this kind and name, enabled or not; None if there is none."""
        return next(
            (
                function
                for function in self.functions
                if function.kind == kind and function.name == name
            ),
            None,
        )

    def fingerprint(self) -> str:
        """Return a hash of everything that decides what a run does."""
        return blake2b(orjson.dumps(self), digest_size=16).hexdigest()


NO_FUNCTIONS = WorkspaceFunctions()


def build_functions(document: JSONObject) -> WorkspaceFunctions:
    """Build the functions of a valid workspace document, without libraries.

    Args:
        document: The part under `functions`.
    """
    functions = tuple(
        SegmentFunction(
            kind,
            function["name"],
            function.get("code", ""),
            function.get("settings", {}),
            function.get("enabled", True),
            f"functions.{kind}[{position}]",
            position,
        )
        for kind in FUNCTION_KINDS
        for position, function in enumerate(document.get(kind, ()))
    )
    return WorkspaceFunctions(
        functions,
        (),
        tuple(document.get("allowedHosts", ())),
        document.get("timeout", DEFAULT_TIMEOUT_S),
    )


def create_function_runner(
    functions: WorkspaceFunctions, hosts: "CallbackHosts | None" = None
) -> "FunctionRunner | None":
    """Create the runner of a workspace's functions; None when it has none.

    Args:
        hosts: The hosts that fetch() may call; None for those that the workspace lists.
    """
    if not functions.functions:
        return None
    # Imported here because few workspaces have functions, and only they need the engine.
    from segment_insider_emulator.functions.engine import create_fetch
    from segment_insider_emulator.functions.runner import FunctionRunner
    from segment_insider_emulator.insider.error_callbacks import CallbackHosts

    listed = functions.allowed_hosts
    return FunctionRunner(functions, create_fetch(hosts or CallbackHosts(listed, listed)))


def list_event_changes(before: JSON, after: JSON, by: str, path: str = "") -> Iterator[EventChange]:
    """Yield what differs between an event before and after a function, by dotted path."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            place = f"{path}.{name}" if path else str(name)
            if name not in after:
                yield EventChange(by, "removed", place)
            elif name not in before:
                yield EventChange(by, "added", place)
            else:
                yield from list_event_changes(before[name], after[name], by, place)
    elif not _is_same_value(before, after):
        yield EventChange(by, "set", path)


def _is_same_value(one: JSON, other: JSON) -> bool:
    """Return whether JSON values are equal; JavaScript has one type of numbers, true is not 1."""
    numbers = all(isinstance(value, int | float) for value in (one, other))
    if numbers and not isinstance(one, bool) and not isinstance(other, bool):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)
