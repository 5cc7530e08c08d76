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
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from boostsim.mode import fixed
from boostsim.types import choice, finite, refuse, sized, whole

__all__ = [
    "Cache",
    "Parameters",
    "Shape",
    "Transformer",
    "empty_cache",
    "extend",
    "initial",
    "logits",
]

# Days of steps, whatever they cost.
MOST_STEPS = 10**7

Parameters = dict[str, Array]
# Keys and values of each layer, [B, H, T, K] each.
Cache = list[tuple[Array, Array]]


class Shape(NamedTuple):
    """What a compiled program has to know of a transformer: D, L and H."""

    width: int
    layers: int
    heads: int


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
        for name in ("width", "layers", "heads", "batch"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        object.__setattr__(self, "steps", whole("steps", self.steps, 1, MOST_STEPS))
        if self.first_steps is not None:
            first_steps = whole("first_steps", self.first_steps, 0, MOST_STEPS)
            object.__setattr__(self, "first_steps", first_steps)
        sized("width", 12 * self.layers * self.width**2, "12 x layers x width^2 weights")
        if self.width % self.heads:
            raise refuse("width", f"a multiple of the {self.heads} heads", self.width)
        for name in ("learning_rate", "first_learning_rate"):
            object.__setattr__(self, name, finite(name, getattr(self, name), 0.0))
        choice("start", self.start, ("last", "first"))

    @property
    def shape(self) -> Shape:
        """Its shape alone: programs are compiled once for all ways to train it."""
        return Shape(self.width, self.layers, self.heads)

    def describe(self) -> dict[str, int | float | str | None]:
        """Return the arguments, for provenance."""
        return asdict(self)


@fixed()
def initial(model: Shape, vocabulary: int, length: int, key: Array) -> Parameters:
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
    """Return the type of activations: bfloat16 where the hardware multiplies it natively.

    Else float32. Parameters, the optimiser, softmax, norms and logits are float32 everywhere.
    """
    return jnp.dtype(jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)


def normalise(x_NxD: Float[Array, "N D"], scale_D: Float[Array, "D"]) -> Float[Array, "N D"]:
    """RMSNorm, computed in float32."""
    x = x_NxD.astype(jnp.float32)
    normal = x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale_D
    return normal.astype(compute_dtype())


def matmul(x_NxD: Array, w_DxF: Array, returned: jnp.dtype | None = None) -> Array:
    """Multiply in the compute type, and return it (or what is asked for)."""
    dtype = compute_dtype()
    returned = dtype if returned is None else returned
    return jnp.dot(x_NxD.astype(dtype), w_DxF.astype(dtype), preferred_element_type=returned)


def embed(parameters: Parameters, tokens_BxS: Int[Array, "B S"], start: Array | int) -> Array:
    """Return the sum of each token's row and of its position's, ``[B S, D]``.

    The row is taken by a product with 0 and 1: the slope of a look-up would add rows in whatever
    order an accelerator's threads come in.
    """
    chosen_BxSxV = jax.nn.one_hot(tokens_BxS, len(parameters["embed_VxD"]), dtype=compute_dtype())
    width, new = parameters["embed_VxD"].shape[1], tokens_BxS.shape[1]
    rows_BxSxD = matmul(chosen_BxSxV, parameters["embed_VxD"], jnp.dtype(jnp.float32))
    place_SxD = jax.lax.dynamic_slice_in_dim(parameters["position_TxD"], start, new)
    return (rows_BxSxD + place_SxD).astype(compute_dtype()).reshape(-1, width)


def empty_cache(model: Shape, batch: int, length: int) -> Cache:
    """Return room for the keys and values of every position."""
    shape = (batch, model.heads, length, model.width // model.heads)
    room = jnp.zeros(shape, compute_dtype())
    return [(room, room)] * model.layers


def extend(
    model: Shape,
    parameters: Parameters,
    cache: Cache,
    tokens_BxS: Int[Array, "B S"],
    start: Int[Array, ""] | int,
    seen_BxT: Bool[Array, "B T"],
    unread: int = 0,
) -> tuple[Float[Array, "B S V"], Cache]:
    """Read S tokens that stand at position ``start`` and after; return their logits.

    The logits of the first ``unread`` of them are left out, with all that only they need.

    Each position attends to the positions up to its own that ``seen_BxT`` marks, whose keys and
    values are in the cache or among the S new ones, which are put there.
    """
    batch, new = tokens_BxS.shape
    length = seen_BxT.shape[1]
    heads, width = model.heads, model.width
    position_S = start + jnp.arange(new)
    x_NxD = embed(parameters, tokens_BxS, start)
    causal_SxT = jnp.arange(length)[None] <= position_S[:, None]
    visible_Bx1xSxT = (causal_SxT[None] & seen_BxT[:, None])[:, None]

    stored: Cache = []
    for number, (keys_BxHxTxK, values_BxHxTxK) in enumerate(cache):
        weights = {name: parameters[name][number] for name in parameters if "_L" in name}
        h_NxD = normalise(x_NxD, weights["norm_attend_LxD"])
        query_DxD, key_DxD, value_DxD = jnp.split(weights["attend_LxDx3D"], 3, axis=1)
        k_BxHxSxK, v_BxHxSxK = (by_head(h_NxD, part, batch, heads) for part in (key_DxD, value_DxD))
        if new == length:
            keys_BxHxTxK, values_BxHxTxK = k_BxHxSxK, v_BxHxSxK
        else:
            place = (0, 0, start, 0)
            keys_BxHxTxK = jax.lax.dynamic_update_slice(keys_BxHxTxK, k_BxHxSxK, place)
            values_BxHxTxK = jax.lax.dynamic_update_slice(values_BxHxTxK, v_BxHxSxK, place)
        stored.append((keys_BxHxTxK, values_BxHxTxK))
        if unread and number == model.layers - 1:
            # All that follows is made for each position by itself.
            x_NxD, h_NxD = (
                rows.reshape(batch, new, width)[:, unread:].reshape(-1, width)
                for rows in (x_NxD, h_NxD)
            )
            visible_Bx1xSxT = visible_Bx1xSxT[:, :, unread:]
        q_BxHxSxK = by_head(h_NxD, query_DxD, batch, heads)
        mixed = attend(q_BxHxSxK, keys_BxHxTxK, values_BxHxTxK, visible_Bx1xSxT).swapaxes(1, 2)
        x_NxD = x_NxD + matmul(mixed.reshape(x_NxD.shape), weights["merge_LxDxD"])
        h_NxD = normalise(x_NxD, weights["norm_up_LxD"])
        hidden_NxF = jax.nn.relu(matmul(h_NxD, weights["up_LxDxF"]))
        x_NxD = x_NxD + matmul(hidden_NxF, weights["down_LxFxD"])
    h_NxD = normalise(x_NxD, parameters["norm_read_D"])
    logits_NxV = matmul(h_NxD, parameters["read_DxV"], jnp.dtype(jnp.float32))
    return logits_NxV.reshape(batch, new - unread, logits_NxV.shape[1]), stored


def by_head(h_NxD: Array, weights_DxD: Array, batch: int, heads: int) -> Array:
    """Multiply, and return the result by sequence and head, ``[B, H, S, K]``."""
    width = h_NxD.shape[1] // heads
    return matmul(h_NxD, weights_DxD).reshape(batch, -1, heads, width).swapaxes(1, 2)


def attend(
    q_BxHxSxK: Array, keys_BxHxTxK: Array, values_BxHxTxK: Array, visible_Bx1xSxT: Array
) -> Array:
    """Mix the values that each position sees, weighted by softmax of q k / sqrt(K)."""
    scale = q_BxHxSxK.shape[-1] ** -0.5
    scores_BxHxSxT = scale * jnp.einsum(
        "bhsk,bhtk->bhst", q_BxHxSxK, keys_BxHxTxK, preferred_element_type=jnp.float32
    )
    share_BxHxSxT = jax.nn.softmax(jnp.where(visible_Bx1xSxT, scores_BxHxSxT, -1e30), axis=-1)
    return jnp.einsum("bhst,bhtk->bhsk", share_BxHxSxT.astype(q_BxHxSxK.dtype), values_BxHxTxK)


def logits(
    model: Shape,
    parameters: Parameters,
    tokens_BxT: Int[Array, "B T"],
    seen_BxT: Bool[Array, "B T"],
    unread: int = 0,
) -> Float[Array, "B T V"]:
    """Return the logits after every position of whole frames, but the first ``unread``.

    Args:
        model: the shape.
        parameters: what :func:`initial` drew, or training made of it.
        tokens_BxT: the frames.
        seen_BxT: which positions may be attended: all but the padding of prompts.
        unread: positions at the front whose logits nobody wants.
    """
    batch, length = tokens_BxT.shape
    room = empty_cache(model, batch, length)
    return extend(model, parameters, room, tokens_BxT, 0, seen_BxT, unread)[0]
