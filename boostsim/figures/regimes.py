"""What each regime does to diversity and accuracy, with and without curation (T11-13)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, band, quantiles, rows, spread

TITLE = "Old data save diversity but teach nothing; filter, labels and real data do"
CLAIM = (
    "Without curation replacing the data is genetic drift: diversity falls by a factor 1 - 1/M an "
    "iteration (T11). Accumulating keeps a positive share for ever (T12), and so does an anchor "
    "of real data, but accumulating alone does not improve (T13). With a filter and labels each "
    "regime improves, the more slowly the more old data it keeps; real data improve by themselves."
)
SIZE = (11.0, 5.4)

BETA, GAMMA, BUDGET, REAL_SHARE = 0.3, 0.1, 0.2, 0.1
RESPONSES, CORRECT, VISITS, ITERATIONS = 8, 3, 10, 40
REGIMES = ("replace", "accumulate", "anchor")
CURATIONS = ("neither filter nor labels", "filter", "labels", "filter and labels")


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    budget: float = BUDGET,
    real_share: float = REAL_SHARE,
    visits: int = VISITS,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return diversity and accuracy by iteration for each regime and curation."""
    task = bs.random_table(
        5, prompts=scale.prompts, responses=RESPONSES, correct=CORRECT, solvable=0.7
    )
    seeds = max(2, scale.seeds // 4)
    steps = np.arange(iterations + 1)
    parts = []
    for curation in CURATIONS[:: scale.stride]:
        for regime in REGIMES:
            procedure = curated(curation, regime, beta, gamma, budget, real_share)
            exact = bs.simulate(procedure, task, iterations, record="diversity")
            sampled = bs.simulate(
                procedure,
                task,
                iterations,
                visits=visits,
                seeds=seeds,
                key=500 + REGIMES.index(regime),
                record="diversity",
            )
            for quantity in ("diversity", "accuracy"):
                start = float(exact[quantity][0, 0])
                parts.append(
                    rows(
                        curation=curation,
                        regime=regime,
                        quantity=quantity,
                        iteration=steps,
                        law=start * law(curation, regime, quantity, steps, visits),
                        exact=exact[quantity].values[0],
                        prompts=scale.prompts,
                        visits=visits,
                        seeds=seeds,
                        **quantiles(sampled[quantity].values),
                    )
                )
    return pd.concat(parts, ignore_index=True)


def curated(
    curation: str, regime: str, beta: float, gamma: float, budget: float, real_share: float
) -> bs.Procedure:
    """Return the procedure: one attempt a visit, labels where the paper's rule sends them."""
    judged = curation != CURATIONS[0] and "filter" in curation.split()
    labelled = curation in CURATIONS[2:]
    return bs.Procedure(
        filter=bs.NoisyFilter(gamma) if judged else bs.AcceptAll(),
        criterion=bs.criteria.failed if judged else bs.criteria.uniform,
        labeler=bs.WeakLabeler(beta) if labelled else None,
        budget=budget if labelled else None,
        regime=regime,
        real_share=real_share if regime == "anchor" else None,
    )


def law(curation: str, regime: str, quantity: str, steps: np.ndarray, visits: int) -> np.ndarray:
    """Return the law of the mean over sampled runs as a share of its start, NaN where none is."""
    if curation != CURATIONS[0] or regime == "anchor":
        return np.full(len(steps), np.nan)
    if quantity == "accuracy":
        return np.ones(len(steps))
    kept = {"replace": bs.laws.drift_diversity, "accumulate": bs.laws.accumulate_diversity}
    return kept[regime](examples=visits, iterations=steps)


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    budget: float = BUDGET,
    real_share: float = REAL_SHARE,
) -> str:
    """Draw diversity above, accuracy below, a column for each curation, a colour a regime."""
    curations = table.curation.unique()
    axes = figure.subplots(2, len(curations), sharex=True, sharey="row")
    for upper, quantity in zip(axes, ("diversity", "accuracy"), strict=True):
        for ax, curation in zip(upper, curations, strict=True):
            panel = table[(table.curation == curation) & (table.quantity == quantity)]
            for color, (regime, line) in zip(
                COLORS, panel.groupby("regime", sort=False), strict=False
            ):
                ax.plot(line.iteration, line.exact, color=color, linewidth=1)
                band(ax, line[line.iteration % 2 == 0], color, str(regime))
                ax.plot(line.iteration, line.law, color="black", linewidth=0.9, linestyle="--")
            ax.set(ylim=(-0.03, 1.03))
            if quantity == "diversity":
                ax.set(title=curation)
            else:
                ax.set(xlabel="iteration")
        upper[0].set_ylabel(quantity)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center")
    first = table.iloc[0]
    return (
        f"Marks, bands: mean and {spread(first.seeds)} of {first.seeds:.0f} sampled runs of "
        f"{first.visits:.0f} visits a prompt. Lines: exact, infinitely many visits. Black dashes: "
        f"T11 and T12 for diversity, T13 for accuracy. {first.prompts:,.0f} prompts, {RESPONSES} "
        f"responses, {CORRECT} of them correct, 30% of the prompts without any correct mass at "
        f"first; β = {beta:g}, γ = {gamma:g}, one attempt, at most {budget:g} labels per visit "
        f"(failures first where there is a filter, else evenly); anchor: {real_share:g} real "
        "examples per visit, evenly from the correct responses."
    )
