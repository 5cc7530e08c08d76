"""A run at finite visits, exactly: expectations over all that visits may show, into a trace.

What is asked of a prompt after t iterations is the expectation of a function of its row. Where
every iteration is like the first the functions are taken back through the chain, for all prompts at
once, f_t = P f_(t-1): then a thousand prompts cost little more than their first steps. Else the law
of each goes forward.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, Int

from boostsim.arguments import refuse, sized, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import as_key, needed_key
from boostsim.mode import fixed
from boostsim.progress import track
from boostsim.simulation.seeing import ExactVisits
from boostsim.simulation.tables.accumulating import grown
from boostsim.simulation.tables.finite import (
    Chain,
    Space,
    chain_of,
    first_rows,
    kinds_of,
    spaces,
)
from boostsim.simulation.tables.loop import attributes_of, chosen_seeds, traced
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.recording import LAWS, check_size, wanted_records
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.untied import checked_alone
from boostsim.simulation.tables.visiting import alone
from boostsim.simulation.until import Until, carried, checked_until
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Functions of a chain: on its states, and on its first rows.
Functions = tuple[Float[np.ndarray, "functions states"], Float[np.ndarray, "functions rows"]]
# Of prompts, their places among first rows, and what is expected of these, iteration by iteration.
Found = tuple[Int[np.ndarray, "prompts"], Int[np.ndarray, "prompts"], Iterator[np.ndarray]]
# A law on both: how much is still in each first row, and how much in each state.
Law = tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "states"]]


def simulate_finite(
    procedure: Procedure,
    task: TableTask,
    how: ExactVisits,
    iterations: int,
    seeds: int | range = 1,
    key: jax.Array | int | None = None,
    record: Iterable[str] = (),
    pass_at: tuple[int, ...] = (),
    until: Until | None = None,
) -> xarray.Dataset:
    """Return the trace of the law of every prompt; the arguments of ``bs.simulate``."""
    iterations = whole("iterations", iterations, 0)
    procedure.lasting(iterations)
    chosen, wanted = chosen_seeds(seeds), wanted_records(record)
    within = sorted(wanted & {"diversity", "entropy", "rows"})
    if within:
        allowed = "left out in a run that is exact at finite visits, which tells responses apart "
        raise refuse("record", allowed + "only by right and wrong", within)
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
    runs = [
        _run(procedure, task, how, iterations, each, wanted, pass_at, until)
        for each in track(keys, "seeds", len(keys))
    ]
    ended = [run.pop("ended") for run in runs]
    support = _on_one_support(runs) if "law" in wanted else None
    variables = _stacked(runs)
    if until is not None:
        variables, variables["ended"] = carried(variables, ended)
    level = "exact at finite visits" + (", given the verdicts" if persistent else "")
    told = as_key(key) if persistent and key is not None else None
    attributes = attributes_of(procedure, task, level, how, told)
    if until is not None:
        attributes["until"] = until.describe()
    trace = traced(procedure, task, variables, attributes).assign_coords(seed=list(chosen))
    if pass_at:
        trace = trace.assign_coords(k=list(pass_at))
    if "quantiles" in wanted:
        trace = trace.assign_coords(quantile=list(QUANTILES))
    if support is not None:
        about = {"units": "probability", "long_name": "accuracy of a prompt"}
        trace = trace.assign_coords(value=("value", support, about))
    return trace


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


def _expected(
    chain: Chain, functions: Functions, share: float = 1.0
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Yield what is expected of functions after 0, 1, 2, ... iterations, from each first row.

    Args:
        chain: of every iteration.
        functions: of its states and its first rows.
        share: the chance that a prompt is visited.
    """
    states, rows = functions
    stay = (1.0 - share) + share * chain.stay
    while True:
        yield rows
        # Few columns: so round the products of matrices are fastest.
        columns = np.ascontiguousarray(states.T)
        rows = stay * rows + share * (chain.start @ columns).T
        states = (1.0 - share) * states + share * (chain.transition @ columns).T


def _under_change(
    steps: Iterable[Chain], functions: Callable[[Chain], Functions], share: float = 1.0
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Yield what :func:`_expected` does where iterations have chains, and functions, of their own.

    Costs are those of the iteration that follows.
    """
    law = kept = None
    for chain in steps:
        if law is None or kept is None:
            law, kept = np.zeros_like(chain.start), np.ones(len(chain.stay))
        states, rows = functions(chain)
        yield kept * rows + states @ law.T
        entering = kept[:, None] * chain.start
        law = (1.0 - share) * law + share * (law @ chain.transition + entering)
        kept = ((1.0 - share) + share * chain.stay) * kept


def _laws_of(
    steps: Iterable[Chain], weights: Float[np.ndarray, "rows"], share: float = 1.0
) -> Iterator[Law]:
    """Yield the law of a prompt that starts in each first row with so much weight."""
    states = None
    for chain in steps:
        if states is None:
            states = np.zeros(len(chain.accuracy))
        yield weights, states
        entering = weights @ chain.start
        states = (1.0 - share) * states + share * (states @ chain.transition + entering)
        weights = ((1.0 - share) + share * chain.stay) * weights


MEASURED = ("accuracy", "error", "right", "wrong", "solved", "lost", "labels", "generations")


def _functions(chain: Chain, pass_at: tuple[int, ...]) -> Functions:
    """Return what a trace is made of on the states and on the first rows."""
    states = chain.accuracy, chain.error, chain.labels, chain.generations
    rows = chain.initial_accuracy, chain.initial_error, chain.start_labels, chain.start_generations
    return _of_models(pass_at, *states), _of_models(pass_at, *rows)


def _of_models(
    pass_at: tuple[int, ...],
    right: Float[np.ndarray, "models"],
    wrong: Float[np.ndarray, "models"],
    labels: Float[np.ndarray, "models"],
    generations: Float[np.ndarray, "models"],
) -> Float[np.ndarray, "functions models"]:
    """Return what a trace is made of: :data:`MEASURED`, and that one of k responses is right."""
    with np.errstate(divide="ignore"):
        # One response of a prompt that is solved is enough.
        missed = np.log1p(-np.minimum(right, 1.0))
    passed = [-np.expm1(count * missed) for count in pass_at]
    ends, squares = (wrong == 0.0, right == 0.0), (right**2, wrong**2)
    return np.array([right, wrong, *squares, *ends, labels, generations, *passed])


def _run(
    procedure: Procedure,
    task: TableTask,
    how: ExactVisits,
    iterations: int,
    key: jax.Array | None,
    wanted: frozenset[str],
    pass_at: tuple[int, ...],
    until: Until | None,
) -> dict[str, Any]:
    """Return the measurements of one seed, ``[iteration, ...]``, and when it ended, or None."""
    with fixed(double=True):
        structure, numbers = prepare(procedure, task, sampled=False, wanted=wanted, key=key)
        structure = checked_alone(procedure, structure, numbers, grows=not wanted & set(LAWS))
        share, copies = how.visited_share, numbers.weights.shape[0]
        chains: list[Steps] = []
        found: list[Found] = []
        if structure.accumulates:
            found = [*_accumulating(structure, numbers, how, iterations, pass_at)]
        else:
            for space, prompts in spaces(structure, numbers, how.visits):
                steps = Steps(space, prompts, numbers)
                chains.append(steps)
                found.append((prompts, steps.first.entry, _followed(steps, pass_at, share)))
        rows: list[dict[str, np.ndarray]] = []
        before, ended = None, None
        spent = _costs(structure, task, share, np.zeros((2, task.prompts)), 0.0, wanted)
        for _ in track(range(iterations + 1), "iterations", iterations + 1):
            values = np.empty((len(MEASURED) + len(pass_at), copies))
            for prompts, entry, each in found:
                values[:, prompts] = next(each)[:, entry]
            if numbers.share is not None:
                by_copy = values.reshape(len(values), *numbers.share.shape)
                values = np.sum(np.asarray(numbers.share) * by_copy, axis=1)
            rows.append({**_averages(values, task.prompt_weights, wanted, bool(pass_at)), **spent})
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
        measured = partial(_of_models, pass_at)
        one = alone(numbers, prompt)
        told = how.visits, how.visited_share, iterations, measured
        yield prompts, entry, grown(structure, one, rows, *told)


class Steps:
    """The chains of prompts that share their states, iteration by iteration."""

    def __init__(self, space: Space, prompts: Int[np.ndarray, "prompts"], numbers: Numbers) -> None:
        """Build the first one."""
        self.space, self.prompts, self.numbers = space, prompts, numbers
        self.first = chain_of(space, prompts, numbers)
        self.entry = self.first.entry

    def __iter__(self) -> Iterator[Chain]:
        """Yield the chain of each iteration, without end."""
        chain = self.first
        yield chain
        for iteration in range(2, self.numbers.lasting + 1):
            chain = chain_of(self.space, self.prompts, self.numbers, iteration)
            yield chain
        yield from repeat(chain)


def _followed(
    steps: Steps, pass_at: tuple[int, ...], share: float
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    def functions(chain: Chain) -> Functions:
        return _functions(chain, pass_at)

    if steps.numbers.lasting > 1:
        return _under_change(steps, functions, share)
    return _expected(steps.first, functions(steps.first), share)


def _averages(
    values: Float[np.ndarray, "functions prompts"],
    weights: Float[np.ndarray, "prompts"],
    wanted: frozenset[str],
    passes: bool,
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
        measured["pass_at_k"] = np.moveaxis(average(values[len(MEASURED) :]), 0, -1)
    return measured


def _costs(
    structure: Structure,
    task: TableTask,
    share: float,
    costs: Float[np.ndarray, "2 prompts"],
    visited: float,
    wanted: frozenset[str],
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
    wanted: frozenset[str],
) -> dict[str, np.ndarray]:
    """Return the law of the accuracy of a prompt drawn from mu, and its quantiles."""
    ends = [(steps.first.initial_accuracy, steps.first.accuracy) for steps in chains]
    support, place = np.unique(np.concatenate([*itertools.chain(*ends)]), return_inverse=True)
    if "law" in wanted:
        sized(
            "record", (iterations + 1) * len(support), f"iterations + 1 x {len(support):,} values"
        )
    found = [
        _laws_of(steps, np.bincount(steps.entry, weights[steps.prompts]), share) for steps in chains
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
