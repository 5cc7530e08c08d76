"""The continuous numbers of a procedure: what each is called, and what a run's arrays make of it.

This is the one place that says how the arrays depend on a number. Whoever follows a slope through
a run, or moves a number without preparing the run again, asks it: ``bs.population``, and the knobs
of ``bs.design``. Each number says the same thing twice: to the arrays, where JAX may trace it, and
to the procedure, which refuses what it cannot be. The tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.curation import criteria
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import DriftingLabeler, WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.visits import pass_rates
from boostsim.learners.gradient import PolicyGradient
from boostsim.learners.strong import StrongLearner
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.statistics import Wanted
from boostsim.tasks.table import TableTask


class World(NamedTuple):
    """What a run is prepared from.

    Attributes:
        procedure, task: of the run.
        wanted: what is recorded on request.
        key: of the run, where there is one.
        iterations: of the run.
        sampled: whether visits are finite.
    """

    procedure: Procedure
    task: TableTask
    wanted: Wanted
    key: jax.Array | None
    iterations: int | None = None
    sampled: bool = False


@dataclass(frozen=True)
class Continuous:
    """One number, or one for each iteration or prompt, on which a run depends smoothly.

    Attributes:
        value: ``procedure -> value``, where it stands; None where the procedure has no such number.
        turn: ``(procedure, value) -> procedure``, in which it stands there; refuses what it cannot
            be.
        arrays: ``(structure, numbers, held, value) -> numbers``, of which the value may be traced.
        held: ``world -> arrays``, what else that needs.
        inside: ``(procedure, task) -> value``, at which the program has a place for the number, as
            it has none for a weight of 1: there it can be moved from. None where any will do.
        scheduled: whether it may be one for each iteration.
        by_prompt: whether it may be one for each prompt.
    """

    value: Callable[[Procedure], Any]
    turn: Callable[[Procedure, Any], Procedure]
    arrays: Callable[[Structure, Numbers, Any, Array], Numbers]
    held: Callable[[World], Any] = lambda world: None
    inside: Callable[[Procedure, TableTask], Any] = lambda procedure, task: None
    scheduled: bool = False
    by_prompt: bool = False


def plain(value: Any) -> float | tuple[float, ...]:
    """Return a number as a float, a schedule as a tuple of floats."""
    return float(value) if np.ndim(value) == 0 else tuple(np.asarray(value, float).tolist())


# Labelers: the source of labels is a line between always right and always wrong.


def _beta(procedure: Procedure) -> Any:
    labeler = procedure.labeler
    if type(labeler) not in (WeakLabeler, DriftingLabeler):
        return None
    assert isinstance(labeler, WeakLabeler)
    return labeler.beta if labeler.rows is None else None


def _turned_beta(procedure: Procedure, value: Any) -> Procedure:
    assert isinstance(procedure.labeler, WeakLabeler)
    value = value if np.ndim(value) else float(value)
    return replace(procedure, labeler=replace(procedure.labeler, beta=value))


def _beta_of(value: Any, task: TableTask) -> np.ndarray:
    """Return beta on each prompt: 0 where no response is correct, 1 where none is wrong."""
    correct = task.correct_responses
    given = np.broadcast_to(value, correct.shape)
    return np.where(correct == 0.0, 0.0, np.where(correct == task.responses, 1.0, given))


class _Ends(NamedTuple):
    """What depends on beta, where every label is right that can be, and where it is wrong.

    Attributes:
        labels: mass of the labels' source in each class, ``[classes, prompts]``.
        share, weights: of copies of prompts, where there are any.
    """

    labels: Array
    share: Array | None
    weights: Array | None


def _label_ends(world: World) -> tuple[_Ends, _Ends]:
    ends = []
    for value in (1.0, 0.0):
        beta = _beta_of(value, world.task)
        procedure = _turned_beta(world.procedure, beta)
        given: dict[str, Any] = {
            "wanted": world.wanted,
            "key": world.key,
            "iterations": world.iterations,
        }
        structure, numbers = prepare(procedure, world.task, sampled=world.sampled, **given)
        split = numbers.share is not None
        labels = numbers.source_mass[structure.sources.index("labels")]
        ends.append(_Ends(labels, numbers.share, numbers.weights if split else None))
    return ends[0], ends[1]


def _labels(
    structure: Structure, numbers: Numbers, held: tuple[_Ends, _Ends], value: Array
) -> Numbers:
    right, wrong = held

    def between(beta: Array, one: Any, other: Any) -> Array:
        return beta * one + (1.0 - beta) * other

    copied = jnp.tile(value, structure.copies) if value.ndim else value
    if structure.copies > 1:
        return replace(
            numbers,
            share=between(value, right.share, wrong.share),
            weights=between(copied, right.weights, wrong.weights),
        )
    labels = between(copied, right.labels, wrong.labels)
    place = structure.sources.index("labels")
    return replace(numbers, source_mass=numbers.source_mass.at[place].set(labels))


# Filters: rates of mistakes, through the vote.


def _fresh(procedure: Procedure) -> NoisyFilter | None:
    """Return the filter where its verdicts have probabilities that rates of mistakes give."""
    filt = procedure.filter
    return filt if type(filt) is NoisyFilter and not filt.persistent else None


def _rate(name: str) -> Callable[[Procedure], Any]:
    return lambda procedure: getattr(_fresh(procedure), name, None)


def _turned_filter(name: str) -> Callable[[Procedure, Any], Procedure]:
    def turn(procedure: Procedure, value: Any) -> Procedure:
        value = value if np.ndim(value) else float(value)
        filt = replace(procedure.filter, **{name: value})  # type: ignore[type-var]
        return replace(procedure, filter=filt)

    return turn


def judged(
    structure: Structure, numbers: Numbers, right: bool, accept: Array, reject: Array
) -> Numbers:
    """Return numbers in which responses of one side, right or wrong, are judged so."""

    def put(values: Array, rate: Array) -> Array:
        rate = jnp.tile(rate, structure.copies) if rate.ndim else rate
        if structure.correct is None:
            assert numbers.correct is not None
            return jnp.where((numbers.correct == 1.0) == right, rate, values)
        sides = [rate if side is right else row for side, row in zip(structure.correct, values)]
        return jnp.stack(jnp.broadcast_arrays(*map(jnp.atleast_1d, sides)))

    return replace(numbers, accept=put(numbers.accept, accept), reject=put(numbers.reject, reject))


def _mistaken(*sides: bool) -> Callable[[Structure, Numbers, Any, Array], Numbers]:
    """Return what a rate of mistakes about responses of these sides does to the arrays."""

    def arrays(structure: Structure, numbers: Numbers, held: NoisyFilter, value: Array) -> Numbers:
        for side in sides:
            numbers = judged(structure, numbers, side, *held.judged(value, side))
        return numbers

    return arrays


def _mistakes(name: str, *sides: bool) -> Continuous:
    return Continuous(
        _rate(name),
        _turned_filter(name),
        _mistaken(*sides),
        held=lambda world: world.procedure.filter,
        by_prompt=True,
    )


# Labels: how many, and what they weigh.


def _labelled(procedure: Procedure) -> bool:
    return procedure.labeler is not None


def _weighs(structure: Structure, numbers: Numbers, held: None, value: Array) -> Numbers:
    return replace(numbers, label_weight=value)


def _heavier(procedure: Procedure, task: TableTask) -> Any:
    # A weight of 1 is none, and its program has no place for another.
    return 2.0 if procedure.label_weight == 1.0 else None


def _real_share(procedure: Procedure) -> Any:
    share = procedure.trained_on.share
    return share if np.any(share) else None


# The criterion.


def _difficulty(procedure: Procedure) -> Any:
    # What a rule is called says nothing of what it does.
    rule: Any = procedure.criterion.function
    return rule.temperature if type(rule) is criteria.Difficulty and _labelled(procedure) else None


def _softened(structure: Structure, numbers: Numbers, held: None, value: Array) -> Numbers:
    rate = pass_rates(structure.trials)[[part[0] for part in structure.parts]]
    return replace(numbers, priority=jnp.exp(-rate / value)[:, None])


def _turned_difficulty(procedure: Procedure, value: Any) -> Procedure:
    function = criteria.difficulty(float(value)).function
    return replace(procedure, criterion=replace(procedure.criterion, function=function))


# Learners.


def _of_learner(kind: type, name: str, **given: Any) -> Continuous:
    """Return the number of a learner of some kind; ``given`` as in :class:`Continuous`."""

    def value(procedure: Procedure) -> Any:
        return getattr(procedure.learner, name) if type(procedure.learner) is kind else None

    def turn(procedure: Procedure, value: Any) -> Procedure:
        learner = replace(procedure.learner, **{name: float(value)})  # type: ignore[type-var]
        return replace(procedure, learner=learner)

    def arrays(structure: Structure, numbers: Numbers, held: None, value: Array) -> Numbers:
        own = numbers.learner
        return replace(numbers, learner={**own, name: value} if isinstance(own, dict) else value)

    return Continuous(value, turn, arrays, **given)


def _at(name: str, nothing: float) -> Callable[[Procedure, TableTask], Any]:
    """Return what puts a learner's number inside, where its program has no place for another."""
    return lambda procedure, task: 0.5 if getattr(procedure.learner, name) == nothing else None


# Sharpening.


def _temperature(procedure: Procedure) -> Any:
    return None if procedure.sharpening is None else procedure.sharpening.temperature


def _turned_temperature(procedure: Procedure, value: Any) -> Procedure:
    assert procedure.sharpening is not None
    changed = replace(procedure.sharpening, temperature=float(value))
    return replace(procedure, sharpening=changed)


def _sharpens(procedure: Procedure, task: TableTask) -> Any:
    assert procedure.sharpening is not None
    return None if procedure.sharpening.changes else 0.5


NUMBERS = {
    "beta": Continuous(
        _beta,
        _turned_beta,
        _labels,
        held=_label_ends,
        # At either end a class has no labels, and nothing is known of what they would be there.
        inside=lambda procedure, task: _beta_of(0.5, task),
        by_prompt=True,
    ),
    "gamma": _mistakes("gamma", True, False),
    "false_accept": _mistakes("false_accept", False),
    "false_reject": _mistakes("false_reject", True),
    "budget": Continuous(
        lambda procedure: procedure.budget,
        lambda procedure, value: replace(procedure, budget=plain(value)),
        lambda structure, numbers, held, value: replace(numbers, budget=value),
        scheduled=True,
    ),
    "label_weight": Continuous(
        lambda procedure: (
            procedure.label_weight
            if _labelled(procedure) and procedure.label_share is None
            else None
        ),
        lambda procedure, value: replace(procedure, label_weight=plain(value)),
        _weighs,
        inside=_heavier,
        scheduled=True,
    ),
    "label_share": Continuous(
        lambda procedure: procedure.label_share,
        lambda procedure, value: replace(procedure, label_share=plain(value)),
        _weighs,
        scheduled=True,
    ),
    "real_share": Continuous(
        _real_share,
        lambda procedure, value: procedure.anchored(plain(value)),
        lambda structure, numbers, held, value: replace(numbers, real_share=value),
        scheduled=True,
    ),
    "criterion_temperature": Continuous(_difficulty, _turned_difficulty, _softened),
    "temperature": Continuous(
        _temperature,
        _turned_temperature,
        lambda structure, numbers, held, value: replace(numbers, temperature=value),
        inside=_sharpens,
    ),
    "rate": _of_learner(PolicyGradient, "rate"),
    "reference": _of_learner(PolicyGradient, "reference", inside=_at("reference", 0.0)),
    "slack": _of_learner(StrongLearner, "slack", inside=_at("slack", 0.0)),
    "step": _of_learner(StrongLearner, "step", inside=_at("step", 1.0)),
}
