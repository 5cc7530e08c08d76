"""The one mode of JAX in which everything here is computed, whatever a user's switches say.

JAX's switches (environment variables, ``jax.config``) change numbers and what programs are allowed
to do: 64-bit types, promotion, the precision of products, how keys are drawn from, whether programs
are compiled at all. So every public function computes inside :func:`fixed`, and the switches stay
for the user's own programs as the user set them. Contexts belong to a thread: a thread that
computes enters its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax

# The implementation of JAX's keys: named, for its default is a switch too.
KEYS = "threefry2x32"


@contextmanager
def fixed(*, double: bool | None = False) -> Iterator[None]:
    """Compute in the fixed mode; a context, or a decorator of a function.

    Args:
        double: whether numbers are float64 (tables, laws, criteria) or float32 (transformers);
            None leaves it as it is, for functions that a user's own program calls.
    """
    with ExitStack() as switches:
        for each in (
            jax.numpy_dtype_promotion("standard"),
            jax.numpy_rank_promotion("allow"),
            # None, not "default": the same numbers from the same programs as without the switch.
            jax.default_matmul_precision(None),
            jax.default_prng_impl(KEYS),
            jax.threefry_partitionable(True),
            jax.softmax_custom_jvp(False),
            # Eager sums are rounded otherwise, and where nothing is known NaN is the right answer.
            jax.disable_jit(False),
            jax.debug_nans(False),
            jax.debug_infs(False),
            jax.transfer_guard("allow"),
        ):
            switches.enter_context(each)
        if double is not None:
            switches.enter_context(jax.enable_x64(double))
        yield


def needs_double(name: str) -> None:
    """Refuse to go on, in a user's own program, where 64-bit types are not enabled.

    Raises:
        ValueError: that names what was called.
    """
    if jax.numpy.zeros(()).dtype != jax.numpy.float64:
        raise ValueError(
            f"{name} must be called with 64-bit types; wrap the calls in "
            "'with jax.enable_x64(True):'"
        )


def described(*, double: bool) -> dict[str, str]:
    """Return the mode in words, for provenance."""
    return {
        "x64": "on" if double else "off",
        # Of float32 on accelerators: what the backend does when nobody asks for more.
        "matmul_precision": "default",
        "keys": f"{KEYS}, partitionable",
    }
