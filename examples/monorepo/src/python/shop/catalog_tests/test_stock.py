import pytest  # pants: no-infer-dep
from shop.catalog.stock import price, things


def test_prices_are_those_of_the_text() -> None:
    assert things() == ["apple", "bread", "cheese"]
    assert price("bread") == 25


def test_what_the_shop_does_not_have() -> None:
    with pytest.raises(LookupError, match="no pear: there are apple, bread, cheese"):
        price("pear")
