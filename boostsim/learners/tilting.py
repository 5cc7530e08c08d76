"""Rows times an exponential, normalised: what multiplicative updates of a table have in common."""

from __future__ import annotations

import functools
import operator

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from boostsim.learners.tabular import Rows


def tilted(
    rows: Rows,
    exponent: Float[Array, "classes prompts"],
    left: Bool[Array, "classes prompts"] | None = None,
) -> Rows:
    """Return f e^exponent, normalised on each prompt; where nothing is left, the row as it was.

    Powers are taken of what is left against the heaviest class, in halves, so nothing overflows and
    nothing is one minus something else: masses of 1e-300 on either side keep their digits.

    Args:
        rows: that add up to f.
        exponent: what each class is multiplied by, as its logarithm.
        left: where it is False nothing is left of the class.

    Example:
        >>> [row] = tilted([jnp.array([[0.25], [0.75]])], jnp.log(jnp.array([[3.0], [1.0]])))
        >>> row.round(6).tolist()
        [[0.5], [0.5]]
    """
    mass = functools.reduce(operator.add, rows)
    left = mass > 0.0 if left is None else left & (mass > 0.0)
    exponent = jnp.where(left, exponent, 0.0)
    level = jnp.where(left, jnp.log(jnp.where(left, mass, 1.0)) + exponent, -jnp.inf)
    heaviest = jnp.argmax(lax.stop_gradient(level), axis=0)[None]
    base, top = (jnp.take_along_axis(each, heaviest, axis=0) for each in (mass, exponent))
    some = jnp.any(left, axis=0)
    base = jnp.where(some, base, 1.0)
    half = jnp.where(left, jnp.exp(0.5 * jnp.where(left, exponent - top, 0.0)), 0.0)
    shares = [row / base * half * half for row in rows]
    whole = jnp.where(some, functools.reduce(operator.add, shares).sum(axis=0), 1.0)
    return [jnp.where(some, share / whole, row) for share, row in zip(shares, rows, strict=True)]


def log_ratio(
    above: Float[Array, "classes prompts"], below: Float[Array, "classes prompts"]
) -> tuple[Float[Array, "classes prompts"], Bool[Array, "classes prompts"]]:
    """Return log(above / below), 0 where one of the two is, and where there is anything above."""
    known = (above > 0.0) & (below > 0.0)
    ratio = jnp.where(known, above, 1.0) / jnp.where(known, below, 1.0)
    return jnp.log(ratio), above > 0.0
