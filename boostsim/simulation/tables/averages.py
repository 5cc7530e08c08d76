"""Averages over prompts, in few passes over them.

A sum over many prompts is a program of its own, run by one thread. Left to itself, XLA moves into
it what is added and multiplied before, and makes a pass over the prompts for each term that it
cannot move. Here what is summed is made in one pass, by all threads, and the sum reads it alone.

No number changes by that: the same products are rounded, and added in the same order. Over few
prompts a sum is part of what surrounds it, and its order, too; there nothing is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.curation.bounds import guarded
from boostsim.simulation.tables.structure import Numbers

# From so many prompts on a sum over them is a program of its own.
MANY = 4096


def rounded(products: Float[Array, "*shape prompts"]) -> Float[Array, "*shape prompts"]:
    """Return products of at least 0 that are not fused with what is added to them."""
    return guarded(products, 0.0, None) if products.shape[-1] >= MANY else products


def weighted_sum(
    weights: Float[Array, "prompts"], values: Float[Array, "prompts"]
) -> Float[Array, ""]:
    """Return the sum of weights times values over all prompts."""
    products = weights * values
    if len(products) >= MANY:
        products = lax.reduce_precision(products, exponent_bits=11, mantissa_bits=52)
    return jnp.sum(products)


def quantiles(
    values: Float[Array, "prompts"], weights: Float[Array, "prompts"], at: Sequence[float]
) -> Float[Array, "quantiles"]:
    """Return the least values that so much of mu does not exceed, up to its rounding."""
    order = jnp.argsort(values)
    below = jnp.cumsum(weights[order])
    found = jnp.searchsorted(below, jnp.asarray(at) * below[-1] * (1.0 - 1e-12))
    return values[order][found]


def merged(
    numbers: Numbers, values: Float[Array, "*shape prompts"], most: float = 1.0
) -> Float[Array, "*shape each"]:
    """Average over the copies of each prompt what is at most so much."""
    if numbers.share is None:
        return values
    copies = values.reshape(numbers.share.shape)
    return guarded(jnp.sum(numbers.share * copies, axis=0), None, most)
