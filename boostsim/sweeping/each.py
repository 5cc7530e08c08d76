"""A sweep whose points are runs of their own: of tasks in tokens, each by simulate, as jobs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import refuse, sized
from boostsim.curation.criterion import is_own_rule
from boostsim.curation.labelers import drifting
from boostsim.curation.procedure import Procedure
from boostsim.jobs import Job, run_jobs
from boostsim.keys import as_key, key_text
from boostsim.objects import described
from boostsim.said import RESPONSES
from boostsim.simulation.run import simulate
from boostsim.simulation.seeing import FreshPrompts, seeing
from boostsim.simulation.tables.recording import wanted_records
from boostsim.simulation.until import Until
from boostsim.statistics import known_by, statistics_in
from boostsim.store import Piece, opened
from boostsim.sweeping.over import Axis, chosen
from boostsim.tasks.sequences import SequenceTask
from boostsim.versions import Function, Functions, together

if TYPE_CHECKING:
    import xarray

# In the arrays of a piece, before the name of a coordinate.
COORDINATE = "at-"


def in_tokens(task: Any, axes: tuple[Axis, ...]) -> bool:
    """Return whether a task, or one that is gone over, is in tokens."""
    tasks = [each for axis in axes if "task" in axis.names for each in axis.of("task")]
    return any(isinstance(each, SequenceTask) for each in (task, *tasks))


def jobs_of(
    procedure: Procedure,
    task: Any,
    iterations: Any,
    axes: tuple[Axis, ...],
    reduce: Any,
    how: dict[str, Any],
) -> list[Job]:
    """Return a job for each point, in order.

    Raises:
        ValueError: for a procedure that cannot be what it is to be; it says at which point.
    """
    if isinstance(reduce, Until) or reduce not in ("last", "all"):
        raise refuse("reduce", "'last' or 'all' where the task is in tokens", reduce)
    sized("over", int(np.prod([axis.size for axis in axes], dtype=object)), "points")
    jobs = []
    for number, places in enumerate(itertools.product(*(range(axis.size) for axis in axes))):
        here = [*zip(axes, places, strict=True)]
        values = {name: each for axis, place in here for name, each in axis.at(place).items()}
        # Visits are no part of a procedure.
        own = how | ({"visits": values.pop("visits")} if "visits" in values else {})
        try:
            there, on = chosen(procedure, task, values)
        except ValueError as error:
            where = ", ".join(axis.told(place) for axis, place in here)
            raise ValueError(f"over at {where}: {error}") from None
        jobs.append(Job(f"point-{number}", simulated, (there, on, iterations, reduce, own)))
    return jobs


def simulated(
    procedure: Procedure, task: Any, iterations: int, reduce: str, how: Mapping[str, Any]
) -> Piece:
    """Return a run as a piece."""
    trace = simulate(procedure, task, iterations, **how)
    if reduce == "last":
        trace = trace.isel(iteration=-1)
    variables = {name: [[*each.dims], each.attrs] for name, each in trace.data_vars.items()}
    coordinates = {name: [[*each.dims], each.attrs] for name, each in trace.coords.items()}
    arrays = {str(name): each.values for name, each in trace.data_vars.items()}
    arrays |= {f"{COORDINATE}{name}": each.values for name, each in trace.coords.items()}
    return Piece({"variables": variables, "coordinates": coordinates, "attrs": trace.attrs}, arrays)


def sweep_each(
    jobs: list[Job],
    axes: tuple[Axis, ...],
    told: dict[str, Any],
    folder: Path | None,
    scheduler: Any,
) -> xarray.Dataset:
    """Return the runs of the points, labelled; of variables those that all of them have.

    Args:
        jobs: of :func:`jobs_of`.
        axes: what is gone over.
        told: what the sweep is, as JSON can hold it.
        folder, scheduler: see :func:`boostsim.sweep`.
    """
    import xarray

    # What a point is, in the words of its run: two works differ where these do.
    points: list[dict[str, Any]] = []
    functions: list[Functions] = []
    for job in jobs:
        procedure, task, iterations, reduce, how = job.arguments
        key = how.get("key")
        own = {
            "procedure": json.loads(procedure.describe()),
            "task": task.describe(),
            "iterations": iterations,
            "reduce": reduce,
            **{
                name: described(each) for name, each in how.items() if name not in ("key", "record")
            },
            "seeds": str(how.get("seeds")),
            "key": None if key is None else key_text(as_key(key)),
        }
        if folder is not None:
            told_so, does = _own_rules(procedure, task, how)
            own |= told_so
            functions.append(does)
        points.append(own)
    with opened(folder, {"kind": "sweep", "points": points}, together(functions)) as store:
        pieces = run_jobs(jobs, scheduler=scheduler, store=store, description="sweep")
    first, rest = pieces[0], pieces[1:]
    shape, dimensions = [axis.size for axis in axes], [axis.dimension for axis in axes]
    data = {}
    for name, (dims, attrs) in first.told["variables"].items():
        alike = [
            each.told["variables"].get(name, [None])[0] == dims
            and each.arrays[name].shape == first.arrays[name].shape
            for each in rest
        ]
        if all(alike):
            stacked = np.stack([each.arrays[name] for each in pieces])
            data[name] = ([*dimensions, *dims], stacked.reshape(*shape, *stacked.shape[1:]), attrs)
    used = {each for dims, _, _ in data.values() for each in dims}
    coordinates: dict[Any, Any] = {
        name: (dims, first.arrays[f"{COORDINATE}{name}"], attrs)
        for name, (dims, attrs) in first.told["coordinates"].items()
        if used.issuperset(dims)
    }
    for axis in axes:
        coordinates |= axis.coordinates()
    common = {
        name: each
        for name, each in first.told["attrs"].items()
        if all(other.told["attrs"].get(name) == each for other in rest)
    }
    return xarray.Dataset(data, coordinates, {**common, **told, **store.resumed})


def _own_rules(
    procedure: Procedure, task: Any, how: Mapping[str, Any]
) -> tuple[dict[str, Any], Functions]:
    """Return what parts of one's own in a run compute, which no name tells, and functions."""
    from boostsim.simulation.tokens.loop import make_run
    from boostsim.simulation.tokens.watching import watched

    amount = {name: how[name] for name in ("visits", "visited_share") if name in how}
    run = make_run(procedure, task, seeing(**amount, otherwise=FreshPrompts()))
    asked = wanted_records(how.get("record", ()), (RESPONSES,))
    statistics, functions = known_by(statistics_in(asked), len(task.symbols))
    for part in watched(run):
        if part.slot != "criterion" or is_own_rule(procedure.criterion):
            said = Function(part.program, np.asarray(part.behaviour, float))
            functions[f"{part.slot} {part.name!r}"] = said
    told: dict[str, Any] = {"record": sorted(each for each in asked if isinstance(each, str))}
    told |= {"statistics": statistics, "functions": sorted(functions)}
    return told | drifting(procedure.labeler), functions
