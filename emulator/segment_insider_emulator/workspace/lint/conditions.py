"""Rules on the conditions of a trigger: what can never hold, and what holds unexpectedly."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.triggers import Condition, Group, Node
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint.spec import CALLS, EVENTS, ROOTS
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

# Without a value in the event these still hold.
_HOLD_WITHOUT = ("!=", "not_exists")
_OPPOSITES = (("is_true", "is_false"), ("exists", "not_exists"))
# Names are text, and only numbers have an order.
_ORDER = ("<", "<=", ">", ">=")
_TEXTS = ("event", "name", "userId")
_MAY_BE_MISSING = ("properties", "traits", "context", "userId")


def calls_taken(placed: Placed) -> list[str]:
    """The types of call that the trigger can match; none when it can match nothing."""
    if placed.conditions is None:
        return []
    return [call for call in CALLS if _can_hold(placed.conditions, call)]


def impossible_triggers(subject: Subject) -> Iterator[Finding]:
    """Conditions that no event can meet together."""
    for placed in subject.subscriptions:
        if placed.conditions is not None and not calls_taken(placed):
            what = f"no event can meet the trigger of {placed.name!r}"
            remedy = (
                f"Ask for one type of {', '.join(CALLS)}, for one event name, and for fields that "
                "such a call has."
            )
            yield Finding("error", placed.trigger_place, what, remedy)


def misspelt_events(subject: Subject) -> Iterator[Finding]:
    """Event names that differ from the spec's in capitals only."""
    spelt = {event.casefold(): event for event in EVENTS}
    for placed in subject.subscriptions:
        for condition in conditions(placed.conditions):
            name = str(condition.value)
            spec = spelt.get(name.casefold(), name)
            if condition.root == "event" and condition.operator in ("=", "!=") and spec != name:
                what = f"{name!r} does not match {spec!r}: capitals count"
                yield Finding("warning", placed.trigger_place, what, f'Write "{spec}".')


def missing_values(subject: Subject) -> Iterator[Finding]:
    """Negations that say something else than expected of an event without the value."""
    for placed in subject.subscriptions:
        for condition in conditions(placed.conditions):
            field = ".".join((condition.root, *condition.path))
            if condition.root not in _MAY_BE_MISSING:
                continue
            if condition.operator == "number_not_equals" or condition.operator.startswith("not_"):
                if condition.operator != "not_exists":
                    what = (
                        f"the negated condition on {field} does not hold where {field} is missing"
                    )
                    remedy = f"Add `or {field} = null` if those events count."
                    yield Finding("warning", placed.trigger_place, what, remedy)
            elif condition.operator == "!=":
                what = f"{field} != {condition.value!r} holds where {field} is missing, too"
                remedy = f"Add `and {field} != null` if those events do not count."
                yield Finding("note", placed.trigger_place, what, remedy)


def conditions(node: Node) -> Iterator[Condition]:
    """Every condition of a trigger, in order."""
    if isinstance(node, Condition):
        yield node
    elif isinstance(node, Group):
        for child in node.children:
            yield from conditions(child)


def _can_hold(node: Node, call: str) -> bool:
    if node is None:
        return False
    if isinstance(node, Condition):
        return _condition_can_hold(node, call)
    if node.operator == "or":
        return any(_can_hold(child, call) for child in node.children)
    own = [child for child in node.children if isinstance(child, Condition)]
    return all(_can_hold(child, call) for child in node.children) and not _contradict(own)


def _condition_can_hold(condition: Condition, call: str) -> bool:
    if condition.root == "type":
        return _type_holds(condition, call)
    if condition.operator in _ORDER and condition.root in _TEXTS:
        return False
    return condition.root in ROOTS[call] or condition.operator in _HOLD_WITHOUT


def _type_holds(condition: Condition, call: str) -> bool:
    if condition.operator == "=":
        return condition.value == call
    return condition.operator == "!=" and condition.value != call


def _contradict(together: list[Condition]) -> bool:
    """Whether conditions on one field exclude each other."""
    for field in {(each.root, each.path) for each in together}:
        own = [each for each in together if (each.root, each.path) == field]
        equal = {each.value for each in own if each.operator in ("=", "number_equals")}
        unequal = {each.value for each in own if each.operator in ("!=", "number_not_equals")}
        operators = {each.operator for each in own}
        if len(equal) > 1 or equal & unequal:
            return True
        if any(operators >= set(pair) for pair in _OPPOSITES):
            return True
    return False
