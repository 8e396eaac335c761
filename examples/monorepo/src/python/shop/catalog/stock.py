"""What the shop sells: the library that both applications share."""

from shop.catalog.price_table import PRICES  # pants: no-infer-dep


def price(name: str) -> int:
    """The price of a thing; raises LookupError for what the shop does not have."""
    if name not in PRICES:
        raise LookupError(f"no {name}: there are {', '.join(sorted(PRICES))}")
    return PRICES[name]


def things() -> list[str]:
    """The names of all things, sorted."""
    return sorted(PRICES)
