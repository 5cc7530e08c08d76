"""Finite visits, exactly: a prompt is a Markov chain on what its examples can be (T21).

Where nothing ties prompts together, what v visits give depends on the prompt's own row alone, and
the next row on what they give alone: on the examples by class, divided by their number. So the rows
that a prompt can ever have, after its first one, are finitely many, and the same for all prompts
that have the same filter, labeler, noise and real data. The probabilities of a visit are those of
exact and sampled runs (:mod:`boostsim.simulation.tables.population`), and what is learned from
examples is what :mod:`boostsim.simulation.tables.learning` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from boostsim.arguments import refuse, sized, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import needed_key
from boostsim.mode import fixed
from boostsim.progress import announced
from boostsim.simulation.tables.compositions import composed, law_of_sums, multinomials, sums
from boostsim.simulation.tables.learning import learn
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import check, prepare
from boostsim.simulation.tables.state import State
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.untied import checked_alone
from boostsim.simulation.tables.visiting import Visit, alone, padded, seen_by, sides_of, visit_of
from boostsim.tasks.table import TableTask

# A chain holds one number for each pair of states (512 MiB); sums of visits are more than states.
MOST_STATES, MOST_SUMS = 2**13, 2**17
# Numbers of a law before sums that lead to the same model are added up.
AT_ONCE = 2**23


@dataclass(frozen=True)
class Moves:
    """Where one iteration leads from models, and what it costs there.

    Attributes:
        state: the probability of each state, ``[states, models]``.
        stay: that there is no example, so that the model stays as it is, ``[models]``.
        labels: expected labels per visit, ``[models]``.
        generations: expected attempts per visit, of those that stop when one is accepted.
    """

    state: Float[np.ndarray, "states models"]
    stay: Float[np.ndarray, "models"]
    labels: Float[np.ndarray, "models"]
    generations: Float[np.ndarray, "models"]


@dataclass(frozen=True)
class Space:
    """The rows that prompts of one kind can have, and how visits lead to them.

    Attributes:
        structure: what the chain is specialised to.
        numbers: of one such prompt.
        visit: what a visit can give.
        units: how many of them are independent.
        steps: how sums of visits go on, see :func:`sums`; None where they are multinomial.
        into: the state of each sum, or -1 where there is no example.
        rows: the model in each state, ``[classes, states]``, the least accurate first.
    """

    structure: Structure
    numbers: Numbers
    visit: Visit
    units: int
    steps: list[Int[np.ndarray, "kinds before"]] | None
    into: Int[np.ndarray, "sums"]
    rows: Float[np.ndarray, "classes states"]

    def moves(self, mass: Float[np.ndarray, "classes models"], iteration: int = 1) -> Moves:
        """Return where an iteration, counted from 1, leads from models."""
        from scipy.sparse import csr_array

        states, models = self.rows.shape[1], mass.shape[1]
        (reached,) = np.nonzero(self.into >= 0)
        shape = states, len(self.into)
        collect = csr_array((np.ones(len(reached)), (self.into[reached], reached)), shape=shape)
        seen = seen_by(self.structure, self.numbers, mass, iteration)
        chances = self.visit.chances(self.structure, seen)
        state, stay = np.empty((states, models)), np.zeros(models)
        each = max(1, AT_ONCE // len(self.into))
        for start in range(0, models, each):
            some = slice(start, start + each)
            if self.steps is None:
                law = multinomials(self.units, chances[:, some])
            else:
                law = law_of_sums(self.steps, chances[:, some])
            state[:, some] = collect @ law
            if len(reached) < len(law):
                stay[some] = law[self.into < 0].sum(axis=0)
        return Moves(state, stay, seen.labels, seen.generations)

    def measured(
        self, mass: Float[np.ndarray, "classes models"]
    ) -> tuple[Float[np.ndarray, "models"], Float[np.ndarray, "models"]]:
        """Return the accuracy and the error of models."""
        return sides_of(self.structure, self.numbers, mass)


def _space_of(structure: Structure, numbers: Numbers, visits: int) -> Space:
    """Return the rows that a prompt with these numbers can have after so many visits.

    Raises:
        ValueError: for more than :data:`MOST_STATES` of them.
    """
    visit = visit_of(structure, numbers)
    size = _size(structure, numbers, visit, visits)
    if size is None:
        fit = _what_fits(structure, numbers, visit, visits)
        raise refuse(
            "visits",
            f"so few that a prompt has at most {MOST_STATES:,} states, exact at finite visits "
            f"(here: at most {fit} visits)",
            visits,
            "Sampled runs take any number: leave exact out, and give seeds and a key.",
        )
    return size


def _what_fits(structure: Structure, numbers: Numbers, visit: Visit, visits: int) -> int:
    """Return the most visits whose states are few enough, by bisection.

    Doubled as long as they fit: none of what is tried has many more states than may be.
    """
    low, high = 0, visits
    while high - low > 1:
        middle = min(2 * low + 1, (low + high) // 2)
        fits = _size(structure, numbers, visit, middle) is not None
        low, high = (middle, high) if fits else (low, middle)
    return low


def _size(structure: Structure, numbers: Numbers, visit: Visit, visits: int) -> Space | None:
    """Return the space of so many visits, or None where it has too many states or sums."""
    units = visits * structure.attempts if visit.single else visits
    kinds = len(visit.kinds)
    if visit.apart:
        if math.comb(units + kinds - 1, kinds - 1) > MOST_SUMS:
            return None
        steps, points = None, composed(units, kinds) @ visit.kinds
    else:
        found = sums(units, visit.kinds, MOST_SUMS)
        if found is None:
            return None
        points, steps = found
    examples = _by_class(structure, numbers, points)
    keys: dict[tuple[int, ...], int] = {}
    into = np.full(len(points), -1)
    first: list[int] = []
    anchored = structure.anchored
    for place, counts in enumerate(examples):
        if not any(counts) and not anchored:
            continue
        # Without real examples only their shares count.
        common = 1 if anchored else math.gcd(*counts)
        key = tuple(count // common for count in counts)
        into[place] = keys.setdefault(key, len(keys))
        if len(keys) > len(first):
            first.append(place)
        if len(keys) > MOST_STATES:
            return None
    taught = learned(structure, numbers, _amounts(structure, numbers, points[first]), visits)
    rows, same = different(taught)
    into = np.append(same, -1)[into]
    right, _ = sides_of(structure, numbers, rows)
    order = np.argsort(right, kind="stable")
    place_of = np.append(np.argsort(order), -1)
    return Space(structure, numbers, visit, units, steps, place_of[into], rows[:, order])


def different(
    rows: Float[np.ndarray, "classes sums"],
) -> tuple[Float[np.ndarray, "classes states"], Int[np.ndarray, "sums"]]:
    """Return the rows that differ by more than rounding, and which of them each one is.

    With real data, or all slack, different sums may teach the same: two states there would be one
    that a prompt still goes on from when it is solved for ever.
    """
    known: dict[tuple[str, ...], int] = {}
    told = [tuple(f"{mass:.12e}" for mass in row) for row in rows.T.tolist()]
    same = np.array([known.setdefault(row, len(known)) for row in told], dtype=int)
    _, first = np.unique(same, return_index=True)
    return rows[:, first], same


def _by_class(
    structure: Structure, numbers: Numbers, points: Int[np.ndarray, "sums parts"]
) -> list[tuple[int, ...]]:
    """Return what sums weigh in each class, as whole numbers on one scale."""
    if structure.weighing is None:
        return [tuple(counts) for counts in points.tolist()]
    # The number as it is written: 0.3 is 3/10, so that sums that are equal on paper are one state.
    weight = Fraction(repr(float(np.asarray(numbers.label_weight))))
    classes = points.shape[1] // 2
    return [
        tuple(
            weight.denominator * kept + weight.numerator * label
            for kept, label in zip(counts[:classes], counts[classes:], strict=True)
        )
        for counts in points.tolist()
    ]


def _amounts(
    structure: Structure, numbers: Numbers, points: Int[np.ndarray, "sums parts"]
) -> Float[np.ndarray, "classes sums"]:
    """Return what sums weigh in each class."""
    counts = points.T.astype(float)
    if structure.weighing is None:
        return counts
    classes = len(counts) // 2
    return counts[:classes] + np.asarray(numbers.label_weight) * counts[classes:]


def learned(
    structure: Structure, numbers: Numbers, amounts: Float[np.ndarray, "classes sums"], visits: int
) -> Float[np.ndarray, "classes sums"]:
    """Return the models that are learned from so much in each class; there is some of each."""
    count = amounts.shape[1]
    if count == 0:
        # Where nothing is accepted and nothing labelled there is never an example.
        return amounts
    rows = _after(structure, numbers, padded(amounts), jnp.asarray(float(visits)))
    return np.asarray(rows)[:, :count]


@partial(jax.jit, static_argnums=0)
def _after(
    structure: Structure, numbers: Numbers, counts: Float[Array, "classes sums"], visits: Array
) -> Float[Array, "classes sums"]:
    before = State(jnp.zeros_like(counts)[None])
    numbers = numbers.at(jnp.ones(()) if numbers.changes else None)
    after = learn(structure, numbers, before, [counts], jnp.sum(counts, axis=0), visits)
    return after.mass[0]


@dataclass(frozen=True)
class Chain:
    """Prompts that share their states: a Markov chain, and how each prompt enters it.

    A prompt keeps its first row as long as it gets no example, and from then on is in one of the
    states. Where not every prompt is visited in each iteration, all probabilities are of one that
    is.

    Attributes:
        space: what it was made from.
        accuracy, error: of each state, ``[states]``, the least accurate first.
        transition: the probability to go from one state (first axis) to another.
        labels, generations: expected, per visit, in each state.
        prompts: the numbers of the prompts, or of their copies, see ``Structure.copies``.
        entry: of each prompt its place among the first rows that differ.
        initial_accuracy, initial_error: of these.
        start: the probability to go from them to each state, ``[first rows, states]``.
        stay: to stay there.
        start_labels, start_generations: expected, per visit, there.
    """

    space: Space
    accuracy: Float[np.ndarray, "states"]
    error: Float[np.ndarray, "states"]
    transition: Float[np.ndarray, "states states"]
    labels: Float[np.ndarray, "states"]
    generations: Float[np.ndarray, "states"]
    prompts: Int[np.ndarray, "prompts"]
    entry: Int[np.ndarray, "prompts"]
    initial_accuracy: Float[np.ndarray, "rows"]
    initial_error: Float[np.ndarray, "rows"]
    start: Float[np.ndarray, "rows states"]
    stay: Float[np.ndarray, "rows"]
    start_labels: Float[np.ndarray, "rows"]
    start_generations: Float[np.ndarray, "rows"]


def chains(
    procedure: Procedure, task: TableTask, visits: int, key: jax.Array | int | None = None
) -> tuple[Chain, ...]:
    """Return the law of every prompt at finite visits: one chain for all that share their states.

    Args:
        procedure: what an iteration does; nothing in it may tie prompts together.
        task: a table task.
        visits: v, visits to each prompt.
        key: where verdicts persist: of the seed, as ``fold_in(key, i)`` for seed i.

    Raises:
        ValueError: for what ties prompts together, and for too many states.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> (chain,) = chains(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, 2)
        >>> chain.accuracy, chain.start
        (array([0. , 0.5, 1. ]), array([[0.0625, 0.375 , 0.5625]]))
    """
    check(procedure, task)
    visits = whole("visits", visits, 1)
    drawn = needed_key(key, "where verdicts persist") if draws(procedure, sampled=False) else None
    with fixed(double=True):
        structure, numbers = prepare(procedure, task, sampled=False, key=drawn)
        structure = checked_alone(procedure, structure, numbers)
        return tuple(
            chain_of(space, kind, numbers) for space, kind in spaces(structure, numbers, visits)
        )


def kinds_of(numbers: Numbers) -> list[tuple[int, Int[np.ndarray, "prompts"]]]:
    """Return which prompts share all numbers but their first row: one of them, and all of them."""
    prompts = numbers.source_mass.shape[-1]
    parts = [np.asarray(numbers.source_mass)[1:].reshape(-1, prompts)]
    parts += [
        np.asarray(each).reshape(-1, prompts)
        for each in (
            *(numbers.accept, numbers.reject, numbers.correct),
            *(numbers.choice or {}).values(),
        )
        if each is not None and each.shape[-1] == prompts
    ]
    _, first, kind = np.unique(
        np.concatenate(parts), axis=1, return_index=True, return_inverse=True
    )
    return [(int(one), np.flatnonzero(kind == number)) for number, one in enumerate(first)]


def first_rows(
    numbers: Numbers, prompts: Int[np.ndarray, "prompts"]
) -> tuple[Float[np.ndarray, "classes rows"], Int[np.ndarray, "prompts"]]:
    """Return the first rows of prompts, each once, and the place of each prompt's among them."""
    rows, entry = np.unique(
        np.asarray(numbers.source_mass)[0][:, prompts], axis=1, return_inverse=True
    )
    return rows, entry


def spaces(
    structure: Structure, numbers: Numbers, visits: int
) -> list[tuple[Space, Int[np.ndarray, "prompts"]]]:
    """Return the states of each kind of prompt, and which prompts are of it.

    Raises:
        ValueError: for chains that would be too many numbers together.
    """
    found, asked = [], 0
    for one, prompts in kinds_of(numbers):
        space = _space_of(structure, alone(numbers, one), visits)
        states, rows = space.rows.shape[1], first_rows(numbers, prompts)[0].shape[1]
        asked += states * (states + rows)
        sized("visits", asked, "states x (states + first rows), of each kind of prompt")
        found.append((space, prompts))
    return found


def chain_of(
    space: Space, prompts: Int[np.ndarray, "prompts"], numbers: Numbers, iteration: int = 1
) -> Chain:
    """Return the chain of an iteration on these states, and how the prompts enter it."""
    rows, entry = first_rows(numbers, prompts)
    states = space.rows.shape[1]
    with announced(f"chain of {states:,} states"):
        within, entering = space.moves(space.rows, iteration), space.moves(rows, iteration)
    within.state[np.diag_indices(states)] += within.stay
    accuracy, error = space.measured(space.rows)
    initial_accuracy, initial_error = space.measured(rows)
    return Chain(
        space=space,
        accuracy=accuracy,
        error=error,
        transition=within.state.T,
        labels=within.labels,
        generations=within.generations,
        prompts=prompts,
        entry=entry,
        initial_accuracy=initial_accuracy,
        initial_error=initial_error,
        start=entering.state.T,
        stay=entering.stay,
        start_labels=entering.labels,
        start_generations=entering.generations,
    )
