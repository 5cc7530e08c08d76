"""Figures: one small module each, with the claim it shows, its data and its drawing.

A module holds ``TITLE`` and ``CLAIM``; ``SIZE``, the inches that its text is made for;
``data(scale)`` that computes a tidy table, with the figure's parameters as keyword arguments; and
``draw(table, figure)`` that draws it and nothing else, takes those parameters that the table does
not tell, and returns the caption. Where it needs a log of others it has ``missing()``, too, which
says where that is while it is not at hand.

Help lists their names, so nothing here imports NumPy or JAX.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# In the order in which they are told.
FIGURES = (
    "convergence",
    "procedures",
    "limit_error",
    "few_visits",
    "blind_spot",
    "label_price",
    "regimes",
    "freshness",
    "sharpening",
    "updates",
    "neighbours",
    "leaderboard",
    "labels_to_target",
    "frontier",
    "plane",
    "schedules",
    "table_one",
    "arithmetic",
    "programs",
    "strata",
    "gap",
    "verdict",
    "real_run",
)
# Those that train networks: too long to be drawn again whenever a test runs.
NEURAL = ("table_one", "arithmetic", "programs", "strata", "gap", "verdict")


@dataclass(frozen=True)
class Scale:
    """How much is simulated for a figure.

    Attributes:
        name: smoke, quick or full.
        prompts: prompts of a task.
        seeds: sampled runs.
        visits: visits to a prompt and iteration.
        stride: of the points along an axis that costs a run each, every how manyth.
    """

    name: str
    prompts: int
    seeds: int
    visits: int
    stride: int = 1

    @property
    def finds(self) -> bool:
        """Whether a finding may stand as a title: those told are of the quick scale."""
        return self.name != "smoke"


# What is read beside figures at the smallest scale.
SMOKE = (
    "The smoke scale shows that all of it runs: no finding stands as a title, and claims are of "
    "the quick scale."
)
SCALES = {
    scale.name: scale
    for scale in (
        Scale("smoke", prompts=100, seeds=4, visits=30, stride=3),
        Scale("quick", prompts=1000, seeds=16, visits=100),
        Scale("full", prompts=10_000, seeds=64, visits=1000),
    )
}


@dataclass(frozen=True)
class Look:
    """How a figure is drawn.

    Attributes:
        size: width and height in inches, or None for those it was made for.
        title: whether its finding stands above it, or words that do.
        caption: whether its conditions stand below it.
    """

    size: tuple[float, float] | None = None
    title: bool | str = True
    caption: bool = True


def figure_module(name: str) -> ModuleType:
    """Return the module that draws a figure."""
    from boostsim.arguments import choice

    return importlib.import_module(f"boostsim.figures.{choice('figure', name, FIGURES)}")


def scale_named(name: str) -> Scale:
    """Return the scale of that name."""
    from boostsim.arguments import choice

    return SCALES[choice("scale", name, SCALES)]


def parameters_of(name: str) -> dict[str, Any]:
    """Return a figure's parameters with their defaults; a tuple stands for one value or several.

    Raises:
        ValueError: for an unknown figure.

    Example:
        >>> parameters_of("convergence")
        {'beta': (0.1, 0.2, 0.3, 0.5), 'attempts': (1, 4)}
    """
    from boostsim.figures.parameters import defaults_of

    return defaults_of(figure_module(name))
