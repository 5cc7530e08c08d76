"""Figure 13: labels to 99% against beta, for every criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, caption
from boostsim.tasks.table import TableTask
from boostsim.tournament.compare import every_criterion

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "TITLE", "data", "draw"]

TITLE = "Focus on failures is the cheapest where a failure means what it says, and only there"
CLAIM = (
    "With a perfect filter, one visit and one attempt, labels for failures reach an error at T2's "
    "cost (e_0 - e)/beta, the least that any rule can. With several attempts and a filter that "
    "accepts what is wrong few wrong prompts fail all of them (T4): rules that label where few "
    "passed need fewer labels or reach the target at all."
)

TARGET, UNSOLVED, ITERATIONS = 0.01, 0.5, 150
BETAS = (0.1, 0.2, 0.35, 0.6, 1.0)
# Panel -> gamma, attempts, visits, labels per visit and iteration.
PANELS = {
    "perfect filter, 1 visit, 1 attempt": (0.0, 1, 1, 0.1),
    "filter errs 1 in 20, 10 visits, 4 attempts": (0.05, 4, 10, 0.01),
    "filter errs 1 in 5, 10 visits, 4 attempts": (0.2, 4, 10, 0.01),
}
MARKERS = "osD^v<>Px*hp"


def half_solved(prompts: int) -> TableTask:
    """Return a task whose first model is right for certain on half of the prompts, else wrong."""
    quality = np.tile(np.eye(1, 4), (prompts, 1))
    initial = np.tile([0.0, 1.0, 1.0, 1.0], (prompts, 1)) / 3.0
    initial[: round(prompts * (1.0 - UNSOLVED))] = np.eye(1, 4)
    return bs.table_task(quality, initial=initial)


def labels_to_target(trace: xarray.Dataset) -> np.ndarray:
    """Return by seed the labels bought when the error is first at most the target, or NaN."""
    error, labels = trace.error.values, trace.labels.values
    first = (error <= TARGET).argmax(axis=1)
    bought = np.take_along_axis(labels, first[:, None], axis=1)[:, 0]
    return np.where((error <= TARGET).any(axis=1), bought, np.nan)


def data(scale: Scale) -> pd.DataFrame:
    """Return labels per visit to the target for each panel, criterion and beta."""
    prompts, seeds = min(scale.prompts, 1000), max(scale.seeds // 4, 2)
    task, parts = half_solved(prompts), []
    rules = [*every_criterion()[:: scale.stride], bs.criteria.oracle]
    for panel, (gamma, attempts, visits, budget) in PANELS.items():
        for rule in rules:
            for beta in BETAS[:: scale.stride]:
                procedure = bs.boosting(
                    attempts=attempts,
                    filter=bs.NoisyFilter(gamma),
                    labeler=bs.WeakLabeler(beta),
                    criterion=rule,
                    budget=budget,
                )
                trace = bs.simulate(procedure, task, ITERATIONS, visits=visits, seeds=seeds, key=0)
                bought = labels_to_target(trace)
                parts.append(
                    {
                        "panel": panel,
                        "criterion": rule.name,
                        "beta": beta,
                        # Per prompt that was unsolved: visits are the same to each.
                        "labels": bought.mean() * visits / UNSOLVED,
                        "reached": np.isfinite(bought).mean(),
                        "final_error": trace.error.values[:, -1].mean(),
                        "prompts": prompts,
                        "seeds": seeds,
                    }
                )
    return pd.DataFrame(parts)


def draw(table: pd.DataFrame, figure: Figure) -> None:
    """Draw labels per unsolved prompt against beta; what never arrives stands at the top."""
    figure.set_size_inches(12, 5.0)
    axes = figure.subplots(1, len(PANELS), sharey=True)
    names = table.criterion.unique()
    top = 3.0 * np.nanmax(table.labels)
    for ax, panel in zip(axes, PANELS, strict=True):
        lines = table[table.panel == panel]
        for number, name in enumerate(names):
            line = lines[lines.criterion == name]
            color = "black" if name == "oracle" else COLORS[number % 6]
            ax.plot(
                line.beta,
                line.labels,
                marker=MARKERS[number],
                color=color,
                markersize=4,
                linewidth=2.5 if name == "failed" else 1.0,
                linestyle="--" if name == "oracle" else "-",
                label=name,
            )
        never = lines[lines.labels.isna()].groupby("beta").size()
        for beta, count in never.items():
            ax.annotate(str(count), (beta, top), ha="center", va="center", fontsize=8)
        ax.set(xscale="log", yscale="log", title=panel, xlabel="beta: share of right labels")
        ax.set_xticks(BETAS, [f"{beta:g}" for beta in BETAS])
        ax.minorticks_off()
    betas = np.geomspace(min(BETAS), 1.0, 50)
    bound = (UNSOLVED - TARGET) / UNSOLVED / betas
    for ax in axes:
        ax.plot(betas, bound, color="0.3", lw=6, alpha=0.2, zorder=0)
    axes[0].set_ylabel("labels per unsolved prompt, until 99% is reached")
    axes[0].annotate("T2: no rule needs fewer", (0.25, 3.0), color="0.35", fontsize=8)
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    first = table.iloc[0]
    caption(
        figure,
        TITLE,
        f"Mean over {first.seeds:.0f} sampled runs of {first.prompts:.0f} prompts, half of them "
        f"without any right answer at first; at most {ITERATIONS} iterations, 0.1, 0.01 and 0.01 "
        f"labels per visit and iteration. Numbers at the top: rules that never arrive. Grey: T2's "
        f"(e₀ - e)/β, which binds at one visit and one attempt (left); elsewhere the filter also "
        f"improves, without labels, what is solved in part.",
    )
