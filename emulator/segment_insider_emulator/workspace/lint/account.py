"""Rules on the destination and the account behind it."""

import re
from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import Finding, did_you_mean
from segment_insider_emulator.workspace.lint.subject import Subject
from segment_insider_emulator.workspace.structure import place

# A plan may allow fewer.
_MAXIMUM_SUBSCRIPTIONS = 50
_SETTINGS = ["account_name", "ucd_key"]
_ILLEGAL_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def silent_destinations(subject: Subject) -> Iterator[Finding]:
    """Destinations that send nothing at all."""
    destination = subject.workspace.destination
    if not destination.get("enabled", True):
        what = "the destination is disabled, so that nothing is sent"
        yield Finding("warning", "destination.enabled", what, "Write true.")
    if not subject.subscriptions:
        what = "no subscription is enabled, so that nothing is sent"
        remedy = "Enable one, or start from the preset guide."
        yield Finding("warning", "destination.subscriptions", what, remedy)


def too_many_subscriptions(subject: Subject) -> Iterator[Finding]:
    """More mappings than Segment lets a destination have."""
    count = len(subject.workspace.destination["subscriptions"])
    if count > _MAXIMUM_SUBSCRIPTIONS:
        what = f"{count} subscriptions; Segment allows {_MAXIMUM_SUBSCRIPTIONS}"
        yield Finding("error", "destination.subscriptions", what, "Join some of them.")


def wrong_credentials(subject: Subject) -> Iterator[Finding]:
    """Settings that the account does not know: Insider One refuses every request."""
    workspace = subject.workspace
    settings = workspace.destination["settings"]
    pairs = (("account_name", workspace.account_name), ("ucd_key", workspace.account_key))
    for setting, expected in pairs:
        where = f"destination.settings.{setting}"
        if settings[setting] != expected:
            what = f"{setting} is not that of insider.account, so that every request is refused"
            yield Finding("error", where, what, "Write the same in both places.")
        if _ILLEGAL_IN_HEADER.search(settings[setting]):
            what = f"{setting} has a character that no header may have, so that nothing is sent"
            yield Finding("error", where, what, "Copy it anew, without line breaks.")


def unknown_settings(subject: Subject) -> Iterator[Finding]:
    """Settings that the destination does not have."""
    for setting in subject.workspace.destination["settings"]:
        if setting not in _SETTINGS:
            where = f"destination.settings.{setting}"
            what = f"the destination has no setting {setting!r}, so that it does nothing"
            yield Finding("warning", where, what, did_you_mean(setting, _SETTINGS))


def shared_names(subject: Subject) -> Iterator[Finding]:
    """Subscriptions that cannot be told apart, disabled ones included."""
    first: dict[str, int] = {}
    for index, subscription in enumerate(subject.workspace.destination["subscriptions"]):
        name = subscription["name"]
        if name in first:
            where = place("destination", "subscriptions", index, "name")
            what = f"subscriptions[{first[name]}] has the name {name!r}, too"
            yield Finding("warning", where, what, "Give each subscription a name of its own.")
        first.setdefault(name, index)
