"""Explanations compared with what changes when a value of the event changes."""

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
def test_origins_name_the_sources_and_no_others(kind: str) -> None:
    outputs = (
        generated_outputs(SEED, 40) if kind == "generated" else shipped_outputs(kind, Random(SEED))
    )

    found = measure(outputs, 40)

    assert [each for each in found.examples if each["kind"] != "over-broad"] == []
    assert found.values["over-broad"] <= found.values["exact"] // 200
    assert found.values["exact"] > 500
    assert found.leaves["dropped"] > 50


def test_measure_detects_a_wrong_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "segment_insider_emulator.mapping.path_tracking.TracedValue.with_deciding_paths",
        lambda self, paths: self,
    )

    assert measure(generated_outputs(SEED, 40), 40).values["missing"] > 0


def test_explanations_describe_the_sent_values() -> None:
    for destination, event in _list_outputs(300):
        mapping = destination["subscriptions"][0]["settings"]
        try:
            expected = compile_validated(mapping, compile_mapping)(event)
        except MAPPING_ERRORS:
            continue  # its fields are traced one by one

        assert _add_types(trace_payload(mapping, event).value) == _add_types(expected)


def _list_outputs(count: int) -> list[Output]:
    generated = generated_outputs(SEED, count)
    return [next(generated) for _ in range(count)]


def _add_types(value: JSON) -> JSON:
    """Return *value* with the type of each scalar; in Python, `True` equals `1`."""
    if isinstance(value, dict):
        return {key: _add_types(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_add_types(each) for each in value]
    return "missing" if value is MISSING else (type(value).__name__, value)
