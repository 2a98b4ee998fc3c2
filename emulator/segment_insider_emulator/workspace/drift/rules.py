"""What lint has to say, as departures: each rule with its row of the checklist."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.workspace.drift.departure import Change, Effect, Found
from segment_insider_emulator.workspace.drift.reference import guides_own
from segment_insider_emulator.workspace.drift.triggers import SENT_TWICE, narrowed
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint import (
    RULES,
    Rule,
    account,
    fields,
    overlap,
    parameters,
    people,
)
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

_ROWS: dict[Rule, str] = {
    account.silent_destinations: "D25",
    account.wrong_credentials: "D35",
    overlap.events_sent_twice: "D24",
    overlap.calls_not_taken: "D26",
    overlap.cart_reviewed: "D12",
    fields.unnamed_pages: "D26",
    people.anonymous_subscriptions: "D11",
    people.unlisted_identifiers: "D10",
    people.unsent_identifiers: "D10",
    people.unread_names: "D1",
    people.unmapped_opt_ins: "D3",
    people.truthful_opt_ins: "D5",
    people.custom_twins: "D4",
    people.phone_numbers: "D7",
    parameters.lost_keys: "D31",
    parameters.overwritten_products: "D23",
    parameters.required_parameters: "D41",
    parameters.dropped_properties: "D17",
    parameters.dropped_custom_properties: "D17",
    parameters.textual_variants: "D21",
    parameters.cart_currency: "D41",
    parameters.typed_products: "D21",
}
# The comparison with the guide says the same, with the line to write.
_COMPARED = (
    people.unread_names,
    people.unmapped_opt_ins,
    parameters.dropped_properties,
    parameters.dropped_custom_properties,
    parameters.required_parameters,
)
# Something arrives, only not as it should.
_DIFFERS = (overlap.events_sent_twice, overlap.cart_reviewed, people.unlisted_identifiers)


def from_rules(subject: Subject, known: Sequence[Found]) -> Iterator[Found]:
    """The findings of every rule that say more than the departures *known* already."""
    events = dict(overlap.sent_twice(subject))
    losing = {each.at for each in known if each.effect == "loses" and "guide" in each.against}
    for rule in RULES:
        for finding in rule(subject):
            placed = _placed(subject, finding.where)
            if rule in _COMPARED and placed and placed.where in losing:
                continue
            found = _departure(rule, finding, placed, events.get(finding))
            if found.change is None or all(found.change != each.change for each in known):
                yield found


def _placed(subject: Subject, where: str) -> Placed | None:
    return next(
        (
            each
            for each in subject.subscriptions
            if where == each.where or where.startswith(f"{each.where}.")
        ),
        None,
    )


def _departure(rule: Rule, finding: Finding, placed: Placed | None, event: str | None) -> Found:
    """*finding* of *rule* as a departure; *event* is the track call that it is about, if any."""
    effect: Effect = "note" if finding.severity == "note" else "loses"
    if rule in _DIFFERS:
        effect = "differs"
    found = Found(
        _ROWS.get(rule, ""),
        placed.where if placed else "",
        ("guide",),
        effect,
        finding.where,
        finding.what,
        finding.remedy,
        several=SENT_TWICE if rule is overlap.events_sent_twice else "",
    )
    if placed is None:
        return found
    return replace(found, change=_change(rule, finding, placed, event))


def _change(rule: Rule, finding: Finding, placed: Placed, event: str | None) -> Change | None:
    if rule is overlap.events_sent_twice:
        return narrowed(placed, event) if event is not None else None
    guides = guides_own(placed)
    if rule is overlap.cart_reviewed and guides:
        return Change(placed.keys("trigger"), guides.subscription.trigger)
    if rule is parameters.lost_keys:
        return _renamed(finding, placed)
    return None


def _renamed(finding: Finding, placed: Placed) -> Change | None:
    field, _, key = finding.where.removeprefix(f"{placed.where}.settings.").partition(".")
    mapping = placed.mapping.get(field)
    if not isinstance(mapping, dict) or is_directive(mapping) or key not in mapping:
        return None
    better = parameters.kept_key(key)
    return Change(placed.keys("settings", field, better), mapping[key], drops=key)
