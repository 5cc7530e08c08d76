"""A plane of labelers and filters: what is reached, at how many labels, attempts or votes (T3-T5).

All of it is read off one sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS

TITLE = "Better labels buy accuracy where the filter is good; a second attempt beats several votes"
CLAIM = (
    "Over correct mass beta of the labeler and noise gamma of the filter the limit accuracy has "
    "T3's contours, and 99% is reached exactly where T4 lets it be. A second attempt costs, "
    "labels apart, as much as m - 1 more looks where a response costs m - 2: against 3 looks it "
    "leaves the smaller error; against 5 or 9 it does where the filter is noisier than on a border "
    "that T4 and T5 give (T3, T4, T5)."
)
SIZE = (11.0, 4.2)

# So many iterations that accuracies are in their limit.
POINTS, ITERATIONS, TARGET = 32, 256, 0.01
BETAS, GAMMAS = (0.05, 0.95), (0.005, 0.45)
ATTEMPTS, VOTES = 2, (3, 5, 9)
# One attempt, and one look at it.
ONE = (1, 1)
# Of the borders, in the order of their votes.
SHADES = (COLORS[6], COLORS[1], COLORS[2], COLORS[3], COLORS[4], COLORS[5], COLORS[0])
# An error below it is one of rounding.
LEAST = 1e-15


def limit(beta: np.ndarray, gamma: np.ndarray, attempts: int, votes: int) -> np.ndarray:
    """Return the limit error by T4, of a filter with the noise of the majority (T5)."""
    noise = bs.laws.majority_noise(gamma=gamma, votes=votes)
    return np.asarray(bs.laws.attempts_floor(beta=beta, gamma=noise, attempts=attempts))


def data(
    scale: Scale,
    *,
    attempts: int = ATTEMPTS,
    votes: tuple[int, ...] = VOTES,
    target: float = TARGET,
) -> pd.DataFrame:
    """Return accuracy in the end, and labels until the target, at each point of the plane."""
    points = -(-POINTS // scale.stride)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5))
    # No prompt is solved at first, so all are one class, and one prompt is all of them.
    task = bs.random_table(0, prompts=1, solvable=0.0)
    over = {
        "beta": np.linspace(*BETAS, points),
        "gamma": np.linspace(*GAMMAS, points),
        # Each once, where one attempt or one vote is asked for.
        ("attempts", "votes"): [*dict.fromkeys([ONE, (attempts, 1), *((1, m) for m in votes)])],
    }
    found: Any = bs.sweep(procedure, task, ITERATIONS, over=over, reduce="all")
    swept = found.squeeze("seed", drop=True)[["accuracy", "labels"]]
    swept = swept.transpose("beta", "gamma", "attempts,votes", "iteration")
    accuracy, labels = swept.accuracy.values, swept.labels.values
    there = accuracy >= 1.0 - target
    first = np.take_along_axis(labels, there.argmax(-1)[..., None], -1)[..., 0]
    beta, gamma, _ = np.meshgrid(swept.beta, swept.gamma, swept.attempts, indexing="ij")
    shape = beta.shape
    return pd.DataFrame(
        {
            "beta": beta.ravel(),
            "gamma": gamma.ravel(),
            "attempts": np.broadcast_to(swept.attempts.values, shape).ravel(),
            "votes": np.broadcast_to(swept.votes.values, shape).ravel(),
            "accuracy": accuracy[..., -1].ravel(),
            "labels": np.where(there.any(-1), first, np.nan).ravel(),
            "iterations": ITERATIONS,
        }
    )


def plane(table: pd.DataFrame, column: str, attempts: int, votes: int) -> pd.DataFrame:
    """Return a column over the plane, a row for each gamma and a column for each beta."""
    chosen = table[(table.attempts == attempts) & (table.votes == votes)]
    return chosen.pivot(index="gamma", columns="beta", values=column)


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    attempts: int = ATTEMPTS,
    votes: tuple[int, ...] = VOTES,
    target: float = TARGET,
) -> str:
    """Draw the limit accuracy, labels to the target, and where more attempts are worth more."""
    axes = figure.subplots(1, 3, sharey=True)
    beta, gamma = np.meshgrid(np.linspace(*BETAS, 200), np.linspace(*GAMMAS, 200))
    many = "one attempt" if attempts == 1 else f"{_in_words(attempts)} attempts"
    reached = f"{100.0 * (1.0 - target):g}%"

    found = plane(table, "accuracy", *ONE)
    _colored(axes[0], found, "limit accuracy")
    floor = np.asarray(bs.laws.noisy_boosting(beta=beta, gamma=gamma).floor)
    levels = [0.5, 0.8, 0.9, 0.95, 0.99]
    lines = axes[0].contour(beta, gamma, 1.0 - floor, levels, colors="white", linewidths=1)
    axes[0].clabel(lines, fmt="%g", fontsize=7)
    axes[0].set_title("one attempt, one look (lines: T3)")

    labels = plane(table, "labels", attempts, 1)
    axes[1].set_facecolor("0.85")
    _colored(axes[1], labels, f"labels per visit to {reached}")
    several = limit(beta, gamma, attempts, 1)
    if several.min() < target < several.max():
        axes[1].contour(beta, gamma, several, [target], colors="black", linewidths=1.5)
    # Where its words stand, from their first letter to their last.
    if (limit(np.array([0.12, 0.45]), np.array(0.36), attempts, 1) > target).all():
        axes[1].annotate(f"never {reached}", (0.12, 0.36), color="0.25")
    axes[1].set_title(f"{many}, one look (line: T4)")

    # The colours are of the middle one of the numbers of votes.
    shown = votes[len(votes) // 2]
    pairs = (attempts, 1), (1, shown)
    few, voted = (np.maximum(1.0 - plane(table, "accuracy", *each), LEAST) for each in pairs)
    bar = f"error of {shown} vote{'s' * (shown > 1)} over that of {attempts} attempt"
    bar += "s" * (attempts > 1)
    ratio = np.log10(voted / few)
    ticks = _colored(axes[2], ratio, bar, cmap="RdBu", vmin=-2.0, vmax=2.0)
    ticks.set_ticks([-2, -1, 0, 1, 2], labels=["0.01", "0.1", "1", "10", "100"])
    shades, clear = iter(SHADES), dict[str, list[int]]()
    for each in votes:
        apart = np.log(limit(beta, gamma, 1, each) / several)
        if not apart.min() < 0.0 < apart.max():
            clear.setdefault(_winner(apart), []).append(each)
            continue
        color = next(shades)
        axes[2].contour(beta, gamma, apart, [0.0], colors=color, linewidths=1.5)
        axes[2].plot([], [], color=color, label=f"border against {each} looks")
    if axes[2].get_legend_handles_labels()[0]:
        axes[2].legend(loc="upper left", framealpha=0.9, frameon=True)
    axes[2].set_title("attempts above, votes below (T4, T5)")
    for ax in axes:
        ax.grid(False)
        ax.set(xlabel="right labels β", xlim=BETAS, ylim=GAMMAS)
    axes[0].set_ylabel("noise γ of one look of the filter")
    return (
        f"Colours: one sweep of exact runs, {table.iterations.iloc[0]} iterations from a first "
        f"model that solves nothing. Lines: laws. Grey: {reached} is never reached. Right: "
        f"{_compared(attempts, many)}{_without_border(clear)}."
    )


def _in_words(count: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(count, str(count))


def _colored(ax: Axes, found: pd.DataFrame, told: str, **colors: Any) -> Any:
    """Draw a column over the plane, and return the bar of its colours."""
    image = ax.pcolormesh(
        found.columns, found.index, found, shading="nearest", rasterized=True, **colors
    )
    ends = "both" if colors else "neither"
    return ax.figure.colorbar(image, ax=ax, label=told, pad=0.02, extend=ends)


def _winner(apart: np.ndarray) -> str:
    """Say who wins where there is no border."""
    if apart.max() > 0.0:
        return "the attempts win"
    return "the votes win" if apart.min() < 0.0 else "both err alike"


def _compared(attempts: int, many: str) -> str:
    """Say what is compared, and where it costs the same: k (c + 1) and c + m looks."""
    if attempts == 1:
        return (
            "one attempt with one look against one with the majority of m looks; on a border both "
            "leave the same limit error. The m looks cost m - 1 more"
        )
    price = f"m - {attempts}" if attempts == 2 else f"(m - {attempts})/{attempts - 1}"
    return (
        f"{many} with one look each against one attempt with the majority of m looks; on a border "
        f"both leave the same limit error. There {attempts} responses and {attempts} looks are set "
        "against 1 response and m looks, which cost as much, labels apart, where a response costs "
        f"{price} looks"
    )


def _without_border(clear: Mapping[str, list[int]]) -> str:
    parts = [
        f"against m = {', '.join(map(str, votes))} {winner} everywhere"
        for winner, votes in clear.items()
    ]
    return f"; {', '.join(parts)}, and there is no border" if parts else ""
