"""Who is better: paired differences with intervals that hold together, ranks, regret.

All criteria of a tournament meet the same seeds, so what is compared is the difference of two
scores on one seed. For m comparisons at once at confidence 1 - alpha each interval is Student's, at
level alpha/m (Bonferroni): mean difference plus or minus t_{n-1}(1 - alpha/(2m)) s/sqrt(n), n the
number of seeds and s the standard deviation of the differences. The comparisons are all pairs of
criteria, the yardstick among them, on each challenge and over all challenges. Student's interval is
exact for normal differences; scores are averages over many prompts, which are nearly so. Where
differences repeat or are skewed it is made wider, and ``assume="bounded"`` needs nothing but scores
in [0, 1]: see :mod:`boostsim.tournament.intervals`. Rules that are the same function are equal for
certain; others that have been equal so far are not known to be.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from boostsim.arguments import refuse, unknown
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.tournament.challenge import ALL
from boostsim.tournament.intervals import ASSUMED, once

if TYPE_CHECKING:
    import pandas as pd
    import xarray
    from matplotlib.figure import Figure

# What is compared, smaller is better: in words, and of errors ``[seed, iteration]``.
SCORES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "average_error": (
        "error averaged over iterations 1..T",
        lambda error: error[:, 1:].mean(axis=1),
    ),
    "final_error": ("error of the last model", lambda error: error[:, -1]),
}
YARDSTICK = "oracle"


@dataclass(frozen=True)
class Difference:
    """The score of one criterion minus that of another: below 0 where the first is better.

    Attributes:
        estimate: the mean over seeds.
        low, high: of the interval; all intervals of a tournament hold together.
    """

    estimate: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0


def paired(
    differences: np.ndarray, comparisons: int, confidence: float, assume: str = "normal"
) -> Difference:
    """Return the interval of a mean difference, one of so many that hold together.

    Args:
        differences: of two scores, seed by seed, ``[n]``.
        comparisons: m.
        confidence: 1 - alpha, of all of them.
        assume: ``"normal"`` or ``"bounded"``, see :mod:`boostsim.tournament.intervals`.

    Example:
        >>> round(paired(np.array([0.1, 0.2, 0.3]), 1, 0.95).estimate, 3)
        0.2
    """
    seeds, alpha = len(differences), (1.0 - confidence) / comparisons
    error = differences.std(ddof=1) / np.sqrt(seeds)
    half = student.isf(alpha / 2.0, seeds - 1) * error
    return Difference(float(differences.mean()), *once(differences, alpha, half, assume))


@dataclass(frozen=True, eq=False)
class Tournament(Shown, ByValue):
    """What :func:`boostsim.compare` found.

    Attributes:
        results: an ``xarray.Dataset``: ``average_error``, ``final_error``, ``labels`` and ``cost``
            with dims (task, criterion, seed), and ``error`` (task, criterion, iteration), the mean
            over seeds. The yardstick is the last criterion. Along ``criterion`` lies ``function``:
            two rules with one value are the same function.
        score: what is compared.
        confidence: that all intervals hold together.
        assume: what they assume of score differences, ``"normal"`` or ``"bounded"``.
    """

    results: xarray.Dataset
    score: str
    confidence: float
    assume: str = "normal"

    @classmethod
    def of(
        cls,
        runs: Sequence[Mapping[str, np.ndarray]],
        names: Mapping[str, list[str]],
        *,
        score: str,
        confidence: float,
        about: Mapping[str, Any],
        assume: str = "normal",
        functions: Sequence[str] | None = None,
    ) -> Tournament:
        """Return the tournament of runs, task by task and criterion by criterion.

        ``functions`` says which criteria are the same function; None: none are.
        """
        import xarray

        shape = tuple(len(each) for each in names.values())
        texts = {
            **{name: ("probability", words) for name, (words, _) in SCORES.items()},
            "labels": ("labels per visit", "labels bought in all iterations"),
            "cost": ("currency per visit", "total cost"),
            "error": ("probability", "error, mean over seeds"),
        }
        data = {}
        for name, (units, text) in texts.items():
            values = np.stack([run[name] for run in runs])
            last = "iteration" if name == "error" else "seed"
            about_it = {"units": units, "long_name": text}
            data[name] = ((*names, last), values.reshape(*shape, -1), about_it)
        table = xarray.Dataset(data, dict(names), dict(about))
        functions = names["criterion"] if functions is None else functions
        table = table.assign_coords(function=("criterion", list(functions)))
        return cls(table, score, confidence, assume)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the challenges."""
        return tuple(self.results.task.values.tolist())

    @property
    def criteria(self) -> tuple[str, ...]:
        """The names of the criteria, without the yardstick."""
        return tuple(n for n in self.results.criterion.values.tolist() if n != YARDSTICK)

    @cached_property
    def comparisons(self) -> int:
        """Over how many comparisons the intervals hold together."""
        count = len(self.criteria) + 1
        return count * (count - 1) // 2 * (len(self.tasks) + 1)

    def scores(self, task: str = ALL) -> dict[str, np.ndarray]:
        """Return every criterion's score by seed, on one challenge or averaged over all.

        Raises:
            ValueError: for a challenge that was none.
        """
        if task not in self._scores:
            raise unknown("task", task, tuple(self._scores))
        return self._scores[task]

    @cached_property
    def _scores(self) -> dict[str, dict[str, np.ndarray]]:
        table = self.results[self.score].transpose("task", "criterion", "seed").values
        names = self.results.criterion.values.tolist()
        rows = {ALL: table.mean(0), **dict(zip(self.tasks, table, strict=True))}
        return {task: dict(zip(names, row, strict=True)) for task, row in rows.items()}

    def difference(self, first: str, second: str, task: str = ALL) -> Difference:
        """Return the score of the first criterion minus that of the second.

        Raises:
            ValueError: for a criterion or a challenge that was none.
        """
        scores = self.scores(task)
        for name in (first, second):
            if name not in scores:
                raise unknown("criterion", name, tuple(scores))
        if first == second:
            raise refuse("second", "another criterion than the first", second)
        return self._difference(first, second, task)

    def _difference(self, first: str, second: str, task: str) -> Difference:
        if (first, second, task) not in self._differences:
            scores, function = self.scores(task), self._functions
            found = Difference(0.0, 0.0, 0.0)
            if function[first] != function[second]:
                apart = scores[first] - scores[second]
                found = paired(apart, self.comparisons, self.confidence, self.assume)
                # Scores are in [0, 1], whatever few seeds say of their difference.
                found = replace(found, low=max(found.low, -1.0), high=min(found.high, 1.0))
            self._differences[first, second, task] = found
            turned = Difference(-found.estimate, -found.high, -found.low)
            self._differences[second, first, task] = turned
        return self._differences[first, second, task]

    @cached_property
    def _differences(self) -> dict[tuple[str, str, str], Difference]:
        return {}

    @cached_property
    def _functions(self) -> dict[str, str]:
        names, functions = self.results.criterion.values, self.results.function.values
        return dict(zip(names.tolist(), functions.tolist(), strict=True))

    def ranked(self, task: str = ALL) -> tuple[str, ...]:
        """Return the criteria by their mean score on a challenge, the best first."""
        scores = self.scores(task)
        return tuple(sorted(self.criteria, key=lambda name: float(scores[name].mean())))

    @property
    def order(self) -> tuple[str, ...]:
        """The criteria by their mean score over all challenges, the best first."""
        return self.ranked()

    def not_beaten(self, task: str = ALL) -> tuple[str, ...]:
        """Return the criteria that none is known to be better than, the best first."""
        self.scores(task)
        return self._not_beaten[task]

    @cached_property
    def _not_beaten(self) -> dict[str, tuple[str, ...]]:
        return {task: self._unbeaten(task) for task in self._scores}

    def _unbeaten(self, task: str) -> tuple[str, ...]:
        ranked = self.ranked(task)
        pairs = itertools.permutations(ranked, 2)
        beaten = {
            second for first, second in pairs if self.difference(first, second, task).high < 0
        }
        return tuple(name for name in ranked if name not in beaten)

    def leaderboard(self, task: str = ALL) -> list[dict[str, Any]]:
        """Return a row for each criterion, the best first.

        Each holds the criterion, its mean score, whether none is known to be better (``best``), the
        regret against the yardstick with its interval, its labels and cost, and how many challenges
        it is not beaten on.
        """
        scores, unbeaten = self.scores(task), self.not_beaten(task)
        everywhere = [self.not_beaten(each) for each in self.tasks]
        spent = self.results[["labels", "cost"]].mean("seed")
        spent = spent.mean("task") if task == ALL else spent.sel(task=task)
        rows = []
        for name in self.ranked(task):
            regret = self.difference(name, YARDSTICK, task)
            own = spent.sel(criterion=name)
            rows.append(
                {
                    "criterion": name,
                    self.score: float(scores[name].mean()),
                    "best": name in unbeaten,
                    "regret": float(regret.estimate),
                    "regret_low": float(regret.low),
                    "regret_high": float(regret.high),
                    "labels": float(own.labels),
                    "cost": float(own.cost),
                    "unbeaten_on": sum(name in each for each in everywhere),
                }
            )
        return rows

    def table(self) -> pd.DataFrame:
        """Return the leaderboards of all challenges together, and of each, below one another."""
        import pandas as pd

        return pd.DataFrame(
            {"task": task, **row} for task in (ALL, *self.tasks) for row in self.leaderboard(task)
        )

    def summary(self) -> str:
        """Return who is best, over all and on each challenge, in plain sentences."""
        about = self.results.attrs
        what = self.score.replace("_", " ")
        lines = [
            f"{len(self.criteria)} criteria on {len(self.tasks)} challenges, "
            f"{about['labels_per_visit']:g} labels per visit and iteration, {about['iterations']} "
            f"iterations, {about['visits']} visits, {about['seeds']} seeds. Compared: {what}; all "
            f"intervals hold together with confidence {self.confidence:g}, {ASSUMED[self.assume]}."
        ]
        for task in (ALL, *self.tasks):
            first, *others = self.not_beaten(task)
            best = float(self.scores(task)[first].mean())
            regret = self.difference(first, YARDSTICK, task)
            text = f"{task}: best is {first} ({best:.4f}"
            text += f", the oracle {best - regret.estimate:.4f})"
            if others:
                text += f"; not told apart from it: {', '.join(others)}"
            lines.append(text + ".")
        bought = self.results.labels.max(("task", "seed"))
        idle = [name for name in self.criteria if float(bought.sel(criterion=name)) == 0.0]
        if idle:
            lines.append(f"Bought no label at all: {', '.join(idle)}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Say who is best."""
        return f"<Tournament of {len(self.criteria)} criteria: best is {self.order[0]}>"

    def _more(self) -> dict[str, Any]:
        import pandas as pd

        return {"table": pd.DataFrame(self.leaderboard())}

    def to_json(self) -> str:
        """Return leaderboards, differences of all pairs and conditions as JSON; no end is null."""
        everyone = (*self.criteria, YARDSTICK)
        record = {
            "score": self.score,
            "confidence": self.confidence,
            "assume": self.assume,
            "conditions": {
                **self.results.attrs,
                "challenges": json.loads(self.results.attrs["challenges"]),
            },
            "leaderboards": {task: self.leaderboard(task) for task in (ALL, *self.tasks)},
            "differences": [
                {
                    "task": task,
                    "first": first,
                    "second": second,
                    "estimate": (gap := self.difference(first, second, task)).estimate,
                    "low": gap.low,
                    "high": gap.high,
                }
                for task in (ALL, *self.tasks)
                for first, second in itertools.combinations(everyone, 2)
            ],
        }
        return as_json(record)

    def plot(self) -> Figure:
        """Return a figure: the regret of every criterion on every challenge, in hundredths."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from boostsim.tournament.picture import draw_regrets

        figure = Figure(figsize=(10, 1.5 + 0.35 * len(self.criteria)), layout="constrained")
        FigureCanvasAgg(figure)
        draw_regrets(self.table(), figure.subplots())
        what = self.score.replace("_", " ")
        figure.supxlabel(
            f"{what} above the oracle's, in hundredths; framed: none is known to be better",
            fontsize=9,
        )
        return figure
