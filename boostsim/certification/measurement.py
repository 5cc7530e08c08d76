"""How a claim is measured: the procedure and the task at a point, and a statistic of the trace.

A statistic sees a trace whose variables have the dimensions (seed, iteration, unit, prompt). A unit
is the task itself: a sampled run repeats it many times side by side, and where nothing ties prompts
together its units are independent. So each unit is one draw of the statistic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from boostsim.arguments import finite, geometric, numbers, refuse, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import generator
from boostsim.objects import ByReference
from boostsim.results import check_task
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.claim import Point, call, names

if TYPE_CHECKING:
    import xarray

# Where a limit over iterations is read, unless said.
ITERATIONS = (256, 512, 1024)
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
        if initial_accuracy is None:
            raise refuse(
                "task",
                "given by the measurement where no initial_error or initial_accuracy is in the "
                "claim's domain",
                None,
            )
        row = [initial_accuracy, 1.0 - initial_accuracy]
    else:
        row = [1.0 - initial_error, initial_error]
    return table_task([[1, 0]], initial=[row])


def rounding_of(iterations: int = 1, attempts: int = 1, predicted: float = 1.0) -> float:
    """Return what rounding may do to an exact run: 16 eps sum_{s<=t} k^s, relative to the law."""
    growth = float(sum(float(attempts) ** power for power in range(iterations + 1)))
    return 16.0 * EPSILON * growth * max(abs(predicted), SMALLEST) + SMALLEST


@dataclass(frozen=True)
class Measurement(ByReference):
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
        exact, sampled: where the claim is made for exact and for sampled runs: True, False or a
            predicate. Elsewhere the verdict is "inapplicable". What is claimed of finitely many
            visits (of a budget at one visit, say) is no claim for exact runs, which have
            infinitely many.
        rounding: what may be lost to rounding in an exact run, a function that may also name
            ``predicted``, the law's value.
        ladder: of a limit, at least three values of what grows, each the same multiple of the one
            before up to rounding to whole numbers, at which an exact run is read; for iterations
            256, 512, 1024 unless said.
        sampled_ladder: two of them, (a, b), the second at least twice the first, for sampled runs.
            It must be true that |s_b - s| <= |s_b - s_a|: it is where the remainder falls like 1/n,
            or faster; where it falls like 1/(n + d) for b >= 2 a + d.
        independent: whether prompts are independent though a budget is shared: True where it is
            certain beforehand who fails. Otherwise a run is one draw, and so it is with a criterion
            that depends on more than how many attempts were accepted.
        most_points: most points of sampled runs, where these are long.
        value: in place of an exact run, a function that gives the exact value.
        simulator: in place of sampled runs, a function of a NumPy generator, a number and the
            point's names that returns so many independent draws of the statistic.
        beyond: of a statistic above 0 that has no bound, at least E max(s - high, 0), proved, a
            number or a function: draws are cut at the upper of ``bounds`` and the interval for
            their mean is widened by it.
        why_not: what is said where a kind of run is inapplicable everywhere.
    """

    listed_in = ("boostsim.certification.measurements",)
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
    ladder: tuple[int, ...] | None = None
    sampled_ladder: tuple[int, int] | None = None
    independent: bool = False
    most_points: int | None = None
    value: Callable[..., float] | None = None
    simulator: Callable[..., np.ndarray] | None = None
    beyond: float | Callable[..., float] = 0.0
    why_not: str = "the claim is not made for such runs"

    def __post_init__(self) -> None:
        """Refuse what could measure nothing."""
        for name in ("procedure", "task", "value", "simulator"):
            given = getattr(self, name)
            if given is not None and not callable(given):
                raise refuse(name, "a function of the point's names", type(given).__name__)
        if not (callable(self.statistic) or isinstance(self.statistic, str)):
            raise refuse("statistic", "a variable's name or a function", self.statistic)
        beyond = self.beyond if callable(self.beyond) else finite("beyond", self.beyond, 0.0)
        if self.simulator is None and beyond != 0.0:
            raise refuse("beyond", "0 without a simulator, whose draws are cut", self.beyond)
        if self.ladder is not None and not geometric(numbers("ladder", self.ladder, 1)):
            allowed = "at least three growing values, each the same multiple of the one before"
            raise refuse("ladder", allowed, self.ladder)
        if self.sampled_ladder is not None:
            first, *more = numbers("sampled_ladder", self.sampled_ladder, 1)
            if len(more) != 1 or more[0] < 2 * first:
                allowed = "two values, the second at least twice the first"
                raise refuse("sampled_ladder", allowed, self.sampled_ladder)

    def rungs(self, along: str) -> tuple[int, ...]:
        """Return the ladder of a limit, if anything here depends on what grows.

        Raises:
            ValueError: where nothing does, or where no ladder is given.
        """
        run = "procedure", "statistic", "task", "iterations", "visits", "visited_share"
        parts = [getattr(self, name) for name in (*run, "value", "simulator")]
        named = any(names(part, along) for part in parts if callable(part))
        if not named and not (along == "iterations" and self.iterations is None):
            raise refuse("along", "something that the measurement depends on", along)
        if self.ladder is not None:
            return self.ladder
        if along != "iterations":
            raise refuse("ladder", f"given: at which {along} the limit is read", None)
        return ITERATIONS

    def span(self, point: Point) -> tuple[float, float]:
        """Return the bounds of the statistic at a point.

        Raises:
            ValueError: where they are no pair of numbers in order.
        """
        given = self.at("bounds", point)
        try:
            low, high = (float(end) for end in given)
        except (TypeError, ValueError):
            raise refuse("bounds", "(smallest, largest)", given) from None
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise refuse("bounds", "(smallest, largest), both finite", given)
        return low, high

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
        return self.followed([point])[0][0]

    def followed(self, points: Sequence[Point]) -> list[tuple[float, list[float]]]:
        """Return the statistic, and right and wrong masses of prompts, as one exact run goes on.

        The points are those of one run, of the last of them, and differ in how long it is.
        """
        point = points[-1]
        if self.value is not None:
            values = [call(self.value, each) for each in points]
            try:
                return [(float(value), []) for value in values]
            except (TypeError, ValueError):
                raise refuse("value", "a function that returns a number", values[-1]) from None
        chosen = self._procedure({**point, "copies": 1}).filter
        if chosen is not None and chosen.persistent:
            raise refuse(
                "exact",
                "False where verdicts persist: exact runs are given the verdicts",
                True,
                "With visits=None such runs are sampled over the verdicts.",
            )
        trace = self._run(point, copies=1, seeds=1, visits=None, key=None)
        read = []
        for each in points:
            shown = trace.isel(iteration=slice(0, self.length(each) + 1))
            end = shown.isel(seed=0, iteration=-1, unit=0, prompt=trace.prompt_weight.values > 0.0)
            value = float(np.mean(self._draws(shown, each)))
            read.append((value, [*end.accuracy.values, *end.error.values]))
        return read

    def goes_on(self, along: str) -> bool:
        """Whether a longer run is a shorter one that goes on: nothing that is run names it."""
        parts = self.procedure, self.task, self.visits, self.visited_share
        return not any(names(part, along) for part in parts if callable(part))

    def world(self, point: Point) -> tuple[Procedure, TableTask]:
        """Return the procedure and the task at a point."""
        task = call(self.task, point)
        if not isinstance(task, TableTask):
            raise refuse("task", "a function that returns a table task", type(task).__name__)
        return self._procedure({"copies": 1, **point}), task

    def read(self, trace: xarray.Dataset, task: TableTask, point: Point) -> float:
        """Return the statistic of an exact run's trace, which must be of that task."""
        check_task(trace, task)
        shown = trace.isel(iteration=slice(0, self.length(point) + 1))
        return float(np.mean(self._draws(_by_unit(shown, task, 1), point)))

    def run_length(self, point: Point) -> int:
        """Return how many iterations are run at a point, of which the statistic sees T."""
        return self._rounded(self.length(point))

    def tied(self, point: Point) -> bool:
        """Whether prompts of a run hang together, so that a run is one draw.

        A budget ties them, and so does a criterion that looks from one cell to another.
        """
        if self.simulator is not None:
            return False
        procedure = self._procedure({**point, "copies": 1})
        if self.independent or procedure.labeler is None:
            return False
        if procedure.budget is not None:
            return True
        return procedure.criterion.priority_by_accepted(procedure.attempts) is None

    def prompts(self, point: Point) -> int:
        """Return the number of prompts of the task."""
        return 1 if self.simulator is not None else call(self.task, point).prompts

    def draw(self, point: Point, units: int, runs: int, key: jax.Array) -> np.ndarray:
        """Return ``units x runs`` independent draws of the statistic (``runs`` where tied)."""
        if self.simulator is not None:
            return self._drawn(point, units, runs, key)
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

    def _drawn(self, point: Point, units: int, runs: int, key: jax.Array) -> np.ndarray:
        """Draw by the measurement's own simulator, ``units`` at a time."""
        assert self.simulator is not None
        drawn = []
        for run in range(runs):
            words = np.asarray(jax.random.key_data(jax.random.fold_in(key, run)))
            values = np.asarray(call(self.simulator, point, generator(words), units), np.float64)
            if values.shape != (units,):
                raise refuse("simulator", f"a function that returns {units} draws", values.shape)
            drawn.append(values)
        every = np.concatenate(drawn)
        beyond = float(self.at("beyond", point))
        return np.minimum(every, self.span(point)[1]) if beyond > 0.0 else every

    @staticmethod
    def _rounded(iterations: int) -> int:
        """Return the next of a few lengths: runs of few lengths are few programs."""
        for length in LENGTHS:
            if iterations <= length:
                return length
        return -(-iterations // LENGTHS[-1]) * LENGTHS[-1]

    def _procedure(self, point: Point) -> Procedure:
        if self.procedure is None:
            hint = "With a simulator alone say exact=False, or give value." * bool(self.simulator)
            raise refuse("procedure", "given by the measurement", None, hint)
        procedure = call(self.procedure, point)
        if not isinstance(procedure, Procedure):
            raise refuse("procedure", "a function that returns a bs.Procedure", procedure)
        if procedure.schedules:
            # Runs are longer than what is read of them: a schedule goes on with its last entry.
            iterations = self.length(point)
            procedure.lasting(iterations)
            procedure = procedure.lengthened(self._rounded(iterations))
        return procedure

    def _run(
        self, point: Point, copies: int, seeds: int, visits: int | None, key: jax.Array | None
    ) -> xarray.Dataset:
        """Simulate, and give every variable the dimensions (seed, iteration, unit, prompt)."""
        procedure, task = self.world({**point, "copies": copies})
        iterations = self.length(point)
        try:
            trace = simulate(
                procedure,
                _repeated(task, copies),
                self._rounded(iterations),
                visits=visits,
                visited_share=1.0 if visits is None else self.at("visited_share", point),
                seeds=seeds,
                key=key,
                record=("prompt", *self.record),
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
        if callable(self.statistic):
            values = call(self.statistic, point, trace)
        elif self.statistic in trace:
            values = trace[self.statistic].isel(iteration=-1)
        else:
            raise refuse(
                "statistic", f"one of {', '.join(sorted(map(str, trace)))}", self.statistic
            )
        if not hasattr(values, "dims"):
            raise refuse("statistic", "a function that returns an array of the trace", values)
        if "prompt" in values.dims:
            values = (values * trace.prompt_weight).sum("prompt", skipna=False)
        if trace.sizes.get("unit", 1) > 1 and "unit" not in values.dims:
            raise refuse(
                "statistic",
                "a number for each unit",
                f"one with dimensions {values.dims}",
                "Averages over all prompts, such as coverage, are no independent draws.",
            )
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
