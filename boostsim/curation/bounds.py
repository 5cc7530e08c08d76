"""Bounds that nothing but rounding would leave: they change no slope."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def guarded(values: Array, low: float | None = None, high: float | None = None) -> Array:
    """Return values within bounds, with the slope that they have without them.

    ``jnp.clip`` has half the slope at a bound and none beyond: an accuracy of 1 that is rounded up
    would not fall with a filter's noise.

    Example:
        >>> jax.grad(lambda right: guarded(right + 1e-3, None, 1.0))(1.0).item()
        1.0
    """
    return jnp.clip(values, low, high)


@guarded.defjvp
def _slope(
    low: float | None, high: float | None, values: tuple[Array], moved: tuple[Array]
) -> tuple[Array, Any]:
    return guarded(*values, low, high), moved[0]
