"""Division that is rounded once, in compiled programs too."""

from __future__ import annotations

from jax import lax
from jaxtyping import Array


def entrywise(divisor: Array) -> Array:
    """Return the same numbers, so that what is divided by them is divided entry by entry.

    XLA divides by a number that is spread over an array by multiplying with its reciprocal, which
    is rounded twice: of counts, 3/10 would be more than 0.3, and the largest entry of a row, over
    itself, less than 1.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> share = jax.jit(lambda counts: counts / entrywise(jnp.full_like(counts, 10.0)))
        >>> with jax.enable_x64(True):
        ...     print(float(share(jnp.array([3.0, 7.0]))[0]))
        0.3
    """
    return lax.optimization_barrier(divisor)
