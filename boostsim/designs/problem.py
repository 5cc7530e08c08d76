"""The problem: an objective and its knobs, as a function of numbers that a gradient can follow.

Every knob is a number between 0 and 1, its place between the bounds. A budget for each iteration
under a total price is a division of what is left for labels, b_t = left softmax(z)_t for t = 1..T,
with one share more for what is not spent: never more is bought than is paid for, and any policy
that buys no more can be said so, by what it buys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.curation.procedure import Procedure
from boostsim.designs.knobs import KNOBS, Knob, looks
from boostsim.designs.objective import Objective
from boostsim.simulation.persistence import draws
from boostsim.simulation.prepare import prepare
from boostsim.simulation.structure import Parameters, Structure
from boostsim.types import as_key, needed_key, refuse

__all__ = ["Point", "Problem", "odd_votes", "settle"]

# Of each knob its place; of a divided budget the logits of its shares, and of what is not spent.
Point = dict[str, Array]
# Where a share of a division is so small it is tried without.
CRUMB = 1e-3
# Of the total price: kept back, so that rounding does not exceed it.
LEFT = 1e-12


@dataclass(frozen=True, eq=False)
class Problem:
    """An objective and its knobs, ready to be evaluated.

    Attributes:
        objective: what is small.
        knobs: by the name of their slot; votes end where the total price does.
        structure, parameters: the program, and its numbers where the knobs are somewhere.
        key: of the run's draws, where there are any.
    """

    objective: Objective
    knobs: Mapping[str, Knob]
    structure: Structure
    parameters: Parameters
    key: jax.Array | None

    @classmethod
    def of(cls, goal: Objective, knobs: Mapping[str, Knob]) -> Problem:
        """Return it, prepared; call it with 64-bit types enabled.

        Raises:
            ValueError: for a total price that does not pay for the answers, or without a budget.
        """
        knobs = dict(knobs)
        # Visits have mass one in all: a budget above 1 allows no more than 1 does.
        most = 1.0
        if goal.spend is not None:
            most = min(most, _refuse_unpaid(goal, knobs))
            look = goal.before_labels(1.0) - goal.before_labels(0.0)
            if "votes" in knobs and look > 0.0:
                # So many that something is left for labels.
                votes = (1.0 - LEFT) * (goal.spend - goal.before_labels(0.0)) / look
                knobs["votes"] = replace(knobs["votes"], high=min(knobs["votes"].high, votes))
        if "budget" in knobs and knobs["budget"].low < most < knobs["budget"].high:
            knobs["budget"] = replace(knobs["budget"], high=most)
        somewhere: dict[str, Any] = {
            name: np.full(goal.iterations, knob.high) if knob.per_iteration else knob.low
            for name, knob in knobs.items()
        }
        if "votes" in somewhere:
            somewhere["votes"] = 1
        procedure = settle(goal.procedure, somewhere)
        key = None
        if draws(procedure, sampled=False):
            key = jax.random.fold_in(needed_key(goal.key, "where verdicts persist"), 0)
        elif procedure.criterion.remembers:
            key = jax.random.fold_in(as_key(0 if goal.key is None else goal.key), 0)
        return cls(goal, knobs, *prepare(procedure, goal.task, sampled=False, key=key), key)

    @property
    def divided(self) -> bool:
        """Whether the budget is a division of what the total price leaves for labels."""
        return self.objective.spend is not None and self.knobs["budget"].per_iteration

    def left(self, values: Mapping[str, Any]) -> Any:
        """Return how many labels per visit the total price leaves."""
        goal = self.objective
        assert goal.spend is not None
        seen = looks(goal.procedure, dict(values))
        rest = (1.0 - LEFT) * goal.spend - goal.before_labels(seen)
        return jnp.maximum(rest, 0.0) / goal.label_price(seen)

    def votes(self) -> list[int]:
        """Return the odd numbers of votes that leave what the least budget costs."""
        least = self.knobs["budget"].low if "budget" in self.knobs else 0.0
        return [
            votes
            for votes in odd_votes(self.knobs["votes"])
            if self.objective.spend is None
            or least * self.objective.iterations < self.left({"votes": votes})
        ]

    def paid(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with the budget that is paid for; a divided one is given by shares."""
        if self.objective.spend is None:
            return dict(values)
        left, budget = self.left(values), values["budget"]
        if self.divided:
            budget = jnp.minimum(left * budget, self.knobs["budget"].high)
        else:
            budget = jnp.minimum(budget, left / self.objective.iterations)
        return {**values, "budget": budget}

    def values(self, point: Point) -> dict[str, Any]:
        """Return where the knobs stand at a point of the search."""
        return self.paid(
            {
                name: jax.nn.softmax(place)[:-1]
                if name == "budget" and self.divided
                else self.knobs[name].from_unit(place)
                for name, place in point.items()
            }
        )

    def point_of(self, values: Mapping[str, Any]) -> Point:
        """Return the point of the search at which the knobs stand so, or near it."""
        point: Point = {}
        for name, value in values.items():
            if name == "budget" and self.divided:
                share = np.asarray(value) / max(float(self.left(values)), 1e-300)
                share = np.append(share, max(1.0 - share.sum(), 0.0))
                point[name] = jnp.log(jnp.asarray(share) + CRUMB / len(share))
            else:
                point[name] = jnp.asarray(self.knobs[name].to_unit(value), float)
        return point

    def shown(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Return what an exact run shows with the knobs there."""
        goal = self.objective
        parameters = self.parameters
        for name, value in values.items():
            value = jnp.asarray(value, float)
            parameters = KNOBS[name].arrays(self.structure, parameters, goal.procedure, value)
        return goal.run(self.structure, parameters, self.key, looks(goal.procedure, dict(values)))

    def score_of(self, values: Mapping[str, Any]) -> Float[Array, ""]:
        """Return the score of an exact run with the knobs there."""
        return self.objective.of(self.shown(values))

    def loss(self, point: Point) -> Float[Array, ""]:
        """Return what is descended: the logarithm of a named score, which is an error."""
        score = self.score_of(self.values(point))
        return score if callable(self.objective.score) else jnp.log(jnp.maximum(score, 1e-300))

    def without_crumbs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a divided budget without its tiniest shares, where that is no worse."""
        if not self.divided:
            return dict(values)
        budget = np.asarray(values["budget"])
        kept = np.where(budget >= CRUMB * budget.sum(), budget, 0.0)
        if kept.sum() == 0.0:
            return dict(values)
        whole = np.minimum(kept * budget.sum() / kept.sum(), self.knobs["budget"].high)
        pruned = {**values, "budget": whole}
        return pruned if self.score_of(pruned) <= self.score_of(values) else dict(values)

    def with_votes(self, votes: int) -> Problem:
        """Return the problem in which the votes stand."""
        goal, others = self.objective, dict(self.knobs)
        del others["votes"]
        settled = KNOBS["votes"].settle(goal.procedure, votes)
        return Problem.of(replace(goal, procedure=settled), others)


def settle(procedure: Procedure, values: Mapping[str, Any]) -> Procedure:
    """Return the procedure in which the knobs stand so."""
    for name, value in values.items():
        procedure = KNOBS[name].settle(procedure, value)
    return procedure


def odd_votes(knob: Knob) -> list[int]:
    """Return the odd numbers between the bounds.

    Example:
        >>> odd_votes(Knob(2, 7.5))
        [3, 5, 7]
    """
    return [votes for votes in range(1, int(knob.high) + 1, 2) if votes >= knob.low]


def _refuse_unpaid(goal: Objective, knobs: Mapping[str, Knob]) -> float:
    """Return the largest budget that an iteration can have at a total price.

    Raises:
        ValueError: for a price that has no budget to go to, or does not even pay for the answers,
            or for the least budget.
    """
    if "budget" not in knobs:
        hint = "Add 'budget' to the parameters: labels get what the rest leaves."
        raise refuse("spend", "None where no budget is designed", goal.spend, hint)
    budget = knobs["budget"]
    if budget.per_iteration and budget.low > 0.0:
        allowed = "from 0 on where a total price is divided"
        raise refuse("parameters['budget']", allowed, budget)
    votes = odd_votes(knobs["votes"])[0] if "votes" in knobs else None
    seen = looks(goal.procedure, {} if votes is None else {"votes": votes})
    least = goal.before_labels(seen)
    assert goal.spend is not None
    if goal.spend <= least:
        raise refuse("spend", f"above {least:g}, what the answers alone cost", goal.spend)
    if goal.label_price(seen) == 0.0:
        raise refuse("spend", "None where labels cost nothing", goal.spend)
    left = (goal.spend - least) / goal.label_price(seen)
    if budget.per_iteration:
        return float(left)
    if budget.low * goal.iterations >= left:
        allowed = f"with a low below {left / goal.iterations:g}, what every iteration can pay for"
        raise refuse("parameters['budget']", allowed, budget)
    return float(left / goal.iterations)
