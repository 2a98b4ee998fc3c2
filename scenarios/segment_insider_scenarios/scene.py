"""What one scenario is about: an emulator, the people in it and their orders."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.near_misses import is_one_slip, nearest
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.loading import from_document
from segment_insider_emulator.workspace.vocabulary import NAMES, TEXTS, Vocabulary, vocabulary_of
from segment_insider_scenarios import calls
from segment_insider_scenarios.calls import Call
from segment_insider_scenarios.preparation import DEVICE, PERSON, ROLE, Preparations
from segment_insider_scenarios.shopper import Shopper, shopper, user_id_of
from segment_insider_scenarios.spelling import Spelling, expect_one_spelling, spelling_of
from segment_insider_scenarios.timing import expect_time
from segment_insider_scenarios.workspaces import workspace_at

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario, Step

    from segment_insider_scenarios.running import Emulators, RunningEmulator

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
        self.spelling = Spelling()
        self.preparations = Preparations()
        self._acted = False  # a step may have changed something
        self._changed: str | None = None  # the first step that changed something in the sandbox
        self._starts_at: str | None = None
        self._faults: list[tuple[JSONObject, str]] = []  # with their steps, not known to be met
        self.people: dict[str, Shopper] = {}
        self.orders: dict[str, JSONObject] = {}
        self.answered: int | None = None  # status of the last call that was posted by hand
        self.posted: str | None = None  # the text that was
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

    def enter(self, step: "Step", scenario: "Scenario", *, acting: bool, in_sandbox: bool) -> None:
        """Take the step that runs next.

        Args:
            acting: Whether it may change something, as a project's own step may.
            in_sandbox: Whether it changes something in the sandbox, which a new one would lose.

        Raises: EmulatorError, at the first step of a scenario with one name in two spellings.
        """
        if not self.spelling.scenario:
            self.spelling = spelling_of(scenario)
            expect_one_spelling(scenario.steps, self.spelling, NAMES)
        in_background = step.line_number < scenario.line_number
        self.preparations.step = "" if in_background else step.name
        self._acted = self._acted or acting
        self._changed = self._changed or (step.name if in_sandbox else None)

    def expect_acted(self, claim: str) -> None:
        """Refuse a claim about a scenario in which nothing happened. Raises: EmulatorError."""
        if not self._acted and not self.messages():
            remedy = "Add a When before it: what has the person done?"
            raise EmulatorError("nothing happens before this step", claim, remedy)

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that the workspace and the specs of both sides know."""
        return vocabulary_of(self.emulator.workspace.document)

    def is_text(self, name: str, cell: str) -> bool:
        """Check whether *cell* is a text under this name of Insider One's, even if it is a number.

        One of the account's own is a text where a step has it in quotes: cart "100017".
        """
        return name in TEXTS or ("." in name and cell in self.spelling.quoted)

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
        bare = {name: value for name, value in document.items() if name != "trackingPlan"}
        self._reopen(replace(from_document(bare, "the workspace"), plan=plan))

    def _reopen(self, workspace: Workspace) -> None:
        self._expect_untouched("the workspace", "Make it one of the first steps.")
        self._stack.close()
        self.emulator = self._open(workspace)
        if self._starts_at:
            self.start(self._starts_at)

    def _expect_untouched(self, where: str, remedy: str) -> None:
        """Refuse to begin anew after a step whose effect would be lost. Raises: EmulatorError."""
        if self._changed or self.messages():
            step = f" ({self._changed})" if self._changed else ""
            raise EmulatorError(f"something has happened before{step}", where, remedy)

    def _open(self, workspace: Workspace) -> "RunningEmulator":
        return self._stack.enter_context(self._emulators.sandbox(workspace, self._kept))

    def start(self, now: str) -> None:
        """Have the clock stand at *now*, from where it runs. Raises: EmulatorError.

        It runs because the SDK tells the age of a call by the machine's clock: at one instant,
        what was done first could seem to be the younger.
        """
        expect_time(now)
        self._expect_untouched(now, "Make it the first step, or let time pass.")
        self.emulator.client.reset(now)
        self.emulator.client.resume()
        self._starts_at = now

    def person(self, name: str) -> Shopper:
        """Who is called *name*; a shopper who has signed in, if nothing else was said."""
        if name not in self.people:
            self.people[name] = shopper(name, seed=self._seed)
        return self.people[name]

    def introduce(self, name: str) -> None:
        """Take a person whom a step names on purpose, to be named again by another step."""
        self.preparations.use(PERSON, name)
        self.preparations.add(PERSON, name)

    def acting(self, name: str) -> str:
        """Take a person who does something; gives *name* back.

        Raises: EmulatorError, for a name that is one slip away from that of another person.
        """
        self.preparations.use(PERSON, name)
        self.preparations.use(ROLE, name)
        known = [*self.people, *self.roles]
        # Of people, unlike of words, short names that are one letter apart are rarely both meant.
        one_letter = (each for each in known if is_one_slip(name.casefold(), each.casefold()))
        if near := nearest(name, known) or (None if name in known else next(one_letter, None)):
            remedy = f"Did you mean {near}? If not, say first: Given {name} shops."
            raise EmulatorError("nobody introduces this person", name, remedy)
        return name

    def named(self, name: str) -> Shopper:
        """Somebody whom the scenario has named before. Raises: EmulatorError."""
        self.preparations.use(PERSON, name)
        if name not in self.people:
            ids = {user_id_of(each): each for each in self.people}  # whatever the letter case
            near = get_close_matches(user_id_of(name), ids, n=1)
            remedy = f"Did you mean {ids[near[0]]}?" if near else f"Say first: Given {name} shops."
            raise EmulatorError("no Given and no When names this person", name, remedy)
        return self.people[name]

    def describe(self, name: str, **details: Any) -> None:
        """Change what is known of somebody; keys are fields of Shopper."""
        self.people[name] = replace(self.person(name), **details)

    def sign_in(self, name: str) -> None:
        """Somebody says who they are, with their e-mail address."""
        self.acting(name)
        self.describe(name, user_id=user_id_of(name))
        self.tell(name, calls.identify({"email": self.person(name).email}))

    def tell(self, name: str, *told: Call) -> None:
        """Send Segment what a person did, as the shop does; on return it has been delivered.

        Raises: EmulatorError.
        """
        who = self.person(self.acting(name))
        self.preparations.use(DEVICE, str(who.anonymous_id))
        self.emulator.shop.tell(who, *told)

    def add_fault(self, fault: JSONObject, *, segment: bool = False) -> None:
        """Let the next requests meet a fault, at Insider One's end or at Segment's."""
        client = self.emulator.client
        (client.add_segment_fault if segment else client.add_fault)(fault)
        if self.preparations.step:
            self._faults.append((fault, self.preparations.step))

    def clear_faults(self) -> None:
        """Let nothing go wrong any more. Raises: EmulatorError, where nothing did go wrong."""
        if unmet := self._unmet_fault():
            raise unmet
        self._faults = []
        self.emulator.client.clear_faults()

    def unused(self) -> EmulatorError | None:
        """Return what to say of the first preparation that nothing used; None when all was used."""
        return self.preparations.unused() or self._unmet_fault()

    def _unmet_fault(self) -> EmulatorError | None:
        waiting = self.emulator.client.faults() if self._faults else []
        for fault, step in self._faults:
            if any(fault.items() <= other.items() for other in waiting):
                remedy = "Let a request meet it, or remove the step."
                return EmulatorError("no request met this fault", step, remedy)
        return None

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
        if call in (message["event"], called(message), message["type"]):
            return message
    made = ", ".join(called(message) for message in messages) or "none"
    raise EmulatorError(f"there was no call {call!r}", "", f"Calls in this scenario: {made}.")
