"""A transformer that writes programs, five procedures, and how weak labels may be."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from boostsim.figures import Scale
from boostsim.figures.neural import BETA, METHODS, curves, records
from boostsim.figures.style import COLORS, caption

TITLE = "A transformer writing programs: focus beats even labels, and the filter alone stalls"
CLAIM = (
    "With wrong labels that share one misconception, focused labels beat evenly spread ones at the "
    "same budget, and both beat the filter alone, as on tables (T9, T10, T13). Right labels "
    "matter: beta = 0 is the control."
)
BETAS = (0.0, 0.1, 0.3, 0.5)


def data(scale: Scale) -> pd.DataFrame:
    """Return accuracies by procedure, beta, seed and iteration."""
    parts = [records("programs", method, BETA, scale) for method in METHODS]
    for beta in BETAS[:: 3 * min(1, scale.stride - 1) or 1]:
        if beta != BETA:
            parts += [records("programs", method, beta, scale) for method in METHODS[:2]]
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure) -> None:
    """Draw sampled and greedy accuracy by iteration, and the last one over beta."""
    figure.set_size_inches(11, 4)
    left, middle, right = figure.subplots(1, 3, sharey=True)
    main = table[table.beta == BETA]
    curves(left, main, "sampled", labelled=True)
    curves(middle, main, "greedy", labelled=False)
    last = table[table.iteration == table.iteration.max()]
    for color, method in zip(COLORS, METHODS[:2], strict=False):
        ends = last[last.method == method].sort_values("beta")
        mean = ends.groupby("beta").sampled.mean()
        right.plot(mean.index, mean, color=color, linewidth=2)
        right.plot(ends.beta, ends.sampled, "o", color=color, markersize=4, alpha=0.7)
    alone = last[last.method == "filter only"].sampled.mean()
    right.axhline(alone, color=COLORS[2], linewidth=1, linestyle="--")
    left.set(title=f"sampled, β = {BETA}", ylabel="accuracy")
    middle.set(title=f"greedy, β = {BETA}")
    right.set(title="sampled, last iteration", xlabel="β, share of right labels")
    left.legend(loc="upper left")
    labels = main[main.method == "boosting"]
    caption(
        figure,
        TITLE,
        f"Thick: mean of {table.seed.nunique()} paired seeds; thin, dots: each; dashed: filter "
        f"only. A visit makes {table.attempts[0]} attempts; programs are run on four bindings, a "
        f"perfect filter. At most one label for every eight visits; wrong ones ignore precedence: "
        f"{labels.right_tokens.mean():.0%} of boosting's label tokens were right at β = {BETA}. "
        f"The same number of optimiser steps for all.",
    )
