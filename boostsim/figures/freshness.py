"""What freshness is worth, fresh against persistent labels and filters (T14, T15)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, rows

TITLE = "Repeated attempts pay only as far as mistakes are made anew each time"
CLAIM = (
    "With fresh labels more iterations and attempts drive the error to 0 (T1); a labeler that "
    "repeats its answer leaves (1 - beta) e_0 whatever is spent (T14). A fresh filter's limit "
    "error falls with the attempts (T4); a persistent filter's does not fall below what it likes "
    "of the labels, and rises with them where the first model is worse than the labels (T15)."
)
SIZE = (9.0, 4.2)

BETA, GAMMA, RESPONSES = 0.3, 0.2, 200
# Of the fourth line on the right: what T15 gives where nothing of the first model is liked.
NONE_LIKED = "persistent, nothing of the first model liked (T15)"
ATTEMPTS = (1, 2, 4, 8)
ITERATIONS, SHOWN = 80, (2, 4, 8)
# Correct mass of the first model where a persistent filter likes some of it.
STARTS = {"worse than the labels": 0.0, "better than the labels": 0.7}


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    responses: int = RESPONSES,
    attempts: tuple[int, ...] = ATTEMPTS,
) -> pd.DataFrame:
    """Return the error by attempts for both panels: law, exact and sampled."""
    parts = []
    for k in attempts[:: scale.stride]:
        parts.append(_labels_panel(k, beta, scale.prompts))
        parts += _filter_panel(k, beta, gamma, responses, scale)
    return pd.concat(parts, ignore_index=True)


def _labels_panel(attempts: int, beta: float, prompts: int) -> pd.DataFrame:
    """Return the error after some iterations with a perfect filter and labels of both kinds."""
    task = bs.random_table(10, prompts=prompts, solvable=0.0)
    rounds = np.array(SHOWN)
    parts = []
    for freshness in ("fresh", "persistent"):
        procedure = bs.boosting(
            attempts=attempts, labeler=bs.WeakLabeler(beta, persistent=freshness == "persistent")
        )
        exact = bs.simulate(procedure, task, ITERATIONS).error.values[0, rounds]
        sampled = bs.simulate(procedure, task, ITERATIONS, visits=100, key=attempts)
        if freshness == "fresh":
            law = bs.laws.boosting_error(
                beta=beta, attempts=attempts, initial_error=1.0, iterations=rounds
            )
        else:
            law = bs.laws.persistent_labels_error(beta=beta, initial_error=1.0)
        parts.append(
            rows(
                panel="labels",
                line=[f"{freshness}, after {t} iterations" for t in rounds],
                attempts=attempts,
                law=law,
                exact=exact,
                sampled=sampled.error.values[0, rounds],
                prompts=prompts,
            )
        )
    return pd.concat(parts, ignore_index=True)


def _filter_panel(
    attempts: int, beta: float, gamma: float, responses: int, scale: Scale
) -> list[pd.DataFrame]:
    """Return the limit error with a fresh filter, and with a persistent one from two starts."""
    quality = np.zeros((scale.prompts, responses))
    quality[:, 0] = 1.0
    parts = []
    for line, persistent, start in (
        ("fresh", False, 0.0),
        *((f"persistent, first model {name}", True, start) for name, start in STARTS.items()),
    ):
        procedure = bs.boosting(
            attempts=attempts,
            filter=bs.NoisyFilter(gamma, persistent=persistent),
            labeler=bs.WeakLabeler(beta),
        )
        first = bs.WeakLabeler(start).rows_for(quality)
        task = bs.table_task(quality, initial=first)
        exact = bs.simulate(procedure, task, ITERATIONS, key=10)
        sampled = bs.simulate(procedure, task, ITERATIONS, visits=1000, key=10)
        parts.append(
            rows(
                panel="filter",
                line=line,
                attempts=attempts,
                law=limit(beta, gamma, attempts, start) if persistent else bs.laws.attempts_floor(
                    beta=beta, gamma=gamma, attempts=attempts
                ),
                exact=exact.error.values[0, -1],
                sampled=sampled.error.values[0, ITERATIONS // 2 :].mean(),
                prompts=scale.prompts,
            )
        )  # fmt: skip
    return parts


def limit(beta: float, gamma: float, attempts: int, start: float) -> float:
    """Return T15's limit error for one correct and very many wrong answers, some liked at first.

    The liked mass is that of the wrong answers, and the correct one's where it is liked.
    """
    expectation = 0.0
    for chance, liked in ((1.0 - gamma, 1.0), (gamma, 0.0)):
        wrong = np.array([gamma * (1.0 - start), gamma * (1.0 - beta)])
        mass = wrong + liked * np.array([start, beta])
        share = bs.laws.persistent_filter_ancestry(
            initial_liked=mass[0], labeler_liked=mass[1], attempts=attempts
        )
        expectation += chance * float(
            share * wrong[0] / mass[0] + (1.0 - share) * wrong[1] / mass[1]
        )
    return expectation


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    responses: int = RESPONSES,
) -> str:
    """Draw the error against the attempts: labels on the left, filters on the right."""
    axes = figure.subplots(1, 2)
    for ax, (panel, lines) in zip(axes, table.groupby("panel", sort=False), strict=True):
        colors = iter(COLORS)
        for name, line in lines.groupby("line", sort=False):
            stuck = panel == "labels" and name.startswith("persistent")
            color = "black" if stuck else next(colors)
            last = name.endswith(f"{SHOWN[-1]} iterations")
            label = "persistent, after any number" if stuck else name
            ax.plot(
                line.attempts, line.law, color=color, label=label if last or not stuck else None
            )
            ax.plot(line.attempts, line.exact, "o", mfc="none", color=color, markersize=6)
            ax.plot(line.attempts, line.sampled, ".", color=color, markersize=4)
        ax.set(xlabel="attempts k", xticks=table.attempts.unique())
    axes[0].set(
        yscale="log",
        ylim=(1e-6, 1.5),
        ylabel="error",
        title="labels, perfect filter (T1, T14)",
    )
    axes[1].set(
        ylabel="limit error",
        ylim=(0, None),
        title="filter, fresh labels (T4, T15)",
    )
    floor = bs.laws.persistent_filter_floor(beta=beta, gamma=gamma, correct_answers=1)
    axes[1].axhline(floor, color="0.3", linewidth=1.0, linestyle=":", label=NONE_LIKED)
    axes[0].legend(loc="lower right")
    axes[1].legend(loc="lower right", bbox_to_anchor=(1.0, 0.46))
    first = table.iloc[0]
    return (
        f"Lines: laws. Rings: exact (given the verdicts, where they persist). Dots: one sampled "
        f"run, 100 visits a prompt on the left, 1,000 on the right. {first.prompts:,.0f} prompts; "
        f"β = {beta:g}; right: γ = {gamma:g}, one correct of {responses} responses, {ITERATIONS} "
        f"iterations, and a first model that is right with probability 0 or "
        f"{STARTS['better than the labels']}. Persistent lines are expectations over verdicts that "
        f"are drawn once. Dotted: that of T15 for a first model of which nothing is liked; it "
        f"bounds no other line, for what is liked of a first model lasts, and a fresh "
        f"filter repeats no verdict."
    )
