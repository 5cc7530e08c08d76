"""A small decoder-only transformer: parameters as a plain dictionary, one forward pass.

Letters in names say what the axes are, beside those of :mod:`boostsim.learners.network`: D width, H
head, G the heads of all sequences, K width of a head, L layer, F width of the hidden layer, N the
positions of all sequences. What the layers are made of is in :mod:`boostsim.learners.layers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from boostsim.arguments import refuse, sized, whole
from boostsim.learners.devices import accelerated
from boostsim.learners.layers import (
    Rows,
    attend,
    compute_dtype,
    embed,
    matmul,
    normalise,
    products,
    rectify,
    wide,
)
from boostsim.learners.network import Parameters, Trained, normal
from boostsim.mode import fixed
from boostsim.vocabulary import PAD

# Keys and values of each layer, [B, H, T, K] each.
Cache = list[tuple[Array, Array]]


class Decoder(NamedTuple):
    """The network: what a compiled program has to know of it, which is D, L, H and a way.

    ``by_position`` says how the rows of whole frames are ordered (:class:`Rows`): the same
    function, rounded otherwise.
    """

    width: int
    layers: int
    heads: int
    by_position: bool = False

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
        rows = Rows(batch, self.heads, self.by_position)
        room = self._empty(batch, length)
        return self._read(parameters, room, tokens_BxT, 0, seen_BxT, rows, unread)[0]

    def begin(
        self, parameters: Parameters, prompts_BxP: Int[Array, "B P"], response_length: int
    ) -> Cache:
        """Return the keys and values of the prompt but its last token, and room for the rest."""
        # The prompt's positions see no later ones, so they are read without room for them.
        before_BxS = prompts_BxP[:, :-1]
        cache = self._empty(*before_BxS.shape)
        rows = Rows(len(before_BxS), self.heads)
        _, cache = self._read(parameters, cache, before_BxS, 0, before_BxS != PAD, rows)
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
        rows = Rows(len(token_B), self.heads)
        read, stored = self._read(parameters, carried, token_B[:, None], place, seen_BxT, rows)
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
        rows: Rows,
        unread: int = 0,
    ) -> tuple[Float[Array, "B S V"], Cache]:
        """Read S tokens that stand at position ``start`` and after; return their logits.

        The logits of the first ``unread`` of them are left out, with all that only they need.

        Each position attends to the positions up to its own that ``seen_BxT`` marks, whose keys and
        values are in the cache or among the S new ones, which are put there.
        """
        new, length = tokens_BxS.shape[1], seen_BxT.shape[1]
        position_S = start + jnp.arange(new)
        x_NxD = embed(parameters, tokens_BxS, start, rows)
        causal_SxT = jnp.arange(length)[None] <= position_S[:, None]
        visible_GxSxT = rows.for_heads(causal_SxT[None] & seen_BxT[:, None])

        stored: Cache = []
        for number, (keys_GxTxK, values_GxTxK) in enumerate(cache):
            weights = {name: parameters[name][number] for name in parameters if "_L" in name}
            h_NxD = normalise(x_NxD, weights["norm_attend_LxD"])
            query_DxD, key_DxD, value_DxD = jnp.split(weights["attend_LxDx3D"], 3, axis=1)
            if unread and number == self.layers - 1:
                k_NxD, v_NxD = products(h_NxD, (key_DxD, value_DxD))
                # All that follows is made for each position by itself.
                x_NxD, h_NxD = (rows.join(rows.split(of)[:, unread:]) for of in (x_NxD, h_NxD))
                visible_GxSxT = visible_GxSxT[..., unread:, :]
                q_NxD = matmul(h_NxD, query_DxD)
            else:
                k_NxD, v_NxD, q_NxD = products(h_NxD, (key_DxD, value_DxD, query_DxD))
            k_GxSxK, v_GxSxK = rows.by_head(k_NxD), rows.by_head(v_NxD)
            if new == length:
                keys_GxTxK, values_GxTxK = k_GxSxK, v_GxSxK
            else:
                place = (0, 0, start, 0)
                keys_GxTxK = jax.lax.dynamic_update_slice(keys_GxTxK, k_GxSxK, place)
                values_GxTxK = jax.lax.dynamic_update_slice(values_GxTxK, v_GxSxK, place)
            stored.append((keys_GxTxK, values_GxTxK))
            mixed = attend(rows.by_head(q_NxD), keys_GxTxK, values_GxTxK, visible_GxSxT)
            x_NxD = x_NxD + matmul(rows.merged(mixed), weights["merge_LxDxD"])
            h_NxD = normalise(x_NxD, weights["norm_up_LxD"])
            hidden_NxF = rectify(matmul(h_NxD, weights["up_LxDxF"]))
            x_NxD = x_NxD + matmul(hidden_NxF, weights["down_LxFxD"])
        h_NxD = normalise(x_NxD, parameters["norm_read_D"])
        return rows.split(wide("nd,dv->nv", h_NxD, parameters["read_DxV"])), stored


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

    def network_on(self, devices: int) -> Decoder:
        """Return what is trained: on one GPU with rows by position.

        On several each has a piece of the batch, which is in one piece by sequence only; on a TPU
        it was never measured.
        """
        alone = accelerated() and jax.default_backend() != "tpu" and devices == 1
        return self.network._replace(by_position=alone)
