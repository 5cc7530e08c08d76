"""What a learner of tables is: a rule that makes the next model of what there is to learn.

``simulation/tables/learning.py`` is the only place that asks it; regimes say what there is to
learn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.learners.network import Trained
from boostsim.mode import fixed
from boostsim.objects import fingerprint, is_own, renewed

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

    The rule is compiled, so it has to be a pure function. A trace has its fingerprint in
    ``attrs["learner_program"]``.

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


def rule_program(learner: TabularLearner, prompts: int, responses: int) -> str:
    """Return the fingerprint of the rule of a learner of one's own; of ours, or of none, "".

    Args:
        learner: any.
        prompts, responses: of the table that it learns.

    Raises:
        ValueError: for a rule that computes something else each time.
    """
    rule = learner.rule
    if rule is None or not is_own(rule):
        return ""
    with fixed(double=True):
        # Right and wrong; but a rule may want every response.
        for classes in (2, responses):
            rows = [jax.ShapeDtypeStruct((classes, prompts), float)]
            try:
                numbers = jax.tree.map(lambda number: jnp.asarray(number, float), learner.numbers)
                programs = {_rule_traced(rule, numbers, rows) for _ in range(2)}
            except Exception:
                # The run says what is wrong with it.
                continue
            if len(programs) > 1:
                raise ValueError(
                    "learner.rule must be a pure function: asked twice it computes something else"
                )
            return renewed((rule, prompts), programs.pop())
    return ""


def _rule_traced(rule: Rule, numbers: Any, rows: Any) -> str:
    def add(rows: Rows, amount: Any) -> Rows:
        return [rows[0] + amount, *rows[1:]]

    # Through a fresh function each time, for JAX remembers what it has traced.
    traced = jax.make_jaxpr(lambda numbers, data, before: rule(numbers, data, before, add))
    return fingerprint(traced(numbers, rows, rows))


Learner = TabularLearner | Trained
