"""Events of a user that is taken: what is kept, and what is told."""

from datetime import datetime, timedelta

from segment_insider_emulator.capture.profile import ProfileEvent, nest_attributes
from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider.catalog import (
    get_event_retention,
    get_recommended_parameters,
    resolve_event_alias,
)
from segment_insider_emulator.insider.findings import RequestFinding, build_warning
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.shape import find_missing_parameters
from segment_insider_emulator.insider.values import DEFAULT_PARAMETERS, parse_fields
from segment_insider_emulator.types import JSONObject

_MAX_CLOCK_SKEW = timedelta(minutes=1)


def parse_event(
    event: JSONObject, where: str, now: datetime, options: InsiderOptions, *, skip_hook: bool
) -> tuple[ProfileEvent | None, list[RequestFinding]]:
    """Read one valid event.

    Returns: What to keep, None when it is older than its retention, and warnings.
    """
    params, warnings = parse_fields(
        event.get("event_params", {}), DEFAULT_PARAMETERS, f"{where}.event_params", options
    )
    sent_as, timestamp = event["event_name"], event["timestamp"]
    name, occurred_at = resolve_event_alias(sent_as), parse_rfc3339(timestamp)
    assert occurred_at is not None  # the schema has checked the form
    warnings += _warn_missing_parameters(event, where, options)
    if occurred_at > now + _MAX_CLOCK_SKEW:
        what = f"{sent_as} happens in the future: {timestamp}"
        warnings.append(
            build_warning(f"{where}.timestamp", what, "Send the time at which it happened.")
        )
    # Aware times near year 1 cannot be moved back, so the ages are compared.
    retention = get_event_retention(name, options)
    if now - occurred_at > retention:
        days = retention.days
        what = (
            f"{sent_as} is older than the {days} days it is kept, so it is not stored: {timestamp}"
        )
        warnings.append(
            build_warning(f"{where}.timestamp", what, "Send events while they are recent.")
        )
        return None, warnings
    stored_event = ProfileEvent(
        name=name,
        sent_as=sent_as,
        timestamp=timestamp,
        occurred_at=format_iso_utc(occurred_at),
        params=nest_attributes(params),
        received_at=format_iso_utc(now),
        skip_hook=skip_hook,
    )
    return stored_event, warnings


def _warn_missing_parameters(
    event: JSONObject, where: str, options: InsiderOptions
) -> list[RequestFinding]:
    name = event["event_name"]
    missing_parameters = find_missing_parameters(event, get_recommended_parameters(name, options))
    if not missing_parameters:
        return []
    what = f"{name} has no {', '.join(missing_parameters)}, which Insider One requires of purchase"
    remedy = "Send every one of them with each purchased product."
    return [build_warning(f"{where}.event_params", what, remedy)]
