"""How a claim is measured: the procedure and the task at a point, and a statistic of the trace.

A statistic sees a trace whose variables have the dimensions (seed, iteration, unit, prompt). A unit
is the task itself: a sampled run repeats it many times side by side, and where no budget ties the
prompts together its units are independent. So each unit is one draw of the statistic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.claim import Point, call
from boostsim.types import refuse, whole

if TYPE_CHECKING:
    import xarray

__all__ = ["Measurement", "one_prompt", "rounding_of"]

# Prompts x iterations x seeds of one simulation, so that its trace fits in memory.
LARGEST_TRACE = 2**22
# Lengths of runs in iterations; beyond the last its multiples. Statistics see the part asked for.
LENGTHS = (0, 1, 4, 8, 32, 64, 128)
EPSILON = float(np.finfo(np.float64).eps)
# Programs flush what is smaller to zero.
SMALLEST = 1e-290


def one_prompt(initial_error: float | None = None, initial_accuracy: float | None = None) -> Any:
    """Return a task of one prompt with one right and one wrong response; give one of the two."""
    if initial_error is None:
        assert initial_accuracy is not None
        row = [initial_accuracy, 1.0 - initial_accuracy]
    else:
        row = [1.0 - initial_error, initial_error]
    return table_task([[1, 0]], initial=[row])


def rounding_of(iterations: int = 1, attempts: int = 1, predicted: float = 1.0) -> float:
    """Return what rounding may do to an exact run: 16 eps sum_{s<=t} k^s, relative to the law."""
    growth = float(sum(float(attempts) ** power for power in range(iterations + 1)))
    return 16.0 * EPSILON * growth * max(abs(predicted), SMALLEST) + SMALLEST


@dataclass(frozen=True)
class Measurement:
    """How the statistic of a claim comes about. Functions take what they name of a point.

    Attributes:
        procedure: the procedure at a point. A labeler given prompt by prompt must fit a task that
            is repeated ``copies`` times: name ``copies`` as an argument.
        statistic: a variable of the trace, taken at the last iteration, or a function of the trace
            (and of a point's names). What it leaves of the dimension prompt is averaged with mu.
        task: the task at a point; by default one prompt of that ``initial_error`` or
            ``initial_accuracy``.
        iterations: T, a number or a function; by default the point's ``iterations``.
        visits: v of sampled runs, a number or a function. None where runs are exact but draw all
            the same, because verdicts persist.
        visited_share: the probability that a prompt is visited in a sampled run.
        record: what is recorded besides, ``("diversity",)``.
        bounds: smallest and largest value that the statistic can take, or a function.
        binary: whether a sampled statistic takes no value but these two: a number or a function.
        exact, sampled: where the claim holds for exact and for sampled runs: True, False or a
            predicate. Elsewhere the verdict is "inapplicable".
        rounding: what may be lost to rounding in an exact run, a function that may also name
            ``predicted``, the law's value.
        ladder: of a limit, the values of what grows, at which an exact run is read.
        sampled_ladder: two of them, the second at least twice the first, for sampled runs. Halfway
            the statistic must have come as near to its limit as it has still to go: |s_b - s| <=
            |s_b - s_a|, true where the remainder falls like 1/n or faster.
        independent: whether prompts are independent though a budget is shared: True where it is
            certain beforehand who fails. Otherwise a run under a budget is one draw.
        most_points: most points of sampled runs, where these are long.
        value: in place of a simulation, a function that gives the exact value.
        why_not: what is said where a kind of run is inapplicable everywhere.
    """

    procedure: Callable[..., Procedure] | None = None
    statistic: str | Callable[..., Any] = "error"
    task: Callable[..., TableTask] = one_prompt
    iterations: int | Callable[..., int] | None = None
    visits: int | Callable[..., int] | None = 1
    visited_share: float | Callable[..., float] = 1.0
    record: tuple[str, ...] = ()
    bounds: tuple[float, float] | Callable[..., tuple[float, float]] = (0.0, 1.0)
    binary: bool | Callable[..., bool] = False
    exact: bool | Callable[..., bool] = True
    sampled: bool | Callable[..., bool] = True
    rounding: Callable[..., float] = rounding_of
    ladder: tuple[int, ...] = (64, 256, 1024)
    sampled_ladder: tuple[int, int] | None = None
    independent: bool = False
    most_points: int | None = None
    value: Callable[..., float] | None = None
    why_not: str = "the claim is not made for such runs"

    def applies(self, kind: str, point: Point) -> bool:
        """Whether the claim is made for a kind of run, ``"exact"`` or ``"sampled"``, at a point."""
        said = getattr(self, kind)
        return bool(call(said, point)) if callable(said) else bool(said)

    def at(self, name: str, point: Point) -> Any:
        """Return one of the settings at a point."""
        setting = getattr(self, name)
        return call(setting, point) if callable(setting) else setting

    def length(self, point: Point) -> int:
        """Return T at a point.

        Raises:
            ValueError: where neither the measurement nor the point says it.
        """
        if self.iterations is None and "iterations" not in point:
            raise refuse("iterations", "given by the measurement or by the point", point)
        given = point["iterations"] if self.iterations is None else self.at("iterations", point)
        return whole("iterations", given, 0)

    def population(self, point: Point) -> float:
        """Return the statistic of an exact run."""
        if self.value is not None:
            return float(call(self.value, point))
        trace = self._run(point, copies=1, seeds=1, visits=None, key=None)
        return float(np.mean(self._draws(trace, point)))

    def tied(self, point: Point) -> bool:
        """Whether a budget ties the prompts of a run together, so that a run is one draw."""
        return self._procedure(point, 1).budget is not None and not self.independent

    def prompts(self, point: Point) -> int:
        """Return the number of prompts of the task."""
        return call(self.task, point).prompts

    def draw(self, point: Point, units: int, runs: int, key: jax.Array) -> np.ndarray:
        """Return ``units x runs`` independent draws of the statistic (``runs`` where tied)."""
        size = units * self.prompts(point) * (self._rounded(self.length(point)) + 1)
        most = max(1, LARGEST_TRACE // size)
        drawn = []
        for start in range(0, runs, most):
            trace = self._run(
                point,
                copies=units,
                seeds=min(most, runs - start),
                visits=self.at("visits", point),
                key=jax.random.fold_in(key, start),
            )
            drawn.append(self._draws(trace, point))
        return np.concatenate(drawn)

    @staticmethod
    def _rounded(iterations: int) -> int:
        """Return the next of a few lengths: runs of few lengths are few programs."""
        for length in LENGTHS:
            if iterations <= length:
                return length
        return -(-iterations // LENGTHS[-1]) * LENGTHS[-1]

    def _procedure(self, point: Point, copies: int) -> Procedure:
        if self.procedure is None:
            raise refuse("procedure", "given by the measurement", None)
        procedure = call(self.procedure, {**point, "copies": copies})
        if not isinstance(procedure, Procedure):
            raise refuse("procedure", "a function that returns a bs.Procedure", procedure)
        return procedure

    def _run(
        self, point: Point, copies: int, seeds: int, visits: int | None, key: jax.Array | None
    ) -> xarray.Dataset:
        """Simulate, and give every variable the dimensions (seed, iteration, unit, prompt)."""
        task = call(self.task, point)
        iterations = self.length(point)
        trace = simulate(
            self._procedure(point, copies),
            _repeated(task, copies),
            self._rounded(iterations),
            visits=visits,
            visited_share=1.0 if visits is None else self.at("visited_share", point),
            seeds=seeds,
            key=key,
            record=("prompt", *self.record),
        )
        return _by_unit(trace.isel(iteration=slice(0, iterations + 1)), task, copies)

    def _draws(self, trace: xarray.Dataset, point: Point) -> np.ndarray:
        if callable(self.statistic):
            values = call(self.statistic, point, trace)
        elif self.statistic in trace:
            values = trace[self.statistic].isel(iteration=-1)
        else:
            raise refuse(
                "statistic", f"one of {', '.join(sorted(map(str, trace)))}", self.statistic
            )
        if "prompt" in values.dims:
            values = (values * trace.prompt_weight).sum("prompt")
        if not set(values.dims) <= {"seed", "unit"}:
            raise refuse(
                "statistic",
                "a number for each seed and unit (and prompt)",
                f"one with dimensions {values.dims}",
                "Take an iteration, for example trace.error.isel(iteration=-1).",
            )
        return np.asarray(values, np.float64).ravel()


def _repeated(task: TableTask, copies: int) -> TableTask:
    if copies == 1:
        return task
    repeat = (copies, 1)
    return replace(
        task,
        quality=np.tile(task.quality, repeat),
        prompt_weights=np.tile(task.prompt_weights, copies) / copies,
        initial=np.tile(task.initial, repeat),
        real=None if task.real is None else np.tile(task.real, repeat),
    )


def _by_unit(trace: xarray.Dataset, task: TableTask, copies: int) -> xarray.Dataset:
    """Split the dimension prompt into (unit, prompt); what is counted by prompt takes its name."""
    import xarray

    shape = copies, task.prompts
    data: dict[str, Any] = {}
    for name, values in trace.data_vars.items():
        if "prompt" not in values.dims:
            data.setdefault(str(name), values)
            continue
        split = values.values.reshape(*values.shape[:-1], *shape)
        data[str(name).removesuffix("_by_prompt")] = (
            ("seed", "iteration", "unit", "prompt"),
            split,
        )
    coordinates = {
        "seed": trace.seed,
        "iteration": trace.iteration,
        "prompt_weight": ("prompt", task.prompt_weights),
    }
    return xarray.Dataset(data, coordinates)
