"""Hypothesis strategies over the domain of a claim. They shrink towards the first ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from boostsim.arguments import refuse
from boostsim.certification.certify import named
from boostsim.extras import needed
from boostsim.theory.box import Axis, Point, just_inside, steps
from boostsim.theory.claim import Claim

needed("hypothesis", "testing", "boostsim.testing")
from hypothesis import strategies as st  # noqa: E402

GRID, DECADES = 100, 6


@st.composite
def points(
    draw: st.DrawFn, claim: Claim | str, suits: Callable[[Point], bool] = lambda point: True
) -> Point:
    """Draw points of a claim's domain: ends, what lies near them by decades, and percents between.

    Args:
        claim: a claim, or the name of one of ``bs.claims``.
        suits: a further predicate.

    Example:
        >>> import boostsim as bs
        >>> from hypothesis import given
        >>> @given(points("T3"))
        ... def test(point):
        ...     assert bs.claims["T3"].domain.contains(point)
        >>> test()
    """
    box = (named(claim) if isinstance(claim, str) else claim).domain
    point = {name: draw(_values(axis)) for name, axis in box.axes.items()}
    if box.contains(point) and suits(point):
        return point
    # Constraints may leave little of the box: the box knows how to meet them.
    found = box.sample(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), 1, suits)
    if not found:
        raise refuse("claim", "one with points that meet its constraints; none was found", claim)
    return found[0]


def _values(axis: Axis) -> st.SearchStrategy[Any]:
    if isinstance(axis, tuple):
        return st.sampled_from(axis)
    if axis.whole or axis.odd:
        first, last, step = steps(axis)
        return st.integers(0, (last - first) // step).map(lambda count: first + step * count)
    low, high = just_inside(axis)
    near = st.integers(1, DECADES).map(lambda decade: 10.0**-decade)
    shares = st.integers(0, GRID).map(lambda part: part / GRID) | near | near.map(lambda x: 1.0 - x)
    return shares.map(lambda share: min(max(low + (high - low) * share, low), high))
