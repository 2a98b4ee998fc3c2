import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.segment.ingest import generate_message_id

NOW = datetime(2026, 11, 23, 19, 49, 45, tzinfo=UTC)
RANDOM_BYTES = st.binary(min_size=16, max_size=16)


@pytest.mark.documented
@given(random_bytes=RANDOM_BYTES)
def test_a_message_id_is_api_and_27_base_62_digits(random_bytes: bytes) -> None:
    assert re.fullmatch(r"api-[0-9A-Za-z]{27}", generate_message_id(NOW, random_bytes))


@given(earlier=RANDOM_BYTES, later=RANDOM_BYTES)
def test_message_ids_sort_by_the_second_of_their_creation(earlier: bytes, later: bytes) -> None:
    assert generate_message_id(NOW, earlier) < generate_message_id(
        NOW + timedelta(seconds=1), later
    )


def test_the_example_of_ksuid_is_reproduced() -> None:
    # The example of segmentio/ksuid's README: its time and payload give its text.
    created_at = datetime.fromtimestamp(1_400_000_000 + 107_608_047, UTC)
    payload = bytes.fromhex("B5A1CD34B5F99D1154FB6853345C9735")
    assert generate_message_id(created_at, payload) == "api-0ujtsYcgvSTl8PAuAdqWYSMnLOv"
