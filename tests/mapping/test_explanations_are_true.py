"""Explanations against what really happens when a value of the event is another."""

from random import Random

import pytest
from explained_cases import Output, generated_outputs, shipped_outputs
from explanation_measure import measure

from segment_insider_emulator.mapping.destination import MAPPING_ERRORS
from segment_insider_emulator.mapping.directives import compile_mapping
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.payload_tracer import trace_payload
from segment_insider_emulator.mapping.validation import compile_validated
from segment_insider_emulator.types import JSON

SEED = 20


@pytest.mark.parametrize("kind", ["segment-defaults", "guide", "generated"])
def test_values_name_their_sources_and_no_others(kind: str) -> None:
    outputs = (
        generated_outputs(SEED, 40) if kind == "generated" else shipped_outputs(kind, Random(SEED))
    )

    found = measure(outputs, 40)

    assert [each for each in found.examples if each["kind"] != "over-broad"] == []
    assert found.values["over-broad"] <= found.values["exact"] // 200
    assert found.values["exact"] > 500
    assert found.leaves["dropped"] > 50


def test_measure_finds_an_explanation_that_is_not_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "segment_insider_emulator.mapping.path_tracking.TracedValue.with_deciding_paths",
        lambda self, paths: self,
    )

    assert measure(generated_outputs(SEED, 40), 40).values["missing"] > 0


def test_explanations_are_of_the_values_that_are_sent() -> None:
    for destination, event in _outputs(300):
        mapping = destination["subscriptions"][0]["settings"]
        try:
            expected = compile_validated(mapping, compile_mapping)(event)
        except MAPPING_ERRORS:
            continue  # its fields are traced one by one

        assert _typed(trace_payload(mapping, event).value) == _typed(expected)


def _outputs(count: int) -> list[Output]:
    generated = generated_outputs(SEED, count)
    return [next(generated) for _ in range(count)]


def _typed(value: JSON) -> JSON:
    """*value* with the type of each scalar: for Python `True` equals `1`."""
    if isinstance(value, dict):
        return {key: _typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    return "missing" if value is MISSING else (type(value).__name__, value)
