"""How far the same network may be from itself, computed another way, on this backend."""

import jax.numpy as jnp
import numpy as np

from boostsim.learners.layers import compute_dtype

# Float32 sums of some hundred terms of order one, in another order.
SUMS = 2e-5
# Activations that are rounded on the way through two layers: norm, keys, values and queries, what
# attention mixes, merged, added, norm, up, down, added; and the last norm.
ROUNDED = 2 * 9 + 1


def apart(scale=1.0):
    """Return how far numbers of this size may be apart.

    Where products are bfloat16 each rounded activation is off by half a unit in the last place, to
    either side: such errors add up like a random walk, and four standard deviations are allowed.
    """
    roundoff = float(jnp.finfo(compute_dtype()).eps) / 2.0
    return float(max(SUMS, 4.0 * np.sqrt(ROUNDED) * roundoff) * scale)
