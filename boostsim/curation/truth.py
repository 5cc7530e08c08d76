"""What only a yardstick sees: the truth about the visits of one iteration."""

from __future__ import annotations

import dataclasses

import jax
from jaxtyping import Array, Float


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Truth:
    """The truth about each cell of visits, for a criterion that is marked to see it.

    No rule that could be used sees this. It is what regret is measured against.

    Attributes:
        error: probability that the model is wrong on the cell's prompt, ``[cells]``; with a
            transformer the share of the visit's attempts that are.
        label_correct: probability that a label for it would be right, ``[cells]``; of a persistent
            labeler that has drawn its answer, 0 or 1; of a first model in tokens whose rows cannot
            be read off, the share of right ones among the labels that the visit would get.
    """

    error: Float[Array, "cells"]
    label_correct: Float[Array, "cells"]
