"""What a run is: the structure that its program is made for, and the numbers that it runs on."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.curation.criterion import Criterion
from boostsim.curation.sharpening import Sharpening
from boostsim.learners.tabular import Rule


@dataclasses.dataclass(frozen=True)
class Structure:
    """What a compiled program is specialised to: everything that is not an array.

    Attributes:
        attempts: k.
        keep_all: keep every accepted response, not the first.
        parts: the numbers of accepted responses, split into sets that need not be told apart.
        criterion: only where the priority depends on more than J; else it is in the numbers.
        allocation: how a budget is shared.
        labeled, budgeted: whether there are labels, a budget.
        learner: the rule of the learner; None where the model is what it was trained on.
        accumulates, anchored: whether examples are kept, whether real ones are added.
        sources: what the rows are mixtures of, the first model first.
        answering: those of them that labels come from.
        correct: for each class of lumped rows whether it is correct; None where every response is a
            class of its own.
        copies: into how many each prompt is split, one for each answer that a persistent labeler
            may have for it; copies run slowest.
        sharpening: what is done to the row before it is attempted from, or None.
        collides: whether collision probabilities are carried, for diversity of lumped rows.
        disagrees: whether the criterion reads the disagreement.
        weighing: how labels weigh: all as much as accepted responses (None), by a ``"weight"``, or
            by a ``"share"`` of the mixture.
        labels_each: labels to a labelled visit, m.
        until_accepted: whether attempts stop at the first accepted one.
        advantage: what attempts count in a policy gradient; None where training is on examples.
        window: of how many iterations examples are kept, two at least; None for all.
        draws: how many a visit are drawn from those, to be trained on; None for all of them.
        first_drawn: whether the first of them are drawn, of f_0.
        choice: which accepted attempt is kept, the ``"best"`` or a ``"preferred"`` one; None where
            it is the first, or all are.
    """

    attempts: int
    keep_all: bool
    parts: tuple[tuple[int, ...], ...]
    criterion: Criterion | None
    allocation: str
    labeled: bool
    budgeted: bool
    learner: Rule | None
    accumulates: bool
    anchored: bool
    sources: tuple[str, ...]
    answering: tuple[str, ...]
    correct: tuple[bool, ...] | None
    copies: int
    sharpening: Sharpening | None
    collides: bool
    disagrees: bool
    weighing: str | None = None
    labels_each: int = 1
    until_accepted: bool = False
    advantage: str | None = None
    window: int | None = None
    draws: int | None = None
    first_drawn: bool = False
    choice: str | None = None

    @property
    def apart(self) -> bool:
        """Whether what is kept is carried beside the model, for it is another thing."""
        return self.learner is not None or self.draws is not None or self.first_drawn

    @property
    def trials(self) -> int:
        """Verdicts of a visit that a criterion is told of."""
        return 1 if self.until_accepted else self.attempts


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Numbers:
    """The numbers of a run. Changing them recompiles nothing.

    Attributes:
        weights: mu, ``[prompts]``; here and below every copy of a prompt is a prompt.
        share: probability of each copy of a prompt, ``[copies, prompts]``; None where there is one.
        accept, reject: the filter on each class, ``[classes, 1]`` (or ``[classes, prompts]``); but
            ``[iterations, classes, ...]`` where it drifts.
        correct: 1.0 where the response is correct, else 0.0, ``[classes, prompts]``; None where the
            classes are lumped.
        source_mass: mass of each source in each class, ``[sources, classes, prompts]``.
        collision: probability that draws from two sources, given their class, are the same
            response, ``[pairs, classes, prompts]`` in the order of :func:`pairs`, or None.
        priority: of each part, ``[parts, 1]``; None where the criterion must be asked.
        budget, real_share: scalars; but ``[iterations]`` where scheduled.
        learner: the numbers of its rule.
        shares: of labels that come from each source, ``[iterations, answering]``; None where there
            is one.
        label_weight: the weight or the share of labels, a scalar, but ``[iterations]`` where
            scheduled; None where they weigh what accepted responses do.
        choice: what the choice among accepted attempts goes by, by name, ``[classes, prompts]``
            each, and ``nodes``, ``[nodes, 1]``; None where there is none.
        temperature: of sharpening, in place of the structure's own; else None.
    """

    weights: Float[Array, "*batch prompts"]
    share: Float[Array, "*batch copies each"] | None
    accept: (
        Float[Array, "*batch classes #prompts"] | Float[Array, "*batch iterations classes #prompts"]
    )
    reject: (
        Float[Array, "*batch classes #prompts"] | Float[Array, "*batch iterations classes #prompts"]
    )
    correct: Float[Array, "*batch classes prompts"] | None
    source_mass: Float[Array, "*batch sources classes prompts"]
    collision: Float[Array, "*batch pairs classes prompts"] | None
    priority: Float[Array, "*batch parts 1"] | None
    budget: Float[Array, "*batch"] | Float[Array, "*batch iterations"]
    learner: Any
    real_share: Float[Array, "*batch"] | Float[Array, "*batch iterations"]
    shares: Float[Array, "*batch answering"] | Float[Array, "*batch changes answering"] | None = (
        None
    )
    label_weight: Float[Array, "*batch"] | Float[Array, "*batch iterations"] | None = None
    choice: dict[str, Array] | None = None
    temperature: Float[Array, "*batch"] | None = None

    @property
    def _scheduled(self) -> dict[str, tuple[Array, int]]:
        """What may be given for each iteration, and its dimensions where it is not."""
        given = {name: (getattr(self, name), 0) for name in ("budget", "real_share")}
        if self.label_weight is not None:
            given["label_weight"] = self.label_weight, 0
        if self.shares is not None:
            given["shares"] = self.shares, 1
        return given | {"accept": (self.accept, 2), "reject": (self.reject, 2)}

    @property
    def changes(self) -> bool:
        """Whether it matters which iteration it is."""
        longer = any(each.ndim > usual for each, usual in self._scheduled.values())
        return longer or self.shares is not None

    @property
    def lasting(self) -> int:
        """Iterations until nothing changes any more."""
        given = [each.shape[0] for each, usual in self._scheduled.values() if each.ndim > usual]
        return max([1, *given])

    def at(self, iteration: Float[Array, ""] | None) -> Numbers:
        """Return the numbers of one iteration, counted from 1; after a schedule's end its last."""

        def now(values: Array, usual: int) -> Array:
            if values.ndim == usual:
                return values
            assert iteration is not None
            last = jnp.asarray(values.shape[0] - 1)
            return values[jnp.minimum(iteration.astype(int) - 1, last)]

        numbers: dict[str, Any] = {name: now(*each) for name, each in self._scheduled.items()}
        return dataclasses.replace(self, **numbers)
