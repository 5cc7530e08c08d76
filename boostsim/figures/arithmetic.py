"""A transformer on chains of arithmetic: five procedures, and how wrong labels are wrong."""

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

TITLE = "A transformer on arithmetic: most of what labels add here needs no right label"
CLAIM = (
    "The order that tables predict (T9, T10, T13) holds for a small transformer: without curation "
    "it does not improve, a filter alone reaches a plateau, focused labels go on. Its greedy "
    "accuracy exceeds its sampled one. But that is little evidence for right labels: one with a "
    "slip is mostly right, and without a single right one boosting has most of its gain. Where "
    "wrong labels are the right answers of other prompts, that gain is gone, and at the same "
    "share of right labels most of the rest. No theorem is claimed."
)
SIZE = (11.0, 4.0)


def data(scale: Scale, *, beta: float = BETA) -> pd.DataFrame:
    """Return accuracies by procedure, beta, way to be wrong, seed and iteration."""
    return compared("arithmetic", scale, (), beta)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw sampled and greedy accuracy by iteration, and the last one over beta."""
    left, middle, right = figure.subplots(1, 3, sharey=True)
    usual = table[table.wrong != SHUFFLED]
    main = usual[usual.beta == beta]
    curves(left, main, "sampled", labelled=True)
    curves(middle, main, "greedy", labelled=False)
    over_beta(right, table)
    left.set(title=f"sampled, β = {beta:g}", ylabel="accuracy")
    middle.set(title=f"greedy, β = {beta:g}")
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    labels = main[main.method == "boosting"]
    slips, shuffled = (gain_of_wrong_labels(table, wrong, beta) for wrong in ("slip", SHUFFLED))
    return (
        f"Thick: mean of {table.seed.nunique()} paired seeds; thin, dots: each; dashed: filter "
        f"only. A visit makes {table.attempts[0]} attempts, checked by a perfect verifier; at "
        "most one label for every eight visits, right with probability β, else with one slip "
        f"(left, middle: {labels.label_accuracy.mean():.0%} of boosting's labels were right, and "
        f"{labels.right_tokens.mean():.0%} of their tokens). At β = 0 boosting has {slips:.0%} of "
        f"its gain over the filter alone at β = {beta:g}; where wrong labels are shuffled, the "
        f"right answers of other prompts, it has {shuffled:.0%} of its gain there. The same "
        "number of optimiser steps for all."
    )
