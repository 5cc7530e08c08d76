"""What a design is: the answer, what it costs, and how it was checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from boostsim.curation.procedure import Procedure
from boostsim.designs.knobs import Knob
from boostsim.designs.objective import Objective
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Relative differences of scores that do not matter to the checks.
CLOSE = 0.01
# Two ways to compute one run differ by so much.
ROUNDING = 1e-9
# Error probability of the test that an answer costs more than may be spent.
OVERSPENT = 0.025


# What may change between iterations, and in what it is measured.
UNITS = {
    "budget": "labels per visit",
    "real_share": "real examples per visit",
    "label_weight": "accepted responses per label",
    "label_share": "share of the mixture",
}


@dataclass(frozen=True, eq=False)
class FewVisits(ByValue):
    """How a design for so many visits was found, and what it is worth on other seeds.

    Attributes:
        visits: v, to each prompt and iteration.
        exact: whether the exact law at v visits was followed; else runs were drawn.
        seeds: on so many everything was judged; 0 where nothing is drawn.
        tried: choices.
        by: what the answer is.
        score: of the answer on these seeds.
        constant: of the best that never changes, at no higher price; NaN where nothing may change.
        limit: of the limit's design; infinite where it costs more than may be spent.
        within: whether the answer's budgets add up to no more than may be spent: then it is paid
            for on average, whatever is drawn.
        held_out: scores of the three on as many other seeds, by name, ``[seeds]`` each.
        costs: what they cost there, likewise.
    """

    visits: int
    exact: bool
    seeds: int
    tried: int
    by: str
    score: float
    constant: float
    limit: float
    within: bool
    held_out: dict[str, np.ndarray]
    costs: dict[str, np.ndarray]

    @property
    def rivals(self) -> list[str]:
        """What the answer is set beside: a constant and the limit's design, where paid for."""
        judged = {"constant": self.constant, "limit": self.limit}
        return [name for name in judged if name in self.held_out and np.isfinite(judged[name])]

    def margin(self, rival: str) -> tuple[float, float]:
        """Return by how much the answer is better on other seeds, and the standard error of it."""
        gained = self.held_out[rival] - self.held_out["score"]
        count = len(gained)
        spread = float(gained.std(ddof=1)) / np.sqrt(count) if count > 1 else float("nan")
        return float(gained.mean()), 0.0 if self.exact else float(spread)

    def record(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it."""
        return vars(self) | {
            table: {name: numbers.tolist() for name, numbers in getattr(self, table).items()}
            for table in ("held_out", "costs")
        }

    def told(self) -> str:
        """Return how it was found, and the comparison on other seeds, in plain sentences."""
        where = f"at {self.visits} visit{'s' * (self.visits > 1)}"
        how = "by the exact law there" if self.exact else f"on {self.seeds} seeds"
        lines = [f"Chosen {where} {how}, of {self.tried:,} choices: {self.by}."]
        names = {"constant": "the best that never changes", "limit": "what is best in the limit"}
        parts = []
        for name in self.rivals:
            gained, error = self.margin(name)
            doubt = "" if self.exact else f", standard error {error:.2g}"
            side = "more" if gained >= 0.0 else "less"
            rival = self.held_out[name].mean()
            parts.append(f"{names[name]} {rival:.4g} ({abs(gained):.4g} {side}{doubt})")
        seeds = "There" if self.exact else f"On {self.seeds} other seeds"
        own = self.held_out["score"].mean()
        lines.append(f"{seeds} it has {', '.join([f'{own:.4g}', *parts])}.")
        rival = self.held_out["limit"].mean()
        if "limit" not in self.rivals and np.isfinite(rival):
            cost = self.costs["limit"].mean()
            lines.append(
                f"What is best in the limit costs {cost:.4g} there, more than may be spent, "
                f"for {rival:.4g}."
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Design(Shown, ByValue):
    """What :func:`boostsim.design` found.

    Attributes:
        objective: what was asked.
        knobs: what could be chosen, and its bounds.
        values: where each knob stands; a tuple where it may change from iteration to iteration.
        procedure: with the knobs there, ready to be run.
        score: of the exact run with it; at given visits the mean over the seeds that chose it.
        trace: of that run, with its cost; at given visits of runs on other seeds.
        starts: where gradients led from the middle and from each random start, votes relaxed.
        from_grid: where they led from the grid's best, votes relaxed.
        flat: at how many of the starts the score had no slope.
        grid: the best score on the grid.
        grid_size: points of it.
        constant: the best score found where what may change between iterations does not, within
            the total price and with the other knobs alike; NaN where nothing may change.
        search: steps, restarts, grid and key.
        few: how it was found at given visits, and what it is worth there on other seeds; None in
            the limit. What stands above of starts, grid and constant is of the limit's design,
            which is one of the choices.
    """

    objective: Objective
    knobs: Mapping[str, Knob]
    values: Mapping[str, float | tuple[float, ...]]
    procedure: Procedure
    score: float
    trace: xarray.Dataset
    starts: np.ndarray
    from_grid: float
    flat: int
    grid: float
    grid_size: int
    constant: float
    search: Mapping[str, Any]
    few: FewVisits | None = None

    @property
    def cost(self) -> float:
        """What the run costs, in currency per visit; the mean of several."""
        return float(self.trace.cost[:, -1].mean())

    @property
    def bought(self) -> np.ndarray:
        """Labels that the run buys in each iteration, per visit: a budget may not be used up."""
        return np.diff(self.trace.labels.values.mean(axis=0))

    @property
    def agreeing(self) -> int:
        """How many starts ended within a hundredth of the best end, votes relaxed.

        0 where the answer is better than every end by more: then it is the grid's, or constant.
        """
        ends = np.append(self.starts, self.from_grid)
        best = np.min(ends, where=np.isfinite(ends), initial=np.inf)
        if not self.score >= best - CLOSE * abs(best):
            return 0
        return int(np.sum(self.starts <= best + CLOSE * abs(best)))

    @property
    def confirmed(self) -> bool:
        """Whether nothing else that was tried is better, and two starts at least led here.

        A score without any slope is never confirmed. At given visits: whether on other seeds
        neither a constant nor the limit's design is better, and where its budgets add up to more
        than may be spent, it does not cost more by Student's test (one side, 0.025).
        """
        if self.few is not None:
            better = all(self.few.margin(name)[0] >= 0.0 for name in self.few.rivals)
            return better and not self._overspent
        others = [self.grid, *([self.constant] if np.isfinite(self.constant) else [])]
        slack = ROUNDING * abs(self.score)
        sloped = self.flat < len(self.starts)
        return bool(sloped and self.agreeing >= 2 and self.score <= min(others) + slack)

    @property
    def _overspent(self) -> bool:
        """Whether on other seeds it costs more than may be spent, and not by chance alone."""
        if self.few is None or self.objective.spend is None or self.few.within:
            return False
        costs, doubt = self.few.costs["score"], 0.0
        if not self.few.exact:
            error = float(costs.std(ddof=1)) / len(costs) ** 0.5
            doubt = float(student.isf(OVERSPENT, len(costs) - 1)) * error
        return bool(costs.mean() > self.objective.spend * (1.0 + ROUNDING) + doubt)

    def summary(self) -> str:
        """Return the answer and its checks, in plain sentences."""
        last = self.trace.isel(iteration=-1).mean("seed")
        name = self.objective.name.replace("_", " ")
        where = ""
        if self.few is not None:
            where = f" at {self.few.visits} visit{'s' * (self.few.visits > 1)} to a prompt"
        lines = [
            f"{name} {self.score:.4g}{where}; error {float(last.error):.4g} in the end, for "
            f"{float(last.labels):.4g} labels and a cost of {self.cost:.4g} per visit."
        ]
        for knob, value in self.values.items():
            lines.append(f"{knob.replace('_', ' ')}: {_told(value)}{self._at_bound(knob)}.")
        if self.few is not None:
            lines.append(self.few.told())
            if self._overspent:
                lines.append("Not confirmed: on the other seeds it costs more than may be spent.")
            elif not self.confirmed:
                lines.append("Not confirmed: another choice is better on the other seeds.")
            return "\n".join(lines)
        if np.isfinite(self.constant):
            price = "" if self.objective.spend is None else ", at no higher price"
            lines.append(f"The best that never changes{price}: {self.constant:.4g}.")
        lines.append(
            f"{self.agreeing} of {len(self.starts)} starts agree with the best to a hundredth; the "
            f"best of {self.grid_size:,} choices on a grid: {self.grid:.4g}."
        )
        if self.flat == len(self.starts):
            lines.append("Not confirmed: the score has no slope at any start.")
        elif not self.confirmed:
            hint = "More steps or restarts may find better"
            if self.flat:
                hint += f"; {self.flat} of the starts had no slope: narrower bounds may help"
            lines.append(f"Not confirmed. {hint}.")
        return "\n".join(lines)

    def _at_bound(self, name: str) -> str:
        """Say so where one number stands at its bound."""
        knob, value = self.knobs[name], self.values[name]
        if isinstance(value, tuple):
            return ""
        sides = [
            side
            for side in ("low", "high")
            if np.isclose(value, getattr(knob, side), rtol=ROUNDING, atol=0.0)
        ]
        return f", its {sides[0]} bound" if sides else ""

    def __repr__(self) -> str:
        """Say the score."""
        return f"<Design: {self.objective.name} {self.score:.4g} at cost {self.cost:.4g}>"

    def to_json(self) -> str:
        """Return the answer, its checks and the conditions as JSON."""
        goal = self.objective
        record = {
            "values": dict(self.values),
            "score": self.score,
            "cost": self.cost,
            "labels_bought": self.bought.tolist(),
            "confirmed": self.confirmed,
            "agreeing": self.agreeing,
            "starts": self.starts.tolist(),
            "from_grid": self.from_grid,
            "flat": self.flat,
            "grid": self.grid,
            "grid_size": self.grid_size,
            "constant": self.constant,
            "few_visits": None if self.few is None else self.few.record(),
            "knobs": {name: vars(knob) for name, knob in self.knobs.items()},
            "search": dict(self.search),
            "objective": {
                "score": goal.name,
                "iterations": goal.iterations,
                "spend": goal.spend,
                "prices": vars(goal.prices),
            },
            "procedure": json.loads(self.procedure.describe()),
            "task": goal.task.describe(),
        }
        return as_json(record)

    def plot(self) -> Figure:
        """Return a figure: what changes between iterations, what is bought of it, the error."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        changing = {name: value for name, value in self.values.items() if np.ndim(value)}
        axes: list[Axes] = list(figure.subplots(1, len(changing) + 1, squeeze=False)[0])
        steps = np.arange(1, self.objective.iterations + 1)
        for ax, (name, value) in zip(axes, changing.items(), strict=False):
            ax.bar(steps, value, color="#0072B2", alpha=0.4, label="allowed")
            if name == "budget":
                ax.bar(steps, self.bought, color="#0072B2", width=0.4, label="bought")
                ax.legend()
            ax.set(xlabel="iteration", ylabel=UNITS[name], title=name.replace("_", " "))
        axes[-1].plot(self.trace.iteration, self.trace.error[0], color="#D55E00")
        axes[-1].set(xlabel="iteration", ylabel="error", ylim=(0.0, None), title="error")
        numbers = [
            f"{name} {value:.4g}" for name, value in self.values.items() if not np.ndim(value)
        ]
        told = [f"{self.objective.name.replace('_', ' ')} {self.score:.4g}", *numbers]
        figure.suptitle(", ".join([*told, f"cost {self.cost:.4g} per visit"]), fontsize=10)
        return figure


def _told(value: float | tuple[float, ...]) -> str:
    """Return a value in words: a schedule by its runs of equal numbers."""
    if isinstance(value, float):
        return f"{value:.4g}"
    texts = [f"{each:.3g}" for each in value]
    told: list[str] = []
    start = 0
    for number in range(1, len(texts) + 1):
        if number == len(texts) or texts[number] != texts[start]:
            last = number
            where = f"{start + 1}" if last == start + 1 else f"{start + 1} to {last}"
            told.append(f"{texts[start]} in {where}")
            start = number
    if len(told) > 8:
        told = [*told[:7], f"and {len(told) - 7} changes more"]
    return ", ".join(told)
