"""The loop on tables: a procedure for some iterations, exact or sampled, into a trace.

Tables are computed in float64. Seeds run one after another through one compiled program (a CPU
overlaps them), so a seed's numbers cannot depend on which others run beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from boostsim.arguments import refuse, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import as_key, key_text, needed_key
from boostsim.mode import fixed
from boostsim.progress import track
from boostsim.results import make_trace
from boostsim.simulation.interrupts import unbroken, waited_for
from boostsim.simulation.seeing import Seeing, VisitsEach
from boostsim.simulation.tables.iterating import begin, opening, proceed, room_for
from boostsim.simulation.tables.keeping import Begun, Keeping, keeping, taken_up
from boostsim.simulation.tables.kernel import sampling_of
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import measured_beta, own_parts
from boostsim.simulation.tables.programs import Programs, prepared, told_visits
from boostsim.simulation.tables.recording import (
    AHEAD,
    LAWS,
    QUANTILES,
    Recording,
    block_of,
    check_priorities,
    check_size,
    numbers_each,
    wanted_records,
)
from boostsim.simulation.tables.sampled import Sampling
from boostsim.simulation.until import Until, carried, checked_until
from boostsim.statistics import Statistic, Wanted, described_on, statistics_in
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

# Iterations in one compiled call: long runs report progress between calls. Where a run may end
# early, few are computed in vain.
BLOCK, FEW_AHEAD = 128, 16


def simulate_table(
    procedure: Procedure,
    task: TableTask,
    how: Seeing,
    iterations: int,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str | Statistic] | Statistic = (),
    pass_at: tuple[int, ...] = (),
    until: Until | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> xarray.Dataset:
    """Run a procedure on a table; the arguments of ``bs.simulate``."""
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    chosen = chosen_seeds(seeds)
    sampling, wanted = sampling_of(how), wanted_records(record)
    if wanted & set(LAWS):
        allowed = "left out where a run is not exact at finite visits (visits=v, exact=True)"
        hint = "Over prompts there is 'accuracy_quantiles'."
        raise refuse("record", allowed, sorted(wanted & set(LAWS)), hint)
    described_on(statistics_in(wanted), task.responses)
    until = checked_until(until, sampled=sampling is not None)
    each = how if isinstance(how, VisitsEach) else None
    if each is not None:
        each.lasting(iterations)
        whole("visits x attempts", each.most * procedure.most_attempts, 1)
        whole("visits x labels_per_visit", each.most * procedure.labels_per_visit, 1)
    check_size(task, wanted, pass_at, len(chosen), iterations)
    persistent = draws(procedure, sampled=sampling is not None)
    keys: list[jax.Array | None] = [None]
    if persistent or sampling is not None:
        key = needed_key(key, "in a sampled run" if sampling else "where verdicts persist")
        keys = [jax.random.fold_in(key, seed) for seed in chosen]
    elif chosen != range(1):
        raise refuse("seeds", "1 in an exact run", seeds, "Give visits for a sampled run.")
    elif procedure.criterion.remembers:
        # A rule may draw in exact runs too.
        keys = [jax.random.fold_in(as_key(0 if key is None else key), 0)]
    elif key is not None:
        # Not needed, but a mistake all the same.
        as_key(key)

    def attributes() -> dict[str, Any]:
        drawn = None if keys[0] is None else as_key(0 if key is None else key)
        ends = {} if until is None else {"until": until.describe()}
        return attributes_of(procedure, task, _level(procedure, sampling), how, drawn) | ends

    made: Programs | None = None
    recording, copies = Recording(len(keys), iterations + 1), 1
    told = procedure, task, attributes, wanted, pass_at, iterations
    place = keeping(folder, told, chosen, iterations, recording)
    with fixed(double=True), waited_for(recording.begun), place as kept:
        # Long blocks of long rows would take as much memory as the trace.
        row = numbers_each(task, wanted, pass_at)
        most = max(1, min(BLOCK, AHEAD // row))
        some = most if until is None else min(most, FEW_AHEAD)
        block = some, room_for(min(iterations, some), most, row)
        ended: list[int | None] = []
        if until is not None and until.absorbed:
            wanted |= {"absorbed"}
        for number, seed_key in enumerate(track(keys, "seeds", len(keys))):
            begun = None if kept is None else kept.begun(number)
            if begun is not None and begun.whole:
                recording.add(number, 0, begun.rows)
                ended.append(begun.ended)
                continue
            if made is None or persistent:
                ways: dict[str, Any] = {"sampled": sampling is not None, "iterations": iterations}
                made = prepared(procedure, task, wanted=wanted, key=seed_key, **ways)
            copies = made.first[0].copies
            given = (
                (made, sampling),
                seed_key,
                iterations,
                wanted,
                pass_at,
                block,
                recording,
                number,
            )
            ended.append(_run(*given, until, task.prompt_weights, kept, begun))
        variables = recording.variables()
    if until is not None:
        variables.pop("absorbed", None)
        variables, variables["ended"] = carried(variables, ended)
    check_priorities(procedure, task, copies, variables.pop("invalid"))
    about = attributes() | ({} if kept is None else kept.store.resumed)
    trace = traced(procedure, task, variables, about, wanted).assign_coords(seed=list(chosen))
    if "accuracy_quantiles" in wanted:
        trace = trace.assign_coords(quantile=list(QUANTILES))
    return trace.assign_coords(k=list(pass_at)) if pass_at else trace


def chosen_seeds(seeds: int | range) -> range:
    """Return the numbers of the seeds that are asked for."""
    chosen = seeds if isinstance(seeds, range) else range(whole("seeds", seeds, 1))
    if not chosen or chosen.start < 0 or chosen.step != 1 or chosen.stop > 2**32:
        allowed = "a range of numbers from 0 on, one after another, below 2^32"
        raise refuse("seeds", allowed, seeds)
    return chosen


def attributes_of(
    procedure: Procedure, task: TableTask, level: str, how: Seeing, key: jax.Array | None
) -> dict[str, Any]:
    """Return where the numbers of a run come from."""
    each = how if isinstance(how, VisitsEach) else None
    return {
        "level": level,
        "procedure": procedure.describe(),
        "task": json.dumps(task.describe(), sort_keys=True),
        "visits": "unlimited" if each is None else told_visits(each),
        "visited_share": 1.0 if each is None else each.visited_share,
        "key": "none" if key is None else key_text(key),
        **measured_beta(procedure, task),
        **own_parts(procedure, task),
    }


def traced(
    procedure: Procedure,
    task: TableTask,
    variables: dict[str, np.ndarray],
    attributes: dict[str, Any],
    wanted: Wanted = frozenset(),
) -> xarray.Dataset:
    """Return the trace of what was recorded, ``[seed, iteration]``, costs added up."""
    own = statistics_in(wanted)
    if own:
        told = described_on(own, task.responses)
        attributes = {**attributes, "statistics": json.dumps(told, sort_keys=True)}

    def running(values: np.ndarray) -> np.ndarray:
        return np.cumsum(values, axis=1, out=values)

    generates, looks = procedure.filter.generates, procedure.filter.looks
    each = procedure.most_attempts
    if isinstance(procedure.attempts, tuple):
        tried = np.array((0, *procedure.attempts), float)[: variables["visited"].shape[1]]
        variables, each = {**variables, "visited": variables["visited"] * tried}, 1
    counted = totals(variables, each, generates, looks, running)
    return make_trace(counted, task.prompt_weights, attributes)


def totals(
    variables: dict[str, Any],
    attempts: int,
    generates: Any,
    looks: Any,
    running: Callable[[Any], Any],
) -> dict[str, Any]:
    """Return what was recorded of each iteration with its costs added up.

    Args:
        variables: as :func:`advance` names them.
        attempts: k.
        generates: 1 (or True) where visits make attempts, else 0.
        looks: of the filter at one response.
        running: sums of an array so far, over iterations.
    """
    variables = dict(variables)
    for name in variables.keys() & {"labels", "labels_by_prompt"}:
        variables[name] = running(variables[name])
    # An iteration in which nobody was visited costs nothing.
    made = attempts * generates * running(variables.pop("visited"))
    if "generations" in variables:
        # Attempts stopped when they did.
        made = generates * running(variables["generations"])
    judged = running(variables.pop("judged"))
    return {**variables, "generations": made, "filter_calls": looks * (made + judged)}


def _level(procedure: Procedure, sampling: Sampling | None) -> str:
    if sampling is not None:
        return "sampled"
    return "exact given the verdicts" if draws(procedure, sampled=False) else "exact"


Program = tuple[Programs, Sampling | None]
Rows = dict[str, jax.Array]


def _run(
    program: Program,
    key: jax.Array | None,
    iterations: int,
    wanted: Wanted,
    pass_at: tuple[int, ...],
    block: tuple[int, int],
    recording: Recording,
    number: int,
    until: Until | None,
    weights: np.ndarray,
    kept: Keeping | None,
    begun: Begun | None,
) -> int | None:
    """Record the measurements of one seed, block by block; the first model is a block of its own.

    ``block`` is of how many iterations blocks are, and the room of their program. Where what is
    waited for has come true the run ends, and the iteration is returned. What was begun is gone on
    from, and what is made is kept.
    """
    programs, sampling = program
    structure, numbers = programs.first
    plain, unasked = opening(structure, wanted, numbers)
    state, row = begin(plain, wanted, unasked, sampling, pass_at)
    after, state = taken_up(begun, state)
    rows: Mapping[str, Any] = block_of(row)
    if begun is not None:
        rows = {name: values[: after + 1] for name, values in begun.rows.items()}
    recording.add(number, 0, rows)
    seen = None
    if until is not None:
        seen = {name: np.asarray(values) for name, values in rows.items()}
        if begun is None and until.met(seen, None, weights) is not None:
            return 0 if kept is None else kept.ended(number, 0, 0, state)
    some, room = block
    blocks = [each for each in programs.blocks(iterations, some) if each[0] >= after]
    lasting = after, state
    for start, length, (structure, numbers) in track(blocks, "iterations", len(blocks)):
        with unbroken():
            given = numbers, sampling, key, start, length, state, row, pass_at
            state, rows = proceed(structure, wanted, room, *given)
            recording.add(number, start + 1, rows, length)
        recording.write_some()
        if until is not None and seen is not None:
            before = {name: values[-1:] for name, values in seen.items()}
            seen = {name: np.asarray(values)[:length] for name, values in rows.items()}
            met = until.met(seen, before, weights)
            if met is not None:
                at = start + 1 + met
                return at if kept is None else kept.ended(number, at, *lasting)
        done = start + length
        # A block that the end of the run cut short is a longer one in a longer run.
        lasting = (done, state) if length == some or done < iterations else lasting
        if kept is not None:
            kept.done(number, done, *lasting, rows)
    if kept is not None and not blocks:
        kept.done(number, iterations, *lasting)
    return None
