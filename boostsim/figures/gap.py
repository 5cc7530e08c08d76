"""What the strong-learner assumption costs: one procedure in all four cells (T1, T6)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.kept import kept
from boostsim.figures.style import COLORS, rows
from boostsim.gap import CELLS

TITLE = "A transformer is a strong learner where its steps suffice, and then the error follows β"
CLAIM = (
    "On a table to be looked up, a transformer that is fitted to the exact training law follows "
    "(1 - beta)^t (T1) where its slack is small; T6 bounds what slack costs. Fewer steps or less "
    "width delay it: an iteration removes the share beta of the error only once its slack is small "
    "beside the error. Trained on samples it is slower than the table on the same number of "
    "visits, by more than both errors alone: from few examples a network learns less well. No "
    "theorem is claimed."
)
SIZE = (11.0, 3.9)

BETA, KEY = 0.3, 2026
ALLOWED = "allowed by T6 (transformer, exact)"
NAMES = {
    "table_exact": "table, exact",
    "table_sampled": "table, sampled",
    "transformer_exact": "transformer, exact",
    "transformer_sampled": "transformer, sampled",
}


@dataclass(frozen=True)
class Size:
    """How much is trained: the table looked up, iterations, and the transformers."""

    entries: int
    answers: int
    iterations: int
    visits: int
    seeds: int
    learner: bs.Transformer
    widths: tuple[int, ...]
    steps: tuple[int, ...]


SIZES = {
    "smoke": Size(16, 4, 3, 4, 1, bs.Transformer(width=16, heads=2, steps=32), (16,), (32,)),
    "quick": Size(
        256, 16, 8, 4, 3, bs.Transformer(steps=256), (16, 32, 64), (8, 16, 32, 64, 128, 256, 512)
    ),
    "full": Size(
        1024,
        32,
        12,
        8,
        5,
        bs.Transformer(width=128, steps=1024),
        (16, 32, 64, 128, 256),
        (16, 64, 256, 1024, 4096),
    ),
}


def data(scale: Scale, *, beta: float = BETA) -> pd.DataFrame:
    """Return the errors of the four cells, and the slack and rate of a sweep, by iteration."""
    size = SIZES[scale.name]
    task = bs.lookup(size.entries, size.answers)
    procedure = bs.boosting(labeler=bs.WeakLabeler(beta))
    about = [task.fingerprint, procedure.describe(), KEY]
    shared: dict[str, Any] = {"seeds": size.seeds, "key": KEY}
    run: list[Any] = [procedure, task, size.iterations]
    told = [*about, "cells", json.dumps(size.learner.describe()), size.visits]
    make = partial(bs.gap_report, *run, learner=size.learner, visits=size.visits, **shared)
    cells = kept(told, make).table
    cells = cells.assign(panel="cells", width=size.learner.width, steps=size.learner.steps)
    parts = [cells.assign(entries=size.entries, visits=size.visits)]
    for width in size.widths:
        for steps in size.steps:
            learner = replace(size.learner, width=width, steps=steps, heads=min(4, width // 8))
            told = [*about, "sweep", json.dumps(learner.describe())]
            trace = kept(told, partial(bs.simulate, *run, learner=learner, exact=True, **shared))
            for seed in trace.seed.values:
                error = trace.error.values[seed]
                part = rows(
                    panel="sweep",
                    width=width,
                    steps=steps,
                    seed=seed,
                    iteration=trace.iteration.values[1:],
                    transformer_exact=error[1:],
                    slack=trace.slack.values[seed, 1:],
                    removed=1.0 - error[1:] / error[:-1],
                )
                parts.append(part)
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw the four cells, the slack over steps and width, and what an iteration removes."""
    axes = figure.subplots(1, 3)
    cells, sweep = table[table.panel == "cells"], table[table.panel == "sweep"]
    _cells(axes[0], cells, beta)
    # In their middle the dots of three widths would hide each other: a shape each.
    looks = zip(COLORS, "osD^v", sweep.groupby("width"), strict=False)
    for color, shape, (width, lines) in looks:
        slack = lines.groupby(["steps", "seed"]).slack.mean()
        mean = slack.groupby("steps").mean()
        label = f"width {width:.0f}"
        axes[1].plot(mean.index, mean, color=color, label=label, marker=shape, ms=5, mfc="none")
        axes[1].plot(slack.index.get_level_values(0), slack, shape, color=color, markersize=2)
        before = lines.transformer_exact / (1.0 - lines.removed)
        ratio = lines.slack / before
        axes[2].plot(ratio, lines.removed, shape, color=color, ms=4, mfc="none", mew=0.6)
    axes[1].set(xscale="log", yscale="log", xlabel="optimiser steps an iteration")
    axes[1].set_title("slack η, average over iterations")
    axes[1].legend(loc="lower left")
    ratio = np.geomspace(1e-5, 1.0, 200)
    axes[2].fill_between(ratio, beta - ratio, beta + ratio, color="0.6", alpha=0.25, linewidth=0)
    axes[2].axhline(beta, color="0.5", linewidth=0.8, linestyle=":")
    axes[2].set(xscale="log", xlabel="slack η / error before", ylim=(-0.05, beta + 0.2))
    axes[2].set_title("share of the error removed in an iteration")
    first = cells.iloc[0]
    return (
        f"Boosting, one attempt, perfect filter, β = {beta:g}, a table of {first.entries:.0f} "
        "entries. Left: over the law, on which the table's exact run and nearly the "
        f"transformer's lie; width {first.width:.0f}, {first.steps:.0f} steps an iteration; "
        f"sampled: {first.visits:,.0f} visits to an entry; mean of {cells.seed.nunique()} seeds "
        "(of the table 64 runs each; for one attempt their expectation is the law). Middle and "
        "right: fitted to the exact law; η is the total variation distance to it, averaged over "
        "prompts. Right: a dot for each iteration, seed and setting; dotted: β; grey: what T6 "
        "allows."
    )


def _cells(ax: Axes, cells: pd.DataFrame, beta: float) -> None:
    """Draw the error by iteration over the law's: the four cells, and what T6 allows."""
    mean = cells.groupby("iteration")[[*CELLS, "bound"]].mean()
    law = bs.laws.boosting_error(
        beta=beta, attempts=1, initial_error=mean.table_exact[0], iterations=mean.index.to_numpy()
    )
    ax.axhline(1.0, color="0.6", linewidth=0.8)
    allowed = mean.bound / law
    ax.fill_between(mean.index, 1.0, allowed, color=COLORS[2], alpha=0.2, lw=0, label=ALLOWED)
    # Three of them are the law or nearly so: rings of different sizes lie within each other.
    for color, style, size, cell in zip(COLORS, ("-", "--", "-", "--"), (9, 3, 6, 6), CELLS):
        face = color if size == 3 else "none"
        ax.plot(
            mean.index, mean[cell] / law, style, marker="o", color=color, ms=size, mfc=face, lw=1,
            label=NAMES[cell],
        )  # fmt: skip
    ax.set(xlabel="iteration", ylabel="error / (1 - β)^t e₀ (T1)", title="the four cells")
    ax.locator_params(axis="x", integer=True)
    ax.legend(loc="upper left", fontsize=7)
