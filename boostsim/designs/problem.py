"""The problem: an objective and its knobs, as a function of numbers that a gradient can follow.

Every knob is a number between 0 and 1, its place between the bounds. A budget for each iteration
under a total price is a division of what is left for labels, b_t = left softmax(z)_t for t = 1..T,
with one share more for what is not spent: never more is bought than is paid for, and any policy
that buys no more can be said so, by what it buys. One budget for all iterations lies between its
low and the dearest that is paid for: what is not bought costs nothing, so this is found by runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from boostsim.arguments import refuse
from boostsim.curation.procedure import Procedure
from boostsim.designs.knobs import KNOBS, Knob
from boostsim.designs.objective import SHOWN, Costs, Objective, Score
from boostsim.keys import as_key, needed_key
from boostsim.prices import total
from boostsim.simulation.tables.continuous import World
from boostsim.simulation.tables.differentiable import added_up, exact_rows
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.structure import Numbers, Structure

# Of each knob its place; of a divided budget the logits of its shares, and of what is not spent.
Point = dict[str, Array]
# Where a share of a division is so small it is tried without.
CRUMB = 1e-3
# Of the total price: kept back, so that rounding does not exceed it.
LEFT = 1e-12
# Of the distance to the dearest budget for all iterations that is paid for.
HALVINGS = 20


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Problem:
    """An objective and its knobs, ready to be evaluated.

    It is an argument of compiled programs: they are made for structure, score, length and which
    knobs there are, all compared by content; everything else is a number, which changes no program.

    Attributes:
        structure, numbers: the program, and what it runs on where the knobs are somewhere.
        knobs: by the name of their slot; votes end where the total price does.
        held: what else each knob needs of the procedure, by name.
        score: what is small.
        costs: what makes the cost of a run.
        spend: the most that it may be, or None.
        key: of the run's draws, where there are any.
    """

    structure: Structure = field(metadata={"static": True})
    numbers: Numbers
    knobs: OrderedDict[str, Knob]
    held: dict[str, Any]
    score: Score = field(metadata={"static": True})
    costs: Costs
    spend: float | None
    key: jax.Array | None

    @classmethod
    def of(cls, goal: Objective, knobs: Mapping[str, Knob]) -> Problem:
        """Return it, prepared; call it with 64-bit types enabled.

        Raises:
            ValueError: for a total price that does not pay for the attempts, or without a budget.
        """
        knobs, costs = OrderedDict(knobs), goal.costs
        # Visits have mass one in all: a budget above what all of them take allows no more.
        most = float(goal.procedure.labels_per_visit)
        if goal.spend is not None:
            left = _refuse_unpaid(goal, knobs)
            if knobs["budget"].per_iteration:
                most = min(most, left)
            look = costs.before_labels(1.0) - costs.before_labels(0.0)
            if "votes" in knobs and look > 0.0:
                # So many that something is left for labels.
                votes = (1.0 - LEFT) * (goal.spend - costs.before_labels(0.0)) / look
                knobs["votes"] = replace(knobs["votes"], high=min(knobs["votes"].high, votes))
        if "budget" in knobs and knobs["budget"].low < most < knobs["budget"].high:
            knobs["budget"] = replace(knobs["budget"], high=most)
        somewhere: dict[str, Any] = {
            name: np.full(goal.iterations, knob.high) if knob.per_iteration else knob.low
            for name, knob in knobs.items()
        }
        if "votes" in somewhere:
            somewhere["votes"] = 1
        if somewhere.get("label_weight") is not None and np.ndim(somewhere["label_weight"]) == 0:
            # A weight of 1 is none, and its program has no place for another.
            somewhere["label_weight"] = knobs["label_weight"].high + 1.0
        procedure = turned(goal.procedure, somewhere)
        key = None
        if draws(procedure, sampled=False):
            key = jax.random.fold_in(needed_key(goal.key, "where verdicts persist"), 0)
        elif procedure.criterion.remembers:
            key = jax.random.fold_in(as_key(0 if goal.key is None else goal.key), 0)
        most = costs.iterations
        structure, numbers = prepare(procedure, goal.task, sampled=False, key=key, iterations=most)
        world = World(goal.procedure, goal.task, frozenset(), key, most)
        held = {name: KNOBS[name].number.held(world) for name in knobs}
        score = goal.program()
        return cls(structure, numbers, knobs, held, score, costs, goal.spend, key)

    @property
    def iterations(self) -> int:
        """T."""
        return self.costs.iterations

    @property
    def divided(self) -> bool:
        """Whether the budget is a division of what the total price leaves for labels."""
        return self.spend is not None and self.knobs["budget"].per_iteration

    def left(self, values: Mapping[str, Any]) -> Any:
        """Return how many labels per visit the total price leaves."""
        assert self.spend is not None
        looks = values.get("votes", self.costs.looks)
        rest = (1.0 - LEFT) * self.spend - self.costs.before_labels(looks)
        return rest * (rest > 0.0) / self.costs.label_price(looks)

    def votes(self) -> list[int]:
        """Return the odd numbers of votes that leave something for labels."""
        return [
            votes
            for votes in _odd_votes(self.knobs["votes"])
            if self.spend is None or self.left({"votes": votes}) > 0.0
        ]

    def refuse_dear_low(self) -> None:
        """Refuse a budget for all iterations whose low is not paid for, the others at theirs."""
        if self.spend is None:
            return
        knob, values = self.knobs["budget"], dict[str, Any]()
        for name, other in self.knobs.items():
            if name != "budget":
                low = float(_odd_votes(other)[0]) if name == "votes" else other.low
                values[name] = np.full(self.iterations, low) if other.per_iteration else low
        if knob.low * self.iterations <= self.left(values):
            return
        dearest = float(self._dearest(values))
        if dearest < knob.low:
            allowed = f"with a low below {dearest:g}, the dearest whose run is paid for"
            raise refuse("parameters['budget']", allowed, knob)

    def paid(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with the budget that is paid for; a divided one is given by shares."""
        if self.spend is None:
            return dict(values)
        if self.divided:
            budget = jnp.minimum(self.left(values) * values["budget"], self.knobs["budget"].high)
        else:
            budget = jnp.minimum(values["budget"], self._dearest(values))
        return {**values, "budget": budget}

    def _dearest(self, values: Mapping[str, Any]) -> Array:
        """Return the largest budget for all iterations whose run is paid for.

        No more than b T labels are bought, so left / T is paid for; between it and the high bound
        halving finds where cost(b) = spend. The slope along another knob x is that of this
        equation, -(d cost/d x) / (d cost/d b).
        """
        assert self.spend is not None
        most, high = (1.0 - LEFT) * self.spend, jnp.asarray(self.knobs["budget"].high, float)
        safe = jnp.minimum(self.left(values) / self.iterations, high)

        def cost(budget: Array, values: Mapping[str, Any]) -> Array:
            return self.shown({**values, "budget": budget})["cost"][-1]

        def halved(number: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            # The high bound first: it may be paid for.
            middle = jnp.where(number == 0, ends[1], 0.5 * (ends[0] + ends[1]))
            paid = cost(middle, lax.stop_gradient(dict(values))) <= most
            return jnp.where(paid, middle, ends[0]), jnp.where(paid, ends[1], middle)

        ends = lax.stop_gradient((safe, high))
        budget = lax.fori_loop(0, HALVINGS, halved, ends)[0]
        spent, slope = jax.value_and_grad(cost)(budget, values)
        bound = (budget < high) & (slope > 0.0)
        slope = lax.stop_gradient(jnp.where(bound, slope, 1.0))
        moved = (spent - lax.stop_gradient(spent)) / slope
        return budget - jnp.where(bound, moved, 0.0)

    def _budgets(self, values: Mapping[str, Any]) -> Knob:
        """Return the bounds of an undivided budget, the other knobs given."""
        knob = self.knobs["budget"]
        if self.spend is None:
            return knob
        return Knob.tree_unflatten(False, (knob.low, self._dearest(values)))

    def values(self, point: Point) -> dict[str, Any]:
        """Return where the knobs stand at a point of the search."""
        values: dict[str, Any] = {
            name: self.knobs[name].from_unit(place)
            for name, place in point.items()
            if name != "budget"
        }
        if "budget" not in point:
            return values
        if self.divided:
            return self.paid({**values, "budget": jax.nn.softmax(point["budget"])[:-1]})
        return {**values, "budget": self._budgets(values).from_unit(point["budget"])}

    @jax.jit
    def point_of(self, values: Mapping[str, Any]) -> Point:
        """Return the point of the search at which the knobs stand so, or near it."""
        point: Point = {}
        for name, value in values.items():
            if name == "budget" and self.divided:
                share = value / jnp.maximum(self.left(values), 1e-300)
                share = jnp.append(share, jnp.maximum(1.0 - share.sum(), 0.0))
                point[name] = jnp.log(share + CRUMB / len(share))
            elif name == "budget":
                point[name] = self._budgets(values).to_unit(value)
            else:
                point[name] = self.knobs[name].to_unit(value)
        return point

    def shown(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Return what an exact run shows with the knobs there, by iteration."""
        structure, numbers, costs = self.structure, self.numbers, self.costs
        for name, value in values.items():
            value = jnp.asarray(value, float)
            numbers = KNOBS[name].number.arrays(structure, numbers, self.held[name], value)
        rows = exact_rows(structure, frozenset(), self.iterations, numbers, self.key)
        looks = values.get("votes", costs.looks)
        generates = costs.generated / structure.attempts
        shown = added_up(rows, structure.attempts, generates, looks)
        labels, generations, calls = (shown[name] for name in SHOWN[2:5])
        numbered = jnp.arange(self.iterations + 1)
        shown["cost"] = total(costs, labels, generations, calls, numbered)
        return {name: shown[name] for name in SHOWN}

    def score_of(self, values: Mapping[str, Any]) -> Float[Array, ""]:
        """Return the score of an exact run with the knobs there."""
        return self.score.of(self.shown(values))

    def loss(self, point: Point) -> Float[Array, ""]:
        """Return what is descended: the logarithm of a named score, which is an error."""
        score = self.score_of(self.values(point))
        return jnp.log(jnp.maximum(score, 1e-300)) if self.score.named else score


def turned(procedure: Procedure, values: Mapping[str, Any]) -> Procedure:
    """Return the procedure in which the knobs stand so."""
    for name, value in values.items():
        procedure = KNOBS[name].number.turn(procedure, value)
    return procedure


def _odd_votes(knob: Knob) -> list[int]:
    """Return the odd numbers between the bounds.

    Example:
        >>> _odd_votes(Knob(2, 7.5))
        [3, 5, 7]
    """
    return [votes for votes in range(1, int(knob.high) + 1, 2) if votes >= knob.low]


def _refuse_unpaid(goal: Objective, knobs: Mapping[str, Knob]) -> float:
    """Return how many labels per visit a total price leaves."""
    if "budget" not in knobs:
        hint = "Add 'budget' to the parameters: labels get what the rest leaves."
        raise refuse("spend", "None where no budget is designed", goal.spend, hint)
    budget, costs = knobs["budget"], goal.costs
    if budget.per_iteration and budget.low > 0.0:
        allowed = "from 0 on where a total price is divided"
        raise refuse("parameters['budget']", allowed, budget)
    looks = _odd_votes(knobs["votes"])[0] if "votes" in knobs else costs.looks
    least = costs.before_labels(looks)
    assert goal.spend is not None
    if (1.0 - LEFT) * goal.spend <= least:
        raise refuse("spend", f"above {least:g}, what the attempts alone cost", goal.spend)
    if costs.label_price(looks) == 0.0:
        raise refuse("spend", "None where labels cost nothing", goal.spend)
    return float((goal.spend - least) / costs.label_price(looks))
