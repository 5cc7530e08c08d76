"""A transformer that writes programs, five procedures, and how weak labels may be."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from boostsim.curation.labelers import SHUFFLED
from boostsim.figures import Scale
from boostsim.figures.neural import (
    BETA,
    compared,
    curves,
    gain_of_wrong_labels,
    over_beta,
)

OTHERS = ("random labels",)
TITLE = (
    "A transformer writing programs: focus beats even labels; half the gain needs no right label"
)
CLAIM = (
    "With wrong labels that share one misconception, focused labels beat evenly spread ones at the "
    "same budget, and both beat the filter alone, as on tables (T9, T10, T13). But labels that "
    "share a misconception are programs for their prompt nevertheless: half of boosting's gain is "
    "there without a right one. With the right answers of other prompts for wrong labels it is not."
)
SIZE = (11.0, 4.0)


def data(scale: Scale, *, beta: float = BETA) -> pd.DataFrame:
    """Return accuracies by procedure, beta, way to be wrong, seed and iteration."""
    return compared("programs", scale, OTHERS, beta)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw sampled and greedy accuracy by iteration, and the last one over beta."""
    left, middle, right = figure.subplots(1, 3, sharey=True)
    usual = table[table.wrong != SHUFFLED]
    main = usual[usual.beta == beta]
    curves(left, main, "sampled", labelled=True)
    curves(middle, main, "greedy", labelled=False)
    over_beta(right, table, OTHERS)
    left.set(title=f"sampled, β = {beta:g}", ylabel="accuracy")
    middle.set(title=f"greedy, β = {beta:g}")
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    labels = main[main.method == "boosting"]
    shared, shuffled = (
        gain_of_wrong_labels(table, wrong, beta) for wrong in ("concentrated", SHUFFLED)
    )
    return (
        f"Thick: mean of {table.seed.nunique()} paired seeds; thin, dots: each; dashed: filter "
        f"only. A visit makes {table.attempts[0]} attempts; programs are run on four bindings, a "
        f"perfect filter. At most one label for every eight visits; wrong ones ignore precedence: "
        f"{labels.right_tokens.mean():.0%} of boosting's label tokens were right at β = {beta:g}. "
        f"At β = 0 boosting has {shared:.0%} of its gain over the filter alone at β = {beta:g}; "
        f"where wrong labels are shuffled, the right answers of other prompts, it has "
        f"{shuffled:.0%} of its gain there. The same number of optimiser steps for all."
    )
