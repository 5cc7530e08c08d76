"""Accuracy by difficulty, and what a filter alone never reaches."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from boostsim.figures import Scale
from boostsim.figures.neural import BETA, METHODS, curves, records

TITLE = "What the first model never gets right, a filter alone never reaches"
CLAIM = (
    "By the number of operators of an expression: where the first model's accuracy is zero the "
    "filter has nothing to keep and accuracy stays there (T13); a few labels that are mostly "
    "wrong ignite these strata, and the filter does the rest."
)
SIZE = (11.5, 3.6)


def data(scale: Scale, *, beta: float = BETA) -> pd.DataFrame:
    """Return accuracies by procedure, stratum, seed and iteration."""
    parts = [records("programs", method, beta, scale, strata=True) for method in METHODS]
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw sampled accuracy by iteration, a panel a stratum."""
    strata = table.stratum.unique()
    axes = figure.subplots(1, len(strata), sharey=True)
    for ax, stratum in zip(axes, strata, strict=True):
        curves(ax, table[table.stratum == stratum], "sampled", labelled=ax is axes[0])
        operators = "operator" if stratum == "1" else "operators"
        ax.set(title=f"{stratum} {operators}")
    axes[0].set_ylabel("accuracy, sampled")
    seeds = table.seed.nunique()
    lines = "One seed" if seeds == 1 else f"Thick: mean of {seeds} paired seeds; thin: each"
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center")
    return (
        f"Programs, wrong labels ignore precedence, β = {beta:g}. {lines}; "
        f"{table.evaluated.iloc[0]:.0f} held-out prompts a stratum, four samples each."
    )
