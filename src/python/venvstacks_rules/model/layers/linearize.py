"""The C3 linearization, which is also Python's method resolution order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class InconsistentOrderError(ValueError):
    """The declared orders contradict each other.

    No item of ``contenders``, in declaration order, can come next.
    """

    def __init__(self, contenders: Sequence[str]) -> None:
        self.contenders = tuple(contenders)
        super().__init__(f"no consistent order of {', '.join(self.contenders)}")


def linearize(item: str, lower: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every item below `item`, in import order, without `item` itself.

    `lower` maps each item to the items directly below it, in declared order; it must have no
    cycles. The result keeps declared orders, and each item comes before those below it.

    Raises InconsistentOrderError if that is impossible.
    """
    memo: dict[str, tuple[str, ...]] = {}

    def merged(current: str) -> tuple[str, ...]:
        if current not in memo:
            declared = list(lower[current])
            sequences = [[name, *merged(name)] for name in declared]
            memo[current] = tuple(_merge([*sequences, declared]))
        return memo[current]

    return merged(item)


def _merge(sequences: list[list[str]]) -> list[str]:
    result: list[str] = []
    pending = [sequence for sequence in sequences if sequence]
    while pending:
        heads = list(dict.fromkeys(sequence[0] for sequence in pending))
        head = next((h for h in heads if all(h not in sequence[1:] for sequence in pending)), None)
        if head is None:
            raise InconsistentOrderError(heads)
        result.append(head)
        pending = [
            rest
            for sequence in pending
            if (rest := sequence[1:] if sequence[0] == head else sequence)
        ]
    return result
