"""Knobs: the continuous choices of a procedure, and what each does to the numbers of a run.

What a knob says to the arrays of a run, so that a gradient can follow it, and to a procedure, so
that what was found can be run, stands in :mod:`boostsim.simulation.tables.continuous`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from boostsim.arguments import finite, flag, refuse
from boostsim.curation import criteria
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.procedure import Procedure
from boostsim.curation.rates import alike
from boostsim.simulation.tables.continuous import NUMBERS, Continuous, World, judged
from boostsim.simulation.tables.structure import Numbers, Structure

MOST_VOTES = 99


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Knob:
    """Between which numbers one choice may lie.

    Args:
        low, high: the bounds, low below high. Where low is above 0 the search moves in ratios,
            else in cubes, so that it looks closer at what is small.
        per_iteration: one number for each iteration, instead of one for all (budget, real_share,
            label_weight, label_share).

    Raises:
        ValueError: for bounds that are none.

    Example:
        >>> Knob(0.0, 0.1, per_iteration=True).high
        0.1
    """

    low: float
    high: float
    per_iteration: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing to choose."""
        low = finite("low", self.low, 0.0)
        high = finite("high", self.high)
        if not low < high:
            raise refuse("high", f"above low, {low:g}", high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        object.__setattr__(self, "per_iteration", flag("per_iteration", self.per_iteration))

    def tree_flatten(self) -> tuple[tuple[Any, Any], bool]:
        """Return the bounds, which change no program, and what does."""
        return (self.low, self.high), self.per_iteration

    @classmethod
    def tree_unflatten(cls, per_iteration: bool, bounds: Any) -> Knob:
        """Return it, with bounds that may not be known yet."""
        knob = object.__new__(cls)
        knob.__dict__.update(low=bounds[0], high=bounds[1], per_iteration=per_iteration)
        return knob

    def _ratio(self) -> tuple[Any, Any]:
        """Return whether steps are ratios, and a low of which there is one anyway."""
        ratios = jnp.asarray(self.low) > 0.0
        return ratios, jnp.where(ratios, self.low, self.high)

    def from_unit(self, unit: Any) -> Any:
        """Return the value that lies so far, 0 to 1, between the bounds."""
        ratios, low = self._ratio()
        value = low * jnp.exp(jnp.log(self.high / low) * unit)
        # Rounding does not leave the bounds, and the ends have the slope of their side.
        inside = lax.stop_gradient(jnp.clip(value, low, self.high))
        inside = inside + (value - lax.stop_gradient(value))
        return jnp.where(ratios, inside, self.high * unit**3)

    def to_unit(self, value: Any) -> Any:
        """Return how far between the bounds a value lies, 0 to 1."""
        ratios, low = self._ratio()
        value = jnp.clip(value, self.low, self.high)
        in_ratios = jnp.log(value / low) / jnp.log(self.high / low)
        return jnp.where(ratios, in_ratios, jnp.cbrt(value / self.high))


class Kind(NamedTuple):
    """What a knob of some name means.

    Attributes:
        fits: refuses a procedure, or bounds, that it cannot be for.
        number: what it does to a procedure, and to the arrays of its run.
    """

    fits: Callable[[Procedure, Knob], None]
    number: Continuous


def _budget_fits(procedure: Procedure, knob: Knob) -> None:
    if procedure.labeler is None:
        raise refuse("parameters['budget']", "left out where there is no labeler", knob)


def _share_fits(procedure: Procedure, knob: Knob) -> None:
    if not np.any(procedure.trained_on.real_share):
        allowed = f"left out where the regime is {procedure.trained_on.name!r}"
        raise refuse("parameters['real_share']", allowed, knob)
    if not knob.per_iteration and knob.low == 0.0:
        allowed = "with a low above 0: anchor needs real data"
        raise refuse("parameters['real_share']", allowed, knob)


def _weight_fits(procedure: Procedure, knob: Knob) -> None:
    _labels_weigh("label_weight", procedure, knob)
    if procedure.label_share is not None:
        raise refuse("parameters['label_weight']", "left out where label_share is given", knob)
    if knob.low == 0.0:
        raise refuse("parameters['label_weight']", "with a low above 0", knob)


def _portion_fits(procedure: Procedure, knob: Knob) -> None:
    _labels_weigh("label_share", procedure, knob)
    if procedure.label_weight != 1.0:
        raise refuse("parameters['label_share']", "left out where label_weight is given", knob)
    if knob.low == 0.0 or knob.high >= 1.0:
        raise refuse("parameters['label_share']", "with bounds above 0 and below 1", knob)


def _labels_weigh(name: str, procedure: Procedure, knob: Knob) -> None:
    if procedure.labeler is None:
        raise refuse(f"parameters[{name!r}]", "left out where there is no labeler", knob)


def _temperature_fits(procedure: Procedure, knob: Knob) -> None:
    if NUMBERS["criterion_temperature"].value(procedure) is None:
        allowed = "left out where the criterion is not bs.criteria.difficulty"
        raise refuse("parameters['temperature']", allowed, procedure.criterion.name)
    if procedure.labeler is None:
        raise refuse("parameters['temperature']", "left out where there is no labeler", knob)
    # The criterion refuses what is too small for it.
    criteria.difficulty(knob.low)


def _votes_fit(procedure: Procedure, knob: Knob) -> None:
    if not isinstance(procedure.filter, NoisyFilter) or procedure.filter.persistent:
        allowed = "left out where the filter is no bs.NoisyFilter of fresh noise: they only cost"
        raise refuse("parameters['votes']", allowed, procedure.filter)
    if procedure.filter.voters is not None or not isinstance(procedure.filter.rule, str):
        allowed = "left out where the filter's voters, or how many must accept, are numbered"
        raise refuse("parameters['votes']", allowed, procedure.filter)
    alike(procedure.filter, "whose votes are designed")
    # An odd number must lie between the bounds.
    if knob.low < 1.0 or knob.high > MOST_VOTES or 2 * np.ceil((knob.low - 1) / 2) + 1 > knob.high:
        allowed = f"between 1 and {MOST_VOTES}, with an odd number among them"
        raise refuse("parameters['votes']", allowed, knob)


# Of votes, one beyond the most: there is something to lie between.
ODD = np.arange(1, MOST_VOTES + 3, 2)


def _voted(world: World) -> tuple[np.ndarray, np.ndarray]:
    """Return the filter with each odd number of votes, accepting and rejecting, ``[votes, 2]``."""
    filt = world.procedure.filter
    assert isinstance(filt, NoisyFilter)
    voted = [replace(filt, votes=int(votes)) for votes in ODD]
    return np.array([each.accept for each in voted]), np.array([each.reject for each in voted])


def _votes(
    structure: Structure,
    numbers: Numbers,
    held: tuple[Array, Array],
    value: Array,
) -> Numbers:
    """Between odd numbers: a share of responses gets two votes more than the others."""

    for right, side in ((True, 0), (False, 1)):
        accept, reject = (jnp.interp(value, ODD, table[:, side]) for table in held)
        numbers = judged(structure, numbers, right, accept, reject)
    return numbers


def _turned_votes(procedure: Procedure, value: Any) -> Procedure:
    assert isinstance(procedure.filter, NoisyFilter)
    return replace(procedure, filter=replace(procedure.filter, votes=int(value)))


KNOBS = {
    "budget": Kind(_budget_fits, NUMBERS["budget"]),
    "real_share": Kind(_share_fits, NUMBERS["real_share"]),
    "label_weight": Kind(_weight_fits, NUMBERS["label_weight"]),
    "label_share": Kind(_portion_fits, NUMBERS["label_share"]),
    "temperature": Kind(_temperature_fits, NUMBERS["criterion_temperature"]),
    "votes": Kind(
        _votes_fit,
        Continuous(lambda procedure: None, _turned_votes, _votes, held=_voted),
    ),
}
