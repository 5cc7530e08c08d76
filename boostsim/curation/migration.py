"""Mutation and migration: the neutral chain of T11, with examples that come from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import distribution, probability, refuse
from boostsim.curation.criteria import failed
from boostsim.curation.filters import Filter
from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.curation.procedure import Procedure


@dataclass(frozen=True)
class Staying(Filter):
    """Accept any response with probability 1 - rate, without a look at it."""

    rate: float
    looks, generates, persistent = 0, True, False

    @property
    def accept(self) -> tuple[float, float]:
        """The probability to accept a right response, and a wrong one."""
        return (1.0 - self.rate, 1.0 - self.rate)

    @property
    def reject(self) -> tuple[float, float]:
        """The probability to reject a right response, and a wrong one."""
        return (self.rate, self.rate)


def migration(rate: float, reference: Any) -> Procedure:
    """Return Wright-Fisher with migration: of each visit's example a share comes from elsewhere.

    A visit's one attempt is dropped with probability m = ``rate``, whatever it says, and then the
    visit is given one from ``reference`` R. So each of v examples is drawn by itself from
    (1 - m) f + m R, exactly, and Z of them are right with Z' | Z = i of Binomial(v, (1 - m) i/v +
    m q), q the right mass of R: in the end with mean q and variance q (1 - q)/(v - (1 - m)^2
    (v - 1)) (T21). In population genetics this is migration; with two responses it is mutation,
    from right to wrong with probability m (1 - q) and back with m q. At rate 0 it is drift (T11).

    Args:
        rate: m, in [0, 1].
        reference: where the others come from: a labeler (a ``bs.WeakLabeler(q)`` that is right with
            probability q, a ``bs.FirstModel()``), or an array ``[prompts, responses]`` of
            distributions, such as a task's ``reference``.

    Returns:
        A :class:`Procedure` like any other: ``dataclasses.replace`` gives it another regime.

    Raises:
        ValueError: for a rate that is no probability, and for what is no reference.

    Source: Wright 1931; docs/theory.md, section 4 (T11) and docs/theory.md, section 5.

    Example:
        >>> import boostsim as bs
        >>> both_ways = migration(0.015, bs.WeakLabeler(2 / 3))
        >>> rest = bs.fate(both_ways, visits=100, initial_accuracy=0.5)
        >>> float(rest.mean.round(4)), float(rest.variance.round(4))
        (0.6667, 0.0563)
    """
    share = probability("rate", rate)
    if not isinstance(reference, (WeakLabeler, FirstModel)):
        if not isinstance(reference, (np.ndarray, list, tuple)) and not hasattr(
            reference, "__array__"
        ):
            allowed = "a labeler such as bs.WeakLabeler(0.2), or an array [prompts, responses]"
            raise refuse("reference", allowed, reference)
        reference = WeakLabeler(rows=distribution("reference", reference, 2))
    return Procedure(attempts=1, filter=Staying(share), criterion=failed, labeler=reference)
