"""What a criterion sees: the visits of one iteration, and nothing of the truth."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Float, Int


def pass_rates(attempts: int) -> np.ndarray:
    """Return J/k for J = 0..k, each the float64 nearest to it.

    Every cell takes its pass rates from here: divided in a compiled program they would be products
    with the float nearest to 1/k, so that 3 of 10 would be more than 0.3.

    Example:
        >>> pass_rates(4).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return np.arange(attempts + 1) / attempts


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Visits:
    """The visits of one iteration, as flat cells of static length.

    A cell is a set of visits that look alike. In exact runs there is one for each prompt and each
    possible number of accepted responses, weighted by its probability; in sampled runs the same
    cells, weighted by how often they occurred.

    Floats are float64 in every run on tables. Allocation compares priorities exactly, so two cells
    tie only where they are equal to the last bit: a criterion whose priorities tie between prompts
    in exact runs is split at random in sampled ones, where the noise of the counts breaks the tie.

    Attributes:
        prompt: index of the prompt, int32 ``[cells]``.
        group: the prompt in a fixed pool, the stratum with fresh prompts, int32 ``[cells]``.
        accepted: J, responses that the filter accepted, int32 ``[cells]``.
        attempts: k, responses drawn, int32 ``[cells]``.
        pass_rate: J / k, the float nearest to it in every run, ``[cells]``.
        mass: the cell's share of all visits, ``[cells]``; sums to one, zero marks padding.
        disagreement: probability that two draws of the model on this prompt differ, ``[cells]``;
            reading it makes sampled runs carry every response.
    """

    prompt: Int[Array, "cells"]
    group: Int[Array, "cells"]
    accepted: Int[Array, "cells"]
    attempts: Int[Array, "cells"]
    pass_rate: Float[Array, "cells"]
    mass: Float[Array, "cells"]
    disagreement: Float[Array, "cells"]
