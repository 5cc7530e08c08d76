"""The strong learner: it returns the distribution that it was trained on, up to a stated slack.

Or it goes a part of the way to it, on one of two straight lines: that between the rows, or that
between their logarithms (T19).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.arguments import choice, finite, probability, refuse
from boostsim.learners.tabular import Rows, Rule, TabularLearner
from boostsim.learners.tilting import log_ratio, tilted
from boostsim.objects import Described


def mixed(slack: Array, data: Rows, before: Rows, add: Callable[[Rows, Array], Rows]) -> Rows:
    """Return (1 - slack) D + slack noise."""
    return add([(1.0 - slack) * row for row in data], slack)


def _target(numbers: Any, data: Rows, before: Rows, add: Callable[[Rows, Array], Rows]) -> Rows:
    return mixed(numbers["slack"], data, before, add) if "slack" in numbers else data


def arithmetic(numbers: Any, data: Rows, before: Rows, add: Callable[[Rows, Array], Rows]) -> Rows:
    """Return (1 - s) f + s D, of a learner with slack to what it would return."""
    share, target = numbers["step"], _target(numbers, data, before, add)
    return [share * new + (1.0 - share) * old for new, old in zip(target, before, strict=True)]


def geometric(numbers: Any, data: Rows, before: Rows, add: Callable[[Rows, Array], Rows]) -> Rows:
    """Return f^(1 - s) D^s, normalised; f, where the two have no response in common.

    Where s, which may be traced, is 1, it is D: 0^0 is 1.
    """
    target, step = _target(numbers, data, before, add), numbers["step"]
    both = [functools.reduce(operator.add, rows) for rows in (target, before)]
    ratio, left = log_ratio(*both)
    lacked = (step == 1.0) & (both[1] == 0.0)
    start = [jnp.where(lacked, new, old) for new, old in zip(target, before, strict=True)]
    return tilted(start, step * ratio, left)


@dataclass(frozen=True)
class StrongLearner(Described, TabularLearner):
    """A tabular learner: (1 - slack) D + slack noise on every prompt with training data D.

    The total variation distance to D is at most the slack (eta in T6). A prompt without training
    data keeps its row.

    With a step s below 1 it goes only a part of the way from its row f to that: on the
    ``"arithmetic"`` line, f' = (1 - s) f + s D, or on the ``"geometric"`` one, f' proportional to
    f^(1 - s) D^s, response by response. Fixed points stay where they were. On the arithmetic line
    rates of contraction rho become 1 - s (1 - rho): with a perfect filter and one attempt boosting
    has the error (1 - s beta)^T e_0. On the geometric one filtering alone multiplies the odds by
    R^s instead of R; but what the model never says it never learns there, however often a label
    says it, and in a sampled run what no example shows is lost, as with the whole step. Where f and
    D have no response in common, the row stays.

    Args:
        slack: eta, in [0, 1]; 0 reproduces the training distribution exactly.
        noise: where the slack goes: evenly over the ``"wrong"`` responses, or over all of them
            (``"uniform"``).
        step: s, the part of the way that it goes, above 0 and at most 1.
        step_mean: ``"arithmetic"`` or ``"geometric"``.

    Raises:
        ValueError: for a slack outside [0, 1], an unknown noise, a step that is none, an unknown
            mean, and, once the task is known, a slack towards wrong responses where a prompt has
            none.

    Example:
        >>> StrongLearner(slack=0.1, noise="wrong").noise_rows_for(np.array([[1, 0, 0]]))
        array([[0. , 0.5, 0.5]])
        >>> import boostsim as bs
        >>> half = bs.boosting(labeler=bs.WeakLabeler(0.5), learner=StrongLearner(step=0.5))
        >>> bs.simulate(half, bs.random_table(0, solvable=0.0), 2).error.values
        array([[1.    , 0.75  , 0.5625]])

    Source: the strong learner of arXiv 2502.08924; the slack is T6 (docs/theory.md, section 3), the
    step T19 (docs/theory.md, section 7).
    """

    slack: float = 0.0
    noise: str = "wrong"
    step: float = 1.0
    step_mean: str = "arithmetic"

    def __post_init__(self) -> None:
        """Refuse what no learner can be."""
        object.__setattr__(self, "slack", probability("slack", self.slack))
        choice("noise", self.noise, ("wrong", "uniform"))
        step = finite("step", self.step)
        if not 0.0 < step <= 1.0:
            raise refuse("step", "above 0 and at most 1", self.step)
        object.__setattr__(self, "step", step)
        choice("step_mean", self.step_mean, ("arithmetic", "geometric"))

    @property
    def rule(self) -> Rule | None:
        """What training does to a row."""
        if self.step < 1.0:
            return arithmetic if self.step_mean == "arithmetic" else geometric
        return mixed if self.slack > 0.0 else None

    @property
    def numbers(self) -> Any:
        """The slack; of a learner that goes a part of the way its step, and the slack if any."""
        if self.step == 1.0:
            return self.slack
        return {"step": self.step, **({"slack": self.slack} if self.slack > 0.0 else {})}

    def tells_apart(self, *, sampled: bool, alone: bool) -> bool:
        """Whether it goes a part of the way that each response has for itself."""
        return self.rule is geometric and (sampled or not alone)

    def noise_rows_for(self, quality: np.ndarray) -> np.ndarray | None:
        """Return the rows towards which it errs, ``[prompts, responses]``.

        None where its rule adds none of them: part of the way, without slack.
        """
        if self.slack == 0.0 and self.step < 1.0:
            return None
        rows = np.ones(quality.shape) if self.noise == "uniform" else 1.0 - quality
        total = rows.sum(1, keepdims=True)
        bad = np.flatnonzero(total == 0.0)
        if bad.size:
            raise refuse(
                "noise",
                "'uniform' where a prompt has no wrong response",
                self.noise,
                f"See prompt {bad[0]}.",
            )
        return rows / total

    def describe(self) -> dict[str, Any]:
        """Return its name and what it is; of a step only where it is not the whole one."""
        told = super().describe()
        if self.step == 1.0:
            del told["step"], told["step_mean"]
        return told
