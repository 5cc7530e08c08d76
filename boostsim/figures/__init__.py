"""Figures: one small module each, with the claim it shows, its data and its drawing.

A module holds ``TITLE`` and ``CLAIM``, ``data(scale)`` that computes a tidy table, and
``draw(table, figure)`` that draws it and nothing else; where it needs a log of others, also
``missing()``, which says where that is while it is not at hand.

Help lists their names, so nothing here imports NumPy or JAX.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

# In the order in which they are told.
FIGURES = (
    "convergence",
    "procedures",
    "limit_error",
    "label_price",
    "regimes",
    "freshness",
    "sharpening",
    "updates",
    "neighbours",
    "leaderboard",
    "labels_to_target",
    "frontier",
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


SCALES = {
    scale.name: scale
    for scale in (
        Scale("smoke", prompts=100, seeds=4, visits=30, stride=3),
        Scale("quick", prompts=1000, seeds=16, visits=100),
        Scale("full", prompts=10_000, seeds=64, visits=1000),
    )
}


def figure_module(name: str) -> ModuleType:
    """Return the module that draws a figure."""
    from boostsim.arguments import unknown

    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    return importlib.import_module(f"boostsim.figures.{name}")


def scale_named(name: str) -> Scale:
    """Return the scale of that name."""
    from boostsim.arguments import unknown

    if name not in SCALES:
        raise unknown("scale", name, SCALES)
    return SCALES[name]
