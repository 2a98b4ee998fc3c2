"""Run contract cases through the workspace that a shop deploys, and say what differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

from segment_insider_emulator.contract.cases import Case
from segment_insider_emulator.contract.running import happened, value_differences
from segment_insider_emulator.delivery.gate import compile_gate, verdict
from segment_insider_emulator.mapping.subscription import Subscription, compile_subscription
from segment_insider_emulator.segment.filtering.passage import SOURCE, Stop
from segment_insider_emulator.segment.sources import DISABLED
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.finding import did_you_mean
from segment_insider_emulator.workspace.importing.assembling import KEY

# Stand for the account's name and key in cases, which live in repositories.
ACCOUNT = {"account_name": "account", "ucd_key": "key"}
FROZEN = ("name", "actionSlug", "trigger", "settings", "enabled")
_DIGITS = 4  # of a key's digest: enough to notice another key, too few to find it
_SOURCE_OFF = Stop(SOURCE, "source_disabled", DISABLED)

State: TypeAlias = Literal["same", "changed", "renamed", "disabled", "gone"]


@dataclass(frozen=True, slots=True)
class DeployedResult:
    """What the workspace makes of one case.

    Args:
        state: Of the case's subscription in the workspace, against the copy in the case.
        mapping: One line for each place where the subscription differs from that copy.
        actual: In the shape of "expect"; None when the subscription is gone.
        renewed: The case as the workspace would have it recorded; None where it sends nothing.
    """

    state: State
    mapping: list[str]
    actual: JSONObject | None
    renewed: JSONObject | None

    @property
    def reason(self) -> str:
        """Why nothing is sent, where nothing is."""
        results = self.actual["results"] if self.actual else []
        return "; ".join(self.mapping or [each.get("message", each["status"]) for each in results])


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An enabled subscription that no case runs.

    Args:
        takes: Names of the cases whose events it takes as well.
    """

    title: str
    takes: list[str]


class Deployment:
    """A workspace, compiled once for all cases.

    Args:
        name: Of the workspace, as commands take it.
        has_key: Whether its key is the account's own; a running emulator does not tell it.
    """

    def __init__(self, workspace: Workspace, name: str, *, has_key: bool = True) -> None:
        self.name = name
        self._workspace, self._has_key = workspace, has_key
        source = workspace.document["source"]
        self._gate = compile_gate(
            source, workspace.destination, workspace.plan, options=workspace.segment
        )
        self._definitions: list[JSONObject] = workspace.destination["subscriptions"]
        self._settings: JSONObject = workspace.destination["settings"]

    def run(self, case: Case, cases: Sequence[Case]) -> DeployedResult:
        """Run *case* through the subscription that it names.

        Args:
            cases: All that are checked; what none of them names may be a new name.
        """
        found = self._find(case, cases)
        if found is None:
            return DeployedResult("gone", [self._gone(case)], None, None)
        settings = {**self._settings, **case.document["destination"]["settings"]}
        subscription = compile_subscription(found, settings)
        lines = list(self._mapping_differences(case, found, subscription))
        if not found.get("enabled", True) and case.document["subscription"].get("enabled", True):
            actual = _nothing(case, "disabled", f"{found['name']!r} is disabled")
            return DeployedResult("disabled", lines, actual, None)
        actual = self._happened(case, subscription)
        state: State = "changed" if lines else "same"
        if found["name"] != _reference(case)[0]:
            state = "renamed"
        return DeployedResult(state, lines, actual, self._renewed(case, found, settings, actual))

    def account_differences(self, cases: Sequence[Case]) -> list[str]:
        """Say where the account, its key or the write key are others than when *cases* were made.

        No key is in any of the lines.
        """
        return list(dict.fromkeys(line for case in cases for line in self._account_lines(case)))

    def uncovered(self, cases: Sequence[Case]) -> Iterator[Uncovered]:
        """Find the enabled subscriptions that none of *cases* runs."""
        covered = [self._find(case, cases) for case in cases]
        for definition in self._definitions:
            if definition.get("enabled", True) and not any(each is definition for each in covered):
                subscription = compile_subscription(definition, self._settings)
                takes = [case.name for case in cases if self._takes(subscription, case)]
                yield Uncovered(_title(definition["name"], definition["actionSlug"]), takes)

    def stop(self, event: JSONObject) -> Stop | None:
        """Return why no subscription is handed *event*; None when all are."""
        _, stop = self._passed(event)
        return stop

    def reference(self, definition: JSONObject) -> JSONObject:
        """Return what a case recorded of *definition* says about where it comes from."""
        workspace = self._workspace
        reference = {
            "name": definition["name"],
            "actionSlug": definition["actionSlug"],
            "writeKey": workspace.write_key,
            "accountName": self._settings["account_name"],
        }
        if self._has_key:
            reference["keyDigest"] = _digest(self._settings["ucd_key"])
        return reference

    def _find(self, case: Case, cases: Sequence[Case]) -> JSONObject | None:
        """The subscription by name and action; by name; or the only new name of the same one."""
        name, slug = _reference(case)
        named = [each for each in self._definitions if each["name"] == name]
        for found in ([each for each in named if each["actionSlug"] == slug], named):
            if found:
                # Names may be given twice: the copy says which one it was.
                return next((each for each in found if _same(case, each)), found[0])
        taken = {_reference(each)[0] for each in cases}
        renamed = [e for e in self._definitions if e["name"] not in taken and _same(case, e)]
        return renamed[0] if len(renamed) == 1 else None

    def _gone(self, case: Case) -> str:
        known = [str(each["name"]) for each in self._definitions]
        near = f" {did_you_mean(_reference(case)[0], known)}" if known else ""
        return f"subscription: {_title(*_reference(case))} is not in {self.name}.{near}"

    def _mapping_differences(
        self, case: Case, found: JSONObject, subscription: Subscription
    ) -> Iterator[str]:
        name, _ = _reference(case)
        recorded = _effective(case.subscription, name)
        deployed = _effective(subscription, found["name"])
        for place, value in recorded.items():
            yield from value_differences(value, deployed[place], place)
        was, is_now = case.document["subscription"].get("enabled", True), found.get("enabled", True)
        yield from value_differences(was, is_now, "enabled")

    def _account_lines(self, case: Case) -> Iterator[str]:
        reference = case.document.get("reference", {})
        stated = case.document["destination"]["settings"].get("account_name")
        account = reference.get("accountName", stated)
        if account not in (ACCOUNT["account_name"], self._settings["account_name"], None):
            place = "destination.settings.account_name"
            yield from value_differences(account, self._settings["account_name"], place)
        digest, key = reference.get("keyDigest"), self._settings["ucd_key"]
        if digest not in (None, _digest(key)) and key != KEY:
            yield "destination.settings.ucd_key: another key than when the cases were recorded"
        write_key = reference.get("writeKey", self._workspace.write_key)
        keys = [each.write_key for each in self._workspace.sources]
        if write_key not in keys:
            yield from value_differences(write_key, keys[0], "source.writeKey")

    def _passed(self, event: JSONObject) -> tuple[JSONObject, Stop | None]:
        if not self._workspace.enabled:
            return event, _SOURCE_OFF
        enabled = self._workspace.destination.get("enabled", True)
        passage = self._gate.admit(event, enabled=enabled)
        return passage.event, passage.stop

    def _happened(self, case: Case, subscription: Subscription) -> JSONObject:
        """What the subscription makes of the events that reach it, in the shape of "expect"."""
        ways = [self._passed(event) for event in case.document["events"]]
        reaching = [event for event, stop in ways if stop is None]
        batched = case.document.get("batch", False)
        made = happened(subscription, reaching, batched) if reaching else {"requests": []}
        results = iter(made.get("results", ()))
        return {
            "requests": made["requests"],
            "results": [_stopped(stop) if stop else next(results) for _, stop in ways],
        }

    def _takes(self, subscription: Subscription, case: Case) -> bool:
        results = self._happened(case, subscription)["results"]
        return any(each["status"] in ("delivered", "failed") for each in results)

    def _renewed(
        self, case: Case, found: JSONObject, settings: JSONObject, actual: JSONObject
    ) -> JSONObject | None:
        statuses = {each["status"] for each in actual["results"]}
        if not statuses & {"delivered", "failed"} or statuses & {"filtered", "disabled"}:
            return None
        return {
            **case.document,
            "destination": {"settings": settings},
            "subscription": frozen(found),
            "reference": self.reference(found),
            "expect": actual,
        }


def frozen(definition: JSONObject) -> JSONObject:
    """Return the copy of a subscription that a case keeps as proof of what was recorded."""
    return {key: definition[key] for key in FROZEN if key in definition}


def _reference(case: Case) -> tuple[str, str]:
    """Name and action of the case's subscription; in old cases its copy says them."""
    reference = case.document.get("reference", {})
    own = case.subscription
    return reference.get("name", own.name), reference.get("actionSlug", own.action_slug)


def _title(name: str, slug: str) -> str:
    return f"{name!r} ({slug})"


def _effective(subscription: Subscription, name: str) -> JSONObject:
    """What a subscription does, whatever it leaves to the catalogue."""
    return {
        "name": name,
        "actionSlug": subscription.action_slug,
        "trigger": subscription.trigger,
        "settings": subscription.mapping,
    }


def _same(case: Case, definition: JSONObject) -> bool:
    """Whether *definition* is the case's copy, but for its name and whether it is enabled."""
    deployed = compile_subscription(definition, {})
    return _effective(case.subscription, "") == _effective(deployed, "")


def _nothing(case: Case, status: str, message: str) -> JSONObject:
    result = {"status": status, "message": message}
    return {"requests": [], "results": [result for _ in case.document["events"]]}


def _stopped(stop: Stop) -> JSONObject:
    status, message = verdict(stop)
    return {"status": status, "message": message}


def _digest(key: JSON) -> str:
    return sha256(str(key).encode()).hexdigest()[:_DIGITS]
