"""The error that a noisy filter leaves, over its noise, attempts and votes (T3-T5)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, rows

TITLE = "A noisy filter leaves an error; attempts and votes each lower it exponentially"
CLAIM = (
    "With filter noise gamma the error tends to a floor: gamma (1 - beta)/(gamma + beta (1 - 2 "
    "gamma)) for one attempt (T3), about gamma^k for k attempts (T4), and T3's with the noise of "
    "the majority for votes (T5)."
)
SIZE = (9.0, 4.0)

BETA = 0.2
ATTEMPTS, VOTES = (1, 2, 4, 8), (1, 3, 5, 9)
POINTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
ITERATIONS = {"exact": 256, "sampled": 128}


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    attempts: tuple[int, ...] = ATTEMPTS,
    votes: tuple[int, ...] = VOTES,
) -> pd.DataFrame:
    """Return the limit error by law, by an exact and by a sampled run, for each knob's setting."""
    each, gammas = max(20, scale.prompts // 20), np.array(POINTS[:: scale.stride])
    # All noises in one run: prompts for each, which nothing ties to the others.
    task = bs.random_table(3, prompts=each * len(gammas), solvable=0.0)
    parts = []
    for knob, settings in {"attempts": attempts, "votes": votes}.items():
        for setting in settings[:: min(2, scale.stride)]:
            k, looks = (setting, 1) if knob == "attempts" else (1, setting)
            procedure = bs.boosting(
                attempts=k,
                filter=bs.NoisyFilter(np.repeat(gammas, each), votes=looks),
                labeler=bs.WeakLabeler(beta),
            )
            exact = bs.simulate(procedure, task, ITERATIONS["exact"], record="prompt")
            sampled = bs.simulate(
                procedure,
                task,
                ITERATIONS["sampled"],
                visits=20 * scale.visits,
                key=setting,
                record="prompt",
            )
            # The chain has forgotten its start by half of the run.
            late = sampled.error.values[0, ITERATIONS["sampled"] // 2 :].mean(0)
            parts.append(
                rows(
                    knob=knob,
                    setting=setting,
                    gamma=gammas,
                    law=limit(beta, gammas, k, looks),
                    exact=exact.error.values[0, -1].reshape(-1, each).mean(1),
                    sampled=late.reshape(-1, each).mean(1),
                    prompts=each,
                    visits=20 * scale.visits,
                )
            )
    return pd.concat(parts, ignore_index=True)


def limit(beta: float, gamma: float | np.ndarray, attempts: int, votes: int) -> np.ndarray:
    """Return the limit error by T4 with the noise of the majority, T5 (T3 where k = 1)."""
    noise = bs.laws.majority_noise(gamma=gamma, votes=votes)
    return bs.laws.attempts_floor(beta=beta, gamma=noise, attempts=attempts)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw the limit error against the filter's noise, a panel a knob."""
    axes = figure.subplots(1, 2, sharey=True)
    gammas = np.linspace(0.005, 0.495, 99)
    # Averages over half a run of all visits: below this nothing is resolved.
    first = table.iloc[0]
    smallest = 10.0 / (first.prompts * first.visits * ITERATIONS["sampled"] / 2)
    for ax, (knob, panel) in zip(axes, table.groupby("knob", sort=False), strict=True):
        for color, (setting, points) in zip(COLORS, panel.groupby("setting"), strict=False):
            attempts, votes = (setting, 1) if knob == "attempts" else (1, setting)
            letter = "k" if knob == "attempts" else "m"
            ax.plot(
                gammas,
                limit(beta, gammas, attempts, votes),
                color=color,
                label=f"{letter} = {setting}",
            )
            ax.plot(points.gamma, points.exact, "o", mfc="none", color=color, markersize=6)
            seen = points[points.sampled > smallest]
            ax.plot(seen.gamma, seen.sampled, ".", color=color, markersize=4)
        if knob == "attempts":
            for color, k in zip(COLORS, panel.setting.unique(), strict=False):
                if k == 1:
                    continue
                near = gammas[gammas <= 0.35]
                leading = bs.laws.attempts_floor_leading(beta=beta, gamma=near, attempts=k)
                ax.plot(near, leading, color=color, linewidth=0.7, linestyle="--")
        ax.axhline(1 - beta, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(
            yscale="log",
            ylim=(1e-7, 1.3),
            xlabel="noise γ of one look of the filter",
            title={"attempts": "k attempts a visit, one look each (T4)"}.get(
                knob, "one attempt, majority of m looks (T3, T5)"
            ),
        )
        ax.legend(loc="lower right")
    axes[0].set_ylabel("limit error")
    return (
        f"Lines: laws. Rings: exact, after {ITERATIONS['exact']} iterations. Dots: sampled, "
        f"{first.prompts:.0f} prompts, {first.visits:,.0f} visits each, averaged over the second "
        "half of a run, where resolved. Dashed: T4's leading term for many attempts. Dotted: "
        f"labels alone. β = {beta:g}."
    )
