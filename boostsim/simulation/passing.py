"""pass@k: the probability that one of k responses to a prompt is right."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real

import numpy as np

from boostsim.arguments import refuse, several, whole

# Where rows are known pass@k is exact, for any k that somebody could draw; else so many are drawn.
MOST, MOST_DRAWN = 2**20, 2**14


def checked_pass_at(pass_at: int | Iterable[int]) -> tuple[int, ...]:
    """Return the numbers of responses.

    Raises:
        ValueError: for one that is not whole or below 1, or comes twice.
    """
    # A number of any kind, or an array that is one.
    alone = isinstance(pass_at, Real) or getattr(pass_at, "ndim", None) == 0
    allowed = "numbers of responses, such as (1, 8)"
    listed = [pass_at] if alone else several("pass_at", allowed, pass_at)
    given = tuple(whole("pass_at", count, 1, MOST) for count in listed)
    if len(set(given)) < len(given):
        raise refuse("pass_at", "different numbers", pass_at)
    return given


def one_of(right: np.ndarray, drawn: int, pass_at: tuple[int, ...]) -> np.ndarray:
    """Return the unbiased estimate of pass@k, ``[..., len(pass_at)]``.

    1 - C(n - c, k)/C(n, k): the share of the subsets of k among the n responses drawn that have
    a right one.

    Args:
        right: c, how many of the responses to each prompt were right.
        drawn: n, at least each k.
        pass_at: k.

    Source: Chen et al., arXiv 2107.03374.
    """
    missed = [
        np.prod([np.maximum(drawn - right - i, 0) / (drawn - i) for i in range(count)], axis=0)
        for count in pass_at
    ]
    return 1.0 - np.stack(missed, axis=-1)
