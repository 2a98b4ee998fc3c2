"""Context of a running scenario: the emulator, people, orders and clock that steps share."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.similar_names import find_intended_name, is_one_edit_apart
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import (
    PRESET_NAMES,
    Workspace,
    load_preset_workspace,
    load_workspace_or_preset,
)
from segment_insider_emulator.workspace.known_names import (
    ALL_SPEC_NAMES,
    TEXT_VALUED_NAMES,
    KnownNames,
    collect_known_names,
)
from segment_insider_emulator.workspace.loading import load_workspace_from_document
from segment_insider_scenarios.shopper import (
    SegmentCall,
    Shopper,
    identify_call,
    make_shopper,
    user_id_from_name,
)
from segment_insider_scenarios.spelling import (
    ScenarioTexts,
    collect_scenario_texts,
    reject_quoted_text_typos,
)
from segment_insider_scenarios.value_checks import require_time

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario, Step

    from segment_insider_scenarios.running_emulator import RunningEmulator, SandboxProvider


PREPARED_ORDER = "order"
PREPARED_DEVICE = "device"
PREPARED_PERSON = "person"
PREPARED_ROLE = "role"
# Kind -> error text and remedy if nothing uses the preparation.
UNUSED_PREPARATION_TEXTS = {
    PREPARED_ORDER: (
        "the details of order {!r} are not used",
        "Complete this order in the scenario",
    ),
    PREPARED_DEVICE: ("nothing happens on the device {!r}", "Let the person do something there"),
    PREPARED_PERSON: (
        "the scenario prepares {} and does not use it",
        "Name this person in another step",
    ),
    PREPARED_ROLE: ("{} does not use the role", "Let this person do something in InOne"),
}


@dataclass(frozen=True, slots=True)
class _StepPreparation:
    kind: str
    name: str
    step: str


class UnusedPreparations:
    """Record of what a scenario's Given steps prepared and no later step has used yet.

    Args:
        current_step: Text of the running step; empty in a background, which scenarios share.
    """

    def __init__(self) -> None:
        self.current_step = ""
        self._preparations: list[_StepPreparation] = []

    def add_preparation(self, kind: str, name: str) -> None:
        """Record that the running Given step prepared something, such as a person or an order."""
        if self.current_step:
            self._preparations.append(_StepPreparation(kind, name, self.current_step))

    def mark_preparation_used(self, kind: str, name: str) -> None:
        """Record that a step used something that an earlier Given step prepared."""
        self._preparations = [
            preparation
            for preparation in self._preparations
            if (preparation.kind, preparation.name) != (kind, name)
        ]

    def find_first_unused_error(self) -> EmulatorError | None:
        """Return the error for the first unused Given step; None when all are used."""
        for unused in self._preparations:
            what, remedy = UNUSED_PREPARATION_TEXTS[unused.kind]
            where = unused.step.rstrip(":")
            return EmulatorError(what.format(unused.name), where, f"{remedy}, or remove the step.")
        return None


def load_named_workspace(name: str, folder: Path) -> Workspace:
    """Load a preset workspace, or the workspace file *name* in *folder*.

    Raises: EmulatorError, when there is none, or it has a mistake.
    """
    if name in PRESET_NAMES:
        return load_preset_workspace(name)
    path = (folder / name).resolve()
    # A changed file is read again in the same process.
    return _load_workspace_file(path, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _load_workspace_file(path: Path, _modified_ns: int) -> Workspace:
    return load_workspace_or_preset(path)


DEFAULT_WORKSPACE = "guide"

# Insider One creates these itself when a journey starts.
INSIDER_ONE_EVENTS = ("journey_entered",)


class ScenarioContext:
    """Context of one running scenario: what its steps share, e.g. emulator, people and clock.

    Args:
        folder: The folder of files that the scenario names.
        seed: Selects the set of test people.
        should_remain: Called at the end; returns whether the sandbox is not deleted.
        workspace: Default workspace: a preset, or a file in the current folder.
        confined: Whether steps may read files in *folder* only.
    """

    def __init__(
        self,
        emulators: "SandboxProvider",
        folder: Path,
        *,
        seed: int = 0,
        should_remain: Callable[[], bool] = lambda: False,
        workspace: str = DEFAULT_WORKSPACE,
        confined: bool = False,
    ) -> None:
        self._confined = confined
        self._sandbox_provider, self._seed, self._should_remain = emulators, seed, should_remain
        self.folder = folder
        self._exit_stack = ExitStack()
        self.workspace_origin = (workspace, Path().absolute())  # its name, and its folder
        self.compared_rows: JSONObject | None = None  # of the step that failed
        self.emulator: RunningEmulator = self._open_sandbox(load_named_workspace(workspace, Path()))
        self.texts = ScenarioTexts()
        self.preparations = UnusedPreparations()
        self._has_acted = False  # a step may have changed something
        self._first_changing_step: str | None = None  # that changed the sandbox
        self._clock_start: str | None = None
        self._faults_with_steps: list[tuple[JSONObject, str]] = []  # not used so far
        self.people: dict[str, Shopper] = {}
        self.contexts: dict[str, JSONObject] = {}  # of the calls of a person
        self.orders: dict[str, JSONObject] = {}
        self.posted_status: int | None = None  # of the last posted body
        self.posted_body: str | None = None
        self.posted_response: JSON = None  # of the same request; None if it is no JSON
        self.roles: dict[str, str] = {}  # in the InOne panel, by person
        self.created_integrations: dict[str, JSONObject] = {}  # with their keys, by name
        self.panel_refusal: str | None = None  # last error of the InOne panel

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit_stack.close()

    def begin_step(
        self, step: "Step", scenario: "Scenario", *, may_change: bool, changes_sandbox: bool
    ) -> None:
        """Record the next step in the scenario's context, and whether it changes anything.

        Args:
            may_change: Whether the step may change something, as a project's own step may.
            changes_sandbox: Whether it changes the sandbox, so that a new one would lose it.

        Raises: EmulatorError, at the first step of a scenario with one name in two spellings.
        """
        if not self.texts.scenario_texts:
            self.texts = collect_scenario_texts(scenario)
            reject_quoted_text_typos(scenario.steps, self.texts, ALL_SPEC_NAMES)
        in_background = step.line_number < scenario.line_number
        self.preparations.current_step = "" if in_background else step.name
        self._has_acted = self._has_acted or may_change
        self._first_changing_step = self._first_changing_step or (
            step.name if changes_sandbox else None
        )

    def require_earlier_action(self, claim: str) -> None:
        """Reject a Then step before any step of the scenario has sent or changed something.

        Raises: EmulatorError.
        """
        if not self._has_acted and not self.list_segment_messages():
            remedy = "Add a When before it: what has the person done?"
            raise EmulatorError("nothing happens before this step", claim, remedy)

    @property
    def vocabulary(self) -> KnownNames:
        """Return the names that the scenario's workspace, Segment's spec and Insider One know."""
        return collect_known_names(self.emulator.workspace.document)

    def is_text_value(self, name: str, cell: str) -> bool:
        """Return whether a table cell under this Insider One name must be read as text.

        A custom value is a text if a step has it in quotes: cart "100017".
        """
        return name in TEXT_VALUED_NAMES or ("." in name and cell in self.texts.quoted_texts)

    def open_named_workspace(self, workspace: str) -> None:
        """Replace the scenario's sandbox by an empty one of a preset or workspace file.

        Raises: EmulatorError.
        """
        if workspace not in PRESET_NAMES:
            self.locate_file(workspace)
        self._replace_sandbox(load_named_workspace(workspace, self.folder))
        self.workspace_origin = (workspace, self.folder.absolute())

    def locate_file(self, name: str) -> Path:
        """Return the path of a file that a step names, relative to the feature's folder.

        Raises: EmulatorError, for a file elsewhere in a confined run.
        """
        path = (self.folder / name).resolve()
        if self._confined and path.parent != self.folder.resolve():
            raise EmulatorError(
                "this run reads only files in the folder of the feature",
                name,
                "Put the file there, or run the feature with emulator verify.",
            )
        return path

    def open_changed_workspace(self, document: JSONObject) -> None:
        """Replace the scenario's sandbox by an empty one with the changed workspace *document*.

        Raises: EmulatorError, when it has a mistake, or an earlier step has changed something.
        """
        plan = self.emulator.workspace.tracking_plan
        bare = {name: value for name, value in document.items() if name != "trackingPlan"}
        self._replace_sandbox(
            replace(load_workspace_from_document(bare, "the workspace"), tracking_plan=plan)
        )

    def _replace_sandbox(self, workspace: Workspace) -> None:
        self._require_unchanged_sandbox("the workspace", "Make it one of the first steps.")
        self._exit_stack.close()
        self.emulator = self._open_sandbox(workspace)
        if self._clock_start:
            self.set_and_run_clock(self._clock_start)

    def _require_unchanged_sandbox(self, where: str, remedy: str) -> None:
        """Reject a new sandbox after a step whose effect on the old one would be lost.

        Raises: EmulatorError.
        """
        if self._first_changing_step or self.list_segment_messages():
            step = f" ({self._first_changing_step})" if self._first_changing_step else ""
            raise EmulatorError(f"an earlier step has changed something{step}", where, remedy)

    def _open_sandbox(self, workspace: Workspace) -> "RunningEmulator":
        return self._exit_stack.enter_context(
            self._sandbox_provider.open_sandbox(workspace, self._should_remain)
        )

    def set_and_run_clock(self, now: str) -> None:
        """Set the clock of the scenario's emulator to *now* and let it run from there.

        Raises: EmulatorError.

        It runs because the SDK measures the age of a call with the machine's clock: with a stopped
        clock an earlier call could get a later time.
        """
        require_time(now)
        self._require_unchanged_sandbox(now, "Make it the first step, or let time pass.")
        self.emulator.client.reset_sandbox(now)
        self.emulator.client.resume_clock()
        self._clock_start = now

    def get_person(self, name: str) -> Shopper:
        """Return the scenario's person *name*; create a signed-in shopper if the name is new."""
        if name not in self.people:
            self.people[name] = make_shopper(name, seed=self._seed)
        return self.people[name]

    def mark_person_introduced(self, name: str) -> None:
        """Record a person whom a Given step introduces; a later step must use the name."""
        self.preparations.mark_preparation_used(PREPARED_PERSON, name)
        self.preparations.add_preparation(PREPARED_PERSON, name)

    def record_actor(self, name: str) -> str:
        """Record that a person of the scenario does something, and return the name.

        Raises: EmulatorError, for a name that is one slip away from that of another person.
        """
        self.preparations.mark_preparation_used(PREPARED_PERSON, name)
        self.preparations.mark_preparation_used(PREPARED_ROLE, name)
        known = [*self.people, *self.roles]
        # Of people, unlike of words, short names that are one letter apart are rarely both meant.
        one_letter = (
            other_name
            for other_name in known
            if is_one_edit_apart(name.casefold(), other_name.casefold())
        )
        if near := find_intended_name(name, known) or (
            None if name in known else next(one_letter, None)
        ):
            remedy = f"Did you mean {near}? If not, add first: Given {name} shops."
            raise EmulatorError("no earlier step introduces this person", name, remedy)
        return name

    def find_person(self, name: str) -> Shopper:
        """Return the scenario's person *name*; reject a name that no earlier step has.

        Raises: EmulatorError.
        """
        self.preparations.mark_preparation_used(PREPARED_PERSON, name)
        if name not in self.people:
            ids = {
                user_id_from_name(other_name): other_name for other_name in self.people
            }  # whatever the letter case
            near = get_close_matches(user_id_from_name(name), ids, n=1)
            remedy = f"Did you mean {ids[near[0]]}?" if near else f"Add first: Given {name} shops."
            raise EmulatorError("no Given or When step names this person", name, remedy)
        return self.people[name]

    def update_person(self, name: str, **details: Any) -> None:
        """Change the data of a person in the scenario; keys are fields of Shopper."""
        self.people[name] = replace(self.get_person(name), **details)

    def sign_in_person(self, name: str) -> None:
        """Sign a person of the scenario in: send identify with the e-mail address."""
        self.record_actor(name)
        self.update_person(name, user_id=user_id_from_name(name))
        self.send_calls(name, identify_call({"email": self.get_person(name).email}))

    def send_calls(self, name: str, *new_calls: SegmentCall) -> None:
        """Send calls of a person in the scenario to Segment; they are delivered on return.

        Raises: EmulatorError.
        """
        who = self.get_person(self.record_actor(name))
        self._reject_twin_name(name, who)
        self.preparations.mark_preparation_used(PREPARED_DEVICE, str(who.anonymous_id))
        self.emulator.shop.send(who, *new_calls, context=self.contexts.get(name))

    def _reject_twin_name(self, name: str, who: Shopper) -> None:
        """Reject a person whose name leads to the user id of another person, as ADA and Ada.

        Raises: EmulatorError. A user id that a step sets may be shared.
        """
        if who.user_id is None or who.user_id != user_id_from_name(name):
            return
        for other_name, other in self.people.items():
            is_twin = other.user_id == who.user_id == user_id_from_name(other_name)
            if other_name != name and is_twin:
                what = f"{other_name} and {name} have the same user id, {who.user_id}"
                remedy = f"Use one name, or set user_id: Given {name} is known to the shop as: …"
                raise EmulatorError(what, name, remedy)

    def add_fault(self, fault: JSONObject, *, segment: bool = False) -> None:
        """Make the next requests to Insider One, or to Segment, fail in this scenario."""
        client = self.emulator.client
        (client.add_segment_fault if segment else client.add_fault)(fault)
        if self.preparations.current_step:
            self._faults_with_steps.append((fault, self.preparations.current_step))

    def clear_faults(self) -> None:
        """Remove all faults of Segment and Insider One in this scenario.

        Raises: EmulatorError, where nothing did go wrong.
        """
        if unmet := self._find_unused_fault_error():
            raise unmet
        self._faults_with_steps = []
        self.emulator.client.clear_faults()

    def find_unused_preparation_error(self) -> EmulatorError | None:
        """Return the error for a scenario's first unused preparation or fault; None if all used."""
        return self.preparations.find_first_unused_error() or self._find_unused_fault_error()

    def _find_unused_fault_error(self) -> EmulatorError | None:
        waiting = self.emulator.client.list_faults() if self._faults_with_steps else []
        for fault, step in self._faults_with_steps:
            if any(fault.items() <= other.items() for other in waiting):
                remedy = "Add a step that sends a request, or remove the step."
                return EmulatorError("no request triggered this fault", step, remedy)
        return None

    def find_insider_profile(self, name: str) -> JSONObject | None:
        """Return the Insider One profile of a person in the scenario; None if there is none.

        Raises: EmulatorError.
        """
        client = self.emulator.client
        profiles = (
            client.find_profile(identifier) for identifier in self.find_person(name).identifiers
        )
        return next((profile for profile in profiles if profile), None)

    def list_insider_events(self, name: str) -> list[JSONObject]:
        """Return the Insider One events of a person in the scenario, in the order received."""
        profile = self.find_insider_profile(name)
        events: list[JSONObject] = profile["events"] if profile else []
        return [event for event in events if event["event_name"] not in INSIDER_ONE_EVENTS]

    def list_journey_runs(self, journey: str, name: str | None = None) -> list[JSONObject]:
        """Return the journey runs of a person in the scenario, or of all people.

        Raises: EmulatorError.
        """
        client = self.emulator.client
        ids = {entry["name"]: entry["id"] for entry in client.list_journeys()}
        if journey not in ids:
            known = f"Known: {', '.join(ids) or 'none'}."
            raise EmulatorError(f"the workspace has no journey {journey!r}", "", known)
        runs = client.list_journey_runs(ids[journey])
        if name is None:
            return runs
        profile = self.find_insider_profile(name) or {"id": None}
        return [run for run in runs if run["profile_id"] == profile["id"]]

    def list_segment_messages(self, name: str | None = None) -> list[JSONObject]:
        """Return the captured messages of a person of the scenario, or of all, oldest first."""
        client = self.emulator.client
        if name is None:
            return client.list_messages()
        who = self.find_person(name)
        ids = [id for id in (who.user_id, who.anonymous_id) if id]
        messages_by_id = {
            message["id"]: message for id in ids for message in client.list_messages(user=id)
        }
        return [messages_by_id[id] for id in sorted(messages_by_id)]
