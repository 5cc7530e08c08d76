"""A run at finite visits, exactly: expectations over all that visits may show, into a trace.

What is asked of a prompt after t iterations is the expectation of a function of its row.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, Int

from boostsim.arguments import as_path, refuse, sized, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import as_key, needed_key
from boostsim.mode import fixed
from boostsim.progress import track
from boostsim.simulation.seeing import ExactVisits
from boostsim.simulation.tables.accumulating import grown
from boostsim.simulation.tables.finite import first_rows, kinds_of, spaces
from boostsim.simulation.tables.following import MEASURED, Steps, followed, laws_of, of_models
from boostsim.simulation.tables.keeping import UNTOLD, told_of
from boostsim.simulation.tables.loop import attributes_of, chosen_seeds, traced
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.programs import prepared
from boostsim.simulation.tables.recording import LAWS, QUANTILES, check_size, wanted_records
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.untied import checked_alone
from boostsim.simulation.tables.visiting import alone
from boostsim.simulation.until import Until, carried, checked_until
from boostsim.statistics import Statistic, Wanted, average_of, described_on, statistics_in
from boostsim.store import Piece, opened
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

# Of prompts, their places among first rows, and what is expected of these, iteration by iteration.
Found = tuple[Int[np.ndarray, "prompts"], Int[np.ndarray, "prompts"], Iterator[np.ndarray]]


def simulate_finite(
    procedure: Procedure,
    task: TableTask,
    how: ExactVisits,
    iterations: int,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str | Statistic] | Statistic = (),
    pass_at: tuple[int, ...] = (),
    until: Until | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> xarray.Dataset:
    """Return the trace of the law of every prompt; the arguments of ``bs.simulate``."""
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    how.lasting(iterations)
    chosen, wanted = chosen_seeds(seeds), wanted_records(record)
    within = sorted(map(str, wanted & {"diversity", "entropy", "rows"}))
    if within:
        allowed = "left out in a run that is exact at finite visits, which tells responses apart "
        raise refuse("record", allowed + "only by right and wrong", within)
    if "accuracy_quantiles" in wanted:
        hint = "Of the law of a prompt drawn from mu there is 'quantiles'."
        allowed = "left out in a run that is exact at finite visits"
        raise refuse("record", allowed, ["accuracy_quantiles"], hint)
    described_on(statistics_in(wanted), task.responses)
    if how.visited_share < 1.0 and np.ptp(task.prompt_weights) > 1e-12:
        allowed = "1 in a run that is exact at finite visits, where prompt_weights differ"
        raise refuse("visited_share", allowed, how.visited_share)
    until = checked_until(until, sampled=False)
    check_size(task, wanted, pass_at, len(chosen), iterations)
    keys: list[jax.Array | None] = [None]
    persistent = draws(procedure, sampled=False)
    if persistent:
        key = needed_key(key, "where verdicts persist")
        keys = [jax.random.fold_in(key, seed) for seed in chosen]
    elif chosen != range(1):
        raise refuse("seeds", "1 in an exact run", seeds, "Leave exact out for a sampled run.")
    elif key is not None:
        # Not needed, but a mistake all the same.
        as_key(key)
    level = "exact at finite visits" + (", given the verdicts" if persistent else "")

    def attributes() -> dict[str, Any]:
        drawn = as_key(key) if persistent and key is not None else None
        ends = {} if until is None else {"until": until.describe()}
        return attributes_of(procedure, task, level, how, drawn) | ends

    about = UNTOLD
    if folder is not None:
        about = told_of(procedure, task, attributes, wanted, pass_at, iterations)
    with opened(None if folder is None else as_path("folder", folder), *about) as store:

        def made(number: int) -> dict[str, Any]:
            told = procedure, task, how, iterations, keys[number], wanted, pass_at, until
            # Kept whole: from what its law was nothing goes on.
            name = f"seed-{chosen[number]}-iterations-{iterations}"
            piece = store.made(name, lambda: _piece(_run(*told)))
            return {**piece.arrays, **piece.told}

        runs = [made(number) for number in track(range(len(keys)), "seeds", len(keys))]
    ended = [run.pop("ended") for run in runs]
    support = _on_one_support(runs) if "law" in wanted else None
    variables = _stacked(runs)
    if until is not None:
        variables, variables["ended"] = carried(variables, ended)
    trace = traced(procedure, task, variables, attributes() | store.resumed, wanted)
    trace = trace.assign_coords(seed=list(chosen))
    if pass_at:
        trace = trace.assign_coords(k=list(pass_at))
    if "quantiles" in wanted:
        trace = trace.assign_coords(quantile=list(QUANTILES))
    if support is not None:
        words = {"units": "probability", "long_name": "accuracy of a prompt"}
        trace = trace.assign_coords(value=("value", support, words))
    return trace


def _piece(run: dict[str, Any]) -> Piece:
    return Piece({"ended": run.pop("ended")}, run)


def _stacked(runs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the variables of all seeds, ``[seed, iteration, ...]``; the longest says how long."""
    longest = max(len(run["error"]) for run in runs)
    room = {
        name: np.zeros((len(runs), longest, *values.shape[1:])) for name, values in runs[0].items()
    }
    for seed, run in enumerate(runs):
        for name, values in run.items():
            room[name][seed, : len(values)] = values
    return room


def _on_one_support(runs: list[dict[str, np.ndarray]]) -> np.ndarray:
    """Write the laws of all seeds on the accuracies that any of them can have, and return these."""
    own = [run.pop("support") for run in runs]
    support = np.unique(np.concatenate(own))
    for run, values in zip(runs, own, strict=True):
        law = np.zeros((len(run["law"]), len(support)))
        law[:, np.searchsorted(support, values)] = run["law"]
        run["law"] = law
    return support


def _run(
    procedure: Procedure,
    task: TableTask,
    how: ExactVisits,
    iterations: int,
    key: jax.Array | None,
    wanted: Wanted,
    pass_at: tuple[int, ...],
    until: Until | None,
) -> dict[str, Any]:
    """Return the measurements of one seed, ``[iteration, ...]``, and when it ended, or None."""
    with fixed(double=True):
        programs = prepared(
            procedure, task, sampled=False, wanted=wanted, key=key, iterations=iterations
        )
        structure, numbers = programs.first
        own = statistics_in(wanted)
        plain = not (own or wanted & set(LAWS))
        alone_by = {
            attempts: (checked_alone(procedure, *made, grows=plain), made[1])
            for attempts, made in programs.made.items()
        }
        structure, _ = alone_by[programs.attempts[0]]
        share, copies = how.visited_share, numbers.weights.shape[0]
        chains: list[Steps] = []
        found: list[Found] = []
        if structure.accumulates or structure.draws is not None:
            for name, given in (("attempts", programs.attempts), ("visits", how.each)):
                if len(set(given)) > 1:
                    allowed = "one number where data accumulate, exactly at finite visits"
                    raise refuse(name, allowed, given)
            found = [*_accumulating(structure, numbers, how, iterations, pass_at)]
        else:
            last = max(len(programs.attempts), len(how.each))
            seen = [(programs.attempts_at(each), how.at(each)) for each in range(1, last + 1)]
            settings = list(dict.fromkeys(seen))
            found_by = [spaces(*alone_by[attempts], visits) for attempts, visits in settings]
            order = [settings.index(each) for each in seen]
            for kinds in zip(*found_by, strict=True):
                prompts = kinds[0][1]
                steps = Steps([space for space, _ in kinds], order, prompts, numbers)
                chains.append(steps)
                expected = followed(steps, pass_at, share, wanted)
                found.append((prompts, steps.first.entry, expected))
        rows: list[dict[str, np.ndarray]] = []
        before, ended = None, None
        spent = _costs(structure, task, share, np.zeros((2, task.prompts)), 0.0, wanted)
        for _ in track(range(iterations + 1), "iterations", iterations + 1):
            values = np.empty((len(MEASURED) + len(pass_at) + len(own), copies))
            for prompts, entry, each in found:
                values[:, prompts] = next(each)[:, entry]
            if numbers.share is not None:
                by_copy = values.reshape(len(values), *numbers.share.shape)
                values = np.sum(np.asarray(numbers.share) * by_copy, axis=1)
            rows.append({**_averages(values, task.prompt_weights, wanted, len(pass_at)), **spent})
            if until is not None:
                now = {name: np.asarray(value)[None] for name, value in rows[-1].items()}
                if until.met(now, before, task.prompt_weights) is not None:
                    ended = len(rows) - 1
                    break
                before = now
            visited = 1.0 - (1.0 - share) ** task.prompts
            spent = _costs(structure, task, share, values[6:8], visited, wanted)
        variables = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        if wanted & set(LAWS):
            variables |= _laws(chains, np.asarray(numbers.weights), share, len(rows) - 1, wanted)
    return {**variables, "ended": ended}


def _accumulating(
    structure: Structure,
    numbers: Numbers,
    how: ExactVisits,
    iterations: int,
    pass_at: tuple[int, ...],
) -> Iterator[Found]:
    """Yield what is expected of each kind of prompt where data accumulate."""
    for prompt, prompts in kinds_of(numbers):
        rows, entry = first_rows(numbers, prompts)
        measured = partial(of_models, pass_at)
        one = alone(numbers, prompt)
        told = how.most, how.visited_share, iterations, measured
        yield prompts, entry, grown(structure, one, rows, *told)


def _averages(
    values: Float[np.ndarray, "functions prompts"],
    weights: Float[np.ndarray, "prompts"],
    wanted: Wanted,
    passes: int,
) -> dict[str, Any]:
    """Return what is measured of models, from what is expected of each prompt's."""
    by_prompt = "prompt" in wanted

    def average(each: Any) -> Any:
        return np.minimum(each if by_prompt else (each * weights).sum(-1), 1.0)

    right, wrong, squares, wrong_squares, solved, lost = values[:6]
    # Of the smaller side: there nothing cancels.
    spread = np.where(right < wrong, squares - right**2, wrong_squares - wrong**2)
    variance = np.maximum(spread, 0.0)
    measured = {
        "accuracy": average(right),
        "error": average(wrong),
        "coverage": np.minimum(((1.0 - lost) * weights).sum(), 1.0),
        "accuracy_variance": variance if by_prompt else (variance * weights**2).sum(),
        "solved": average(solved),
        "lost": average(lost),
    }
    if passes:
        passed = values[len(MEASURED) : len(MEASURED) + passes]
        measured["pass_at_k"] = np.moveaxis(average(passed), 0, -1)
    for each, said in zip(statistics_in(wanted), values[len(MEASURED) + passes :], strict=True):
        measured[each.name] = average_of(each, said, weights) if each.average else said
    return measured


def _costs(
    structure: Structure,
    task: TableTask,
    share: float,
    costs: Float[np.ndarray, "2 prompts"],
    visited: float,
    wanted: Wanted,
) -> dict[str, Any]:
    """Return what an iteration is expected to cost per visit, of labels and of attempts a prompt.

    Where few prompts are visited each is as likely as any other to be among those that are; where
    none is, nothing is spent.
    """
    labels, generations = costs
    spent: dict[str, Any] = {
        "labels": visited * (labels * task.prompt_weights).sum(),
        "visited": visited,
        "judged": 0.0,
    }
    if structure.until_accepted:
        spent["generations"] = visited * (generations * task.prompt_weights).sum()
    if "prompt" in wanted:
        spent["labels_by_prompt"] = share * labels
    return spent


def _laws(
    chains: list[Steps],
    weights: Float[np.ndarray, "copies"],
    share: float,
    iterations: int,
    wanted: Wanted,
) -> dict[str, np.ndarray]:
    """Return the law of the accuracy of a prompt drawn from mu, and its quantiles."""
    ends = [(steps.first.initial_accuracy, steps.first.accuracy) for steps in chains]
    support, place = np.unique(np.concatenate([*itertools.chain(*ends)]), return_inverse=True)
    if "law" in wanted:
        sized(
            "record", (iterations + 1) * len(support), f"iterations + 1 x {len(support):,} values"
        )
    found = [
        laws_of(steps, np.bincount(steps.entry, weights[steps.prompts]), share) for steps in chains
    ]
    law, quantiles = [], []
    for _ in range(iterations + 1):
        mass = np.concatenate([*itertools.chain(*(next(each) for each in found))])
        whole = np.bincount(place, mass, minlength=len(support))
        below = np.cumsum(whole)
        # The least accuracy that so much of the law does not exceed, up to its rounding.
        at = np.searchsorted(below, np.array(QUANTILES) * below[-1] * (1.0 - 1e-12))
        quantiles.append(support[at])
        law.append(whole)
    variables = {"accuracy_quantiles": np.array(quantiles)} if "quantiles" in wanted else {}
    if "law" in wanted:
        variables |= {"law": np.array(law), "support": support}
    return variables
