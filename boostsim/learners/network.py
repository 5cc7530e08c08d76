"""What a learner of sequences is: a network, and how it is trained.

Letters in the names of arrays say what their axes are: B batch, T position, V vocabulary, P
positions of the prompt, R of the response. Sequences have a fixed frame: the prompt in its first
columns, padded to the right, then the response. ``seen_BxT`` marks the positions that may be looked
at: all but the padding of prompts, so what stands there changes nothing.

A learner of one's own is a network, which is hashable and holds no arrays, and a frozen dataclass
that names it (see :mod:`boostsim.learners.regression`, which is one file); it then runs wherever a
``bs.Transformer`` does. ``tests/test_networks.py`` holds every network to what is said here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from boostsim.arguments import choice, finite, whole

Parameters = dict[str, Array]
# Days of steps, whatever they cost.
MOST_STEPS = 10**7


def normal(weights: Mapping[str, tuple[tuple[int, ...], float]], key: Array) -> Parameters:
    """Draw normal weights in one program: by name, of a shape and a standard deviation, in float32.

    Example:
        >>> normal({"w_3xV": ((3, 5), 0.1)}, jax.random.key(0))["w_3xV"].shape
        (3, 5)
    """
    shapes, scales = zip(*weights.values(), strict=True)
    keys = jax.random.split(key, len(weights))
    drawn = _normal(shapes, keys, jnp.array(scales, jnp.float32))
    return dict(zip(weights, drawn, strict=True))


@partial(jax.jit, static_argnums=0)
def _normal(shapes: tuple[tuple[int, ...], ...], keys: Array, scales: Array) -> list[Array]:
    # A draw of many begins with that of few: so all are as large as the largest, in a loop that is
    # compiled once, not once for each shape.
    sizes = [math.prod(shape) for shape in shapes]
    every = lax.map(lambda key: jax.random.normal(key, (max(sizes),), jnp.float32), keys)
    cut = zip(every, shapes, sizes, strict=True)
    drawn = [each[:size].reshape(shape) for each, shape, size in cut]
    # Else the compiler folds the scale into the draw, and rounds otherwise than step by step.
    drawn = lax.optimization_barrier(drawn)
    return [scale * draw for scale, draw in zip(scales, drawn, strict=True)]


class Network(Protocol):
    """A family of laws of the next token: what a compiled program is specialised to.

    The position of a frame says the law of the token after it, from itself and from those before it
    that are seen. ``begin`` and ``extend`` give the same logits token by token as ``logits`` gives
    of a whole frame.
    """

    def initial(self, vocabulary: int, length: int, key: Array) -> Parameters:
        """Draw the parameters of a model of V symbols and T positions, in float32."""

    def room(self, parameters: Parameters) -> tuple[int, int]:
        """Return V and T, for which parameters were drawn."""

    def activations(self, vocabulary: int) -> int:
        """Return about how many numbers training keeps of each token, to refuse what cannot be."""

    def logits(
        self,
        parameters: Parameters,
        tokens_BxT: Int[Array, "B T"],
        seen_BxT: Bool[Array, "B T"],
        unread: int = 0,
    ) -> Float[Array, "B T V"]:
        """Return the logits after every position of whole frames, but the first ``unread``."""

    def begin(
        self, parameters: Parameters, prompts_BxP: Int[Array, "B P"], response_length: int
    ) -> Any:
        """Return what is carried from token to token, all but the prompt's last one being read."""

    def extend(
        self,
        parameters: Parameters,
        carried: Any,
        token_B: Int[Array, "B"],
        place: Int[Array, ""],
        seen_BxT: Bool[Array, "B T"],
    ) -> tuple[Float[Array, "B V"], Any]:
        """Read the token at a position; return the logits after it, and what is carried on."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a network is trained in an iteration: the part that all such learners share.

    Each iteration takes exactly ``steps`` steps of Adam (b2 = 0.98, gradients clipped to norm 1) on
    batches drawn from the iteration's examples, with a short warm-up and a cosine decay to zero;
    the optimiser starts anew. So every procedure spends the same number of steps. A strong learner
    it is only as far as the steps carry.

    Each step's loss is the mean surprise of the tokens of its batch's responses. Where a procedure
    weighs labels (``label_weight``, ``label_share``) the loss of all E examples is the weighted
    mean sum_e w_e s_e / sum_e w_e n_e, with s_e the surprise of a response and n_e its tokens, and
    a batch of B estimates it without bias: (E/B) sum_b w_b s_b over that same sum of all examples,
    so what a label counts does not depend on what else is in its batch. Weights and shares are of
    examples: of two that weigh the same, the one with more tokens moves the model more. With
    responses of several tokens the two losses differ a little where every weight is 1: the
    unweighted one divides by the tokens of its own batch. ``label_weight=1.0`` is that one.

    Args:
        steps: optimiser steps an iteration, at least 1.
        batch: examples a step.
        learning_rate: of an iteration, at its peak.
        start: ``"last"`` continues from f_{t-1}, ``"first"`` trains f_0 anew in each iteration.
        first_steps: steps that make f_0 from the task's easy examples; None is the task's own.
        first_learning_rate: their peak.

    Raises:
        ValueError: for a number out of range.
    """

    steps: int = 64
    batch: int = 128
    learning_rate: float = 3e-3
    start: str = "last"
    first_steps: int | None = None
    first_learning_rate: float = 3e-3

    def __post_init__(self) -> None:
        """Refuse what no training can be."""
        object.__setattr__(self, "steps", whole("steps", self.steps, 1, MOST_STEPS))
        object.__setattr__(self, "batch", whole("batch", self.batch, 1))
        if self.first_steps is not None:
            first_steps = whole("first_steps", self.first_steps, 0, MOST_STEPS)
            object.__setattr__(self, "first_steps", first_steps)
        for name in ("learning_rate", "first_learning_rate"):
            object.__setattr__(self, name, finite(name, getattr(self, name), 0.0))
        choice("start", self.start, ("last", "first"))

    @property
    def network(self) -> Network:
        """What is trained. Programs are compiled once for all ways to train it."""
        raise NotImplementedError

    def network_on(self, devices: int) -> Network:
        """Return what is trained where a batch is split over so many devices: the same function."""
        return self.network

    def describe(self) -> dict[str, int | float | str | None]:
        """Return the arguments, for provenance."""
        return asdict(self)
