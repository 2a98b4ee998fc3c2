"""Rules on the destination and the account behind it."""

import re
from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import WorkspaceFinding, suggest_name
from segment_insider_emulator.workspace.lint.subject import AnalysisContext
from segment_insider_emulator.workspace.structure import format_path

# A plan may allow fewer.
_MAX_SUBSCRIPTIONS = 50
_DESTINATION_SETTINGS = ["account_name", "ucd_key"]
_ILLEGAL_HEADER_CHARACTER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def find_inactive_destination(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Destinations that send nothing at all."""
    destination = context.workspace.destination
    if not destination.get("enabled", True):
        what = "the destination is disabled, so that nothing is sent"
        yield WorkspaceFinding("warning", "destination.enabled", what, "Write true.")
    if not context.subscriptions:
        what = "no subscription is enabled, so that nothing is sent"
        remedy = "Enable one, or start from the preset guide."
        yield WorkspaceFinding("warning", "destination.subscriptions", what, remedy)


def find_too_many_subscriptions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """More mappings than Segment lets a destination have."""
    count = len(context.workspace.destination["subscriptions"])
    if count > _MAX_SUBSCRIPTIONS:
        what = f"{count} subscriptions; Segment allows {_MAX_SUBSCRIPTIONS}"
        yield WorkspaceFinding("error", "destination.subscriptions", what, "Join some of them.")


def find_wrong_credentials(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Settings that the account does not know: Insider One refuses every request."""
    workspace = context.workspace
    settings = workspace.destination["settings"]
    pairs = (("account_name", workspace.account_name), ("ucd_key", workspace.account_key))
    for setting, expected in pairs:
        where = f"destination.settings.{setting}"
        if settings[setting] != expected:
            what = f"{setting} is not that of insider.account, so that every request is refused"
            yield WorkspaceFinding("error", where, what, "Write the same in both places.")
        if _ILLEGAL_HEADER_CHARACTER.search(settings[setting]):
            what = f"{setting} has a character that no header may have, so that nothing is sent"
            yield WorkspaceFinding("error", where, what, "Copy it anew, without line breaks.")


def find_unknown_settings(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Settings that the destination does not have."""
    for setting in context.workspace.destination["settings"]:
        if setting not in _DESTINATION_SETTINGS:
            where = f"destination.settings.{setting}"
            what = f"the destination has no setting {setting!r}, so that it does nothing"
            yield WorkspaceFinding(
                "warning", where, what, suggest_name(setting, _DESTINATION_SETTINGS)
            )


def find_duplicate_subscription_names(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Subscriptions that cannot be told apart, disabled ones included."""
    first: dict[str, int] = {}
    for index, subscription in enumerate(context.workspace.destination["subscriptions"]):
        name = subscription["name"]
        if name in first:
            where = format_path("destination", "subscriptions", index, "name")
            what = f"subscriptions[{first[name]}] has the name {name!r}, too"
            yield WorkspaceFinding(
                "warning", where, what, "Give each subscription a name of its own."
            )
        first.setdefault(name, index)
