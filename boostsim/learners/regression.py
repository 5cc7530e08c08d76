"""Softmax regression: a learner between a table and a transformer, linear in what it has read.

The logits after a position are the sum of a row for each token that was read before and at it, by
its place, and of a row for the position. It tells prompts apart only as far as their tokens add
up: it knows no rule in which one token changes what another means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from boostsim.learners.network import Parameters, Trained, normal
from boostsim.mode import fixed
from boostsim.vocabulary import PAD


class Sum(NamedTuple):
    """The network: there is nothing to choose."""

    @fixed()
    def initial(self, vocabulary: int, length: int, key: Array) -> Parameters:
        """Draw small rows."""
        shapes = {"row_TxVxV": (length, vocabulary, vocabulary), "bias_TxV": (length, vocabulary)}
        return normal({name: (shape, 0.1) for name, shape in shapes.items()}, key)

    def room(self, parameters: Parameters) -> tuple[int, int]:
        """Return V and T."""
        length, vocabulary = parameters["bias_TxV"].shape
        return vocabulary, length

    def activations(self, vocabulary: int) -> int:
        """Return the size of a row."""
        return vocabulary

    def logits(
        self,
        parameters: Parameters,
        tokens_BxT: Int[Array, "B T"],
        seen_BxT: Bool[Array, "B T"],
        unread: int = 0,
    ) -> Float[Array, "B T V"]:
        """Add up the rows of what was read so far."""
        length = tokens_BxT.shape[1]
        rows_TxVxV, bias_TxV = parameters["row_TxVxV"][:length], parameters["bias_TxV"][:length]
        chosen_BxTxV = jax.nn.one_hot(tokens_BxT, bias_TxV.shape[1]) * seen_BxT[..., None]
        said_BxTxV = jnp.einsum("btv,tvw->btw", chosen_BxTxV, rows_TxVxV)
        return (jnp.cumsum(said_BxTxV, axis=1) + bias_TxV)[:, unread:]

    def begin(
        self, parameters: Parameters, prompts_BxP: Int[Array, "B P"], response_length: int
    ) -> Float[Array, "B V"]:
        """Return the sum of the rows of the prompt but its last token."""
        before_BxS = prompts_BxP[:, :-1]
        rows_SxVxV = parameters["row_TxVxV"][: before_BxS.shape[1]]
        seen_BxSx1 = (before_BxS != PAD)[..., None]
        chosen_BxSxV = jax.nn.one_hot(before_BxS, rows_SxVxV.shape[1]) * seen_BxSx1
        return jnp.einsum("bsv,svw->bw", chosen_BxSxV, rows_SxVxV)

    def extend(
        self,
        parameters: Parameters,
        carried: Float[Array, "B V"],
        token_B: Int[Array, "B"],
        place: Int[Array, ""],
        seen_BxT: Bool[Array, "B T"],
    ) -> tuple[Float[Array, "B V"], Float[Array, "B V"]]:
        """Add the row of one token more."""
        row_VxV, bias_V = (parameters[name][place] for name in ("row_TxVxV", "bias_TxV"))
        chosen_BxV = jax.nn.one_hot(token_B, len(bias_V)) * seen_BxT[:, place, None]
        total_BxV = carried + chosen_BxV @ row_VxV
        return total_BxV + bias_V, total_BxV


@dataclass(frozen=True)
class SoftmaxRegression(Trained):
    """Softmax regression on the tokens read so far as the learner: convex, and quickly trained.

    logits_t = b_t + sum_{s <= t} W_s[x_s]. It trains as every :class:`Trained` learner.

    Args:
        steps, batch, learning_rate, start, first_steps, first_learning_rate: see :class:`Trained`.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> import boostsim as bs
        >>> procedure = bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.5))
        >>> learner = bs.SoftmaxRegression(steps=16, batch=32, first_steps=0)
        >>> trace = bs.simulate(procedure, bs.lookup(16, 4), 1, learner=learner, visits=2, key=0)
        >>> bool(trace.labels[0, 1] > 0.5)
        True
    """

    @property
    def network(self) -> Sum:
        """The sum of rows."""
        return Sum()
