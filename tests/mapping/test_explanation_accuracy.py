"""Explanations compared with what changes when a value of the event changes."""

from random import Random

import pytest
from explanation_cases import Output, iter_generated_outputs, iter_shipped_outputs
from explanation_measure import measure_explanations

from segment_insider_emulator.mapping.destination import MAPPING_ERRORS
from segment_insider_emulator.mapping.directives import compile_mapping
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.payload_tracer import trace_payload
from segment_insider_emulator.mapping.validation import compile_validated_mapping
from segment_insider_emulator.types import JSON

SEED = 20


@pytest.mark.parametrize(
    "kind",
    [
        "guide",
        *(
            pytest.param(kind, marks=pytest.mark.extended)
            for kind in ("segment-defaults", "generated")
        ),
    ],
)
def test_origins_name_the_sources_and_no_others(kind: str) -> None:
    outputs = (
        iter_generated_outputs(SEED, 40)
        if kind == "generated"
        else iter_shipped_outputs(kind, Random(SEED))
    )

    measurement = measure_explanations(outputs, 40)

    assert [example for example in measurement.examples if example["kind"] != "over-broad"] == []
    assert measurement.values["over-broad"] <= measurement.values["exact"] // 200
    assert measurement.values["exact"] > 500
    assert measurement.leaves["dropped"] > 50


@pytest.mark.extended
def test_measure_detects_a_wrong_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "segment_insider_emulator.mapping.path_tracking.TracedValue.with_deciding_paths",
        lambda self, paths: self,
    )

    assert measure_explanations(iter_generated_outputs(SEED, 40), 40).values["missing"] > 0


@pytest.mark.extended
def test_explanations_describe_the_sent_values() -> None:
    for destination, event in _list_outputs(300):
        mapping = destination["subscriptions"][0]["settings"]
        try:
            expected = compile_validated_mapping(mapping, compile_mapping)(event)
        except MAPPING_ERRORS:
            continue  # its fields are traced separately

        assert _add_types(trace_payload(mapping, event).value) == _add_types(expected)


def _list_outputs(count: int) -> list[Output]:
    generated = iter_generated_outputs(SEED, count)
    return [next(generated) for _ in range(count)]


def _add_types(value: JSON) -> JSON:
    """Return *value* with the type of each scalar; in Python, `True` equals `1`."""
    if isinstance(value, dict):
        return {key: _add_types(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_add_types(item) for item in value]
    return "missing" if value is MISSING else (type(value).__name__, value)
