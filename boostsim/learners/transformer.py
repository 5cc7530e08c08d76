"""A small decoder-only transformer: parameters as a plain dictionary, one forward pass.

Letters in the names say what the axes are: B batch, T position, D width, H head, K width of a head,
L layer, F width of the hidden layer, V vocabulary. Linear layers see two-dimensional operands
(positions of all sequences as rows): on XLA's CPU backend the gradient of a product with a
three-dimensional operand takes about twice as long.

Sequences have a fixed frame: the prompt in its first columns, padded to the right, then the
response. Padding of the prompt is attended by nobody, so what stands in it changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from boostsim.types import choice, finite, refuse, whole

__all__ = ["Cache", "Parameters", "Transformer", "empty_cache", "extend", "initial", "logits"]

Parameters = dict[str, Array]
# Keys and values of each layer, [B, T, H, K] each.
Cache = list[tuple[Array, Array]]


@dataclass(frozen=True)
class Transformer:
    """A transformer as the learner: its shape, and how it trains in an iteration.

    Pre-normalised (RMSNorm), learned positions, ReLU. Each iteration takes exactly ``steps`` steps
    of Adam (b2 = 0.98, gradients clipped to norm 1) on batches drawn from the iteration's examples,
    with a short warm-up and a cosine decay to zero; the optimiser starts anew. So every procedure
    spends the same number of steps. A strong learner it is only as far as the steps carry.

    Args:
        width: D, a multiple of heads.
        layers: L.
        heads: H.
        steps: optimiser steps an iteration, at least 1.
        batch: examples a step.
        learning_rate: of an iteration, at its peak.
        start: ``"last"`` continues from f_{t-1}, ``"first"`` trains f_0 anew in each iteration.
        first_steps: steps that make f_0 from the task's easy examples; None is the task's own.
        first_learning_rate: their peak.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> Transformer(width=32, heads=2).layers
        2
    """

    width: int = 64
    layers: int = 2
    heads: int = 4
    steps: int = 64
    batch: int = 128
    learning_rate: float = 3e-3
    start: str = "last"
    first_steps: int | None = None
    first_learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        """Refuse what no transformer can be."""
        for name in ("width", "layers", "heads", "steps", "batch"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        if self.first_steps is not None:
            object.__setattr__(self, "first_steps", whole("first_steps", self.first_steps, 0))
        if self.width % self.heads:
            raise refuse("width", f"a multiple of the {self.heads} heads", self.width)
        for name in ("learning_rate", "first_learning_rate"):
            object.__setattr__(self, name, finite(name, getattr(self, name), 0.0))
        choice("start", self.start, ("last", "first"))

    def describe(self) -> dict[str, int | float | str | None]:
        """Return the arguments, for provenance."""
        return asdict(self)


def initial(model: Transformer, vocabulary: int, length: int, key: Array) -> Parameters:
    """Draw parameters: normal weights of variance 1/fan-in, the last of each branch made smaller.

    Args:
        model: the shape.
        vocabulary: V.
        length: T, positions of the frame.
        key: a JAX key.
    """
    width, layers, hidden = model.width, model.layers, 4 * model.width
    shapes = {
        "embed_VxD": ((vocabulary, width), 0.5),
        "position_TxD": ((length, width), 0.5),
        "attend_LxDx3D": ((layers, width, 3 * width), width**-0.5),
        "merge_LxDxD": ((layers, width, width), width**-0.5 / (2 * layers) ** 0.5),
        "up_LxDxF": ((layers, width, hidden), width**-0.5),
        "down_LxFxD": ((layers, hidden, width), hidden**-0.5 / (2 * layers) ** 0.5),
        "read_DxV": ((width, vocabulary), width**-0.5),
    }
    keys = jax.random.split(key, len(shapes))
    parameters = {
        name: scale * jax.random.normal(draw, shape, jnp.float32)
        for draw, (name, (shape, scale)) in zip(keys, shapes.items(), strict=True)
    }
    ones = {
        "norm_attend_LxD": (layers, width),
        "norm_up_LxD": (layers, width),
        "norm_read_D": (width,),
    }
    return parameters | {name: jnp.ones(shape, jnp.float32) for name, shape in ones.items()}


def compute_dtype() -> jnp.dtype:
    """Return bfloat16 where the hardware multiplies it natively, else float32; state is float32."""
    return jnp.dtype(jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)


def normalise(x_NxD: Float[Array, "N D"], scale_D: Float[Array, "D"]) -> Float[Array, "N D"]:
    """RMSNorm, in float32."""
    x = x_NxD.astype(jnp.float32)
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale_D


def matmul(x_NxD: Array, w_DxF: Array) -> Array:
    """Multiply in the compute type and return float32."""
    dtype = compute_dtype()
    return jnp.dot(x_NxD.astype(dtype), w_DxF.astype(dtype), preferred_element_type=jnp.float32)


def empty_cache(model: Transformer, batch: int, length: int) -> Cache:
    """Return room for the keys and values of every position."""
    shape = (batch, length, model.heads, model.width // model.heads)
    room = jnp.zeros(shape, jnp.float32)
    return [(room, room)] * model.layers


def extend(
    model: Transformer,
    parameters: Parameters,
    cache: Cache,
    tokens_BxS: Int[Array, "B S"],
    start: Int[Array, ""] | int,
    seen_BxT: Bool[Array, "B T"],
) -> tuple[Float[Array, "B S V"], Cache]:
    """Read S tokens that stand at position ``start`` and after; return their logits.

    Each position attends to the positions up to its own that ``seen_BxT`` marks, whose keys and
    values are in the cache or among the S new ones, which are put there.
    """
    batch, new = tokens_BxS.shape
    length = seen_BxT.shape[1]
    heads, width = model.heads, model.width
    position_S = start + jnp.arange(new)
    x_NxD = (parameters["embed_VxD"][tokens_BxS] + parameters["position_TxD"][position_S]).reshape(
        batch * new, width
    )
    causal_SxT = jnp.arange(length)[None] <= position_S[:, None]
    visible_Bx1xSxT = (causal_SxT[None] & seen_BxT[:, None])[:, None]

    stored: Cache = []
    for number, (keys_BxTxHxK, values_BxTxHxK) in enumerate(cache):
        weights = {name: parameters[name][number] for name in parameters if "_L" in name}
        h_NxD = normalise(x_NxD, weights["norm_attend_LxD"])
        qkv = matmul(h_NxD, weights["attend_LxDx3D"]).reshape(batch, new, 3, heads, -1)
        q_BxSxHxK, k_BxSxHxK, v_BxSxHxK = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        if new == length:
            keys_BxTxHxK, values_BxTxHxK = k_BxSxHxK, v_BxSxHxK
        else:
            place = (0, start, 0, 0)
            keys_BxTxHxK = jax.lax.dynamic_update_slice(keys_BxTxHxK, k_BxSxHxK, place)
            values_BxTxHxK = jax.lax.dynamic_update_slice(values_BxTxHxK, v_BxSxHxK, place)
        stored.append((keys_BxTxHxK, values_BxTxHxK))
        mixed = attend(q_BxSxHxK, keys_BxTxHxK, values_BxTxHxK, visible_Bx1xSxT)
        x_NxD = x_NxD + matmul(mixed.reshape(x_NxD.shape), weights["merge_LxDxD"])
        h_NxD = normalise(x_NxD, weights["norm_up_LxD"])
        hidden_NxF = jax.nn.relu(matmul(h_NxD, weights["up_LxDxF"]))
        x_NxD = x_NxD + matmul(hidden_NxF, weights["down_LxFxD"])
    h_NxD = normalise(x_NxD, parameters["norm_read_D"])
    return matmul(h_NxD, parameters["read_DxV"]).reshape(batch, new, -1), stored


def attend(
    q_BxSxHxK: Array, keys_BxTxHxK: Array, values_BxTxHxK: Array, visible_Bx1xSxT: Array
) -> Array:
    """Mix the values that each position sees, weighted by softmax of q k / sqrt(K)."""
    scale = q_BxSxHxK.shape[-1] ** -0.5
    if q_BxSxHxK.shape[1] == 1:
        # One new token: thousands of tiny products, which fused sums do faster than a matrix unit.
        scores_BxTxH = jnp.sum(q_BxSxHxK * keys_BxTxHxK, axis=-1) * scale
        scores_BxTxH = jnp.where(visible_Bx1xSxT[:, 0, 0, :, None], scores_BxTxH, -1e30)
        share_BxTxH = jax.nn.softmax(scores_BxTxH, axis=1)
        return jnp.sum(share_BxTxH[..., None] * values_BxTxHxK, axis=1, keepdims=True)
    scores_BxHxSxT = jnp.einsum("bshk,bthk->bhst", q_BxSxHxK, keys_BxTxHxK) * scale
    share_BxHxSxT = jax.nn.softmax(jnp.where(visible_Bx1xSxT, scores_BxHxSxT, -1e30), axis=-1)
    return jnp.einsum("bhst,bthk->bshk", share_BxHxSxT, values_BxTxHxK)


def logits(
    model: Transformer,
    parameters: Parameters,
    tokens_BxT: Int[Array, "B T"],
    seen_BxT: Bool[Array, "B T"],
) -> Float[Array, "B T V"]:
    """Return the logits after every position of whole frames.

    Args:
        model: the shape.
        parameters: what :func:`initial` drew, or training made of it.
        tokens_BxT: the frames.
        seen_BxT: which positions may be attended: all but the padding of prompts.
    """
    batch, length = tokens_BxT.shape
    room = empty_cache(model, batch, length)
    return extend(model, parameters, room, tokens_BxT, 0, seen_BxT)[0]
