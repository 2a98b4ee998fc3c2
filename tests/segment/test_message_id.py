import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.segment.ingest import generate_message_id

NOW = datetime(2026, 11, 23, 19, 49, 45, tzinfo=UTC)
CHANCE = st.binary(min_size=16, max_size=16)


@pytest.mark.documented
@given(chance=CHANCE)
def test_id_is_api_and_27_digits_of_base_62(chance: bytes) -> None:
    assert re.fullmatch(r"api-[0-9A-Za-z]{27}", generate_message_id(NOW, chance))


@given(earlier=CHANCE, later=CHANCE)
def test_ids_sort_by_the_second_they_were_made_in(earlier: bytes, later: bytes) -> None:
    assert generate_message_id(NOW, earlier) < generate_message_id(
        NOW + timedelta(seconds=1), later
    )


def test_known_id() -> None:
    # The example of segmentio/ksuid's README: its time and payload give its text.
    made = datetime.fromtimestamp(1_400_000_000 + 107_608_047, UTC)
    payload = bytes.fromhex("B5A1CD34B5F99D1154FB6853345C9735")
    assert generate_message_id(made, payload) == "api-0ujtsYcgvSTl8PAuAdqWYSMnLOv"
