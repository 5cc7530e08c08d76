"""The door: a procedure over a plane of its parameters."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import as_path, choice, flag, refuse, sized, whole
from boostsim.curation.filters import described_filter
from boostsim.curation.labeler import described_labeler
from boostsim.curation.procedure import Procedure, checked
from boostsim.keys import as_key, key_text, needed_key
from boostsim.mode import fixed
from boostsim.objects import described
from boostsim.results import DESCRIPTIONS, make_trace
from boostsim.simulation.seeing import VisitsEach
from boostsim.simulation.tables.loop import attributes_of, chosen_seeds
from boostsim.simulation.tables.prepare import check
from boostsim.simulation.tables.programs import told_visits
from boostsim.simulation.tables.recording import (
    LAWS,
    QUANTILES,
    RECORDS,
    numbers_each,
    wanted_records,
)
from boostsim.simulation.until import Until, checked_until
from boostsim.statistics import Statistic, described_on, statistics_in
from boostsim.sweeping.each import in_tokens, jobs_of, sweep_each
from boostsim.sweeping.groups import Asked, Worlds, groups_of
from boostsim.sweeping.over import Axis, axes_of, seeing_over
from boostsim.sweeping.placing import devices_of, held, shared
from boostsim.sweeping.plan import SweepPlan, plan_of
from boostsim.sweeping.running import Take, part_of, rules_in, run_parts
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
UNITS |= {f"{name}i": 2 ** (10 * power) for power, name in enumerate("kmgt", 1)}


def sweep(
    procedure: Procedure,
    task: TableTask | SequenceTask,
    iterations: int,
    *,
    over: Mapping[Any, Any],
    visits: int | Sequence[int] | None = None,
    visited_share: float = 1.0,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str | Statistic] | Statistic = (),
    reduce: str | Until = "last",
    folder: str | os.PathLike[str] | None = None,
    memory: int | str | None = None,
    devices: int | None = None,
    scheduler: Any = None,
    dry_run: bool = False,
) -> xarray.Dataset | SweepPlan:
    """Run a procedure at every point of a plane of its parameters, and return one trace of all.

    A point is what :func:`boostsim.simulate` returns there, to rounding (which in a run that is
    drawn may turn a draw into its mirror image, where a chance is 1/2 but for its last digit).
    Among sweeps of one ``record`` and ``reduce`` its numbers depend on its parameters and seed
    alone: they are the same to the last bit whatever other points there are, in whatever order and
    chunks, on how many devices and of how many processes. Numbers (those of
    :func:`boostsim.population`) are moved within a program, many points side by side; whatever else
    changes is grouped by the programs that it needs, and each of these is compiled once.

    Args:
        procedure: what an iteration does, where ``over`` says nothing else.
        task: a table task; or one in tokens, where every point is a run of its own.
        iterations: T, at least 0.
        over: from names to values. A name is a number (``"beta"``, ``"gamma"``, ``"budget"``, ...),
            ``"votes"`` of a noisy filter, ``"visits"``, a slot of the procedure (``"attempts"``,
            ``"filter"``, ``"labeler"``, ``"regime"``, ...), ``"procedure"`` or ``"task"``. Values
            are numbers, or text (criteria by their names), or truth values; others come with
            labels, ``{label: value}``.
            Every name is a dimension, and every combination a point; names in a tuple change
            together, along one dimension of their names joined by commas:
            ``{("beta", "gamma"): [(0.1, 0.2), ...]}``.
        visits, visited_share: as of :func:`boostsim.simulate`: with visits, here or in ``over``,
            runs are drawn.
        seeds: of runs that are drawn, or in which verdicts persist. Seed i of every point uses
            fold_in(key, i), as of :func:`boostsim.simulate`: points have random numbers in common,
            so differences between them are less noisy than each of them.
        key: where anything is drawn, or verdicts persist; as of :func:`boostsim.simulate`.
        record: as of :func:`boostsim.simulate`.
        reduce: ``"last"``, what a trace has at its last iteration; ``"all"``, every iteration; or a
            ``bs.Until``: what it has when that has come true, or at its end.
        folder: where finished chunks are kept; a later run with the same arguments goes on.
        devices: how many to use of those that this process has; None is all. Blocks are shared
            between them, and each runs the same program: no number changes. Of one CPU, runs that
            are drawn are, where they take long, shared between as many processes of this machine as
            there are processors; they end with the call. Where there are several
            processes (``jax.distributed``) all make the same call, each makes pieces of its own,
            and every one returns the whole.
        memory: most bytes that blocks under way take, or text such as ``"2GB"``; by default a
            quarter of what is free. It changes no number.
        scheduler: the address of a Dask scheduler whose workers make the chunks, or a
            ``distributed.Client``; None makes them here. It changes no number, and a folder is the
            same with and without; of each worker ``memory`` and ``devices`` are its own.
        dry_run: whether to say what it would take instead, see below.

    Returns:
        An ``xarray.Dataset`` with the dimensions of ``over``, in order, then those of a trace:
        seed, and with ``"all"`` iteration; with a ``bs.Until`` also ``ended``, the iteration at
        which it came true, NaN where it never did. Of a dry run the numbers of points, compiled
        programs, chunks, bytes, and estimated seconds.

    Raises:
        RuntimeError: where a process that the call had started was killed.
        ValueError: for an argument that is out of range, with its name and place; for what the
            procedure has no number of; and for more than 2^28 numbers in the result.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=10, solvable=0.0)
        >>> rule = bs.boosting(labeler=bs.WeakLabeler(0.5))
        >>> swept = sweep(rule, task, 3, over={"beta": [0.25, 0.5]})
        >>> swept.error.dims, swept.error.values[:, 0].round(6).tolist()
        (('beta', 'seed'), [0.421875, 0.125])
    """
    if isinstance(jnp.zeros(()), jax.core.Tracer):
        raise ValueError("sweep must be called outside of jit; bs.population can be called there")
    procedure = checked(procedure)
    procedure.describe()
    axes = axes_of(over)
    if in_tokens(task, axes):
        how: dict[str, Any] = {"seeds": seeds, "key": key, "record": record}
        how |= {} if visits is None else {"visits": visits}
        how |= {} if visited_share == 1.0 else {"visited_share": visited_share}
        jobs = jobs_of(procedure, task, iterations, axes, reduce, how)
        if flag("dry_run", dry_run):
            return SweepPlan(len(jobs), len(jobs), len(jobs), 0, float("nan"), "a run of its own")
        place = None if folder is None else as_path("folder", folder)
        return sweep_each(jobs, axes, _over_told(axes, reduce), place, scheduler)
    given: Any = task
    check(procedure, given)
    assert isinstance(task, TableTask)
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    chosen = chosen_seeds(seeds)
    seen = seeing_over(axes, visits, visited_share)
    if isinstance(seen, VisitsEach):
        needed_key(key, "in a sampled run")
    wanted = wanted_records(record, tuple(name for name in RECORDS if name not in LAWS))
    described_on(statistics_in(wanted), task.responses)
    if isinstance(reduce, Until):
        checked_until(reduce, sampled=isinstance(seen, VisitsEach))
    else:
        choice("reduce", reduce, ("last", "all"))
    budget = None if memory is None else _as_bytes("memory", memory)
    path = None if folder is None else as_path("folder", folder)
    dry, used = flag("dry_run", dry_run), devices_of(devices)
    with fixed(double=True):
        base = as_key(0 if key is None else key)
        keys = tuple(jax.random.fold_in(base, seed) for seed in chosen)
        given = None if key is None else base
        drawn = keys, chosen, seen, given
        asked = Asked(procedure, task, iterations, axes, *drawn, wanted, reduce)
        _check_size(asked)
        worlds = Worlds(asked)
        parts = [part_of(worlds, group) for group in groups_of(worlds)]
        if dry:
            return plan_of(worlds, parts, budget, used)
        own, functions = ({}, {}) if path is None else rules_in(asked, parts)
        with held(path, _about(asked, base) | own, functions) as store:
            run = partial(run_parts, worlds, parts, store, budget, devices, scheduler)
            variables = _computed(asked, run)
        return _dataset(worlds, variables, list(chosen), base).assign_attrs(store.resumed)


def _computed(asked: Asked, run: Callable[[Take], None]) -> dict[str, np.ndarray]:
    """Return what is recorded of every point, by whichever process it was computed."""
    variables: dict[str, np.ndarray] = {}
    points = int(np.prod(asked.shape))

    def put(places: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        for name, values in arrays.items():
            if name not in variables:
                variables[name] = np.empty((points, *values.shape[1:]))
            variables[name][places] = values

    if jax.process_count() == 1:
        run(put)
        return variables
    mine: list[np.ndarray] = []
    error = ""

    def put_mine(places: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
        mine.append(places)
        put(places, arrays)

    try:
        run(put_mine)
    except ValueError as problem:
        # The others wait: they are to know.
        error = str(problem)
    where = np.concatenate(mine) if mine else np.zeros(0, int)
    own = {name: values[where] for name, values in variables.items()}
    for found in shared({"places": where, **own}, error):
        put(found.pop("places"), found)
    return variables


def _as_bytes(name: str, got: int | str) -> int:
    """Return a number of bytes, given as one or as text.

    Example:
        >>> _as_bytes("memory", "2GB"), _as_bytes("memory", "1.5 KiB"), _as_bytes("memory", 10)
        (2000000000, 1536, 10)
    """
    if not isinstance(got, str):
        return whole(name, got, 1)
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([kmgt]i?|)b?\s*", got.lower())
    if not found:
        raise refuse(name, "bytes, such as 2000000000 or '2GB' or '512MiB'", got)
    size = float(found[1]) * UNITS[found[2]]
    if size > 2**53:
        raise refuse(name, f"at most {2**53} bytes", got)
    return whole(name, int(size), 1)


def _check_size(asked: Asked) -> None:
    each = numbers_each(asked.task, asked.wanted)
    iterations = asked.iterations + 1 if asked.reduce == "all" else 1
    points = int(np.prod(asked.shape, dtype=object))
    sized("over", points * iterations * each, f"{points:,} points x {iterations} x {each:,}")
    tasks = [axis for axis in asked.axes if "task" in axis.names]
    apart = asked.wanted & {"prompt", "rows"} or any(
        not each.average for each in statistics_in(asked.wanted)
    )
    if tasks and apart:
        raise refuse("record", "of averages over prompts where the task changes", asked.wanted)


def _drawn(asked: Asked) -> dict[str, Any]:
    """Return how much is seen, as JSON can hold it; nothing of infinitely many visits."""
    if not isinstance(asked.how, VisitsEach):
        return {}
    over = any("visits" in axis.names for axis in asked.axes)
    visits = "over" if over else told_visits(asked.how)
    return {"visits": visits, "visited_share": asked.how.visited_share}


def _told(name: str, value: Any) -> Any:
    """Return a value as JSON can hold it."""
    telling: dict[str, Any] = {"filter": described_filter, "labeler": described_labeler}
    telling["procedure"] = lambda each: json.loads(each.describe())
    return telling.get(name, described)(value)


def _axis_told(axis: Axis) -> Any:
    """Return what an axis goes over, as JSON can hold it; many numbers by a hash."""
    if axis.labels is None:
        return {name: described(axis.of(name)) for name in axis.names}
    told = {name: [_told(name, each) for each in axis.of(name)] for name in axis.names}
    return {"labels": axis.labels.tolist(), **told}


def _over_told(axes: tuple[Axis, ...], reduce: str | Until) -> dict[str, str]:
    """Return what a sweep went over, and what of each run it has, for provenance."""
    over = {axis.dimension: _axis_told(axis) for axis in axes}
    asked = reduce.describe() if isinstance(reduce, Until) else reduce
    return {"over": json.dumps(over, sort_keys=True), "reduce": asked}


def _about(asked: Asked, key: jax.Array) -> dict[str, Any]:
    """Return what decides the pieces of a sweep."""
    reduce = asked.reduce
    names = [each if isinstance(each, str) else each.name for each in asked.wanted]
    return {
        "kind": "sweep",
        "procedure": json.loads(asked.procedure.describe()),
        "task": asked.task.describe(),
        "iterations": asked.iterations,
        # Points are numbered in it.
        "order": [axis.dimension for axis in asked.axes],
        "over": {axis.dimension: _axis_told(axis) for axis in asked.axes},
        "seeds": [key_text(each) for each in asked.seeds],
        **_drawn(asked),
        "record": sorted(names),
        "reduce": reduce.describe() if isinstance(reduce, Until) else reduce,
    }


def _dataset(
    worlds: Worlds, variables: dict[str, np.ndarray], seeds: list[int], key: jax.Array
) -> xarray.Dataset:
    """Return what was recorded of each point, labelled."""
    asked, reduce = worlds.asked, worlds.asked.reduce
    told = attributes_of(
        asked.procedure, asked.task, worlds.level, asked.how, key if worlds.drawn else None
    )
    told |= _over_told(asked.axes, reduce) | _drawn(asked)
    own = statistics_in(asked.wanted)
    if own:
        about = described_on(own, asked.task.responses)
        told["statistics"] = json.dumps(about, sort_keys=True)
    every = reduce == "all"
    ended = variables.pop("ended", None)
    if not every:
        variables = {name: values[:, None] for name, values in variables.items()}
    # Of one point, unless values of one's own are to be looked at: it numbers what it labels.
    few = variables if own else {name: values[:1] for name, values in variables.items()}
    trace = make_trace(few, asked.task.prompt_weights, told)
    if not every:
        trace = trace.isel(iteration=0)
        trace = (
            trace.drop_vars("iteration")
            if isinstance(reduce, Until)
            else trace.assign_coords(iteration=trace.iteration.copy(data=asked.iterations))
        )
    return _unfolded(trace, variables, asked, ended, seeds)


def _unfolded(
    trace: xarray.Dataset,
    variables: dict[str, np.ndarray],
    asked: Asked,
    ended: np.ndarray | None,
    seeds: list[int],
) -> xarray.Dataset:
    """Return variables of points, labelled as a trace is, with a dimension for each axis."""
    import xarray

    dimensions = [*(axis.dimension for axis in asked.axes), "seed"]
    data: dict[Any, Any] = {
        name: (
            [*dimensions, *each.dims[1:]],
            variables[str(name)].reshape(*asked.shape, *each.shape[1:]),
            each.attrs,
        )
        for name, each in trace.data_vars.items()
    }
    if ended is not None:
        units, text = DESCRIPTIONS["ended"]
        about = {"units": units, "long_name": text}
        data["ended"] = (dimensions, ended.reshape(asked.shape), about)
    coordinates: dict[Any, Any] = {
        name: each for name, each in trace.coords.items() if name != "seed"
    }
    for axis in asked.axes:
        coordinates |= axis.coordinates()
    coordinates["seed"] = seeds
    if "accuracy_quantiles" in asked.wanted:
        coordinates["quantile"] = list(QUANTILES)
    return xarray.Dataset(data, coordinates, trace.attrs)
