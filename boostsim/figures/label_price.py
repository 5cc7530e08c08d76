"""Figure 4: what an error costs in labels, with and without focus (T2, T10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, caption, rows
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "TITLE", "data", "draw"]

TITLE = "Focused on failures, any error costs at most 1/β labels per unsolved prompt"
CLAIM = (
    "Boosting buys e_0 (1 - (1-beta)^T)/beta labels, the least that any policy can; the same "
    "labels bought for everybody and discarded where not needed cost T; labels bought for "
    "everybody and kept never get below an error of T10."
)

BETA, UNSOLVED, ITERATIONS = 0.1, 0.5, 80


def half_solved(prompts: int) -> TableTask:
    """Return a task whose first model is right for certain on half of the prompts, else wrong."""
    quality = np.tile([1.0, 0.0, 0.0, 0.0], (prompts, 1))
    initial = np.tile([0.0, 1.0, 0.0, 0.0], (prompts, 1))
    initial[: round(prompts * (1 - UNSOLVED))] = [1.0, 0.0, 0.0, 0.0]
    return bs.table_task(quality, initial=initial)


def data(scale: Scale) -> pd.DataFrame:
    """Return labels per prompt and the error reached, by iteration, for each way of buying."""
    task = half_solved(scale.prompts)
    steps = np.arange(ITERATIONS + 1)
    labeler = bs.WeakLabeler(BETA)
    law = bs.laws.boosting_error(beta=BETA, attempts=1, initial_error=UNSOLVED, iterations=steps)
    cost = bs.laws.label_cost(beta=BETA, initial_error=UNSOLVED, iterations=steps)
    focused = bs.boosting(labeler=labeler)
    parts = []
    for name, procedure, visits in (
        ("focused on failures", focused, 1),
        ("for everybody, discarded", focused, 1),
        ("for everybody, kept", bs.random_labels(rate=1.0, labeler=labeler), scale.visits),
        ("for one in ten, kept", bs.random_labels(rate=0.1, labeler=labeler), scale.visits),
    ):
        exact = bs.simulate(procedure, task, ITERATIONS)
        sampled = bs.simulate(
            procedure, task, ITERATIONS, visits=visits, seeds=scale.seeds, key=len(name)
        )
        # Discarding changes no example, so no error; everybody's label is paid for all the same.
        discarded = name.endswith("discarded")
        kept = name.endswith("kept")
        rate = 0.1 if "ten" in name else 1.0
        floor = 1.0 - bs.laws.even_labels_fixed_point(beta=BETA, rate=rate)
        parts.append(
            rows(
                policy=name,
                iteration=steps,
                law_error=np.full(len(steps), np.nan) if kept else law,
                law_labels=rate * steps if kept else steps if discarded else cost,
                limit=floor if kept else np.nan,
                error=exact.error.values[0],
                labels=steps if discarded else exact.labels.values[0],
                sampled_error=sampled.error.values.mean(0),
                sampled_labels=steps if discarded else sampled.labels.values.mean(0),
                prompts=scale.prompts,
                visits=visits,
                seeds=scale.seeds,
            )
        )
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure) -> None:
    """Draw labels per prompt against the error reached: time runs to the right."""
    figure.set_size_inches(7, 4.4)
    ax = figure.subplots()
    for color, (name, line) in zip(COLORS, table.groupby("policy", sort=False), strict=False):
        paid = line[line.iteration > 0]
        ax.plot(paid.error, paid.labels, color=color, label=name)
        ax.plot(paid.law_error, paid.law_labels, color="white", lw=0.8, ls=(0, (2, 3)))
        seen = paid[paid.sampled_error > 0]
        ax.plot(seen.sampled_error, seen.sampled_labels, "o", color=color, markersize=2.5)
        ax.axvline(line.limit.iloc[0], color=color, linewidth=0.8, linestyle=":")
    errors = np.geomspace(1e-4, UNSOLVED * 0.99, 100)
    ax.plot(errors, (UNSOLVED - errors) / BETA, color="0.3", lw=5, alpha=0.25, zorder=0)
    ax.annotate(
        "no policy needs less: (e₀ - e)/β",
        (4e-4, UNSOLVED / BETA),
        xytext=(0, -14),
        textcoords="offset points",
        color="0.35",
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="error reached",
        ylabel="labels per prompt, so far",
        xlim=(1.0, 1.5e-4),
        ylim=(0.08, 120),
    )
    ax.legend(loc="lower right")
    first = table.iloc[0]
    caption(
        figure,
        TITLE,
        f"Lines: exact (white dashes: T1, T2). Dots: mean of {first.seeds:.0f} sampled runs, "
        f"{first.prompts:,.0f} prompts, one visit each ({table.visits.max():.0f} where labels are "
        f"kept). Dotted: T10's limits.\nβ = {BETA}, perfect filter, one attempt; the first model "
        f"solves half of the prompts. The bound is T2's.",
    )
