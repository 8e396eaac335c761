"""Sums of money, as people write them."""


def written(cents: int) -> str:
    """The sum with a point: ``written(328)`` is ``'3.28'``."""
    return f"{cents // 100}.{cents % 100:02}"
