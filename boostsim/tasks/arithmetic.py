"""Chains of arithmetic: the nearest small thing to word problems with a worked solution.

A prompt is ``a0 op a1 op a2 ... =``, read from left to right modulo a prime; the response is every
running value, then the end. The verifier checks the whole chain, not only its last value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from boostsim.arguments import whole
from boostsim.tasks.expressions import FIRST_OPERAND as FIRST_NUMBER
from boostsim.tasks.expressions import FIRST_OPERATOR, OPERATORS, ExpressionTask
from boostsim.vocabulary import END, PAD


@dataclass(frozen=True)
class Arithmetic(ExpressionTask):
    """Chains of 1 to ``operations`` operations modulo ``modulus``; strata by their number.

    Wrong labels: ``slip`` (one step is off, the rest consistent with it), ``spread`` (random
    values), ``concentrated`` (every step is one too large).
    """

    shares: ClassVar[tuple[float, ...]] = (0.25, 0.25, 0.2, 0.15, 0.1, 0.05)

    operations: int = 6
    modulus: int = 7

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        object.__setattr__(self, "operations", whole("operations", self.operations, 1, 12))
        object.__setattr__(self, "modulus", whole("modulus", self.modulus, 3, 97))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Padding, end, equals, operators, numbers."""
        return (".", ";", "=", *OPERATORS, *(str(number) for number in range(self.modulus)))

    @property
    def response_length(self) -> int:
        """A value for each operation, and the end."""
        return self.operations + 1

    def prompts(self, rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
        """Draw chains; factors are not zero."""
        count, most = len(stratum), self.operations
        operators = rng.integers(0, 3, (count, most))
        numbers = rng.integers(0, self.modulus, (count, most + 1))
        factors = rng.integers(1, self.modulus, (count, most))
        numbers[:, 1:] = np.where(operators == 2, factors, numbers[:, 1:])
        return self.written(stratum, operators, numbers)

    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """Compute step by step."""
        return self._chain(prompts, np.zeros((len(prompts), self.operations), int))

    def mistake(self, noise: str, rng: np.random.Generator, prompts: np.ndarray) -> np.ndarray:
        """Compute step by step, wrongly."""
        noise = self.check_noise(noise)
        count, most = len(prompts), self.operations
        length = self.stratum(prompts) + 1
        if noise == "concentrated":
            return self._chain(prompts, np.ones((count, most), int))
        where = np.arange(most) == rng.integers(0, length)[:, None]
        off = where * rng.integers(1, self.modulus, (count, 1))
        if noise == "slip":
            return self._chain(prompts, off)
        values = rng.integers(0, self.modulus, (count, most))
        right = self.solve(prompts)[:, :-1] - FIRST_NUMBER
        # One value at least is wrong.
        values = np.where(where, (right + off) % self.modulus, values)
        return self._written(values, length)

    def _chain(self, prompts: np.ndarray, off: np.ndarray) -> np.ndarray:
        """Run the chain, adding ``off`` to each step's result."""
        value = prompts[:, 0] - FIRST_NUMBER
        values = []
        for step in range(self.operations):
            operator = prompts[:, 1 + 2 * step] - FIRST_OPERATOR
            number = prompts[:, 2 + 2 * step] - FIRST_NUMBER
            results = np.stack([value + number, value - number, value * number])
            value = (results[np.clip(operator, 0, 2), np.arange(len(value))] + off[:, step]) % (
                self.modulus
            )
            values.append(value)
        return self._written(np.stack(values, axis=1), self.stratum(prompts) + 1)

    def _written(self, values: np.ndarray, length: np.ndarray) -> np.ndarray:
        responses = np.full((len(values), self.response_length), PAD, np.int32)
        step = np.arange(self.response_length)
        responses[:, :-1] = np.where(step[:-1] < length[:, None], FIRST_NUMBER + values, PAD)
        responses[step == length[:, None]] = END
        return responses

    def verify(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Bool[Array, "N"]:
        """Check every running value and the end; nothing may follow it."""
        value = prompts[:, 0] - FIRST_NUMBER
        right = jnp.ones(len(prompts), bool)
        length = jnp.sum(prompts[:, 1:-1:2] != PAD, axis=1)
        for step in range(self.response_length):
            said = responses[:, step]
            right &= jnp.where(
                step == length, said == END, jnp.where(step > length, said == PAD, True)
            )
            if step < self.operations:
                operator = prompts[:, 1 + 2 * step] - FIRST_OPERATOR
                number = prompts[:, 2 + 2 * step] - FIRST_NUMBER
                value = jnp.select(
                    [operator == 0, operator == 1], [value + number, value - number], value * number
                )
                value = value % self.modulus
                right &= (step >= length) | (said == FIRST_NUMBER + value)
        return right


def arithmetic(operations: int = 6, modulus: int = 7) -> Arithmetic:
    """Return the task of computing chains of arithmetic step by step.

    Args:
        operations: most operations of a chain, 1 to 12; strata 1 to this many.
        modulus: numbers are 0 to modulus - 1; at least 3.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> task = arithmetic()
        >>> prompts = task.prompts(np.random.default_rng(1), np.array([1]))
        >>> task.text(prompts), task.text(task.solve(prompts))
        ('5 - 6 - 1 =', '6 5 ;')
    """
    return Arithmetic(operations, modulus)
