"""The loop: a procedure on a task for some iterations, exact or sampled, into a trace.

Tables are computed in float64, in the fixed mode of :mod:`boostsim.mode`, and traces hold NumPy
arrays: JAX's switches stay as the user set them, and change no number here.

Seeds run one after another through one compiled program (a CPU overlaps them), so a seed's numbers
cannot depend on which others run beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import xlogy

from boostsim.curation.procedure import Procedure, checked
from boostsim.learners.tabular import Learner
from boostsim.mode import fixed
from boostsim.prices import Prices, priced
from boostsim.progress import track
from boostsim.results import make_trace
from boostsim.simulation.interrupts import unbroken, waited_for
from boostsim.simulation.seeing import FreshPrompts, Seeing, VisitsEach, seeing
from boostsim.simulation.tables import exact
from boostsim.simulation.tables.kernel import first_state, one_step, sampling_of
from boostsim.simulation.tables.learning import State
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.population import right_and_wrong, total
from boostsim.simulation.tables.prepare import check, prepare
from boostsim.simulation.tables.recording import (
    AHEAD,
    Recording,
    check_size,
    numbers_each,
    wanted_records,
)
from boostsim.simulation.tables.sampled import Sampling
from boostsim.simulation.tables.structure import Parameters, Structure
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask
from boostsim.types import as_key, key_text, needed_key, refuse, whole

if TYPE_CHECKING:
    import xarray

__all__ = ["advance", "begin", "simulate", "simulate_table", "traced"]

# Iterations in one compiled call: long runs report progress between calls.
BLOCK = 128


def simulate(
    procedure: Procedure,
    task: TableTask | SequenceTask,
    iterations: int,
    *,
    visits: int | None = None,
    visited_share: float = 1.0,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str] = (),
    prices: Prices | None = None,
    learner: Learner | None = None,
    prompts_per_iteration: int | None = None,
    pool: int | None = None,
    exact: bool = False,
    evaluate: int | None = None,
    devices: int | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> xarray.Dataset:
    """Run a procedure on a task and return its trace.

    Exact without ``visits``: the population, infinitely many visits. With ``visits`` every
    iteration makes v visits to each prompt that is visited, and ``seeds`` independent runs differ
    only in their draws: seed i uses fold_in(key, i), its iteration t fold_in(., t).

    A persistent filter's verdicts are drawn once per seed, from the seed's key, in exact runs too:
    these are exact given the verdicts, need a key and may have several seeds. A persistent labeler
    splits each prompt of an exact run into its possible answers; sampled runs draw one per seed.
    With a budget the answers share it, as they do in the limit of many prompts.

    JAX does not survive a fork: many runs side by side want workers that are spawned, as the text
    of ``help(boostsim)`` shows.

    Args:
        procedure: what an iteration does.
        task: a table task, or one in tokens, which needs a network.
        iterations: T, at least 0.
        visits: v, at least 1; on a table None is an exact run.
        visited_share: probability in (0, 1] that a prompt is visited in an iteration.
        seeds: number of runs, at least 1; 1 where nothing is drawn. Or a range of their numbers,
            on tables: ``range(8, 16)`` are the eight that follow ``seeds=8``.
        key: a ``jax.random.key`` of implementation threefry2x32 or a whole number below 2^32;
            needed where anything is drawn.
        record: on request ``"diversity"``, 1 - sum_y f(y|x)^2, and ``"entropy"`` in nats, both
            averaged over prompts; ``"prompt"``: accuracy and error with a prompt dimension instead
            of averaged, and besides ``labels_by_prompt`` and, where diversity is recorded,
            ``diversity_by_prompt``; ``"rows"``: the model itself, with the dimensions (prompt,
            response), for ``bs.collapse_measures``. Entropy, rows, and diversity in sampled runs
            need every response and cost it.
        prices: what labels, generations, filter calls and iterations cost: then the trace has the
            total ``cost`` so far, see ``bs.priced``.
        learner: the procedure's, where it has none of its own: a ``bs.Transformer``, say, where the
            task is in tokens.
        prompts_per_iteration: prompts drawn in an iteration, one visit to each (default: 2048).
        pool: None draws fresh prompts in every iteration; a number draws so many once for all.
        exact: infinitely many visits to each prompt, as on a table where nothing else is said. With
            ``bs.lookup``, whose prompts can be listed, the transformer is fitted to their law.
        evaluate: prompts of each stratum on which models are measured (default: 100), the same for
            every seed and procedure. They are held out: training never meets one of them. (Of
            ``bs.lookup`` nothing is held out, for an entry cannot be known unless it was seen; all
            entries are measured, exactly, from the rows of the transformer.)
        devices: how many share the work, seeds first, then the batch; None is all that JAX has.
            More than one change the order of sums, so losses agree to rounding only.
        folder: where each seed's state is kept after every iteration; a run that was stopped goes
            on from there to the same numbers. After an upgrade (of JAX, say) it goes on with a
            warning, for last digits may differ, and ``attrs["resumed"]`` of the trace says which
            iterations were computed with what. Another run, criterion or backend is refused.

    Returns:
        An ``xarray.Dataset`` of float64 with dims (seed, iteration), iteration 0 the first model:
        accuracy, error, coverage, and labels, generations, filter_calls per visit, cumulative.
        Procedure, task, key, versions and all else that decides numbers stand in ``attrs``; JAX's
        switches (``JAX_ENABLE_X64`` and its like) do not: see :mod:`boostsim.mode`. With a
        transformer: accuracy of one sampled response and greedy_accuracy, pass_at_k (one of 4
        samples is right), entropy of a response in nats, distinct (share of the 4 samples that
        differ), each also by stratum; the costs, tokens and seconds besides; of each iteration the
        examples made, the mean loss, and of its labels the share that was right and the share of
        right tokens; with ``bs.lookup`` the slack, the total variation distance of the model to
        what it was trained on.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others, for what would
            be more than 2^28 numbers at once (2 GiB; recorded, in an iteration, or in training),
            and for a transformer whose training diverges.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=100, solvable=0.0)
        >>> trace = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, iterations=3)
        >>> trace.error.values.round(6)
        array([[1.   , 0.5  , 0.25 , 0.125]])
    """
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        raise ValueError(
            "simulate must be called outside of jit; use bs.kernel there, whose step is a pure "
            "function"
        )
    if prices is not None and not isinstance(prices, Prices):
        raise refuse("prices", "a bs.Prices", prices)
    procedure = checked(procedure, learner)
    # What provenance cannot hold is refused before the run, not after it.
    procedure.describe()
    amount: dict[str, Any] = {
        "visits": visits,
        "visited_share": visited_share,
        "prompts_per_iteration": prompts_per_iteration,
        "pool": pool,
        "exact": exact,
    }
    others: dict[str, Any] = {"evaluate": evaluate, "devices": devices, "folder": folder}
    if isinstance(task, SequenceTask):
        _left_out("in tokens", visited_share=(visited_share, 1.0), record=(record, ()))
        how = seeing(**amount, otherwise=FreshPrompts())
        from boostsim.simulation.tokens.neural import simulate_tokens

        trace = simulate_tokens(procedure, task, how, iterations, seeds, key, **others)
    else:
        check(procedure, task)
        drawn = {"prompts_per_iteration": prompts_per_iteration, "pool": pool}
        _left_out("a table", **{name: (value, None) for name, value in (drawn | others).items()})
        trace = simulate_table(procedure, task, seeing(**amount), iterations, seeds, key, record)
    return trace if prices is None else priced(trace, prices)


def _left_out(kind: str, **given: tuple[Any, Any]) -> None:
    """Refuse what has no place with such a task; each argument comes with its default."""
    for name, (value, default) in given.items():
        if value is not default and (default is None or value != default):
            raise refuse(name, f"left out where the task is {kind}", value)


def simulate_table(
    procedure: Procedure,
    task: TableTask,
    how: Seeing,
    iterations: int,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str] = (),
) -> xarray.Dataset:
    """Run a procedure on a table; the arguments of :func:`simulate`."""
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    numbers = seeds if isinstance(seeds, range) else range(whole("seeds", seeds, 1))
    if not numbers or numbers.start < 0 or numbers.step != 1 or numbers.stop > 2**32:
        allowed = "a range of numbers from 0 on, one after another, below 2^32"
        raise refuse("seeds", allowed, seeds)
    sampling, wanted = sampling_of(how), wanted_records(record)
    each = how if isinstance(how, VisitsEach) else None
    if each is not None:
        whole("visits x attempts", each.visits * procedure.attempts, 1)
    check_size(task, wanted, len(numbers), iterations)
    persistent = draws(procedure, sampled=sampling is not None)
    keys: list[jax.Array | None] = [None]
    if persistent or sampling is not None:
        key = needed_key(key, "in a sampled run" if sampling else "where verdicts persist")
        keys = [jax.random.fold_in(key, seed) for seed in numbers]
    elif numbers != range(1):
        raise refuse("seeds", "1 in an exact run", seeds, "Give visits for a sampled run.")
    elif procedure.criterion.remembers:
        # A rule may draw in exact runs too.
        keys = [jax.random.fold_in(as_key(0 if key is None else key), 0)]
    elif key is not None:
        # Not needed, but a mistake all the same.
        as_key(key)

    def programs() -> Iterator[Program]:
        made = None
        for seed_key in keys:
            if made is None or persistent:
                made = prepare(
                    procedure, task, sampled=sampling is not None, wanted=wanted, key=seed_key
                )
            yield *made, sampling

    recording, copies = Recording(len(keys), iterations + 1), 1
    with fixed(double=True), waited_for(recording.begun):
        # Long blocks of long rows would take as much memory as the trace.
        most = max(1, min(BLOCK, AHEAD // numbers_each(task, wanted)))
        runs = zip(programs(), keys, strict=True)
        for number, (program, seed_key) in enumerate(track(runs, "seeds", len(keys))):
            copies = program[0].copies
            _run(program, seed_key, iterations, wanted, most, recording, number)
        variables = recording.variables()
    _check_priorities(procedure, task, copies, variables.pop("invalid"))
    attributes = {
        "level": _level(procedure, sampling),
        "procedure": procedure.describe(),
        "task": json.dumps(task.describe(), sort_keys=True),
        "visits": "unlimited" if each is None else each.visits,
        "visited_share": 1.0 if each is None else each.visited_share,
        "key": "none" if keys[0] is None else key_text(as_key(0 if key is None else key)),
    }
    return traced(procedure, task, variables, attributes).assign_coords(seed=list(numbers))


def traced(
    procedure: Procedure,
    task: TableTask,
    variables: dict[str, np.ndarray],
    attributes: dict[str, Any],
) -> xarray.Dataset:
    """Return the trace of what was recorded, ``[seed, iteration]``, costs added up."""
    for name in variables.keys() & {"labels", "labels_by_prompt"}:
        variables[name] = np.cumsum(variables[name], axis=1, out=variables[name])
    generated = procedure.attempts if procedure.filter.generates else 0
    # An iteration in which nobody was visited costs nothing.
    made = np.cumsum(variables.pop("visited"), axis=1)
    variables["generations"] = generated * made
    judged = np.cumsum(variables.pop("judged"), axis=1)
    variables["filter_calls"] = procedure.filter.looks * (generated * made + judged)
    return make_trace(variables, task.prompt_weights, attributes)


def _level(procedure: Procedure, sampling: Sampling | None) -> str:
    if sampling is not None:
        return "sampled"
    return "exact given the verdicts" if draws(procedure, sampled=False) else "exact"


def _measure(
    structure: Structure, parameters: Parameters, state: State, wanted: frozenset[str]
) -> dict[str, Any]:
    mass, weights = exact.masses(state), parameters.weights
    right, wrong = right_and_wrong(structure, parameters, mass)

    def average(values: Any) -> Any:
        # A weighted mean of probabilities; rounding of the weights must not lift it above one.
        return jnp.minimum(jnp.sum(weights * values), 1.0)

    by_prompt = "prompt" in wanted
    measured = {
        "accuracy": _merged(parameters, right) if by_prompt else average(right),
        "error": _merged(parameters, wrong) if by_prompt else average(wrong),
        "coverage": average((right > 0.0) * 1.0),
    }
    if "diversity" in wanted:
        diversity = exact.diversity(structure, parameters, state)
        measured["diversity"] = average(diversity)
        if by_prompt:
            measured["diversity_by_prompt"] = _merged(parameters, diversity)
    if "entropy" in wanted:
        measured["entropy"] = jnp.sum(weights * total(-xlogy(mass, mass)))
    if "rows" in wanted:
        measured["rows"] = jnp.stack([_merged(parameters, each) for each in mass], axis=-1)
    return measured


def _merged(parameters: Parameters, values: jax.Array) -> jax.Array:
    """Average over the copies of each prompt."""
    if parameters.share is None:
        return values
    copies = values.reshape(parameters.share.shape)
    return jnp.minimum(jnp.sum(parameters.share * copies, axis=0), 1.0)


Program = tuple[Structure, Parameters, Sampling | None]


def _run(
    program: Program,
    key: jax.Array | None,
    iterations: int,
    wanted: frozenset[str],
    most: int,
    recording: Recording,
    number: int,
) -> None:
    """Record the measurements of one seed, block by block; the first model is a block of its own.

    A block is of ``most`` iterations at most.
    """
    structure, parameters, sampling = program
    state, row = begin(structure, wanted, parameters, sampling)
    recording.add(number, 0, {name: value[None] for name, value in row.items()})
    starts = range(0, iterations, most)
    for start in track(starts, "iterations", len(starts)):
        length = min(most, iterations - start)
        with unbroken():
            state, rows = advance(
                structure, wanted, length, parameters, sampling, key, start, state
            )
            recording.add(number, start + 1, rows)
        recording.write_some()


@partial(jax.jit, static_argnums=(0, 1))
def begin(
    structure: Structure,
    wanted: frozenset[str],
    parameters: Parameters,
    sampling: Sampling | None,
) -> tuple[State, dict[str, jax.Array]]:
    """Return the first model and what is recorded of it."""
    state = first_state(structure, parameters, sampling)
    nothing = {
        "labels": jnp.zeros(()),
        "visited": jnp.zeros(()),
        "judged": jnp.zeros(()),
        "invalid": jnp.array(-1, jnp.int32),
    }
    measured = _measure(structure, parameters, state, wanted)
    if "prompt" in wanted:
        nothing["labels_by_prompt"] = jnp.zeros_like(measured["error"])
    return state, {**measured, **nothing}


@partial(jax.jit, static_argnums=(0, 1, 2))
def advance(
    structure: Structure,
    wanted: frozenset[str],
    length: int,
    parameters: Parameters,
    sampling: Sampling | None,
    key: jax.Array | None,
    start: int,
    state: State,
) -> tuple[State, dict[str, jax.Array]]:
    """Return the model after so many iterations and what is recorded of each."""

    def iteration(state: State, number: jax.Array) -> tuple[State, dict[str, jax.Array]]:
        fresh = None if key is None else jax.random.fold_in(key, number)
        state, info = one_step(structure, parameters, sampling, fresh, state)
        spent = {
            "labels": info.labels,
            "visited": info.visited,
            "invalid": info.invalid,
            "judged": info.judged,
        }
        if "prompt" in wanted:
            spent["labels_by_prompt"] = _merged(parameters, info.labels_by_prompt)
        return state, {**_measure(structure, parameters, state, wanted), **spent}

    return lax.scan(iteration, state, start + jnp.arange(length))


def _check_priorities(
    procedure: Procedure, task: TableTask, copies: int, invalid: np.ndarray
) -> None:
    bad = np.argwhere(invalid >= 0)
    if not len(bad):
        return
    seed, iteration = (int(i) for i in bad[0])
    accepted, cell = divmod(int(invalid[seed, iteration]), copies * task.prompts)
    raise ValueError(
        f"criterion {procedure.criterion.name!r} must return finite priorities of at least 0; it "
        f"did not in iteration {iteration} of seed {seed}, first on the visits to prompt "
        f"{cell % task.prompts} with {accepted} of {procedure.attempts} accepted"
    )
