"""A measurement's runs: exact ones, in which it is read once, and sampled ones, which draw it.

A statistic sees a trace whose variables have the dimensions (seed, iteration, unit, prompt). A unit
is the task itself: a sampled run repeats it many times side by side, and where nothing ties prompts
together its units are independent. So each unit is one draw of the statistic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from boostsim.arguments import refuse
from boostsim.certification.measurement import Measurement
from boostsim.curation.procedure import Procedure
from boostsim.keys import generator
from boostsim.results import check_task
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask
from boostsim.theory.box import Point, call, names

if TYPE_CHECKING:
    import xarray

# Where a limit over iterations is read, unless said.
ITERATIONS = (256, 512, 1024)
# Prompts x iterations x seeds of one simulation, so that its trace fits in memory.
LARGEST_TRACE = 2**22
# Lengths of runs in iterations; beyond the last its multiples. Statistics see the part asked for.
LENGTHS = (0, 1, 4, 8, 32, 64, 128)
# What of a measurement is run.
RUN = "procedure", "task", "visits", "visited_share"


class Runs:
    """Runs of a measurement's procedure on its task, and its statistic of their traces."""

    def __init__(self, how: Measurement) -> None:
        """Run what is measured so."""
        self.how = how

    def run_length(self, point: Point) -> int:
        """Return how many iterations are run at a point, of which the statistic sees T.

        The next of a few lengths: runs of few lengths are few programs.
        """
        iterations = self.how.length(point)
        longest = LENGTHS[-1]
        return next((n for n in LENGTHS if iterations <= n), -(-iterations // longest) * longest)

    def world(self, point: Point) -> tuple[Procedure, TableTask]:
        """Return the procedure and the task at a point."""
        task = call(self.how.task, point)
        if not isinstance(task, TableTask):
            raise refuse("task", "a function that returns a table task", type(task).__name__)
        return self._procedure(point), task

    def _procedure(self, point: Point) -> Procedure:
        if self.how.procedure is None:
            hint = "With a simulator alone say exact=False, or give value."
            raise refuse(
                "procedure", "given by the measurement", None, hint if self.how.simulator else ""
            )
        procedure = call(self.how.procedure, {"copies": 1, **point})
        if not isinstance(procedure, Procedure):
            raise refuse("procedure", "a function that returns a bs.Procedure", procedure)
        if procedure.schedules:
            # Runs are longer than what is read of them: a schedule goes on with its last entry.
            procedure.lasting(self.how.length(point))
            procedure = procedure.lengthened(self.run_length(point))
        return procedure

    def _run(
        self, point: Point, copies: int, seeds: int, visits: int | None, key: jax.Array | None
    ) -> xarray.Dataset:
        """Simulate, and give every variable the dimensions (seed, iteration, unit, prompt)."""
        procedure, task = self.world({**point, "copies": copies})
        iterations = self.how.length(point)
        try:
            trace = simulate(
                procedure,
                _repeated(task, copies),
                self.run_length(point),
                visits=visits,
                visited_share=1.0 if visits is None else self.how.at("visited_share", point),
                seeds=seeds,
                key=key,
                record=("prompt", *self.how.record),
            )
        except ValueError as error:
            if copies > 1 and f"{copies * task.prompts}" in str(error):
                raise ValueError(
                    f"{error}. (The task is repeated {copies} times: what is given prompt by "
                    "prompt is to be repeated with np.tile, as often as the argument copies says.)"
                ) from None
            raise
        return _by_unit(trace.isel(iteration=slice(0, iterations + 1)), task, copies)

    def _draws(self, trace: xarray.Dataset, point: Point) -> np.ndarray:
        statistic = self.how.statistic
        if callable(statistic):
            values = call(statistic, point, trace)
        elif statistic in trace:
            values = trace[statistic].isel(iteration=-1)
        else:
            raise refuse("statistic", f"one of {', '.join(sorted(map(str, trace)))}", statistic)
        if not hasattr(values, "dims"):
            raise refuse("statistic", "a function that returns an array of the trace", values)
        if "prompt" in values.dims:
            values = (values * trace.prompt_weight).sum("prompt", skipna=False)
        got = f"one with dimensions {values.dims}"
        if trace.sizes.get("unit", 1) > 1 and "unit" not in values.dims:
            hint = "Averages over all prompts, such as coverage, are no independent draws."
            raise refuse("statistic", "a number for each unit", got, hint)
        if not set(values.dims) <= {"seed", "unit"}:
            hint = "Take an iteration, for example trace.error.isel(iteration=-1)."
            raise refuse("statistic", "a number for each seed and unit (and prompt)", got, hint)
        return np.asarray(values, np.float64).ravel()


class Exact(Runs):
    """One exact run, in which a statistic has a value: the population's, or one that is given."""

    def rungs(self, along: str) -> tuple[int, ...]:
        """Return the ladder of a limit, if anything here depends on what grows.

        Raises:
            ValueError: where nothing does, or where no ladder is given.
        """
        here = self._names(along, *RUN, "statistic", "iterations", "value", "simulator")
        if not here and not (along == "iterations" and self.how.iterations is None):
            raise refuse("along", "something that the measurement depends on", along)
        if self.how.ladder is not None:
            return self.how.ladder
        if along != "iterations":
            raise refuse("ladder", f"given: at which {along} the limit is read", None)
        return ITERATIONS

    def population(self, point: Point) -> float:
        """Return the statistic of an exact run."""
        return self.followed([point])[0][0]

    def followed(self, points: Sequence[Point]) -> list[tuple[float, list[float]]]:
        """Return the statistic, and right and wrong masses of prompts, as one exact run goes on.

        The points are those of one run, of the last of them, and differ in how long it is.
        """
        point = points[-1]
        if self.how.value is not None:
            values = [call(self.how.value, each) for each in points]
            try:
                return [(float(value), []) for value in values]
            except (TypeError, ValueError):
                raise refuse("value", "a function that returns a number", values[-1]) from None
        if self._procedure(point).filter.persistent:
            allowed = "False where verdicts persist: exact runs are given the verdicts"
            hint = "With visits=None such runs are sampled over the verdicts."
            raise refuse("exact", allowed, True, hint)
        trace = self._run(point, copies=1, seeds=1, visits=None, key=None)
        known = trace.isel(seed=0, unit=0, prompt=trace.prompt_weight.values > 0.0)
        read = []
        for each in points:
            end = known.isel(iteration=self.how.length(each))
            masses = [*end.accuracy.values, *end.error.values]
            read.append((self._value(trace, each), masses))
        return read

    def read(self, trace: xarray.Dataset, task: TableTask, point: Point) -> float:
        """Return the statistic of an exact run's trace, which must be of that task."""
        check_task(trace, task)
        return self._value(_by_unit(trace, task, 1), point)

    def _value(self, trace: xarray.Dataset, point: Point) -> float:
        shown = trace.isel(iteration=slice(0, self.how.length(point) + 1))
        return float(np.mean(self._draws(shown, point)))

    def goes_on(self, along: str) -> bool:
        """Whether a longer run is a shorter one that goes on: nothing that is run names it."""
        return not self._names(along, *RUN)

    def _names(self, along: str, *parts: str) -> bool:
        """Whether one of these parts of the measurement is a function of what grows."""
        given = [getattr(self.how, part) for part in parts]
        return any(names(part, along) for part in given if callable(part))


class Sampled(Runs):
    """Sampled runs, of which each unit, or each run, is one draw of a statistic."""

    def span(self, point: Point) -> tuple[float, float]:
        """Return the bounds of the statistic at a point.

        Raises:
            ValueError: where they are no pair of numbers in order.
        """
        given = self.how.at("bounds", point)
        try:
            low, high = (float(end) for end in given)
        except (TypeError, ValueError):
            raise refuse("bounds", "(smallest, largest)", given) from None
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise refuse("bounds", "(smallest, largest), both finite", given)
        return low, high

    def tied(self, point: Point) -> bool:
        """Whether prompts of a run hang together, so that a run is one draw.

        A budget ties them, a share that labels have of all that is trained on, and a criterion that
        looks from one cell to another.
        """
        if self.how.simulator is not None:
            return False
        procedure = self._procedure(point)
        if self.how.independent or procedure.labeler is None:
            return False
        if procedure.budget is not None or procedure.label_share is not None:
            return True
        return procedure.criterion.priority_by_accepted(procedure.trials) is None

    def prompts(self, point: Point) -> int:
        """Return the number of prompts of the task."""
        return 1 if self.how.simulator is not None else call(self.how.task, point).prompts

    def draw(self, point: Point, units: int, runs: int, key: jax.Array) -> np.ndarray:
        """Return ``units x runs`` independent draws of the statistic (``runs`` where tied)."""
        if self.how.simulator is not None:
            return self._drawn(point, units, runs, key)
        size = units * self.prompts(point) * (self.run_length(point) + 1)
        most = max(1, LARGEST_TRACE // size)
        drawn = []
        for start in range(0, runs, most):
            trace = self._run(
                point,
                copies=units,
                seeds=min(most, runs - start),
                visits=self.how.at("visits", point),
                key=jax.random.fold_in(key, start),
            )
            drawn.append(self._draws(trace, point))
        return np.concatenate(drawn)

    def _drawn(self, point: Point, units: int, runs: int, key: jax.Array) -> np.ndarray:
        """Draw by the measurement's own simulator, ``units`` at a time."""
        assert self.how.simulator is not None
        drawn = []
        for run in range(runs):
            rng = generator(jax.random.fold_in(key, run))
            values = np.asarray(call(self.how.simulator, point, rng, units), np.float64)
            if values.shape != (units,):
                raise refuse("simulator", f"a function that returns {units} draws", values.shape)
            drawn.append(values)
        every = np.concatenate(drawn)
        beyond = float(self.how.at("beyond", point))
        return np.minimum(every, self.span(point)[1]) if beyond > 0.0 else every


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

    data: dict[str, Any] = {}
    for name, values in trace.data_vars.items():
        if "prompt" not in values.dims:
            data.setdefault(str(name), values)
            continue
        split = values.values.reshape(*values.shape[:-1], copies, task.prompts)
        data[str(name).removesuffix("_by_prompt")] = ("seed", "iteration", "unit", "prompt"), split
    coordinates = {
        "seed": trace.seed,
        "iteration": trace.iteration,
        "prompt_weight": ("prompt", task.prompt_weights),
    }
    return xarray.Dataset(data, coordinates)
