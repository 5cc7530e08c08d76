"""Sharpening: how the model is decoded when it attempts, which need not be how it was trained.

What is decoded enters the training set, so in a closed loop sharpening acts again in every
iteration: temperature alone, without filter and labels, takes f_0 to f_t proportional to
f_0^(1/temperature^t), the most probable response alone below 1, the uniform law above.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.arguments import finite, refuse, whole
from boostsim.curation.division import entrywise
from boostsim.objects import Described

# A temperature that is traced counts as at least so much: the square of its inverse is a number.
COLDEST = 1e-100


@dataclass(frozen=True)
class Sharpening(Described):
    """Temperature, then top-k, then top-p, on the row from which attempts are drawn.

    A row f becomes proportional to f^(1/temperature); then only the ``top_k`` most probable
    responses stay; then only the smallest set of most probable ones that holds ``top_p`` of what is
    left. A response as probable as the last one that stays, stays too, so that no order of the
    responses matters. Costs, coverage, accuracy and diversity of a trace are the model's own; what
    a criterion sees, and what is kept, come from the sharpened row.

    Sharpening acts on single responses, so it breaks lumping (T0, docs/theory.md, section 2): runs
    with it carry every response. Where two responses are nearly as probable, top-k, top-p and a
    temperature near 0 choose between them by the last digits: a sampled run then nears the exact
    one only at very many visits. A setting that changes nothing is no sharpening, and costs
    nothing.

    Args:
        temperature: at least 0; 1 changes nothing; 0, and what is nearly 0, is greedy: the most
            probable response alone, or evenly those that are most probable together.
        top_p: mass that stays, in (0, 1]; 1 changes nothing.
        top_k: responses that stay, at least 1; None changes nothing.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> print(Sharpening(temperature=0.5)(jnp.array([0.6, 0.2, 0.2])).round(4))
        [0.8182 0.0909 0.0909]
        >>> Sharpening(top_p=0.6)(jnp.array([[0.5, 0.25, 0.25]])).tolist()
        [[0.5, 0.25, 0.25]]
        >>> Sharpening(top_p=0.5)(jnp.array([[0.5, 0.25, 0.25]])).tolist()
        [[1.0, 0.0, 0.0]]

    Source: temperature and top-k sampling are folklore; top-p is Holtzman et al. 2020.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done to a row."""
        object.__setattr__(self, "temperature", finite("temperature", self.temperature, 0.0))
        object.__setattr__(self, "top_p", finite("top_p", self.top_p))
        if not 0.0 < self.top_p <= 1.0:
            raise refuse("top_p", "in (0, 1], for at 0 nothing would stay", self.top_p)
        if self.top_k is not None:
            object.__setattr__(self, "top_k", whole("top_k", self.top_k, 1))

    @property
    def changes(self) -> bool:
        """Whether any row at all is changed."""
        return (self.temperature, self.top_p, self.top_k) != (1.0, 1.0, None)

    def __call__(
        self, rows: Float[Array, "*batch responses"], temperature: Array | None = None
    ) -> Float[Array, "*batch responses"]:
        """Return the rows that are attempted from, each summing to one.

        Args:
            rows: of the model.
            temperature: in place of its own, above 0: a number that JAX may trace.
        """
        largest = rows.max(-1, keepdims=True)
        if temperature is None and self.temperature == 0.0:
            rows = jnp.where(rows == largest, rows, 0.0)
        elif temperature is not None or self.temperature != 1.0:
            # Of the largest: its power is one, so the sum never underflows.
            ratio = rows / entrywise(jnp.broadcast_to(largest, rows.shape))
            # Of a temperature that is nearly 0 the largest exponent there is, for infinity is none.
            exponent: float | Array
            if temperature is None:
                exponent = min(1.0 / self.temperature, float(jnp.finfo(rows.dtype).max))
            else:
                exponent = 1.0 / jnp.maximum(temperature, COLDEST)
            # A power of 0 has no slope that could be followed.
            power = jnp.where(rows > 0.0, jnp.where(rows > 0.0, ratio, 1.0) ** exponent, 0.0)
            rows = jnp.where(rows == largest, 1.0, power)
        rows = rows / rows.sum(-1, keepdims=True)
        if self.top_k is not None and self.top_k < rows.shape[-1]:
            last = jnp.sort(rows, axis=-1)[..., -self.top_k, None]
            rows = jnp.where(rows >= last, rows, 0.0)
            rows = rows / rows.sum(-1, keepdims=True)
        if self.top_p < 1.0:
            ordered = jnp.sort(rows, axis=-1, descending=True)
            before = jnp.cumsum(ordered, axis=-1) - ordered
            # Rounding of the sum must not call for one response more.
            slack = rows.shape[-1] * jnp.finfo(rows.dtype).eps
            stays = jnp.where((before < self.top_p - slack) | (before == 0.0), ordered, jnp.inf)
            rows = jnp.where(rows >= stays.min(-1, keepdims=True), rows, 0.0)
            rows = rows / rows.sum(-1, keepdims=True)
        return rows
