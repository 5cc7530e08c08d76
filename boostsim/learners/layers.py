"""What the layers of a transformer are made of: products, norms, attention, and the order of rows.

The letters are those of :mod:`boostsim.learners.transformer`. Linear layers see two-dimensional
operands, the positions of all sequences as rows: on XLA's CPU backend the gradient of a product
with a three-dimensional operand takes about twice as long.

On an accelerator memory costs as much time as products do. There the rows are ordered so that heads
need not be copied (:class:`Rows`), what is cheap is made again for the slopes instead of being kept
(:func:`_again`), and the slopes of queries, keys and values meet in one product (:func:`products`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float, Int

from boostsim.learners.devices import accelerated, ordered_sums
from boostsim.learners.network import Parameters


def compute_dtype() -> jnp.dtype:
    """Return the type of activations: bfloat16 where the hardware multiplies it natively.

    Else float32. Parameters, the optimiser, softmax, norms and logits are float32 everywhere.
    """
    return jnp.dtype(jnp.bfloat16 if accelerated() else jnp.float32)


class Rows(NamedTuple):
    """How the S positions of B sequences stand in one axis N = B S.

    By sequence; or by position, so that what heads attend is a product's result where it stands.
    G is the axes B and H, or by position one axis of both.
    """

    batch: int
    heads: int
    by_position: bool = False

    def join(self, x_BxSxE: Array) -> Array:
        """Return the rows, ``[N, E]``."""
        ordered = x_BxSxE.swapaxes(0, 1) if self.by_position else x_BxSxE
        return ordered.reshape(-1, x_BxSxE.shape[-1])

    def split(self, x_NxE: Array) -> Array:
        """Return the rows by sequence and position, ``[B, S, E]``."""
        if self.by_position:
            return x_NxE.reshape(-1, self.batch, x_NxE.shape[-1]).swapaxes(0, 1)
        return x_NxE.reshape(self.batch, -1, x_NxE.shape[-1])

    def by_head(self, x_NxD: Array) -> Array:
        """Return each head's part of each sequence, ``[G, S, K]``."""
        width = x_NxD.shape[1] // self.heads
        if self.by_position:
            return _as_it_stands(x_NxD.reshape(-1, self.batch * self.heads, width))
        return x_NxD.reshape(self.batch, -1, self.heads, width).swapaxes(1, 2)

    def for_heads(self, x_BxSxT: Array) -> Array:
        """Return what is the same for all heads, so that it goes with what :meth:`by_head` does."""
        return jnp.repeat(x_BxSxT, self.heads, axis=0) if self.by_position else x_BxSxT[:, None]

    def merged(self, x_GxSxK: Array) -> Array:
        """Return the rows of all heads side by side, ``[N, D]``, from what has :meth:`by_head`."""
        ordered = x_GxSxK.swapaxes(0, 1) if self.by_position else x_GxSxK.swapaxes(1, 2)
        return ordered.reshape(-1, self.heads * x_GxSxK.shape[-1])


def _as_it_stands(x_SxGxK: Array) -> Array:
    """Return ``[G, S, K]`` in the memory of ``[S, G, K]``: left to itself XLA makes a copy."""
    return with_layout_constraint(x_SxGxK.swapaxes(0, 1), Layout((1, 0, 2)))


def matmul(x_NxD: Array, w_DxF: Array) -> Array:
    """Multiply in the compute type, and return it."""
    dtype = compute_dtype()
    return jnp.dot(x_NxD.astype(dtype), w_DxF.astype(dtype), preferred_element_type=dtype)


def products(h_NxD: Array, weights_DxF: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the products with each of several weights."""
    return (_products if accelerated() else _products.fun)(h_NxD, weights_DxF)


@jax.custom_vjp
def _products(h_NxD: Array, weights_DxF: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(matmul(h_NxD, each) for each in weights_DxF)


def _products_slopes(
    operands: tuple[Array, tuple[Array, ...]], slopes_NxF: tuple[Array, ...]
) -> tuple[Array, tuple[Array, ...]]:
    """Return the slopes by one product each, where JAX would add up one for each of the weights."""
    h_NxD, weights_DxF = operands
    slope_NxF, weight_DxF = (jnp.concatenate(each, axis=1) for each in (slopes_NxF, weights_DxF))
    slope_DxF = matmul(h_NxD.T, slope_NxF).astype(weight_DxF.dtype)
    widths = np.cumsum([each.shape[1] for each in weights_DxF])
    return matmul(slope_NxF, weight_DxF.T), tuple(jnp.split(slope_DxF, widths[:-1], axis=1))


_products.defvjp(lambda h, weights: (_products(h, weights), (h, weights)), _products_slopes)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def wide(axes: str, left: Array, right: Array) -> Array:
    """Multiply in the compute type (axes as for ``einsum``), and return float32.

    The slopes are products in the compute type too. Left to JAX they would be in float32, and
    their operands made as wide, which an accelerator takes several times as long for.
    """
    dtype = compute_dtype()
    operands = left.astype(dtype), right.astype(dtype)
    return jnp.einsum(axes, *operands, preferred_element_type=jnp.float32)


def _wide(axes: str, left: Array, right: Array) -> tuple[Array, tuple[Array, Array]]:
    return wide(axes, left, right), (left, right)


def _wide_slopes(axes: str, operands: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    dtype = compute_dtype()

    def narrow(left: Array, right: Array) -> Array:
        return jnp.einsum(axes, left.astype(dtype), right.astype(dtype))

    slopes: tuple[Array, Array] = jax.vjp(narrow, *operands)[1](slope.astype(dtype))
    return slopes


wide.defvjp(_wide, _wide_slopes)


def embed(
    parameters: Parameters, tokens_BxS: Int[Array, "B S"], start: Array | int, rows: Rows
) -> Array:
    """Return the sum of each token's row and of its position's, ``[N, D]``."""
    table_VxD, dtype = parameters["embed_VxD"], compute_dtype()
    if ordered_sums():
        token_BxSxD = table_VxD[tokens_BxS]
    else:
        chosen_BxSxV = jax.nn.one_hot(tokens_BxS, len(table_VxD), dtype=dtype)
        token_BxSxD = rows.split(matmul(rows.join(chosen_BxSxV), table_VxD))
    place_SxD = jax.lax.dynamic_slice_in_dim(parameters["position_TxD"], start, tokens_BxS.shape[1])
    return rows.join((token_BxSxD + place_SxD).astype(dtype))


def attend(q_GxSxK: Array, keys_GxTxK: Array, values_GxTxK: Array, visible_GxSxT: Array) -> Array:
    """Mix the values that each position sees, weighted by softmax of q k / sqrt(K)."""
    scores_GxSxT = wide("...sk,...tk->...st", q_GxSxK, keys_GxTxK)
    share_GxSxT = _again(_share)(scores_GxSxT, visible_GxSxT, q_GxSxK.shape[-1] ** -0.5)
    return jnp.einsum("...st,...tk->...sk", share_GxSxT, values_GxTxK)


def _share(scores_GxSxT: Array, visible_GxSxT: Array, scale: float) -> Array:
    seen_GxSxT = jnp.where(visible_GxSxT, scale * scores_GxSxT, -1e30)
    return jax.nn.softmax(seen_GxSxT, axis=-1).astype(compute_dtype())


def normalise(x_NxD: Float[Array, "N D"], scale_D: Float[Array, "D"]) -> Float[Array, "N D"]:
    """RMSNorm, computed in float32."""
    return _again(_normalise)(x_NxD, scale_D)


def _normalise(x_NxD: Array, scale_D: Array) -> Array:
    x = x_NxD.astype(jnp.float32)
    normal = x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale_D
    return normal.astype(compute_dtype())


def _again(function: Callable[..., Array]) -> Callable[..., Array]:
    """Have what a function makes on its way made again for the slopes, where that is faster."""
    return jax.checkpoint(function) if accelerated() else function


@jax.custom_vjp
def rectify(x: Array) -> Array:
    """Return max(x, 0), whose slope is read off what is returned, so that x need not be kept.

    Off its being other than 0: from a comparison that says greater than 0, XLA goes back to x.
    """
    return jnp.maximum(x, 0)


rectify.defvjp(
    lambda x: (rectify(x),) * 2,
    lambda positive, slope: (jnp.where(positive != 0, slope, 0),),
)
