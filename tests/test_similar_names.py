"""A name close to a known name is found; another word is not."""

import pytest

from segment_insider_emulator.similar_names import find_similar_name

KNOWN = ("Order Completed", "Cart Viewed", "event_params", "skip_hook", "age")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("order completed", "Order Completed"),
        ("ORDER COMPLETED", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("OrderCompleted", "Order Completed"),
        (" Order  Completed ", "Order Completed"),
        ("Order-Completed", "Order Completed"),
        ("Order Complete", "Order Completed"),
        ("Orders Completed", "Order Completed"),
        ("Order Xompleted", "Order Completed"),
        ("Ordre Completed", "Order Completed"),
        ("Order Completde", "Order Completed"),
        ("rder Completed", "Order Completed"),
        ("aOrder Completed", "Order Completed"),
        ("Card Viewed", "Cart Viewed"),
        ("event_param", "event_params"),
        ("skiphook", "skip_hook"),
        ("Age", "age"),
        ("Order Completed", None),
        ("Order Cmpltd", None),
        ("Order Completed Now", None),
        ("Wish Listed", None),
        ("ages", None),
        ("aeg", None),
        ("", None),
    ],
)
def test_a_name_with_one_typo_is_found(name: str, meant: str | None) -> None:
    assert find_similar_name(name, KNOWN) == meant
