"""Stack programs for infix expressions: the nearest small thing to writing code against tests.

A prompt is an expression such as ``a + b x c =``; the response is a program for a stack machine,
and the verifier *executes* it on a few bindings of the variables, modulo a prime. The machine is a
fixed scan over the program: at most one operation a token, at most one stack cell a token, so it is
bounded in steps and memory and defined on every sequence of tokens. Nothing is ever passed to an
interpreter of Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from boostsim.arguments import whole
from boostsim.tasks.expressions import FIRST_OPERAND as FIRST_VARIABLE
from boostsim.tasks.expressions import FIRST_OPERATOR, OPERATORS, ExpressionTask
from boostsim.tasks.sequences import compact
from boostsim.vocabulary import END, PAD

VARIABLES = ("a", "b", "c", "d", "e", "f")
MODULUS = 97
PLUS, MINUS, TIMES = FIRST_OPERATOR, FIRST_OPERATOR + 1, FIRST_OPERATOR + 2
# What the variables are worth in each test, [tests, variables]; any numbers without a pattern do.
BINDINGS = np.array(
    [
        [53, 11, 78, 24, 91, 37],
        [8, 85, 29, 66, 13, 70],
        [41, 60, 5, 94, 32, 19],
        [76, 22, 47, 3, 58, 83],
    ]
)


@dataclass(frozen=True)
class Programs(ExpressionTask):
    """Expressions with 1 to ``operations`` operators in six variables; strata by their number.

    Wrong labels: ``slip`` (one token of the program is another of its kind), ``spread`` (random
    tokens), ``concentrated`` (precedence is ignored; where that changes nothing + and - are
    confused, and where neither occurs the last x is taken for +).
    """

    first_steps: ClassVar[int] = 200
    shares: ClassVar[tuple[float, ...]] = (0.25, 0.25, 0.2, 0.15, 0.15, 0.1)

    operations: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        object.__setattr__(self, "operations", whole("operations", self.operations, 1, 8))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Padding, end, equals, operators, variables."""
        return (".", ";", "=", *OPERATORS, *VARIABLES)

    @property
    def response_length(self) -> int:
        """As many tokens as the expression, and the end."""
        return 2 * self.operations + 2

    def prompts(self, rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
        """Draw expressions, every token evenly."""
        count, most = len(stratum), self.operations
        first = rng.integers(0, len(VARIABLES), (count, 1))
        operators = rng.integers(0, len(OPERATORS), (count, most))
        others = rng.integers(0, len(VARIABLES), (count, most))
        return self.written(stratum, operators, np.concatenate([first, others], axis=1))

    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """Translate, operators after their operands, x before + and -."""
        return self._translate(prompts[:, 0:-1:2], prompts[:, 1:-1:2])

    def mistake(self, noise: str, rng: np.random.Generator, prompts: np.ndarray) -> np.ndarray:
        """Translate wrongly."""
        noise = self.check_noise(noise)
        variables, operators = prompts[:, 0:-1:2], prompts[:, 1:-1:2]
        right = self.solve(prompts)
        length = 2 * self.stratum(prompts) + 3
        column = np.arange(self.response_length)
        if noise == "concentrated":
            left_to_right = self._in_order(variables, operators)
            confused = np.where(
                operators == PLUS, MINUS, np.where(operators == MINUS, PLUS, operators)
            )
            last = np.arange(self.operations) == self.stratum(prompts)[:, None]
            additive = ((operators == PLUS) | (operators == MINUS)).any(1, keepdims=True)
            confused = np.where(additive | ~last, confused, PLUS)
            matters = (left_to_right != right).any(1, keepdims=True)
            return np.where(matters, left_to_right, self._translate(variables, confused))
        if noise == "slip":
            place = rng.integers(0, length)
            old = right[np.arange(len(right)), place]
            kinds = np.where(old >= FIRST_VARIABLE, len(VARIABLES), len(OPERATORS))
            first = np.where(old >= FIRST_VARIABLE, FIRST_VARIABLE, FIRST_OPERATOR)
            new = first + (old - first + rng.integers(1, kinds)) % kinds
            return np.where(column == place[:, None], new[:, None], right).astype(np.int32)
        tokens = rng.integers(FIRST_OPERATOR, len(self.symbols), right.shape)
        return np.where(column < length[:, None], tokens, right).astype(np.int32)

    def _translate(self, variables: np.ndarray, operators: np.ndarray) -> np.ndarray:
        """Write what is pending before a new operator of no higher precedence, then the operand."""
        none = np.zeros(len(variables), np.int32)
        columns, additive, product = [variables[:, 0]], none, none
        for step in range(self.operations):
            new, operand = operators[:, step], variables[:, step + 1]
            times, present = new == TIMES, new != PAD
            sums = present & ~times
            columns += [np.where(present, product, PAD), np.where(sums, additive, PAD), operand]
            product = np.where(times, new, np.where(present, PAD, product))
            additive = np.where(sums, new, additive)
        columns += [product, additive, np.full(len(variables), END)]
        return compact(columns, self.response_length)

    def _in_order(self, variables: np.ndarray, operators: np.ndarray) -> np.ndarray:
        """Write each operator right after its operand, as if there were no precedence."""
        columns = [variables[:, 0]]
        for step in range(self.operations):
            columns += [variables[:, step + 1], operators[:, step]]
        return compact([*columns, np.full(len(variables), END)], self.response_length)

    def verify(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Bool[Array, "N"]:
        """Run the program on every binding and compare with the expression's value."""
        worth = jnp.asarray(BINDINGS)
        values, sound = execute(responses, worth)
        variables, operators = prompts[:, 0:-1:2], prompts[:, 1:-1:2]
        # [N, tests]: the sum so far, its next sign, the product that is being built.
        total = jnp.zeros((len(prompts), len(worth)), jnp.int32)
        sign = jnp.ones_like(total)
        product = _worth(worth, variables[:, 0])
        for step in range(self.operations):
            operator = operators[:, step, None]
            operand = _worth(worth, variables[:, step + 1])
            times, present = operator == TIMES, operator != PAD
            total = jnp.where(present & ~times, (total + sign * product) % MODULUS, total)
            sign = jnp.where(present & ~times, jnp.where(operator == MINUS, -1, 1), sign)
            product = jnp.where(
                times, product * operand % MODULUS, jnp.where(present, operand, product)
            )
        want = (total + sign * product) % MODULUS
        return sound & jnp.all(values == want, axis=1)


def _worth(worth: Int[Array, "tests variables"], token: Int[Array, "N"]) -> Int[Array, "N tests"]:
    index = jnp.clip(token - FIRST_VARIABLE, 0, worth.shape[1] - 1)
    return worth.T[index].astype(jnp.int32)


def execute(
    programs: Int[Array, "N R"], worth: Int[Array, "tests variables"]
) -> tuple[Int[Array, "N tests"], Bool[Array, "N"]]:
    """Run stack programs on every binding.

    A variable is pushed; an operator takes the two upper cells and leaves its result. A program is
    sound when no operator lacks an operand, it ends with the end symbol, only padding follows, and
    one value is left.

    Args:
        programs: tokens, any at all.
        worth: what each variable is worth in each test.

    Returns:
        The value on top in the end, modulo 97, and whether the program is sound.
    """
    count, length = programs.shape
    worth = jnp.asarray(worth)
    tests = worth.shape[0]
    cell = jnp.arange(length + 1)

    def run(carry: Any, token: Array) -> tuple[Any, None]:
        stack, depth, sound, ended = carry
        pushes = (token >= FIRST_VARIABLE) & (token < FIRST_VARIABLE + worth.shape[1])
        operates = (token >= FIRST_OPERATOR) & (token < FIRST_VARIABLE)
        ends, rests = token == END, token == PAD
        enough = depth >= 2
        allowed = jnp.where(ended, rests, pushes | (operates & enough) | ends)
        acts = sound & allowed & ~ended
        upper = _cell(stack, depth - 1)
        lower = _cell(stack, depth - 2)
        operator = token[:, None]
        result = jnp.where(
            operator == PLUS,
            lower + upper,
            jnp.where(operator == MINUS, lower - upper, lower * upper),
        )
        new = jnp.where(pushes[:, None], _worth(worth, token), result % MODULUS)
        place = jnp.where(pushes, depth, depth - 2)
        writes = acts & (pushes | operates)
        here = (cell == place[:, None]) & writes[:, None]
        stack = jnp.where(here[:, None], new[:, :, None], stack)
        depth = depth + jnp.where(writes, jnp.where(pushes, 1, -1), 0)
        return (stack, depth, sound & allowed, ended | ends), None

    nothing = jnp.zeros((count, tests, length + 1), jnp.int32)
    start = (nothing, jnp.zeros(count, jnp.int32), jnp.ones(count, bool), jnp.zeros(count, bool))
    (stack, depth, sound, ended), _ = jax.lax.scan(run, start, programs.T)
    return _cell(stack, depth - 1), sound & ended & (depth == 1)


def _cell(stack: Int[Array, "N tests cells"], place: Int[Array, "N"]) -> Int[Array, "N tests"]:
    index = jnp.clip(place, 0, stack.shape[2] - 1)[:, None, None]
    return jnp.take_along_axis(stack, index, axis=2)[:, :, 0]


def programs(operations: int = 5) -> Programs:
    """Return the task of writing stack programs for expressions, checked by running them.

    Args:
        operations: most operators of an expression, 1 to 8; strata 1 to this many.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> task = programs()
        >>> prompts = task.prompts(np.random.default_rng(11), np.array([2]))
        >>> task.text(prompts), task.text(task.solve(prompts))
        ('a + e x a - c =', 'a e a x + c - ;')
    """
    return Programs(operations)
