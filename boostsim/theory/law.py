"""What a law is: a formula in jnp, guarded by the domain on which it was proved.

The decorated function is the formula itself. Calling it checks the domain, computes in float64 and
returns NumPy; its attribute ``formula`` is the bare function, for gradients and for use inside
compiled programs in whatever precision is in force there. (Of a law that solves a chain it is in
NumPy.)
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.arguments import brief, real, refuse
from boostsim.mode import fixed

# What rounding may add to an error, as a share of it: it grows with iterations and votes, and stays
# below this up to some thousands of either.
ROUNDING = 1e-11

# What the docstring of every law ends with.
RAISES = """
    Raises:
        ValueError: for an argument outside the domain, or arguments that do not fit together.
    """

# More than anybody wants, and no more than JAX takes with some added.
MOST_DIMENSIONS = 16


@dataclass(frozen=True)
class Domain:
    """The values that one argument of a law may take.

    Attributes:
        low, high: the ends of the interval.
        low_open, high_open: whether an end is left out.
        whole, odd: whether only whole, only odd numbers count.
        many: infinity counts too, and the word "many" stands for it.
        single: one number, not an array: it fixes the size of a computation.
        along_prompts: the last axis runs over prompts.
        sums_to_one: that axis holds probabilities.
    """

    low: float = 0.0
    high: float = 1.0
    low_open: bool = False
    high_open: bool = False
    whole: bool = False
    odd: bool = False
    many: bool = False
    single: bool = False
    along_prompts: bool = False
    sums_to_one: bool = False

    def __str__(self) -> str:
        """Write the interval as a mathematician would."""
        left, right = "(" if self.low_open else "[", ")" if self.high_open else "]"
        high = "infinity)" if np.isinf(self.high) else f"{self.high:g}{right}"
        kind = "an odd number" if self.odd else "a whole number" if self.whole else "a number"
        return f"{kind} in {left}{self.low:g}, {high}" + (", or 'many'" if self.many else "")

    def check(self, name: str, got: Any) -> Any:
        """Return the argument as float64 (an int where single), or refuse it."""
        if self.many and isinstance(got, str) and got == "many":
            got = np.inf
        try:
            if self.whole and self.high == 1 and np.asarray(got).dtype == bool:
                # 0 or 1: whether something is so.
                got = np.asarray(got, np.float64)
            values = real(got)
        except (TypeError, ValueError, OverflowError):
            raise refuse(name, str(self), got) from None
        if values.ndim > MOST_DIMENSIONS:
            raise refuse(name, f"an array of at most {MOST_DIMENSIONS} dimensions", values.shape)
        # Compiled programs flush what is below the smallest normal number to zero: so does this.
        values = np.where(np.abs(values) < np.finfo(np.float64).tiny, 0.0, values)
        above = values > self.low if self.low_open else values >= self.low
        below = values < self.high if self.high_open else values <= self.high
        unending = self.many & (values == np.inf)
        good = (above & below & np.isfinite(values)) | unending
        known = np.where(good, values, 1.0)
        if self.whole or self.odd:
            good &= known == np.floor(known)
        if self.odd:
            good &= known % 2 == 1
        if not good.all():
            bad = float(values[~good].ravel()[0]) if values.ndim else float(values)
            raise ValueError(f"{name} must be {self}; got {bad!r}")
        if self.single:
            if values.ndim:
                raise ValueError(f"{name} must be one number; got shape {values.shape}")
            return int(values)
        if self.sums_to_one:
            whole = values.sum(-1, keepdims=True)
            if (np.abs(whole - 1.0) > 1e-6).any():
                raise ValueError(f"{name} must sum to one; got {float(whole.ravel()[0])!r}")
            return values / whole
        return values


class Law(Protocol):
    """A guarded formula, as :func:`law` returns it."""

    claim: str
    domain: dict[str, Domain]
    formula: Callable[..., Any]
    solved: bool
    __name__: str
    __doc__: str | None

    def __call__(self, **arguments: Any) -> Any:
        """Evaluate in float64 after checking the domain."""


Formula = Callable[..., Any]
Condition = tuple[str, Formula]


def law(claim: str, *conditions: Condition, **domain: Domain) -> Callable[[Formula], Law]:
    """Guard a formula by its domain and by conditions on several arguments together.

    Args:
        claim: the statement that it belongs to, "T1" and so on.
        conditions: pairs of a sentence and a predicate of the arguments' names.
        domain: one :class:`Domain` for each argument of the formula.
    """
    return _guarding(claim, conditions, domain, solved=False)


def solved_law(claim: str, *conditions: Condition, **domain: Domain) -> Callable[[Formula], Law]:
    """Guard a formula that solves a chain, in NumPy: it is not compiled, and has no gradient."""
    return _guarding(claim, conditions, domain, solved=True)


def _guarding(
    claim: str, conditions: Sequence[Condition], domain: dict[str, Domain], solved: bool
) -> Callable[[Formula], Law]:
    def guard(formula: Formula) -> Law:
        signature = inspect.signature(formula)
        assert list(signature.parameters) == list(domain)
        single = [name for name, values in domain.items() if values.single]
        compiled = formula if solved else jax.jit(formula, static_argnames=single)

        @functools.wraps(formula)
        def guarded(**arguments: Any) -> Any:
            try:
                bound = signature.bind(**arguments)
            except TypeError as error:
                takes = ", ".join(domain)
                raise TypeError(f"{formula.__name__} takes {takes}: {error}") from None
            bound.apply_defaults()
            values = {name: domain[name].check(name, got) for name, got in bound.arguments.items()}
            # Where one argument has a prompt axis, the others gain one at the end.
            prompts = any(entry.along_prompts for entry in domain.values())
            tails = {
                name: (1,) if prompts and not domain[name].along_prompts else () for name in values
            }
            try:
                np.broadcast_shapes(*(np.shape(got) + tails[name] for name, got in values.items()))
            except ValueError:
                shapes = ", ".join(f"{name} {np.shape(got)}" for name, got in values.items())
                raise ValueError(
                    f"{formula.__name__} needs arguments that broadcast; got {shapes}"
                ) from None
            for sentence, holds in conditions:
                names = list(inspect.signature(holds).parameters)
                if not np.all(holds(**{name: values[name] for name in names})):
                    given = ", ".join(f"{name}={brief(bound.arguments[name])}" for name in names)
                    raise ValueError(f"{formula.__name__} needs {sentence}; got {given}")
            with fixed(double=True):
                result = compiled(
                    **{
                        name: got if solved or domain[name].single else jnp.asarray(got)
                        for name, got in values.items()
                    }
                )
                return jax.tree.map(lambda leaf: np.asarray(leaf)[()], result)

        if formula.__doc__ is not None:
            guarded.__doc__ = f"{formula.__doc__.rstrip()}\n{RAISES}"
        guarded.claim = claim  # type: ignore[attr-defined]
        guarded.domain = domain  # type: ignore[attr-defined]
        guarded.formula = formula  # type: ignore[attr-defined]
        guarded.solved = solved  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard


def reached(error: Any, target: Any) -> Any:
    """Whether an error is at most a target, up to rounding: error <= target (1 + 1e-11).

    The target may be an exact power of 1 - beta, and then the error is it, but for rounding. Laws,
    plans, claims and figures all ask this, so that they agree.

    Example:
        >>> (1.0 - 0.1) ** 3 <= 0.729, reached((1.0 - 0.1) ** 3, 0.729)
        (False, True)
    """
    return error <= target * (1.0 + ROUNDING)


def least_whole(number: Any) -> Any:
    """Return the least whole number that is not below, up to the same rounding.

    Example:
        >>> power = np.log(125.0) / np.log(5.0)
        >>> int(np.ceil(power)), int(least_whole(power))
        (4, 3)
    """
    return np.ceil(number * (1.0 - ROUNDING))


def survival(rate: Array, rounds: Array) -> Array:
    """Return (1 - rate)^rounds to full accuracy for small rates too, where 1 - rate is rounded.

    Infinitely many rounds leave nothing, or everything at a rate of 0.
    """
    small = rate < 0.01
    # At a rate of 0 a finite number of rounds, whatever it is: the derivative needs it.
    counted = jnp.where((rate == 0.0) & jnp.isinf(rounds), 0.0, rounds)
    slow = jnp.exp(counted * jnp.log1p(-jnp.where(small, rate, 0.0)))
    return jnp.where(small, slow, jnp.power(jnp.where(small, 0.5, 1.0 - rate), rounds))


def lost(rate: Array, rounds: Array) -> Array:
    """Return 1 - (1 - rate)^rounds to full accuracy where it is small."""
    certain = rate == 1.0
    gradual = -jnp.expm1(rounds * jnp.log1p(-jnp.where(certain, 0.5, rate)))
    return jnp.where(certain, jnp.where(rounds > 0.0, 1.0, 0.0), gradual)


PROBABILITY = Domain()
POSITIVE = Domain(low_open=True)
BELOW_HALF = Domain(high=0.5, high_open=True)
COUNT = Domain(low=0, high=np.inf, whole=True)
AT_LEAST_ONE = Domain(low=1, high=np.inf, whole=True)
