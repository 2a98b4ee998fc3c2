"""Measure whether explanations are true: change each leaf of an event and compare.

    python tests/mapping/explanation_measure.py --outputs 1000 --seed 1

An output is one request. Each leaf of its event is replaced by values of its own type and of other
types, by null, and removed; the change of the request is compared with the explanation. An item of
a list is not removed: the items after it would move, and the first tag is no source of the second.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "conformance"), str(ROOT / "tests" / "mapping"), str(ROOT)]

from explained_cases import generated_outputs, shipped_outputs  # noqa: E402

from segment_insider_emulator.mapping import Destination, InsiderRequest, Subscription  # noqa: E402
from segment_insider_emulator.mapping.explanation import (  # noqa: E402
    EventExplanation,
    SubscriptionTrace,
    explain_event,
)
from segment_insider_emulator.mapping.path_tracking import join_path  # noqa: E402
from segment_insider_emulator.mapping.value_origins import ValueOrigin  # noqa: E402
from segment_insider_emulator.types import JSON, JSONObject  # noqa: E402

_GONE = object()
_OTHERS: tuple[JSON, ...] = (
    "abc", "7", 7, True, False, None, "", "2026-05-07T00:00:00Z", "true", _GONE,
)  # fmt: skip
# Segment looks at these itself, whatever the mapping reads.
_SEGMENTS_OWN = ("context", "context.personas")
Keys = tuple[str | int, ...]


@dataclass
class Measure:
    """How many values have which kind of explanation, with a few examples of each fault."""

    outputs: int = 0
    values: Counter[str] = field(default_factory=Counter)
    leaves: Counter[str] = field(default_factory=Counter)
    examples: list[JSONObject] = field(default_factory=list)

    def note(self, kind: str, **example: JSON) -> None:
        self.values[kind] += 1
        if kind != "exact" and len(self.examples) < 500:
            self.examples.append({"kind": kind, **example})


def measure(outputs: Iterable[tuple[JSONObject, JSONObject]], count: int) -> Measure:
    """Measure *count* requests of pairs of a destination and an event."""
    found = Measure()
    for document, event in outputs:
        if found.outputs >= count:
            break
        destination = Destination(document)
        explanation = explain_event(destination, event)
        variants = {
            path: list(_variants(event, keys, value)) for path, keys, value in _leaves(event)
        }
        if any(
            isinstance(each.build_request(event), InsiderRequest)
            for each in destination.subscriptions
        ):
            _measure_dropped(found, destination, event, explanation, variants)
        for subscription, account in zip(
            destination.subscriptions, explanation.accounts, strict=True
        ):
            if isinstance(subscription.build_request(event), InsiderRequest):
                found.outputs += 1
                _measure_output(found, subscription, event, account, variants)
    return found


def _measure_dropped(
    found: Measure,
    destination: Destination,
    event: JSONObject,
    explanation: EventExplanation,
    variants: dict[str, list[JSONObject]],
) -> None:
    before = [_made(each, event) for each in destination.subscriptions]
    for path in variants:
        found.leaves["all"] += 1
        if path not in explanation.dropped:
            continue
        found.leaves["dropped"] += 1
        for variant in variants[path]:
            if [_made(each, variant) for each in destination.subscriptions] != before:
                found.leaves["falsely dropped"] += 1
                found.examples.append(
                    {"kind": "falsely dropped", "path": path, "event": event, "variant": variant,
                     "mappings": [e.mapping for e in destination.subscriptions]}
                )  # fmt: skip
                break


def _made(subscription: Subscription, event: JSONObject) -> JSON:
    result = subscription.build_request(event)
    if isinstance(result, InsiderRequest):
        return result.json
    return None if result is None else "failure"


def _measure_output(
    found: Measure,
    subscription: Subscription,
    event: JSONObject,
    account: SubscriptionTrace,
    variants: dict[str, list[JSONObject]],
) -> None:
    body = _made(subscription, event)
    claimed = {place for origin in account.origins for place in origin.at}
    places = _values(body, claimed)
    true: dict[str, set[str]] = {place: set() for place in places}
    untried = set(variants)  # whatever they hold, there is no request to compare with
    for path, variant in [(p, v) for p, changed in variants.items() for v in changed]:
        other = _made(subscription, variant)
        if not isinstance(other, dict):
            _check_named(found, account, path, variant, failed=other is not None)
            continue
        untried.discard(path)
        have = _values(other, claimed) if other != body else places
        for place in places:
            if not _is_same(have.get(place, _GONE), places[place]):
                true[place].add(path)
        if have.keys() - places.keys():
            _check_named(found, account, path, variant, failed=True)
    _note_values(found, event, account, true, untried, places)


def _note_values(
    found: Measure,
    event: JSONObject,
    account: SubscriptionTrace,
    true: dict[str, set[str]],
    untried: set[str],
    values: dict[str, JSON],
) -> None:
    origins: dict[str, list[ValueOrigin]] = {}
    for origin in account.origins:
        for place in origin.at:
            origins.setdefault(place, []).append(origin)
    for place, influences in true.items():
        if values[place] == {} and place not in origins:
            continue  # what fills it is a value of its own
        own = origins.get(place, [])
        said = {path for origin in own for path in origin.read} - untried
        found.note(
            _kind(said, influences), place=place, claimed=sorted(said), true=sorted(influences),
            value=values[place], mapping=[origin.mapping for origin in own], event=event,
        )  # fmt: skip


def _check_named(
    found: Measure, account: SubscriptionTrace, path: str, variant: JSONObject, *, failed: bool
) -> None:
    """Note that *path*, which decides more than one value, is named nowhere."""
    named = {each for check in account.conditions for each in check.read}
    if failed:
        named = named.union(*(origin.read for origin in account.origins))
    if path not in named and path not in _SEGMENTS_OWN:
        found.note("missing", path=path, place="(the request)", variant=variant)


def _is_same(one: JSON, other: JSON) -> bool:
    return type(one) is type(other) and bool(one == other)


def _kind(claimed: set[str], true: set[str]) -> str:
    """How the paths that are *claimed* compare with those that have an influence."""
    if claimed == true:
        return "exact"
    if claimed > true:
        return "over-broad"
    return "missing" if claimed < true else "wrong"


def _values(value: JSON, whole: Iterable[str], path: str = "") -> dict[str, JSON]:
    """The values of a body by place; a place that an explanation names is not taken apart."""
    if path in whole or not isinstance(value, dict | list) or not value:
        return {path: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        place: part
        for key, member in pairs
        for place, part in _values(member, whole, join_path(path, key)).items()
    }


def _leaves(value: JSON, keys: Keys = ()) -> Iterator[tuple[str, Keys, JSON]]:
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in pairs:
            yield from _leaves(member, (*keys, key))
        return
    path = ""
    for key in keys:
        path = join_path(path, key)
    yield path, keys, value


def _variants(event: JSONObject, keys: Keys, value: JSON) -> Iterator[JSONObject]:
    own: tuple[JSON, ...] = ()
    if isinstance(value, str):
        own = (f"{value}x", f"y{value}", value[:-1])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        own = (value + 1, -value, str(value))
    for other in (*own, *_OTHERS):
        if other is _GONE and isinstance(keys[-1], int):
            continue
        if other is _GONE or other != value or type(other) is not type(value):
            yield _with(event, keys, other)


def _with(container: JSON, keys: Keys, value: JSON) -> JSON:
    key, *below = keys
    copy = container.copy()
    if below:
        copy[key] = _with(container[key], tuple(below), value)
    elif value is _GONE:
        del copy[key]
    else:
        copy[key] = value
    return copy


def _report(name: str, found: Measure) -> None:
    total = sum(found.values.values())
    shares = ", ".join(
        f"{kind} {found.values[kind]} ({found.values[kind] / max(total, 1):.2%})"
        for kind in ("exact", "missing", "wrong", "over-broad")
    )
    print(f"{name}: {found.outputs} outputs, {total} values: {shares}")  # noqa: T201
    print(  # noqa: T201
        f"  of {found.leaves['all']} leaves {found.leaves['dropped']} are called dropped, "
        f"falsely {found.leaves['falsely dropped']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=0, help="faults to print")
    options = parser.parse_args()
    for name, outputs in (
        ("segment-defaults", shipped_outputs("segment-defaults", random.Random(options.seed))),
        ("guide", shipped_outputs("guide", random.Random(options.seed))),
        ("generated", generated_outputs(options.seed, options.outputs)),
    ):
        found = measure(outputs, options.outputs)
        _report(name, found)
        for example in found.examples[: options.examples]:
            print(json.dumps(example, default=repr))  # noqa: T201


if __name__ == "__main__":
    main()
