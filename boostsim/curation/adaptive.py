"""Built-in criteria with a memory: who gets a label depends on how earlier iterations went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.arguments import digits, finite, refuse, whole
from boostsim.curation.remembering import Remembering
from boostsim.curation.visits import Visits
from boostsim.hashing import written_out

# Weights may differ by so many factors of e: more than a budget can tell, less than a float loses.
SPREAD = 30.0
Cells = Float[Array, "cells"]
Groups = Float[Array, "groups"]


def _by_group(values: Cells, visits: Visits, groups: int) -> Groups:
    """Return the sum of a number over the cells of each group."""
    return jnp.zeros(groups, values.dtype).at[visits.group].add(values)


@dataclass(frozen=True)
class _Hedge:
    rate: float

    @property
    def name(self) -> str:
        return f"hedge({digits(self.rate)})"

    def init(self, groups: int) -> Groups:
        return jnp.zeros(groups)

    def priority(self, memory: Groups, visits: Visits, key: jax.Array) -> Cells:
        return jnp.exp(memory - jnp.max(memory))[visits.group]

    def update(self, memory: Groups, visits: Visits, labelled: Cells, accepted: Cells) -> Groups:
        mass = _by_group(visits.mass, visits, len(memory))
        failed = _by_group(visits.mass * (1.0 - visits.pass_rate), visits, len(memory))
        memory = memory + self.rate * failed / jnp.where(mass > 0.0, mass, 1.0)
        return jnp.maximum(memory - jnp.max(memory), -SPREAD)


def hedge(rate: float = 0.5) -> Remembering:
    """Multiplicative weights over groups: w_g grows by exp(rate x share of attempts that failed).

    Freund and Schapire 1997. Shared in proportion, so it needs a budget. Wins where difficulty
    lasts: what failed long is labelled most. Loses where the labeler knows nothing of what fails:
    it never stops buying there.

    Args:
        rate: above 0.

    Raises:
        ValueError: for a rate that is not above 0.

    Example:
        >>> import boostsim as bs
        >>> weak = bs.WeakLabeler(0.3)
        >>> procedure = bs.boosting(criterion=hedge(), budget=0.1, labeler=weak)
        >>> trace = bs.simulate(procedure, bs.random_table(0, prompts=50), 3)
        >>> bool(trace.labels[0, -1] <= 0.3 + 1e-9)
        True
    """
    rate = finite("rate", rate, 0.0)
    if rate == 0.0:
        raise refuse("rate", "above 0, or nothing is learned", rate)
    return Remembering(_Hedge(rate), "proportional")


def _failing(visits: Visits) -> Cells:
    return (visits.accepted == 0) * 1.0


@dataclass(frozen=True)
class _Value:
    """What the labeler is worth on each group: labels bought there, and how many passed.

    Visits tell masses, not numbers: ``visits`` says how many a group gets where it is visited, and
    of these the labelled part is the labelled share of the group's own mass.
    """

    visits: int

    asks_filter = True

    def init(self, groups: int) -> tuple[Groups, Groups]:
        return jnp.zeros(groups), jnp.zeros(groups)

    def update(self, memory: Any, visits: Visits, labelled: Cells, accepted: Cells) -> Any:
        bought, passed = memory
        groups = len(bought)
        mass = _by_group(visits.mass, visits, groups)
        scale = self.visits / jnp.where(mass > 0.0, mass, 1.0)
        return (
            bought + scale * _by_group(labelled, visits, groups),
            passed + scale * _by_group(accepted, visits, groups),
        )


@dataclass(frozen=True)
class _UpperConfidence(_Value):
    width: float

    @property
    def name(self) -> str:
        return f"upper_confidence({digits(self.width)}, {self.visits})"

    def priority(self, memory: Any, visits: Visits, key: jax.Array) -> Cells:
        bought, passed = memory
        tried = bought + 1.0
        bonus = self.width * jnp.sqrt(jnp.log1p(jnp.sum(bought)) / tried)
        index = (passed + 0.5) / tried + bonus
        return _failing(visits) * index[visits.group]


def upper_confidence(width: float = 0.1, visits: int = 10) -> Remembering:
    """Failing visits, where the labeler's labels pass the filter most, or are little tried.

    UCB1: Auer, Cesa-Bianchi and Fischer 2002. The value of a group is the share of its labels that
    the filter accepted, plus ``width`` sqrt(log N / n_g), n_g the labels bought there and N all;
    the filter judges every label, at its price. Shared in proportion, so it needs a budget: ranked,
    all visits of one group would come before any of the next. Wins where the labeler is good on
    some groups and useless on others, and a group needs many labels. Loses to nothing much on
    tables, where a group is one prompt and one right label settles it: what it learns comes late.
    It is misled by a filter that likes what is wrong.

    Args:
        width: of the confidence, at least 0.
        visits: that a group gets where it is visited at all, for cells tell shares, not numbers.

    Raises:
        ValueError: for a width below 0, or no visits.

    Example:
        >>> upper_confidence(0.5).name
        'upper_confidence(0.5, 10)'
    """
    width, visits = finite("width", width, 0.0), whole("visits", visits, 1)
    return Remembering(_UpperConfidence(visits, width), "proportional")


@dataclass(frozen=True)
class _Thompson(_Value):
    @property
    def name(self) -> str:
        return f"thompson({self.visits})"

    def priority(self, memory: Any, visits: Visits, key: jax.Array) -> Cells:
        bought, passed = memory
        dtype = visits.mass.dtype
        # Rounding may leave the rejected a hair below 0.
        rejected = jnp.maximum(bought - passed, 0.0)
        belief = 1.0 + passed.astype(dtype), 1.0 + rejected.astype(dtype)
        drawn = jax.random.beta(written_out(key), *belief, dtype=dtype)
        return _failing(visits) * drawn[visits.group]


def thompson(visits: int = 10) -> Remembering:
    """Failing visits, by a draw from what is believed of the labeler's value on their group.

    Thompson 1933. The belief is Beta(1 + accepted, 1 + rejected) of the group's labels, as the
    filter judged them, at its price. Shared in proportion, so it needs a budget. In exact runs,
    too, it draws: with the run's key, or with key 0. Wins and loses where ``upper_confidence``
    does, without a width to choose.

    Args:
        visits: that a group gets where it is visited at all, for cells tell shares, not numbers.

    Raises:
        ValueError: for no visits.

    Example:
        >>> thompson().name
        'thompson(10)'
    """
    return Remembering(_Thompson(whole("visits", visits, 1)), "proportional")


@dataclass(frozen=True)
class _LearningProgress:
    memory: float = 0.7
    floor: float = 0.05

    @property
    def name(self) -> str:
        usual = self == _LearningProgress()
        numbers = "" if usual else f"({digits(self.memory)}, {digits(self.floor)})"
        return f"learning_progress{numbers}"

    def init(self, groups: int) -> tuple[Groups, Groups]:
        return jnp.zeros(groups), jnp.zeros(groups)

    def priority(self, memory: Any, visits: Visits, key: jax.Array) -> Cells:
        fast, slow = memory
        return (self.floor + jnp.abs(fast - slow))[visits.group]

    def update(self, memory: Any, visits: Visits, labelled: Cells, accepted: Cells) -> Any:
        fast, slow = memory
        groups = len(fast)
        mass = _by_group(visits.mass, visits, groups)
        passed = _by_group(visits.mass * visits.pass_rate, visits, groups)
        seen = mass > 0.0
        rate = passed / jnp.where(seen, mass, 1.0)
        mean = self.memory * slow + (1.0 - self.memory) * rate
        # Nothing is learned of a group that was not visited.
        return jnp.where(seen, rate, fast), jnp.where(seen, mean, slow)


def learning_progress(memory: float = 0.7, floor: float = 0.05) -> Remembering:
    """Groups whose pass rate moves, up or down: |pass rate - its running mean| + floor.

    Oudeyer and Kaplan 2007; Graves et al. 2017, arXiv 1704.03003. Shared in proportion, so it needs
    a budget. Wins where some groups can be learned now and others not at all. Loses at the start,
    when nothing moves yet, and on helpless groups, which move only by the floor.

    Args:
        memory: of the running mean, in [0, 1).
        floor: what every group gets, above 0.

    Raises:
        ValueError: for an argument out of range.

    Example:
        >>> learning_progress().allocation
        'proportional'
    """
    memory, floor = finite("memory", memory, 0.0, 1.0), finite("floor", floor, 0.0)
    if memory == 1.0:
        raise refuse("memory", "below 1, or nothing is ever learned", memory)
    if floor == 0.0:
        raise refuse("floor", "above 0, or nothing that rests is ever tried", floor)
    return Remembering(_LearningProgress(memory, floor), "proportional")
