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

from explanation_cases import iter_generated_outputs, iter_shipped_outputs  # noqa: E402

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
class Measurement:
    """Number of values by kind of explanation, with examples of wrong ones."""

    outputs: int = 0
    values: Counter[str] = field(default_factory=Counter)
    leaves: Counter[str] = field(default_factory=Counter)
    examples: list[JSONObject] = field(default_factory=list)

    def record(self, kind: str, **example: JSON) -> None:
        self.values[kind] += 1
        if kind != "exact" and len(self.examples) < 500:
            self.examples.append({"kind": kind, **example})


def measure_explanations(
    outputs: Iterable[tuple[JSONObject, JSONObject]], count: int
) -> Measurement:
    """Measure the explanations of *count* requests of pairs of a destination and an event."""
    measurement = Measurement()
    for document, event in outputs:
        if measurement.outputs >= count:
            break
        destination = Destination(document)
        explanation = explain_event(destination, event)
        variants = {
            path: list(_iter_variants(event, keys, value))
            for path, keys, value in _iter_leaves(event)
        }
        if any(
            isinstance(subscription.build_request(event), InsiderRequest)
            for subscription in destination.subscriptions
        ):
            _measure_dropped_paths(measurement, destination, event, explanation, variants)
        for subscription, trace in zip(
            destination.subscriptions, explanation.accounts, strict=True
        ):
            if isinstance(subscription.build_request(event), InsiderRequest):
                measurement.outputs += 1
                _measure_output(measurement, subscription, event, trace, variants)
    return measurement


def _measure_dropped_paths(
    measurement: Measurement,
    destination: Destination,
    event: JSONObject,
    explanation: EventExplanation,
    variants: dict[str, list[JSONObject]],
) -> None:
    subscriptions = destination.subscriptions
    results = [_get_result(subscription, event) for subscription in subscriptions]
    for path in variants:
        measurement.leaves["all"] += 1
        if path not in explanation.dropped:
            continue
        measurement.leaves["dropped"] += 1
        for variant in variants[path]:
            if [_get_result(subscription, variant) for subscription in subscriptions] != results:
                measurement.leaves["falsely dropped"] += 1
                measurement.examples.append(
                    {"kind": "falsely dropped", "path": path, "event": event, "variant": variant,
                     "mappings": [subscription.mapping for subscription in subscriptions]}
                )  # fmt: skip
                break


def _get_result(subscription: Subscription, event: JSONObject) -> JSON:
    result = subscription.build_request(event)
    if isinstance(result, InsiderRequest):
        return result.json
    return None if result is None else "failure"


def _measure_output(
    measurement: Measurement,
    subscription: Subscription,
    event: JSONObject,
    trace: SubscriptionTrace,
    variants: dict[str, list[JSONObject]],
) -> None:
    body = _get_result(subscription, event)
    claimed = {body_path for origin in trace.origins for body_path in origin.at}
    body_values = _list_values(body, claimed)
    true: dict[str, set[str]] = {body_path: set() for body_path in body_values}
    untested = set(variants)  # no other value of them gives a request to compare with
    for path, variant in [(p, v) for p, path_variants in variants.items() for v in path_variants]:
        changed_body = _get_result(subscription, variant)
        if not isinstance(changed_body, dict):
            _check_named(measurement, trace, path, variant, failed=changed_body is not None)
            continue
        untested.discard(path)
        changed_values = (
            _list_values(changed_body, claimed) if changed_body != body else body_values
        )
        for body_path in body_values:
            if not _is_same(changed_values.get(body_path, _GONE), body_values[body_path]):
                true[body_path].add(path)
        if changed_values.keys() - body_values.keys():
            _check_named(measurement, trace, path, variant, failed=True)
    _record_values(measurement, event, trace, true, untested, body_values)


def _record_values(
    measurement: Measurement,
    event: JSONObject,
    trace: SubscriptionTrace,
    true: dict[str, set[str]],
    untested: set[str],
    values: dict[str, JSON],
) -> None:
    origins: dict[str, list[ValueOrigin]] = {}
    for origin in trace.origins:
        for body_path in origin.at:
            origins.setdefault(body_path, []).append(origin)
    for body_path, influences in true.items():
        if values[body_path] == {} and body_path not in origins:
            continue  # its content is a value of its own
        path_origins = origins.get(body_path, [])
        claimed_paths = {path for origin in path_origins for path in origin.read} - untested
        measurement.record(
            _classify_paths(claimed_paths, influences),
            body_path=body_path,
            claimed=sorted(claimed_paths),
            true=sorted(influences),
            value=values[body_path],
            mapping=[origin.mapping for origin in path_origins],
            event=event,
        )


def _check_named(
    measurement: Measurement,
    trace: SubscriptionTrace,
    path: str,
    variant: JSONObject,
    *,
    failed: bool,
) -> None:
    """Record *path* as missing if it has an influence and the explanation does not name it."""
    named = {read_path for check in trace.conditions for read_path in check.read}
    if failed:
        named = named.union(*(origin.read for origin in trace.origins))
    if path not in named and path not in _SEGMENTS_OWN:
        measurement.record("missing", path=path, body_path="(the request)", variant=variant)


def _is_same(left: JSON, right: JSON) -> bool:
    return type(left) is type(right) and bool(left == right)


def _classify_paths(claimed: set[str], true: set[str]) -> str:
    """Return how the *claimed* paths compare with those that have an influence."""
    if claimed == true:
        return "exact"
    if claimed > true:
        return "over-broad"
    return "missing" if claimed < true else "wrong"


def _list_values(value: JSON, named_paths: Iterable[str], path: str = "") -> dict[str, JSON]:
    """Return the values of a body by path; a path that an explanation names is not split."""
    if path in named_paths or not isinstance(value, dict | list) or not value:
        return {path: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        body_path: part
        for key, member in pairs
        for body_path, part in _list_values(member, named_paths, join_path(path, key)).items()
    }


def _iter_leaves(value: JSON, keys: Keys = ()) -> Iterator[tuple[str, Keys, JSON]]:
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in pairs:
            yield from _iter_leaves(member, (*keys, key))
        return
    path = ""
    for key in keys:
        path = join_path(path, key)
    yield path, keys, value


def _iter_variants(event: JSONObject, keys: Keys, value: JSON) -> Iterator[JSONObject]:
    own_type_values: tuple[JSON, ...] = ()
    if isinstance(value, str):
        own_type_values = (f"{value}x", f"y{value}", value[:-1])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        own_type_values = (value + 1, -value, str(value))
    for new_value in (*own_type_values, *_OTHERS):
        if new_value is _GONE and isinstance(keys[-1], int):
            continue
        if new_value is _GONE or new_value != value or type(new_value) is not type(value):
            yield _replace_leaf(event, keys, new_value)


def _replace_leaf(container: JSON, keys: Keys, value: JSON) -> JSON:
    key, *below = keys
    copy = container.copy()
    if below:
        copy[key] = _replace_leaf(container[key], tuple(below), value)
    elif value is _GONE:
        del copy[key]
    else:
        copy[key] = value
    return copy


def _print_report(name: str, measurement: Measurement) -> None:
    total = sum(measurement.values.values())
    shares = ", ".join(
        f"{kind} {measurement.values[kind]} ({measurement.values[kind] / max(total, 1):.2%})"
        for kind in ("exact", "missing", "wrong", "over-broad")
    )
    print(f"{name}: {measurement.outputs} outputs, {total} values: {shares}")  # noqa: T201
    print(  # noqa: T201
        f"  of {measurement.leaves['all']} leaves {measurement.leaves['dropped']} are "
        f"called dropped, falsely {measurement.leaves['falsely dropped']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=0, help="faults to print")
    options = parser.parse_args()
    for name, outputs in (
        ("segment-defaults", iter_shipped_outputs("segment-defaults", random.Random(options.seed))),
        ("guide", iter_shipped_outputs("guide", random.Random(options.seed))),
        ("generated", iter_generated_outputs(options.seed, options.outputs)),
    ):
        measurement = measure_explanations(outputs, options.outputs)
        _print_report(name, measurement)
        for example in measurement.examples[: options.examples]:
            print(json.dumps(example, default=repr))  # noqa: T201


if __name__ == "__main__":
    main()
