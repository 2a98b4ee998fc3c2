"""The deployed workspace: runs contract cases with its mappings and finds differences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

from segment_insider_emulator.contract.cases import ContractCase, run_case_events
from segment_insider_emulator.delivery.filter_chain import (
    build_filter_chain,
    compile_insert_functions,
    get_verdict_for_rejection,
)
from segment_insider_emulator.filtering.result import SOURCE_STEP, FilterResult, Rejection
from segment_insider_emulator.functions.segment_function import create_function_runner
from segment_insider_emulator.json_text import describe_json_differences
from segment_insider_emulator.mapping.destination import (
    Destination,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.segment.ingest import DISABLED_SOURCE_TEXT
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.causes import (
    KnownCause,
    find_known_cause,
    list_known_causes,
)
from segment_insider_emulator.workspace.model import TEST_ACCOUNT_KEY
from segment_insider_emulator.workspace.validation import suggest_name

# Replaces account name and key in recorded cases, because cases are committed.
PLACEHOLDER_ACCOUNT = {"account_name": "account", "ucd_key": "key"}
RECORDED_SUBSCRIPTION_KEYS = ("name", "actionSlug", "trigger", "settings", "enabled")
_KEY_DIGEST_CHARS = 4  # enough to notice another key, too few to guess it
_SOURCE_DISABLED = Rejection(SOURCE_STEP, "source_disabled", DISABLED_SOURCE_TEXT)

MappingState: TypeAlias = Literal["same", "changed", "renamed", "disabled", "gone"]


@dataclass(frozen=True, slots=True)
class DeployedCaseResult:
    """The result of one contract case with the deployed workspace.

    Args:
        mapping_state: Of the case's subscription in the workspace, against the copy in the case.
        mapping_differences: One line for each place where the subscription differs from that copy.
        actual_result: In the shape of "expect"; None when the subscription is gone.
        updated_case: The case as the workspace would have it recorded; None where it sends nothing.
    """

    mapping_state: MappingState
    mapping_differences: list[str]
    actual_result: JSONObject | None
    updated_case: JSONObject | None

    @property
    def no_request_reason(self) -> str:
        """Why a contract case made no request to Insider One; "" if it made one."""
        results = self.actual_result["results"] if self.actual_result else []
        return "; ".join(
            self.mapping_differences
            or [result.get("message", result["status"]) for result in results]
        )


@dataclass(frozen=True, slots=True)
class UncoveredMapping:
    """An enabled subscription without a contract case.

    Args:
        matching_case_names: Names of the cases with events that it matches.
    """

    name: str
    title: str
    matching_case_names: list[str]


class DeployedWorkspace:
    """A deployed workspace, compiled once for all contract cases.

    Args:
        name: Of the workspace, as commands take it.
        has_real_key: Whether its key is the real account key; a running emulator hides it.
    """

    def __init__(self, workspace: Workspace, name: str, *, has_real_key: bool = True) -> None:
        self.name = name
        self._workspace, self._has_real_key = workspace, has_real_key
        self._filter_chain = build_filter_chain(workspace)
        self._destination = Destination(workspace.destination)
        self._run_functions = compile_insert_functions(
            create_function_runner(workspace.functions), self._destination
        )
        self._subscriptions: list[JSONObject] = workspace.destination["subscriptions"]
        self._account_settings: JSONObject = workspace.destination["settings"]

    def find_known_cause(self, cause: str, mapping: str) -> KnownCause | None:
        """Return the entry of the workspace's known causes for a cause; None if it is new."""
        known_causes = list_known_causes(self._workspace.document)
        return find_known_cause(known_causes, cause, mapping)

    def run_case(self, case: ContractCase, all_cases: Sequence[ContractCase]) -> DeployedCaseResult:
        """Run a contract case with the deployed version of its subscription.

        Args:
            all_cases: All that are checked; what none of them names may be a new name.
        """
        deployed_subscription = self._find_subscription(case, all_cases)
        if deployed_subscription is None:
            return DeployedCaseResult(
                "gone", [self._describe_missing_subscription(case)], None, None
            )
        settings = {**self._account_settings, **case.document["destination"]["settings"]}
        subscription = compile_subscription(deployed_subscription, settings)
        lines = list(self._find_mapping_differences(case, deployed_subscription, subscription))
        if not deployed_subscription.get("enabled", True) and case.document["subscription"].get(
            "enabled", True
        ):
            actual = _build_result_without_requests(
                case, "disabled", f"{deployed_subscription['name']!r} is disabled"
            )
            return DeployedCaseResult("disabled", lines, actual, None)
        actual = self._run_events(case, subscription)
        state: MappingState = "changed" if lines else "same"
        if deployed_subscription["name"] != _get_subscription_reference(case)[0]:
            state = "renamed"
        return DeployedCaseResult(
            state,
            lines,
            actual,
            self._build_updated_case(case, deployed_subscription, settings, actual),
        )

    def find_account_differences(self, cases: Sequence[ContractCase]) -> list[str]:
        """Return differences of account, API key and write key between *cases* and the workspace.

        No key is in any of the lines.
        """
        return list(
            dict.fromkeys(
                line for case in cases for line in self._find_case_account_differences(case)
            )
        )

    def find_uncovered_mappings(self, cases: Sequence[ContractCase]) -> Iterator[UncoveredMapping]:
        """Yield enabled subscriptions that have no contract case."""
        covered = [self._find_subscription(case, cases) for case in cases]
        for definition in self._subscriptions:
            if definition.get("enabled", True) and not any(
                subscription is definition for subscription in covered
            ):
                subscription = compile_subscription(definition, self._account_settings)
                takes = [
                    case.name
                    for case in cases
                    if self._does_subscription_match_case(subscription, case)
                ]
                title = _format_mapping_title(definition["name"], definition["actionSlug"])
                yield UncoveredMapping(definition["name"], title, takes)

    def find_event_rejection(self, event: JSONObject) -> Rejection | None:
        """Return how source or filters reject *event*; None if it reaches the subscriptions."""
        return self._filter_case_event(event).rejection

    def run_functions(self, event: JSONObject) -> FilterResult:
        """Run the insert functions on an event that passed all filters."""
        return self._run_functions(event) if self._run_functions else FilterResult(event)

    def build_subscription_reference(self, subscription: JSONObject) -> JSONObject:
        """Return the reference that a case stores about its subscription and account."""
        workspace = self._workspace
        reference = {
            "name": subscription["name"],
            "actionSlug": subscription["actionSlug"],
            "writeKey": workspace.write_key,
            "accountName": self._account_settings["account_name"],
        }
        if self._has_real_key:
            reference["keyDigest"] = _hash_account_key(self._account_settings["ucd_key"])
        return reference

    def _find_subscription(
        self, case: ContractCase, all_cases: Sequence[ContractCase]
    ) -> JSONObject | None:
        """Find a case's subscription in the workspace by name, or by content if it was renamed."""
        name, slug = _get_subscription_reference(case)
        named = [
            subscription for subscription in self._subscriptions if subscription["name"] == name
        ]
        for candidates in (
            [subscription for subscription in named if subscription["actionSlug"] == slug],
            named,
        ):
            if candidates:
                # Names may occur twice; the recorded copy identifies one.
                return next(
                    (
                        candidate
                        for candidate in candidates
                        if _is_same_subscription(case, candidate)
                    ),
                    candidates[0],
                )
        referenced_names = {_get_subscription_reference(case)[0] for case in all_cases}
        renamed = [
            e
            for e in self._subscriptions
            if e["name"] not in referenced_names and _is_same_subscription(case, e)
        ]
        return renamed[0] if len(renamed) == 1 else None

    def _describe_missing_subscription(self, case: ContractCase) -> str:
        known = [str(subscription["name"]) for subscription in self._subscriptions]
        near = f" {suggest_name(_get_subscription_reference(case)[0], known)}" if known else ""
        return (
            f"subscription: {_format_mapping_title(*_get_subscription_reference(case))} "
            f"is not in {self.name}.{near}"
        )

    def _find_mapping_differences(
        self, case: ContractCase, deployed_subscription: JSONObject, subscription: Subscription
    ) -> Iterator[str]:
        name, _ = _get_subscription_reference(case)
        recorded = _get_effective_subscription(case.subscription, name)
        deployed = _get_effective_subscription(subscription, deployed_subscription["name"])
        for place, value in recorded.items():
            yield from describe_json_differences(value, deployed[place], place)
        was, is_now = (
            case.document["subscription"].get("enabled", True),
            deployed_subscription.get("enabled", True),
        )
        yield from describe_json_differences(was, is_now, "enabled")

    def _find_case_account_differences(self, case: ContractCase) -> Iterator[str]:
        reference = case.document.get("reference", {})
        stated = case.document["destination"]["settings"].get("account_name")
        account = reference.get("accountName", stated)
        if account not in (
            PLACEHOLDER_ACCOUNT["account_name"],
            self._account_settings["account_name"],
            None,
        ):
            place = "destination.settings.account_name"
            yield from describe_json_differences(
                account, self._account_settings["account_name"], place
            )
        digest, key = reference.get("keyDigest"), self._account_settings["ucd_key"]
        if digest not in (None, _hash_account_key(key)) and key != TEST_ACCOUNT_KEY:
            yield "destination.settings.ucd_key: another key than when the cases were recorded"
        write_key = reference.get("writeKey", self._workspace.write_key)
        keys = [source.write_key for source in self._workspace.sources]
        if write_key not in keys:
            yield from describe_json_differences(write_key, keys[0], "source.writeKey")

    def _filter_case_event(self, event: JSONObject) -> FilterResult:
        if not self._workspace.source_enabled:
            return FilterResult(event, _SOURCE_DISABLED)
        enabled = self._destination.enabled
        return self._filter_chain.filter_event(
            event, enabled=enabled, destination=self._destination
        )

    def _run_events(self, case: ContractCase, subscription: Subscription) -> JSONObject:
        """Run a contract case's events that pass the filters; return the result like "expect"."""
        filtered = [self._filter_case_event(event) for event in case.events_before_functions]
        passed = [result for result in filtered if result.rejection is None]
        reaching = [result.event for result in passed]
        seen = [result.trigger_event or result.event for result in passed]
        batched = case.document.get("batch", False)
        result = (
            run_case_events(subscription, reaching, batched, seen) if passed else {"requests": []}
        )
        results = iter(result.get("results", ()))
        return {
            "requests": result["requests"],
            "results": [
                _build_filtered_event_result(one.rejection) if one.rejection else next(results)
                for one in filtered
            ],
        }

    def _does_subscription_match_case(self, subscription: Subscription, case: ContractCase) -> bool:
        results = self._run_events(case, subscription)["results"]
        return any(result["status"] in ("delivered", "failed") for result in results)

    def _build_updated_case(
        self,
        case: ContractCase,
        deployed_subscription: JSONObject,
        settings: JSONObject,
        actual_result: JSONObject,
    ) -> JSONObject | None:
        statuses = {result["status"] for result in actual_result["results"]}
        if not statuses & {"delivered", "failed"} or statuses & {"filtered", "disabled"}:
            return None
        return {
            **case.document,
            "destination": {"settings": settings},
            "subscription": copy_recorded_subscription_fields(deployed_subscription),
            "reference": self.build_subscription_reference(deployed_subscription),
            "expect": actual_result,
        }


def copy_recorded_subscription_fields(subscription: JSONObject) -> JSONObject:
    """Return the part of a subscription that a case records."""
    return {key: subscription[key] for key in RECORDED_SUBSCRIPTION_KEYS if key in subscription}


def _get_subscription_reference(case: ContractCase) -> tuple[str, str]:
    """Return name and action of a contract case's subscription."""
    reference = case.document.get("reference", {})
    subscription = case.subscription
    return reference.get("name", subscription.name), reference.get(
        "actionSlug", subscription.action_slug
    )


def _format_mapping_title(name: str, slug: str) -> str:
    return f"{name!r} ({slug})"


def _get_effective_subscription(subscription: Subscription, name: str) -> JSONObject:
    """Return the subscription with catalogue defaults filled in."""
    return {
        "name": name,
        "actionSlug": subscription.action_slug,
        "trigger": subscription.trigger,
        "settings": subscription.mapping,
    }


def _is_same_subscription(case: ContractCase, definition: JSONObject) -> bool:
    """Return whether *definition* equals the recorded subscription, apart from name and enabled."""
    deployed = compile_subscription(definition, {})
    return _get_effective_subscription(case.subscription, "") == _get_effective_subscription(
        deployed, ""
    )


def _build_result_without_requests(case: ContractCase, status: str, message: str) -> JSONObject:
    result = {"status": status, "message": message}
    return {"requests": [], "results": [result for _ in case.document["events"]]}


def _build_filtered_event_result(stop: Rejection) -> JSONObject:
    status, message = get_verdict_for_rejection(stop)
    return {"status": status, "message": message}


def _hash_account_key(key: JSON) -> str:
    return sha256(str(key).encode()).hexdigest()[:_KEY_DIGEST_CHARS]
