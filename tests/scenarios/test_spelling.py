"""Names that are one typo apart, and names that are only similar."""

from random import Random

import pytest

from segment_insider_emulator.similar_names import (
    find_intended_name,
    is_misspelling,
    is_typo_of_text,
)
from segment_insider_emulator.workspace import load_preset_workspace
from segment_insider_emulator.workspace.known_names import (
    ALL_SPEC_NAMES,
    KnownNames,
    collect_known_names,
)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        pytest.param("pirce", "price", id="swapped"),
        pytest.param("qauntity", "quantity", id="swapped at the start"),
        pytest.param("product_di", "product_id", id="swapped at the end"),
        pytest.param("quantty", "quantity", id="dropped"),
        pytest.param("couppon", "coupon", id="doubled"),
        pytest.param("cateegory", "category", id="added"),
        pytest.param("currencu", "currency", id="another key"),
        pytest.param("Price", "price", id="a capital"),
        pytest.param("product id", "product_id", id="a blank"),
        pytest.param("productid", "product_id", id="no underscore"),
        pytest.param("product-id", "product_id", id="a hyphen"),
        pytest.param("atx", "tax", id="a short name, swapped"),
        pytest.param("skku", "sku", id="a short name, doubled"),
        pytest.param("nme", "name", id="a name of four letters, dropped"),
    ],
)
def test_a_name_one_typo_away_is_a_typo(name: str, known: str) -> None:
    assert is_misspelling(name, known)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("price", "price", id="the name itself"),
        pytest.param("tag", "tax", id="short words"),
        pytest.param("side", "size", id="words of four letters"),
        pytest.param("coupons", "coupon", id="a plural"),
        pytest.param("gift_wrap", "price", id="another word"),
        pytest.param("prime", "pirce", id="two slips"),
        pytest.param("", "tax", id="nothing"),
    ],
)
def test_a_similar_name_is_no_typo(name: str, other: str) -> None:
    assert not is_misspelling(name, other)


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        pytest.param("laptop", "lapop", True, id="a device"),
        pytest.param("Kitchen", "Kitchn", True, id="a category"),
        pytest.param("o-17", "o-18", False, id="numbers of a series"),
        pytest.param("p-1", "p-10", False, id="numbers of another length"),
        pytest.param("cart-a", "cart-b", False, id="letters of a series"),
        pytest.param("100234", "100235", False, id="ids that are numbers"),
        pytest.param("mug", "rug", False, id="short words"),
        pytest.param("Wish Listed", "wish_listed", False, id="an event and its system name"),
    ],
)
def test_texts_one_typo_apart_are_the_same_unless_they_are_numbered_ids(
    text: str, other: str, same: bool
) -> None:
    assert is_typo_of_text(text, other) is same


def test_a_known_name_is_never_a_typo_of_another() -> None:
    assert [name for name in ALL_SPEC_NAMES if find_intended_name(name, ALL_SPEC_NAMES)] == []


def test_a_typo_in_any_long_name_is_found() -> None:
    random = Random(3)
    long = sorted(name for name in ALL_SPEC_NAMES if len(name) > 4)
    for name in random.sample(long, 60):
        at = random.randrange(len(name))
        slips = [
            name[:at] + name[at + 1 :],
            name[:at] + "q" + name[at:],
            f"{name[:at]}Q{name[at:]}",
        ]
        assert [
            slip for slip in slips if slip not in ALL_SPEC_NAMES and not is_misspelling(slip, name)
        ] == []


@pytest.fixture
def guide() -> KnownNames:
    return collect_known_names(load_preset_workspace("guide").document)


@pytest.mark.parametrize(
    ("event", "arriving"),
    [
        pytest.param("Order Completed", {"confirmation_page_view"}, id="an action's own name"),
        pytest.param("Cart Reviewed", {"cart_page_view"}, id="another name that a trigger takes"),
        pytest.param("Gift Wrapped", {"gift_wrapped"}, id="an event of the shop"),
    ],
)
def test_an_event_arrives_under_its_mapped_name(
    guide: KnownNames, event: str, arriving: set[str]
) -> None:
    assert guide.list_insider_event_names(event) == arriving


def test_an_event_with_two_matching_mappings_arrives_twice() -> None:
    defaults = collect_known_names(load_preset_workspace("segment-defaults").document)
    assert defaults.list_insider_event_names("Order Completed") == {
        "order_completed",
        "confirmation_page_view",
    }


def test_names_that_mappings_read_and_triggers_compare_are_known() -> None:
    subscription = {
        "actionSlug": "trackEvent",
        "trigger": 'event = "Sepet Terk" and properties.magaza.sube = "Moda"',
        "settings": {
            "event_name": {"@path": "$.event"},
            "parameters": {"renk": {"@template": "x"}, "beden": {"@path": "$.properties.beden"}},
            "products": {"@arrayPath": ["$.properties.urunler", {"name": {"@path": "urun_adi"}}]},
        },
    }
    known = KnownNames((subscription,))
    assert {"magaza", "sube", "beden", "urunler", "urun_adi"} <= known.properties
    assert known.suggest_event_name("Sepet Trek") == "Sepet Terk"
