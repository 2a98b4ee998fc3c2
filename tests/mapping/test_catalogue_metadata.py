"""The catalogue equals the metadata.json that Segment ships with the destination."""

import json
from pathlib import Path
from typing import Any

import pytest

from segment_insider_emulator.mapping.catalog import (
    ACTIONS,
    DESTINATION_NAME,
    DESTINATION_SLUG,
    SETTINGS_FIELDS,
)
from segment_insider_emulator.mapping.fields import ActionField
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.types import JSONObject

PUBLISHED: JSONObject = json.loads(
    Path("fixtures/catalogue/insider-cloud-metadata.json").read_text("utf-8")
)
FIELDS = [(slug, key) for slug, action in PUBLISHED["actions"].items() for key in action["fields"]]


def describe_field(field: ActionField) -> JSONObject:
    return {
        "label": field.label,
        "type": field.type,
        "required": field.required,
        "multiple": field.multiple,
        "default": None if field.default is MISSING else field.default,
        "properties": {
            property_.key: {"label": property_.label, "type": property_.type}
            for property_ in field.properties
        },
    }


@pytest.mark.documented
def test_destination_has_the_published_names_and_settings() -> None:
    catalogue = {
        field.key: {"label": field.label, "required": field.required} for field in SETTINGS_FIELDS
    }
    assert (DESTINATION_NAME, DESTINATION_SLUG, catalogue) == (
        PUBLISHED["name"],
        PUBLISHED["slug"],
        PUBLISHED["settings"],
    )


@pytest.mark.documented
def test_actions_have_the_published_titles_and_triggers() -> None:
    catalogue = {slug: (action.title, action.trigger) for slug, action in ACTIONS.items()}
    assert catalogue == {
        slug: (action["title"], action["defaultSubscription"])
        for slug, action in PUBLISHED["actions"].items()
    }


@pytest.mark.documented
def test_fields_are_the_published_ones_in_order() -> None:
    catalogue = [(slug, field.key) for slug, action in ACTIONS.items() for field in action.fields]
    assert len(catalogue) == 106
    assert sorted(catalogue) == sorted(FIELDS)
    for slug, action in ACTIONS.items():
        order = [field.key for field in action.fields]
        assert order == list(PUBLISHED["actions"][slug]["fields"]), slug


@pytest.mark.documented
@pytest.mark.parametrize(("slug", "key"), FIELDS)
def test_field_equals_the_published_one(slug: str, key: str) -> None:
    catalogue: Any = {field.key: field for field in ACTIONS[slug].fields}
    assert describe_field(catalogue[key]) == PUBLISHED["actions"][slug]["fields"][key]
