"""A small decoder-only transformer: parameters as a plain dictionary, one forward pass.

Letters in names say what the axes are, beside those of :mod:`boostsim.learners.network`: D width, H
head, K width of a head, L layer, F width of the hidden layer. Linear layers see two-dimensional
operands (positions of all sequences as rows): on XLA's CPU backend the gradient of a product with a
three-dimensional operand takes about twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from boostsim.arguments import refuse, sized, whole
from boostsim.learners.devices import ordered_sums
from boostsim.learners.network import Parameters, Trained, normal
from boostsim.mode import fixed
from boostsim.vocabulary import PAD

# Keys and values of each layer, [B, H, T, K] each.
Cache = list[tuple[Array, Array]]


class Decoder(NamedTuple):
    """The network: D, L and H are what a compiled program has to know of it."""

    width: int
    layers: int
    heads: int

    @fixed()
    def initial(self, vocabulary: int, length: int, key: Array) -> Parameters:
        """Draw normal weights of variance 1/fan-in, the last of each branch made smaller.

        Args:
            vocabulary: V.
            length: T, positions of the frame.
            key: a JAX key.
        """
        width, layers, hidden = self.width, self.layers, 4 * self.width
        weights = {
            "embed_VxD": ((vocabulary, width), 0.5),
            "position_TxD": ((length, width), 0.5),
            "attend_LxDx3D": ((layers, width, 3 * width), width**-0.5),
            "merge_LxDxD": ((layers, width, width), width**-0.5 / (2 * layers) ** 0.5),
            "up_LxDxF": ((layers, width, hidden), width**-0.5),
            "down_LxFxD": ((layers, hidden, width), hidden**-0.5 / (2 * layers) ** 0.5),
            "read_DxV": ((width, vocabulary), width**-0.5),
        }
        ones = {
            "norm_attend_LxD": (layers, width),
            "norm_up_LxD": (layers, width),
            "norm_read_D": (width,),
        }
        drawn = normal(weights, key)
        # Made on the host: every shape would be a program of its own.
        return drawn | {
            name: jnp.asarray(np.ones(shape, np.float32)) for name, shape in ones.items()
        }

    def room(self, parameters: Parameters) -> tuple[int, int]:
        """Return V and T."""
        return len(parameters["embed_VxD"]), len(parameters["position_TxD"])

    def activations(self, vocabulary: int) -> int:
        """Return the size of the hidden layers."""
        return 4 * self.width * self.layers

    def logits(
        self,
        parameters: Parameters,
        tokens_BxT: Int[Array, "B T"],
        seen_BxT: Bool[Array, "B T"],
        unread: int = 0,
    ) -> Float[Array, "B T V"]:
        """Return the logits after every position of whole frames, but the first ``unread``.

        Args:
            parameters: what :func:`initial` drew, or training made of it.
            tokens_BxT: the frames.
            seen_BxT: which positions may be attended: all but the padding of prompts.
            unread: positions at the front whose logits nobody wants.
        """
        batch, length = tokens_BxT.shape
        room = self._empty(batch, length)
        return self._read(parameters, room, tokens_BxT, 0, seen_BxT, unread)[0]

    def begin(
        self, parameters: Parameters, prompts_BxP: Int[Array, "B P"], response_length: int
    ) -> Cache:
        """Return the keys and values of the prompt but its last token, and room for the rest."""
        # The prompt's positions see no later ones, so they are read without room for them.
        before_BxS = prompts_BxP[:, :-1]
        cache = self._empty(*before_BxS.shape)
        _, cache = self._read(parameters, cache, before_BxS, 0, before_BxS != PAD)
        room = ((0, 0), (0, 0), (0, response_length + 1), (0, 0))
        return jax.tree.map(lambda stored: jnp.pad(stored, room), cache)

    def extend(
        self,
        parameters: Parameters,
        carried: Cache,
        token_B: Int[Array, "B"],
        place: Int[Array, ""],
        seen_BxT: Bool[Array, "B T"],
    ) -> tuple[Float[Array, "B V"], Cache]:
        """Read one token of each row with the keys and values of those before it."""
        read, stored = self._read(parameters, carried, token_B[:, None], place, seen_BxT)
        return read[:, 0], stored

    def _empty(self, batch: int, length: int) -> Cache:
        """Return room for the keys and values of every position."""
        shape = (batch, self.heads, length, self.width // self.heads)
        room = jnp.zeros(shape, compute_dtype())
        return [(room, room)] * self.layers

    def _read(
        self,
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
        heads, width = self.heads, self.width
        position_S = start + jnp.arange(new)
        x_NxD = embed(parameters, tokens_BxS, start)
        causal_SxT = jnp.arange(length)[None] <= position_S[:, None]
        visible_Bx1xSxT = (causal_SxT[None] & seen_BxT[:, None])[:, None]

        stored: Cache = []
        for number, (keys_BxHxTxK, values_BxHxTxK) in enumerate(cache):
            weights = {name: parameters[name][number] for name in parameters if "_L" in name}
            h_NxD = _normalise(x_NxD, weights["norm_attend_LxD"])
            query_DxD, key_DxD, value_DxD = jnp.split(weights["attend_LxDx3D"], 3, axis=1)
            k_BxHxSxK, v_BxHxSxK = (
                _by_head(h_NxD, part, batch, heads) for part in (key_DxD, value_DxD)
            )
            if new == length:
                keys_BxHxTxK, values_BxHxTxK = k_BxHxSxK, v_BxHxSxK
            else:
                place = (0, 0, start, 0)
                keys_BxHxTxK = jax.lax.dynamic_update_slice(keys_BxHxTxK, k_BxHxSxK, place)
                values_BxHxTxK = jax.lax.dynamic_update_slice(values_BxHxTxK, v_BxHxSxK, place)
            stored.append((keys_BxHxTxK, values_BxHxTxK))
            if unread and number == self.layers - 1:
                # All that follows is made for each position by itself.
                x_NxD, h_NxD = (
                    rows.reshape(batch, new, width)[:, unread:].reshape(-1, width)
                    for rows in (x_NxD, h_NxD)
                )
                visible_Bx1xSxT = visible_Bx1xSxT[:, :, unread:]
            q_BxHxSxK = _by_head(h_NxD, query_DxD, batch, heads)
            mixed = attend(q_BxHxSxK, keys_BxHxTxK, values_BxHxTxK, visible_Bx1xSxT).swapaxes(1, 2)
            x_NxD = x_NxD + _matmul(mixed.reshape(x_NxD.shape), weights["merge_LxDxD"])
            h_NxD = _normalise(x_NxD, weights["norm_up_LxD"])
            hidden_NxF = _rectify(_matmul(h_NxD, weights["up_LxDxF"]))
            x_NxD = x_NxD + _matmul(hidden_NxF, weights["down_LxFxD"])
        h_NxD = _normalise(x_NxD, parameters["norm_read_D"])
        logits_NxV = wide("nd,dv->nv", h_NxD, parameters["read_DxV"])
        return logits_NxV.reshape(batch, new - unread, logits_NxV.shape[1]), stored


@dataclass(frozen=True)
class Transformer(Trained):
    """A transformer as the learner: its shape, and how it trains in an iteration.

    Pre-normalised (RMSNorm), learned positions, ReLU. It trains as every :class:`Trained` learner.

    Args:
        width: D, a multiple of heads.
        layers: L.
        heads: H.
        steps, batch, learning_rate, start, first_steps, first_learning_rate: see :class:`Trained`.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> Transformer(width=32, heads=2).layers
        2
    """

    width: int = 64
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        """Refuse what no transformer can be."""
        super().__post_init__()
        for name in ("width", "layers", "heads"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))
        sized("width", 12 * self.layers * self.width**2, "12 x layers x width^2 weights")
        if self.width % self.heads:
            raise refuse("width", f"a multiple of the {self.heads} heads", self.width)

    @property
    def network(self) -> Decoder:
        """Its shape alone."""
        return Decoder(self.width, self.layers, self.heads)


def compute_dtype() -> jnp.dtype:
    """Return the type of activations: bfloat16 where the hardware multiplies it natively.

    Else float32. Parameters, the optimiser, softmax, norms and logits are float32 everywhere.
    """
    return jnp.dtype(jnp.float32 if jax.default_backend() == "cpu" else jnp.bfloat16)


def _normalise(x_NxD: Float[Array, "N D"], scale_D: Float[Array, "D"]) -> Float[Array, "N D"]:
    """RMSNorm, computed in float32."""
    x = x_NxD.astype(jnp.float32)
    normal = x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * scale_D
    return normal.astype(compute_dtype())


def _matmul(x_NxD: Array, w_DxF: Array) -> Array:
    """Multiply in the compute type, and return it."""
    dtype = compute_dtype()
    return jnp.dot(x_NxD.astype(dtype), w_DxF.astype(dtype), preferred_element_type=dtype)


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


def embed(parameters: Parameters, tokens_BxS: Int[Array, "B S"], start: Array | int) -> Array:
    """Return the sum of each token's row and of its position's, ``[B S, D]``."""
    table_VxD, dtype = parameters["embed_VxD"], compute_dtype()
    if ordered_sums():
        rows_BxSxD = table_VxD[tokens_BxS]
    else:
        chosen_BxSxV = jax.nn.one_hot(tokens_BxS, len(table_VxD), dtype=dtype)
        rows_BxSxD = wide("bsv,vd->bsd", chosen_BxSxV, table_VxD)
    place_SxD = jax.lax.dynamic_slice_in_dim(parameters["position_TxD"], start, tokens_BxS.shape[1])
    return (rows_BxSxD + place_SxD).astype(dtype).reshape(-1, table_VxD.shape[1])


def _by_head(h_NxD: Array, weights_DxD: Array, batch: int, heads: int) -> Array:
    """Multiply, and return the result by sequence and head, ``[B, H, S, K]``."""
    width = h_NxD.shape[1] // heads
    return _matmul(h_NxD, weights_DxD).reshape(batch, -1, heads, width).swapaxes(1, 2)


def attend(
    q_BxHxSxK: Array, keys_BxHxTxK: Array, values_BxHxTxK: Array, visible_Bx1xSxT: Array
) -> Array:
    """Mix the values that each position sees, weighted by softmax of q k / sqrt(K)."""
    scores_BxHxSxT = q_BxHxSxK.shape[-1] ** -0.5 * wide("bhsk,bhtk->bhst", q_BxHxSxK, keys_BxHxTxK)
    share_BxHxSxT = jax.nn.softmax(jnp.where(visible_Bx1xSxT, scores_BxHxSxT, -1e30), axis=-1)
    return jnp.einsum("bhst,bhtk->bhsk", share_BxHxSxT.astype(q_BxHxSxK.dtype), values_BxHxTxK)


@jax.custom_vjp
def _rectify(x: Array) -> Array:
    """Return max(x, 0), whose slope is read off what is returned, so that x need not be kept."""
    return jnp.maximum(x, 0)


_rectify.defvjp(
    lambda x: (_rectify(x),) * 2,
    lambda positive, slope: (jnp.where(positive > 0, slope, 0),),
)
