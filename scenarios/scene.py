"""What one scenario is about: an emulator, the people in it and their orders."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from emulator.errors import EmulatorError
from emulator.types import JSONObject
from emulator.workspace import Workspace
from emulator.workspace.loading import from_document
from scenarios import calls
from scenarios.calls import Call
from scenarios.shopper import Shopper, shopper
from scenarios.workspaces import workspace_at

if TYPE_CHECKING:
    from scenarios.running import Emulators, RunningEmulator

DEFAULT_WORKSPACE = "guide"

# Insider One writes these itself, when a journey begins; nobody sent them.
OWN_EVENTS = ("journey_entered",)


class Scene:
    """The state that the steps of one scenario share.

    Args:
        folder: Where files that the scenario names are looked for.
        seed: Another one makes other people.
        kept: Asked at the end whether the sandbox shall stay.
        workspace: Where the scenario names none: a preset, or a file in the current folder.
    """

    def __init__(
        self,
        emulators: "Emulators",
        folder: Path,
        *,
        seed: int = 0,
        kept: Callable[[], bool] = lambda: False,
        workspace: str = DEFAULT_WORKSPACE,
    ) -> None:
        self._emulators, self._seed, self._kept = emulators, seed, kept
        self.folder = folder
        self._stack = ExitStack()
        self.emulator: RunningEmulator = self._open(workspace_at(workspace, Path()))
        self.people: dict[str, Shopper] = {}
        self.orders: dict[str, JSONObject] = {}
        self.answered: int | None = None  # status of the last call that was posted by hand
        self.roles: dict[str, str] = {}  # in the InOne panel, by person
        self.made: dict[str, JSONObject] = {}  # integrations with their keys, by name
        self.refused: str | None = None  # what the InOne panel said last

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def use(self, workspace: str) -> None:
        """Go on with another workspace, a preset or a file, in which nothing has happened.

        Raises: EmulatorError.
        """
        self._reopen(workspace_at(workspace, self.folder))

    def change(self, document: JSONObject) -> None:
        """Go on with the workspace as *document* has it.

        Raises: EmulatorError, when it has a mistake, or something has happened before.
        """
        plan = self.emulator.workspace.plan
        if self.messages():
            remedy = "Make it one of the first steps."
            raise EmulatorError("something has happened before", "the workspace", remedy)
        bare = {name: value for name, value in document.items() if name != "trackingPlan"}
        self._reopen(replace(from_document(bare, "the workspace"), plan=plan))

    def _reopen(self, workspace: Workspace) -> None:
        self._stack.close()
        self.emulator = self._open(workspace)

    def _open(self, workspace: Workspace) -> "RunningEmulator":
        return self._stack.enter_context(self._emulators.sandbox(workspace, self._kept))

    def start(self, now: str) -> None:
        """Have the clock stand at *now*, from where it runs. Raises: EmulatorError.

        It runs because the SDK tells the age of a call by the machine's clock: at one instant,
        what was done first could seem to be the younger.
        """
        if self.messages():
            remedy = "Make it the first step, or let time pass."
            raise EmulatorError("something has happened before", now, remedy)
        self.emulator.client.reset(now)
        self.emulator.client.resume()

    def person(self, name: str) -> Shopper:
        """Who is called *name*; a shopper who has signed in, if nothing else was said."""
        if name not in self.people:
            self.people[name] = shopper(name, seed=self._seed)
        return self.people[name]

    def named(self, name: str) -> Shopper:
        """Somebody whom the scenario has named before. Raises: EmulatorError."""
        if name not in self.people:
            near = get_close_matches(name, self.people, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Say first: Given {name} shops."
            raise EmulatorError("no Given and no When names this person", name, remedy)
        return self.people[name]

    def describe(self, name: str, **details: Any) -> None:
        """Change what is known of somebody; keys are fields of Shopper."""
        self.people[name] = replace(self.person(name), **details)

    def sign_in(self, name: str) -> None:
        """Somebody says who they are, with their e-mail address."""
        self.describe(name, user_id=name.lower())
        self.tell(name, calls.identify({"email": self.person(name).email}))

    def tell(self, name: str, *told: Call) -> None:
        """The shop tells Segment what somebody did; on return it has been delivered."""
        self.emulator.shop.tell(self.person(name), *told)

    def profile(self, name: str) -> JSONObject | None:
        """The profile that Insider One has of somebody. Raises: EmulatorError."""
        client = self.emulator.client
        found = (client.profile(identifier) for identifier in self.named(name).identifiers)
        return next((profile for profile in found if profile), None)

    def events(self, name: str) -> list[JSONObject]:
        """The events that Insider One has of somebody, in the order received."""
        profile = self.profile(name)
        events: list[JSONObject] = profile["events"] if profile else []
        return [event for event in events if event["event_name"] not in OWN_EVENTS]

    def runs(self, journey: str, name: str | None = None) -> list[JSONObject]:
        """Each time that somebody, or anybody, was in a journey. Raises: EmulatorError."""
        client = self.emulator.client
        ids = {each["name"]: each["id"] for each in client.journeys()}
        if journey not in ids:
            known = f"Known: {', '.join(ids) or 'none'}."
            raise EmulatorError(f"the workspace has no journey {journey!r}", "", known)
        runs = client.runs(ids[journey])
        if name is None:
            return runs
        profile = self.profile(name) or {"id": None}
        return [run for run in runs if run["profile_id"] == profile["id"]]

    def messages(self, name: str | None = None) -> list[JSONObject]:
        """The calls that were made for somebody, or for anybody, oldest first."""
        client = self.emulator.client
        if name is None:
            return client.messages()
        who = self.named(name)
        ids = [each for each in (who.user_id, who.anonymous_id) if each]
        found = {each["id"]: each for id in ids for each in client.messages(user=id)}
        return [found[id] for id in sorted(found)]


def called(message: JSONObject) -> str:
    """What a captured call goes by: its event, its page or screen, else its type."""
    sent = message["message"]
    return str(message["event"] or sent.get("name") or message["type"] or "a call without a type")


def newest(scene: Scene, call: str) -> JSONObject:
    """The newest captured call of this event, page, screen or type. Raises: EmulatorError."""
    messages = scene.messages()
    for message in reversed(messages):
        if call in (called(message), message["type"]):
            return message
    made = ", ".join(called(message) for message in messages) or "none"
    raise EmulatorError(f"there was no call {call!r}", "", f"Calls in this scenario: {made}.")
