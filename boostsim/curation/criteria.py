"""Selection criteria that are built in: ``bs.criteria``.

Each says what it looks at, where it comes from, and when it wins and loses. Those with a parameter
are made by a function: ``bs.criteria.below(0.5)``; so are those with a memory, which stand in
:mod:`boostsim.curation.adaptive`. None sees the truth but ``oracle``, which is marked so.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.arguments import digits, finite, refuse
from boostsim.curation.adaptive import (
    hedge,
    learning_progress,
    thompson,
    upper_confidence,
)
from boostsim.curation.criterion import Criterion
from boostsim.curation.decorator import criterion
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits

__all__ = [
    "below",
    "difficulty",
    "disagreement",
    "failed",
    "hardest",
    "hedge",
    "learning_progress",
    "margin",
    "oracle",
    "thompson",
    "uniform",
    "upper_confidence",
]


@criterion
def failed(visits: Visits) -> Float[Array, "cells"]:
    """Visits on which no response was accepted: the focus of arXiv 2502.08924.

    Wins where labels are dear and accepted responses are right: no label goes where the model can
    already teach itself (T2; docs/theory.md, section 3). Loses where a noisy filter accepts what is
    wrong: with more attempts a failing prompt seldom shows (T4's slow start), and it buys labels
    for ever where the labeler knows nothing.
    """
    return (visits.accepted == 0) * 1.0


@criterion
def uniform(visits: Visits) -> Float[Array, "cells"]:
    """Every visit alike, whatever it showed.

    Wins nowhere for long: wrong labels keep polluting what is solved (T10; docs/theory.md, section
    4). The control that every other criterion has to beat.
    """
    return jnp.ones_like(visits.mass)


@criterion
def disagreement(visits: Visits) -> Float[Array, "cells"]:
    """The chance that two draws of the model differ: query by committee, Seung et al. 1992.

    Wins where the model is of two minds and a label settles it. Loses on prompts that are wrong
    with one voice: nothing disagrees there, so no label comes.
    """
    return visits.disagreement


@criterion
def margin(visits: Visits) -> Float[Array, "cells"]:
    """Visits whose verdicts are split: 2 min(J, k - J)/k, uncertainty sampling of the verdicts.

    That is 1 - |2 J/k - 1|. Lewis and Gale 1994. Wins where half-learned prompts decide. Loses on
    helpless prompts, which never split, and where a visit has one verdict, for k = 1 and where
    attempts stop at the first accepted one: no visit is split then and none is labelled.
    """
    # In whole numbers: J and k - J tie to the last bit.
    fewer = jnp.minimum(visits.accepted, visits.attempts - visits.accepted)
    dtype = visits.mass.dtype
    return 2.0 * fewer.astype(dtype) / visits.attempts.astype(dtype)


@criterion(sees_truth=True)
def oracle(visits: Visits, truth: Truth) -> Float[Array, "cells"]:
    """Failing visits, by the chance that the model is wrong and a label right; sees the truth.

    No rule that could be used: the yardstick that regret is measured against. It never labels what
    is right already, nor what the labeler does not know. It looks one iteration ahead, so it is no
    bound: where a label is better bought later, a rule can beat it.
    """
    value = truth.error * truth.label_correct
    # Alike up to rounding is alike: else one prompt would get all its labels before the next.
    return (visits.accepted == 0) * jnp.round(value, 9)


@dataclass(frozen=True)
class _Below:
    """Visits of which less than a share of the attempts passed, the fewest first."""

    threshold: float

    @property
    def __name__(self) -> str:
        return f"below({digits(self.threshold)})"

    def __call__(self, visits: Visits) -> Float[Array, "cells"]:
        return jnp.where(visits.pass_rate < self.threshold, 1.0 - visits.pass_rate, 0.0)


def below(threshold: float) -> Criterion:
    """Visits of which less than a share of the attempts passed, the fewest first.

    The rule of difficulty-aware rejection tuning, Tong et al. 2024, arXiv 2407.13690. Wins over
    ``failed`` where the filter accepts what is wrong, for one pass of many is then weak evidence.
    Loses labels on prompts that would have been learned without.

    Args:
        threshold: a share in (0, 1]; 1 takes every visit but those that passed wholly.

    Raises:
        ValueError: for a share out of range.

    Example:
        >>> below(0.5).priority_by_accepted(attempts=4)
        array([1.  , 0.75, 0.  , 0.  , 0.  ])
    """
    threshold = finite("threshold", threshold)
    if not 0.0 < threshold <= 1.0:
        raise refuse("threshold", "in (0, 1], for at 0 no visit is ever labelled", threshold)
    return Criterion(_Below(threshold))


@dataclass(frozen=True)
class _Hardest:
    """The share of all visits that passed least; ties with the last of them come too."""

    share: float

    @property
    def __name__(self) -> str:
        return f"hardest({digits(self.share)})"

    def __call__(self, visits: Visits) -> Float[Array, "cells"]:
        order = jnp.argsort(visits.pass_rate)
        before = jnp.cumsum(visits.mass[order]) - visits.mass[order]
        # Of cells that pass alike the first: all are chosen or none.
        first = jnp.searchsorted(visits.pass_rate[order], visits.pass_rate)
        # What rounds to the share is not below it.
        chosen = before[first] < self.share * (1.0 - 1e-6)
        return jnp.where(chosen, 2.0 - visits.pass_rate, 0.0)


def hardest(share: float) -> Criterion:
    """The share of all visits that passed least; ties with the last of them come too.

    Training on the largest losses: Shrivastava et al. 2016, arXiv 1604.03540. Wins over a fixed
    threshold while difficulty drifts: something is always hardest. Loses at the end, when the
    hardest are solved and wrong labels pollute them.

    Args:
        share: of the visits, in (0, 1].

    Raises:
        ValueError: for a share out of range.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=100, solvable=0.5)
        >>> weak = bs.WeakLabeler(0.3)
        >>> trace = bs.simulate(bs.boosting(criterion=hardest(0.2), labeler=weak), task, 1)
        >>> bool(trace.labels[0, 1] >= 0.2)
        True
    """
    share = finite("share", share)
    if not 0.0 < share <= 1.0:
        raise refuse("share", "in (0, 1], for at 0 no visit is ever labelled", share)
    return Criterion(_Hardest(share))


@dataclass(frozen=True)
class Difficulty:
    """Every visit, by exp(-pass rate/temperature): a softmax of difficulty."""

    temperature: float

    @property
    def __name__(self) -> str:
        return f"difficulty({digits(self.temperature)})"

    def __call__(self, visits: Visits) -> Float[Array, "cells"]:
        return jnp.exp(-visits.pass_rate / self.temperature)


def difficulty(temperature: float = 0.25) -> Criterion:
    """Every visit, by exp(-pass rate/temperature): a softmax of difficulty, shared in proportion.

    Proportional prioritisation: Schaul et al. 2016, arXiv 1511.05952. Needs a budget. Wins where
    verdicts mislead, for nothing is wholly left out. Loses what it spends on the solved.

    Args:
        temperature: above 0; small is like ``failed``, large like ``uniform``.

    Raises:
        ValueError: for a temperature that is not above 0.

    Example:
        >>> difficulty(0.5).priority_by_accepted(attempts=2).round(3)
        array([1.   , 0.368, 0.135])
    """
    temperature = finite("temperature", temperature, 0.0)
    if temperature < 1e-2:
        raise refuse("temperature", "at least 0.01, so that no priority is lost", temperature)
    return Criterion(Difficulty(temperature), "proportional")
