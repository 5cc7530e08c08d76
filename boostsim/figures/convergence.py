"""How fast boosting converges with a perfect filter (T1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, band, quantiles, rows, spread
from boostsim.theory.law import least_whole

TITLE = "A weak labeler is enough: the error falls geometrically, faster with more attempts"
CLAIM = (
    "Boosting on failures with a perfect filter has error e' = (1 - beta) e^k: geometric in the "
    "iterations for one attempt, doubly exponential for four (T1)."
)
SIZE = (9.0, 4.0)

TARGET = 1e-3


def data(
    scale: Scale,
    *,
    beta: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5),
    attempts: tuple[int, ...] = (1, 4),
) -> pd.DataFrame:
    """Return law, exact and sampled error by iteration, for each beta and k."""
    task = bs.random_table(1, prompts=scale.prompts, solvable=0.0)
    parts = []
    for k in attempts:
        # A little beyond what the smallest beta needs.
        least = {"beta": min(beta), "attempts": k, "initial_error": 1.0}
        needed = int(bs.laws.iterations_needed(target=TARGET, **least))
        iterations = needed + max(2, needed // 16)
        for index, share in enumerate(beta):
            procedure = bs.boosting(attempts=k, labeler=bs.WeakLabeler(share))
            exact = bs.simulate(procedure, task, iterations)
            sampled = bs.simulate(
                procedure, task, iterations, visits=scale.visits, seeds=scale.seeds, key=index
            )
            law = {"beta": share, "attempts": k, "initial_error": 1.0}
            parts.append(
                rows(
                    attempts=k,
                    beta=share,
                    iteration=np.arange(iterations + 1),
                    law=bs.laws.boosting_error(iterations=np.arange(iterations + 1), **law),
                    exact=exact.error.values[0],
                    needed=bs.laws.iterations_needed(target=TARGET, **law),
                    bound=least_whole(np.log(1 / TARGET) / share),
                    prompts=scale.prompts,
                    visits=scale.visits,
                    seeds=scale.seeds,
                    **quantiles(sampled.error.values),
                )
            )
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure) -> str:
    """Draw error against iteration: lines are the law, dots and bands are sampled."""
    axes = figure.subplots(1, table.attempts.nunique(), sharey=True, squeeze=False)[0]
    # What the sampled runs can resolve: one wrong example among all.
    first = table.iloc[0]
    smallest = 1.0 / (first.prompts * first.visits)
    for ax, (attempts, panel) in zip(axes, table.groupby("attempts"), strict=True):
        for color, (beta, line) in zip(COLORS, panel.groupby("beta"), strict=False):
            ax.plot(line.iteration, line.law, color=color)
            seen = line[line.sampled_mean > smallest]
            band(
                ax,
                seen.assign(sampled_low=np.maximum(seen.sampled_low, smallest)),
                color,
                f"β = {beta:g}",
            )
            ax.plot(line.needed.iloc[0], TARGET, "v", color=color, markersize=8, mec="white")
        ax.axhline(TARGET, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(
            yscale="log",
            ylim=(1e-5, 1.5),
            xlabel="iteration",
            title=f"k = {attempts} attempt{'s' if attempts > 1 else ''} a visit",
        )
    axes[0].set_ylabel("error")
    axes[0].legend(loc="upper right")
    return (
        f"Lines: law T1. Marks, bands: mean and {spread(first.seeds)} of {first.seeds:.0f} "
        f"sampled runs, {first.prompts:,.0f} prompts, {first.visits:.0f} visits each, all "
        f"unsolved at first; no filter noise. Large triangles: iterations to error {TARGET:g} by "
        "the law. Beyond one attempt the map is curved, so finitely many visits lag behind the "
        "law."
    )
