"""Events of a user that is taken: what is kept, and what is told."""

from datetime import datetime, timedelta

from segment_insider_emulator.capture.profile import ProfileEvent, nested
from segment_insider_emulator.clock import iso
from segment_insider_emulator.insider.catalog import expected, retention, stored_name
from segment_insider_emulator.insider.findings import Finding, warning
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.shape import missing_parameters
from segment_insider_emulator.insider.values import PARAMETERS, read
from segment_insider_emulator.types import JSONObject

_CLOCK_SKEW = timedelta(minutes=1)


def read_event(
    event: JSONObject, where: str, now: datetime, options: Options, *, skip_hook: bool
) -> tuple[ProfileEvent | None, list[Finding]]:
    """Read one valid event.

    Returns: What to keep, None when it is older than its retention, and warnings.
    """
    params, told = read(event.get("event_params", {}), PARAMETERS, f"{where}.event_params", options)
    sent_as, timestamp = event["event_name"], event["timestamp"]
    name, occurred = stored_name(sent_as), instant(timestamp)
    assert occurred is not None  # the schema has checked the form
    told += _expected(event, where, options)
    if occurred > now + _CLOCK_SKEW:
        what = f"{sent_as} happens in the future: {timestamp}"
        told.append(warning(f"{where}.timestamp", what, "Send the time at which it happened."))
    # Aware times near year 1 cannot be moved back, so the ages are compared.
    kept_for = retention(name, options)
    if now - occurred > kept_for:
        days = kept_for.days
        what = (
            f"{sent_as} is older than the {days} days it is kept, so it is not stored: {timestamp}"
        )
        told.append(warning(f"{where}.timestamp", what, "Send events while they are recent."))
        return None, told
    kept = ProfileEvent(
        name=name,
        sent_as=sent_as,
        timestamp=timestamp,
        occurred_at=iso(occurred),
        params=nested(params),
        received_at=iso(now),
        skip_hook=skip_hook,
    )
    return kept, told


def _expected(event: JSONObject, where: str, options: Options) -> list[Finding]:
    name = event["event_name"]
    missing = missing_parameters(event, expected(name, options))
    if not missing:
        return []
    what = f"{name} has no {', '.join(missing)}, which Insider One requires of purchase"
    remedy = "Send every one of them with each purchased product."
    return [warning(f"{where}.event_params", what, remedy)]
