"""Edits of the workspace that solve causes of problems of captured messages."""

from collections.abc import Sequence
from typing import Final

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.guide_comparison import build_edit_for_missing_mapping
from segment_insider_emulator.analysis.drift.lint_edits import (
    list_identifier,
    move_out_of_custom,
    remove_unknown_name,
)
from segment_insider_emulator.control_api.sandboxes import build_current_workspace_document
from segment_insider_emulator.insider.catalog import (
    DEFAULT_UNDER_CUSTOM,
    UNKNOWN_NAME,
    UNLISTED_IDENTIFIER,
)
from segment_insider_emulator.inspector.mapping_failures import (
    describe_failure_causes,
    suggest_failure_edits,
)
from segment_insider_emulator.mapping.destination import compile_subscription
from segment_insider_emulator.mapping.rejected_values import find_rejected_values
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import SandboxServices
from segment_insider_emulator.workspace.edits import WorkspaceEdit

MAX_LOADED_MESSAGES: Final = 20  # of one page
_FIELDS: Final = {"attributes": "attributes", "event_params": "parameters"}  # by section of a user


class CauseEditor:
    """Suggests edits for causes, with the current mappings of a sandbox."""

    def __init__(self, services: SandboxServices) -> None:
        self._services = services
        self._context: AnalysisContext | None = None
        self._loaded_count = 0

    def list_edits(self, cause: str, mapping: str, message_id: int) -> Sequence[WorkspaceEdit]:
        """Return the edits that solve a cause; () when the sender has to, or a person decides.

        Args:
            cause: Rule and what it is about, e.g. "unknown-name attributes.idfa".
            mapping: Name of the subscription; "" for a cause of the message itself.
            message_id: A message with the cause.
        """
        rule, _, place = cause.partition(" ")
        if rule == "disabled":
            is_on = self.context.workspace.destination.get("enabled", True)
            return () if is_on else (WorkspaceEdit(("enabled",), True),)
        if rule == "not-subscribed":
            edit = build_edit_for_missing_mapping(self.context, self._load_event(message_id))
            return (edit,) if edit else ()
        subscription = self._find_subscription(mapping)
        if subscription is None:
            return ()
        if rule == "mapping-failed":
            return self._list_conversions(subscription, self._load_event(message_id))
        edit = _suggest_section_edit(self.context, subscription, rule, place)
        return (edit,) if edit else ()

    @property
    def context(self) -> AnalysisContext:
        """Return the current workspace, compiled when it is needed."""
        if self._context is None:
            self._context = build_context(build_current_workspace_document(self._services))
        return self._context

    def _find_subscription(self, name: str) -> LocatedSubscription | None:
        """Return the only subscription of a name; None if two have it."""
        found = [entry for entry in self.context.subscriptions if entry.name == name]
        return found[0] if len(found) == 1 else None

    def _load_event(self, message_id: int) -> JSONObject:
        self._loaded_count += 1
        if self._loaded_count > MAX_LOADED_MESSAGES:
            return {}
        message = self._services.store.get_message(message_id)
        return (message.normalised if message else None) or {}

    def _list_conversions(
        self, subscription: LocatedSubscription, event: JSONObject
    ) -> Sequence[WorkspaceEdit]:
        destination = self.context.workspace.destination
        definition = destination["subscriptions"][subscription.index]
        compiled = compile_subscription(definition, destination["settings"])
        causes = describe_failure_causes(find_rejected_values(compiled, event)) if event else ()
        return [
            edit
            for cause in causes
            for edit in suggest_failure_edits(cause, subscription.index, destination, event)
        ]


def _suggest_section_edit(
    context: AnalysisContext, subscription: LocatedSubscription, rule: str, place: str
) -> WorkspaceEdit | None:
    """Return the edit for a name that a mapping writes into the wrong section."""
    root, _, name = place.partition(".")
    name = name.removeprefix("custom.")
    if root in _FIELDS and rule == UNKNOWN_NAME:
        return remove_unknown_name(subscription, _FIELDS[root], name)
    if root == "attributes" and rule == DEFAULT_UNDER_CUSTOM:
        return move_out_of_custom(subscription, name)
    if root == "identifiers" and rule == UNLISTED_IDENTIFIER:
        return list_identifier(context, name)
    return None
