"""What a learner of tables is: a rule that makes the next model of what there is to learn.

``simulation/tables/learning.py`` is the only place that asks it; regimes say what there is to
learn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float

from boostsim.learners.network import Trained

# Masses by class, an array for each part of the row that is told apart; the row is their sum.
Rows = list[Float[Array, "classes prompts"]]
Rule = Callable[[Any, Rows, Rows, Callable[[Rows, Any], Rows]], Rows]


@runtime_checkable
class TabularLearner(Protocol):
    """What training does to a table; a frozen dataclass with these three is one.

    On each prompt with examples the next row is ``rule(numbers, data, before, add)``: of the law of
    the examples, and of the row before. Without examples a prompt keeps its row. Both are lists of
    arrays ``[classes, prompts]`` that add up to the row, so a rule has to be linear in them; and
    ``add(rows, amount)`` returns rows with so much of the learner's own rows added. Before a run a
    rule is tried once, on an example of the run's shapes: written with ``jax.numpy`` and without
    branches on values, it must return rows that are finite, at least 0, and sum to one.

    A rule that treats each response by itself says so by one method more,
    ``tells_apart(*, sampled, alone) -> bool``: whether every response must be a class of its own,
    in a sampled run or not, where every row is by class a multiple of f_0 (``alone``) or not. Its
    lists then have one array, and it need not be linear.

    Example:
        A step of size s towards the data: here boosting takes an error e to (1 - s beta) e.

        >>> from dataclasses import dataclass
        >>> import boostsim as bs
        >>> def step(size, data, before, add):
        ...     return [size * new + (1.0 - size) * old for new, old in zip(data, before)]
        >>> @dataclass(frozen=True)
        ... class PartialStep:
        ...     size: float
        ...     rule = staticmethod(step)
        ...     numbers = property(lambda self: self.size)
        ...     def noise_rows_for(self, quality):
        ...         return None
        >>> rule = bs.boosting(labeler=bs.WeakLabeler(0.5), learner=PartialStep(0.5))
        >>> bs.simulate(rule, bs.random_table(0, solvable=0.0), 2).error.values
        array([[1.    , 0.75  , 0.5625]])
    """

    @property
    def rule(self) -> Rule | None:
        """A function at the top of a module; None where the next row is the law itself."""

    @property
    def numbers(self) -> Any:
        """What the rule is called with: numbers, in tuples or dicts; they recompile nothing."""

    def noise_rows_for(self, quality: np.ndarray) -> np.ndarray | None:
        """Return the learner's own rows ``[prompts, responses]``, or None where it has none."""


def tells_apart(learner: TabularLearner, *, sampled: bool, alone: bool) -> bool:
    """Return whether a learner wants every response to be a class of its own."""
    asked = getattr(learner, "tells_apart", None)
    return asked is not None and bool(asked(sampled=sampled, alone=alone))


Learner = TabularLearner | Trained
