"""What a design is: the answer, what it costs, and how it was checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.designs.objective import Objective

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Design"]

# Relative differences of scores that do not matter to the checks.
CLOSE = 0.01


@dataclass(frozen=True, eq=False)
class Design:
    """What :func:`boostsim.design` found.

    Attributes:
        objective: what was asked.
        values: where each knob stands; a tuple where it may change from iteration to iteration.
        procedure: with the knobs there, ready to be run.
        score: of the exact run with it.
        trace: of that run, with its cost.
        starts: where gradients led from the middle and from each random start, votes relaxed.
        from_grid: where they led from the grid's best.
        grid: the best score on the grid.
        grid_size: points of it.
        constant: the best score where what may change between iterations does not, at no higher
            price and the other knobs alike; NaN where nothing may change.
    """

    objective: Objective
    values: Mapping[str, float | tuple[float, ...]]
    procedure: Procedure
    score: float
    trace: xarray.Dataset
    starts: np.ndarray
    from_grid: float
    grid: float
    grid_size: int
    constant: float

    @property
    def cost(self) -> float:
        """What the run costs, in currency per visit."""
        return float(self.trace.cost[0, -1])

    @property
    def agreeing(self) -> int:
        """How many of the starts led to a score as good as this one, or within a hundredth."""
        return int(np.sum(self.starts <= self.score + CLOSE * abs(self.score)))

    @property
    def confirmed(self) -> bool:
        """Whether the grid has nothing better, and two starts at least led here by themselves."""
        return self.agreeing >= 2 and self.score <= self.grid

    def summary(self) -> str:
        """Return the answer and its checks, in plain sentences."""
        name = self.objective.name.replace("_", " ")
        lines = [f"{name} {self.score:.4g}, at a cost of {self.cost:.4g} per visit."]
        for knob, value in self.values.items():
            lines.append(f"{knob.replace('_', ' ')}: {_told(value)}.")
        if np.isfinite(self.constant):
            lines.append(f"The best that never changes, at no higher price: {self.constant:.4g}.")
        checked = (
            f"{self.agreeing} of {len(self.starts)} starts lead here, to a hundredth; the best of "
            f"{self.grid_size:,} others on a grid: {self.grid:.4g}"
        )
        doubt = "" if self.confirmed else " Not confirmed: more steps or restarts may find better."
        return "\n".join([*lines, f"{checked}.{doubt}"])

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
            "confirmed": self.confirmed,
            "agreeing": self.agreeing,
            "starts": self.starts.tolist(),
            "from_grid": self.from_grid,
            "grid": self.grid,
            "grid_size": self.grid_size,
            "constant": self.constant if np.isfinite(self.constant) else None,
            "objective": {"score": goal.name, "iterations": goal.iterations, "spend": goal.spend},
            "procedure": json.loads(self.procedure.describe()),
            "task": goal.task.describe(),
        }
        return json.dumps(record, indent=2, default=float)

    def plot(self) -> Figure:
        """Return a figure: what changes between iterations, and the error."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        changing = {name: value for name, value in self.values.items() if np.ndim(value)}
        axes: list[Axes] = list(figure.subplots(1, len(changing) + 1, squeeze=False)[0])
        steps = np.arange(1, self.objective.iterations + 1)
        for ax, (name, value) in zip(axes, changing.items(), strict=False):
            ax.bar(steps, value, color="#0072B2")
            ax.set(xlabel="iteration", ylabel=f"{name.replace('_', ' ')}, per visit")
        axes[-1].plot(self.trace.iteration, self.trace.error[0], color="#D55E00")
        axes[-1].set(xlabel="iteration", ylabel="error", ylim=(0.0, None))
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
        told = [*told[:7], f"and {len(told) - 7} more steps"]
    return ", ".join(told)
