"""The strong learner: it returns the distribution that it was trained on, up to a stated slack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array

from boostsim.arguments import choice, probability, refuse
from boostsim.learners.tabular import Rows, Rule, TabularLearner
from boostsim.objects import Described


def mixed(slack: Array, data: Rows, before: Rows, add: Callable[[Rows, Array], Rows]) -> Rows:
    """Return (1 - slack) D + slack noise."""
    return add([(1.0 - slack) * row for row in data], slack)


@dataclass(frozen=True)
class StrongLearner(Described, TabularLearner):
    """A tabular learner: (1 - slack) D + slack noise on every prompt with training data D.

    The total variation distance to D is at most the slack (eta in T6). A prompt without training
    data keeps its row.

    Args:
        slack: eta, in [0, 1]; 0 reproduces the training distribution exactly.
        noise: where the slack goes: evenly over the ``"wrong"`` responses, or over all of them
            (``"uniform"``).

    Raises:
        ValueError: for a slack outside [0, 1], an unknown noise, and, once the task is known, a
            slack towards wrong responses where a prompt has none.

    Example:
        >>> StrongLearner(slack=0.1, noise="wrong").noise_rows_for(np.array([[1, 0, 0]]))
        array([[0. , 0.5, 0.5]])

    Source: the strong learner of arXiv 2502.08924; the slack is T6
    (docs/theory.md, section 3).
    """

    slack: float = 0.0
    noise: str = "wrong"

    def __post_init__(self) -> None:
        """Refuse what no learner can be."""
        object.__setattr__(self, "slack", probability("slack", self.slack))
        choice("noise", self.noise, ("wrong", "uniform"))

    @property
    def rule(self) -> Rule | None:
        """What training does to a row."""
        return mixed if self.slack > 0.0 else None

    @property
    def numbers(self) -> float:
        """The slack."""
        return self.slack

    def noise_rows_for(self, quality: np.ndarray) -> np.ndarray:
        """Return the rows towards which the learner errs, ``[prompts, responses]``."""
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
