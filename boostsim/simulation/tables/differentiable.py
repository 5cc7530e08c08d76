"""An exact run as a pure function of its continuous numbers: differentiated, mapped, compiled.

:func:`exact_rows` is the run itself, of arrays; :func:`population` is it for users, of numbers by
name. ``bs.design`` and the falsifier go through the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from boostsim.arguments import Words, real, refuse, unknown, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import as_key, needed_key
from boostsim.mode import fixed, needs_double
from boostsim.simulation.tables.continuous import NUMBERS, World
from boostsim.simulation.tables.iterating import advance, begin
from boostsim.simulation.tables.loop import totals
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import check, prepare
from boostsim.simulation.tables.recording import (
    LAWS,
    RECORDS,
    check_priorities,
    check_size,
    wanted_records,
)
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.statistics import Statistic, Wanted, described_on, statistics_in
from boostsim.tasks.table import TableTask


def exact_rows(
    structure: Structure,
    wanted: Wanted,
    iterations: int,
    numbers: Numbers,
    key: jax.Array | None = None,
) -> dict[str, Array]:
    """Return what an exact run records of iterations 0..T, ``[iterations + 1, ...]`` each."""
    state, first = begin(structure, wanted, numbers, None)
    _, rows = advance(structure, wanted, iterations, numbers, None, key, 0, state)
    return {name: jnp.concatenate([first[name][None], rows[name]]) for name in first}


def added_up(rows: dict[str, Array], attempts: int, generates: Any, looks: Any) -> dict[str, Array]:
    """Return what :func:`exact_rows` does, with costs added up: in order, as a trace adds them."""

    def running(values: Array) -> Array:
        def add(so_far: Array, value: Array) -> tuple[Array, Array]:
            return so_far + value, so_far + value

        return lax.scan(add, jnp.zeros_like(values[0]), values)[1]

    return totals(rows, attempts, generates, looks, running)


_added_up = jax.jit(added_up, static_argnums=(1, 2, 3))


@dataclass(frozen=True, eq=False)
class Run:
    """An exact run, as :func:`population` returns it: a function of its continuous numbers.

    Attributes:
        values: where the procedure's continuous numbers stand, by name: what may be given.
    """

    values: dict[str, Any]
    _world: World = field(repr=False)
    _iterations: int = field(repr=False)
    _prepared: dict[frozenset[str], Any] = field(repr=False, default_factory=dict)

    def __call__(self, values: Mapping[str, Any] | None = None) -> dict[str, Array]:
        """Return the arrays of the trace, ``[iterations + 1, ...]``, with the numbers there.

        Args:
            values: numbers by name, which JAX may trace; the others stay the procedure's.

        Raises:
            ValueError: outside of ``with jax.enable_x64(True):``, for an unknown name, for another
                shape, and, where a number is known and not traced, for one out of range.
        """
        needs_double("population")
        given = self._checked({} if values is None else values)
        names = frozenset(given)
        if names not in self._prepared:
            self._prepared[names] = self._prepare(names)
        structure, numbers, held = self._prepared[names]
        procedure, task = self._world.procedure, self._world.task
        with fixed(double=None):
            for name, value in given.items():
                numbers = NUMBERS[name].arrays(structure, numbers, held[name], value)
            # What is known beforehand is not folded into the program.
            numbers = lax.optimization_barrier(numbers)
            rows = exact_rows(
                structure, self._world.wanted, self._iterations, numbers, self._world.key
            )
            invalid = rows.pop("invalid")
            if not isinstance(invalid, jax.core.Tracer):
                check_priorities(procedure, task, structure.copies, np.asarray(invalid)[None])
            told = procedure.attempts, procedure.filter.generates, procedure.filter.looks
            return _added_up(rows, *told)

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Return the numbers as arrays."""
        if not isinstance(values, Mapping):
            raise refuse("values", "a dictionary from names to numbers", values)
        procedure, given = self._world.procedure, {}
        for name, value in values.items():
            if name not in self.values:
                if not self.values:
                    raise refuse("values", "empty: the procedure has no continuous number", name)
                raise unknown("values", name, self.values)
            if not isinstance(value, jax.core.Tracer):
                try:
                    value = real(value)
                except (TypeError, ValueError, OverflowError):
                    raise refuse(
                        f"values[{name!r}]", "a number or an array of them", value
                    ) from None
            self._check_shape(name, np.shape(value))
            if not isinstance(value, jax.core.Tracer):
                try:
                    NUMBERS[name].turn(procedure, value)
                except ValueError as error:
                    raise ValueError(f"values[{name!r}]: {error}") from None
            given[name] = jnp.asarray(value, float)
        return given

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Refuse what is neither one number nor one for each prompt or iteration."""
        number, prompts, each, fits = NUMBERS[name], self._world.task.prompts, "", False
        if number.by_prompt:
            each, fits = f"each of {prompts} prompts", shape == (prompts,)
        elif number.scheduled:
            least = self._iterations
            each, fits = f"each of {least} iterations", len(shape) == 1 and shape[0] >= least
        if shape and not fits:
            allowed = f"one number{f', or one for {each}' if each else ''}"
            raise refuse(f"values[{name!r}]", allowed, Words(f"shape {shape}"))

    def _prepare(self, names: frozenset[str]) -> tuple[Structure, Numbers, dict[str, Any]]:
        """Return the program that has a place for these numbers, and the arrays of the others."""
        world = self._world
        procedure = world.procedure
        for name in sorted(names):
            inside = NUMBERS[name].inside(procedure, world.task)
            if inside is not None:
                procedure = NUMBERS[name].turn(procedure, inside)
        world = world._replace(procedure=procedure)
        with fixed(double=True), jax.ensure_compile_time_eval():
            given: dict[str, Any] = {
                "wanted": world.wanted,
                "key": world.key,
                "iterations": world.iterations,
            }
            structure, numbers = prepare(procedure, world.task, sampled=False, **given)
            return structure, numbers, {name: NUMBERS[name].held(world) for name in names}


def population(
    procedure: Procedure,
    task: TableTask,
    iterations: int,
    *,
    record: Iterable[str | Statistic] | Statistic = (),
    key: jax.Array | int | None = None,
) -> Run:
    """Return the exact run of a procedure as a pure function of its continuous numbers.

    The function takes a dictionary and returns one: from numbers by name to the arrays of the trace
    (accuracy, error, coverage, labels, generations, filter_calls and what is recorded besides, each
    ``[iterations + 1, ...]``, iteration 0 the first model; costs are cumulative). ``jax.grad``,
    ``jax.jvp``, ``jax.vmap`` and ``jax.jit`` work on it. It computes in float64, so call it inside
    ``with jax.enable_x64(True):``. Without any number, ``run({})``, its arrays are those of
    :func:`boostsim.simulate`, bit for bit; inside a program of your own, or where a number is
    given, which JAX then computes with, they are so up to rounding.

    The names are those that the procedure has, with their values in ``run.values``:

    - ``beta`` of a weak labeler without rows, a number or ``[prompts]``; on a prompt without any
      correct response it stays 0, without any wrong one 1;
    - ``gamma``, or ``false_accept`` and ``false_reject``, of a noisy filter with fresh noise, a
      number or ``[prompts]``, of one look: through the vote it becomes an incomplete beta function;
    - ``budget``, ``label_weight``, ``label_share``, ``real_share``, numbers or one for each
      iteration, where there is one (a weight wherever there are labels);
    - ``temperature`` of :class:`boostsim.Sharpening`, above 0; ``criterion_temperature`` of
      ``bs.criteria.difficulty`` (which ``bs.design`` calls temperature);
    - ``rate`` and ``reference`` of a policy gradient, ``slack`` and ``step`` of a strong learner.

    Slopes: the run is smooth inside of its domain but where a budget changes whom it is spent on
    last. At an end of the domain (a beta or gamma of 0 or 1, no budget, no slack) the slope is that
    of the inside, one-sided; where a budget just pays for everyone, up to rounding that of a larger
    one, 0; where it just pays for one priority and the next begins, up to rounding that of a
    smaller one. None is NaN, unless masses or rates that are not 0 are so small, below 1e-100 say,
    that powers of their inverses overflow. Coverage, which counts prompts, has no slope, nor has a
    criterion's threshold that is crossed, which is a jump; the entropy of a response without mass
    counts none, for there it is infinite.

    Jumps: at some ends the value itself jumps, and is there that of the procedure with this number.
    A reference above 0, however small, forbids what f_0 lacks, and one of 0 does not; a geometric
    step below 1 never learns what the model lacks, and one of 1 does. The slope along such a number
    is there that of the responses that both rows have, as if the others had no pull; slopes along
    the other numbers are those of the procedure. Likewise a row stays where nothing is left to
    train on (at no budget, say, where nothing is accepted), and has no slope along that number.

    Args:
        procedure: what an iteration does.
        task: a table task.
        iterations: T, at least 0.
        record: as of :func:`boostsim.simulate`: ``"diversity"``, ``"entropy"``, ``"prompt"``,
            ``"rows"``.
        key: where verdicts persist or a criterion draws: seed 0 of ``bs.simulate``.

    Raises:
        ValueError: for an argument out of range; when called, outside of the context, and for a
            name that the procedure has not, or a number that it cannot be.

    Example:
        >>> import jax
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=20, solvable=0.0)
        >>> run = population(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, 3)
        >>> run.values
        {'beta': 0.5, 'gamma': 0.0, 'label_weight': 1.0, 'slack': 0.0, 'step': 1.0}
        >>> with jax.enable_x64(True):
        ...     slope = jax.grad(lambda values: run(values)["error"][3])({"beta": 0.5})
        >>> round(slope["beta"].item(), 12)  # of (1 - beta)^3
        -0.75
    """
    check(procedure, task)
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    wanted = wanted_records(record, tuple(name for name in RECORDS if name not in LAWS))
    described_on(statistics_in(wanted), task.responses)
    check_size(task, wanted, (), 1, iterations)
    seed = None
    if draws(procedure, sampled=False):
        seed = jax.random.fold_in(needed_key(key, "where verdicts persist"), 0)
    elif procedure.criterion.remembers:
        seed = jax.random.fold_in(as_key(0 if key is None else key), 0)
    elif key is not None:
        # Not needed, but a mistake all the same.
        as_key(key)
    stands = {name: number.value(procedure) for name, number in NUMBERS.items()}
    values = {name: value for name, value in stands.items() if value is not None}
    run = Run(values, World(procedure, task, wanted, seed, iterations), iterations)
    # What does not fit is refused here.
    run._prepared[frozenset()] = run._prepare(frozenset())
    return run
