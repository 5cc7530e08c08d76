"""What tasks share whose prompts are expressions: operands with operators between them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import PAD

OPERATORS = ("+", "-", "x")
# After the padding and the end symbol.
EQUALS, FIRST_OPERATOR, FIRST_OPERAND = 2, 3, 6


class ExpressionTask(SequenceTask):
    """Expressions of 1 to ``operations`` operations; strata by their number."""

    operations: int
    # Of prompts with one operation, two and so on; the last share holds for all that are longer.
    shares: ClassVar[tuple[float, ...]]

    @property
    def prompt_length(self) -> int:
        """An operand, then operator and operand for each operation, and the equals sign."""
        return 2 * self.operations + 2

    @property
    def strata(self) -> tuple[str, ...]:
        """By the number of operations."""
        return tuple(str(count) for count in range(1, self.operations + 1))

    @property
    def stratum_weights(self) -> np.ndarray:
        """Mostly short expressions."""
        weights = np.array([*self.shares, *self.shares[-1:] * self.operations])[: self.operations]
        return weights / weights.sum()

    @property
    def easy_weights(self) -> np.ndarray:
        """The two shortest."""
        weights = np.array([0.6, 0.4, *[0.0] * self.operations])[: self.operations]
        return weights / weights.sum()

    def stratum(self, prompts: np.ndarray) -> np.ndarray:
        """Count the operations."""
        return (prompts[:, 1:-1:2] != PAD).sum(1) - 1

    def written(
        self, stratum: np.ndarray, operators: np.ndarray, operands: np.ndarray
    ) -> np.ndarray:
        """Return prompts of numbered operators and operands, as many as each stratum has."""
        prompts = np.full((len(stratum), self.prompt_length), PAD, np.int32)
        prompts[:, 0] = FIRST_OPERAND + operands[:, 0]
        present = np.arange(self.operations) <= stratum[:, None]
        prompts[:, 1:-1:2] = np.where(present, FIRST_OPERATOR + operators, PAD)
        prompts[:, 2:-1:2] = np.where(present, FIRST_OPERAND + operands[:, 1:], PAD)
        prompts[:, -1] = EQUALS
        return prompts
