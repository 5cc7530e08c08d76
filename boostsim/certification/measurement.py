"""How a claim is measured: the procedure and the task at a point, and a statistic of the trace.

How an exact and how a sampled run is read by it: :mod:`boostsim.certification.runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import finite, geometric, numbers, refuse, whole
from boostsim.curation.procedure import Procedure
from boostsim.objects import ByReference
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.box import Point, call
from boostsim.theory.rounding import EPSILON

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
        visits: v of sampled runs, a number or a function (to a number, or to a list with one for
            each iteration of the longest run). None where runs are exact but draw all the same,
            because verdicts persist.
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
        independent: whether prompts are independent though a budget is shared (or, where labels
            have a share of all, one weight): True where it is certain beforehand who fails.
            Otherwise a run is one draw, and so it is with a criterion that depends on more than how
            many attempts were accepted.
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
    visits: int | Callable[..., int | Sequence[int]] | None = 1
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

    def applies(self, kind: str, point: Point) -> bool:
        """Whether the claim is made for a kind of run, ``"exact"`` or ``"sampled"``, at a point."""
        return bool(self.at(kind, point))

    def at(self, name: str, point: Point) -> Any:
        """Return one of the settings at a point."""
        setting = getattr(self, name)
        return call(setting, point) if callable(setting) else setting

    def length(self, point: Point) -> int:
        """Return T at a point.

        Raises:
            ValueError: where neither the measurement nor the point says it.
        """
        if self.iterations is not None:
            return whole("iterations", self.at("iterations", point), 0)
        if "iterations" not in point:
            raise refuse("iterations", "given by the measurement or by the point", point)
        return whole("iterations", point["iterations"], 0)
