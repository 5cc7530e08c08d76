"""A plane of labelers and filters: what is reached, at how many labels, attempts or votes (T3-T5).

All of it is read off one sweep.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
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

POINTS, ITERATIONS, REACHED = 32, 256, 0.99
BETAS, GAMMAS = (0.05, 0.95), (0.005, 0.45)
# Attempts, and looks at each response.
ONE, TWO, VOTES = (1, 1), (2, 1), (3, 5, 9)
# Against three looks there is no border.
BORDERS = {5: COLORS[6], 9: COLORS[1]}


def limit(beta: np.ndarray, gamma: np.ndarray, attempts: int, votes: int) -> np.ndarray:
    """Return the limit error by T4, of a filter with the noise of the majority (T5)."""
    noise = bs.laws.majority_noise(gamma=gamma, votes=votes)
    return np.asarray(bs.laws.attempts_floor(beta=beta, gamma=noise, attempts=attempts))


def data(scale: Scale) -> pd.DataFrame:
    """Return accuracy in the end, and labels to 99% of it, at each point of the plane."""
    points = -(-POINTS // scale.stride)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5))
    # No prompt is solved at first, so all are one class, and one prompt is all of them.
    task = bs.random_table(0, prompts=1, solvable=0.0)
    over = {
        "beta": np.linspace(*BETAS, points),
        "gamma": np.linspace(*GAMMAS, points),
        ("attempts", "votes"): [ONE, TWO, *((1, votes) for votes in VOTES)],
    }
    found: Any = bs.sweep(procedure, task, ITERATIONS, over=over, reduce="all")
    swept = found.squeeze("seed", drop=True)[["accuracy", "labels"]]
    swept = swept.transpose("beta", "gamma", "attempts,votes", "iteration")
    accuracy, labels = swept.accuracy.values, swept.labels.values
    there = accuracy >= REACHED
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


def draw(table: pd.DataFrame, figure: Figure) -> str:
    """Draw the limit accuracy, labels to 99%, and where a second attempt is worth more."""
    axes = figure.subplots(1, 3, sharey=True)
    beta, gamma = np.meshgrid(np.linspace(*BETAS, 200), np.linspace(*GAMMAS, 200))

    found = plane(table, "accuracy", *ONE)
    image = axes[0].pcolormesh(
        found.columns, found.index, found, shading="nearest", rasterized=True
    )
    figure.colorbar(image, ax=axes[0], label="limit accuracy", pad=0.02)
    floor = np.asarray(bs.laws.noisy_boosting(beta=beta, gamma=gamma).floor)
    levels = [0.5, 0.8, 0.9, 0.95, 0.99]
    lines = axes[0].contour(beta, gamma, 1.0 - floor, levels, colors="white", linewidths=1)
    axes[0].clabel(lines, fmt="%g", fontsize=7)
    axes[0].set_title("one attempt, one look (lines: T3)")

    labels = plane(table, "labels", *TWO)
    axes[1].set_facecolor("0.85")
    image = axes[1].pcolormesh(
        labels.columns, labels.index, labels, shading="nearest", rasterized=True
    )
    figure.colorbar(image, ax=axes[1], label="labels per visit to 99%", pad=0.02)
    two = limit(beta, gamma, *TWO)
    axes[1].contour(beta, gamma, two, [1.0 - REACHED], colors="black", linewidths=1.5)
    axes[1].annotate("never 99%", (0.12, 0.36), color="0.25")
    axes[1].set_title("two attempts, one look (line: T4)")

    errors = {each: 1.0 - plane(table, "accuracy", *each) for each in (TWO, (1, 5))}
    ratio = np.log10(errors[1, 5] / errors[TWO])
    image = axes[2].pcolormesh(
        ratio.columns,
        ratio.index,
        ratio,
        shading="nearest",
        cmap="RdBu",
        vmin=-2.0,
        vmax=2.0,
        rasterized=True,
    )
    bar = "error of 5 votes over that of 2 attempts"
    ticks = figure.colorbar(image, ax=axes[2], label=bar, pad=0.02, extend="both")
    ticks.set_ticks([-2, -1, 0, 1, 2], labels=["0.01", "0.1", "1", "10", "100"])
    for votes, color in BORDERS.items():
        apart = np.log(limit(beta, gamma, 1, votes) / two)
        axes[2].contour(beta, gamma, apart, [0.0], colors=color, linewidths=1.5)
        axes[2].plot([], [], color=color, label=f"border against {votes} looks")
    axes[2].legend(loc="upper left", framealpha=0.9, frameon=True)
    axes[2].set_title("attempts above, votes below (T4, T5)")
    for ax in axes:
        ax.grid(False)
        ax.set(xlabel="right labels β", xlim=BETAS, ylim=GAMMAS)
    axes[0].set_ylabel("noise γ of one look of the filter")
    return (
        f"Colours: one sweep of exact runs, {table.iterations.iloc[0]} iterations from a first "
        "model that solves nothing. Lines: laws. Grey: 99% is never reached. Right: two attempts "
        "with one look each against one attempt with the majority of m looks; on a border both "
        "leave the same limit error. There 2 responses and 2 looks are set against 1 response and "
        "m looks, which cost as much, labels apart, where a response costs m - 2 looks; against "
        "m = 3 the attempts win everywhere, and there is no border."
    )
