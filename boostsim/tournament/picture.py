"""The picture of a tournament: the regret of every criterion on every challenge."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from boostsim.tournament.challenge import ALL

# Beyond this regret the colour changes no more.
DARKEST = 0.2


def draw_regrets(table: pd.DataFrame, ax: Axes) -> None:
    """Draw a row for each criterion, best above, and a column for each challenge.

    Args:
        table: of :meth:`boostsim.tournament.leaderboard.Tournament.table`.
        ax: what is drawn on. A cell says the regret against the oracle in hundredths; it is framed
            where none is known to be better.
    """
    order = table[table.task == ALL].sort_values("regret", kind="stable").criterion.tolist()
    tasks = [ALL, *(task for task in table.task.unique() if task != ALL)]
    cells = table.set_index(["criterion", "task"])
    regret = np.array([[cells.regret[name, task] for task in tasks] for name in order])
    image = ax.imshow(
        100 * regret, cmap="RdBu_r", vmin=-100 * DARKEST, vmax=100 * DARKEST, aspect="auto"
    )
    bar = ax.figure.colorbar(image, ax=ax, extend="both", aspect=30, pad=0.01)
    bar.set_label("regret against the oracle, hundredths")
    bar.outline.set_visible(False)
    for row, name in enumerate(order):
        for column, task in enumerate(tasks):
            value = regret[row, column]
            best = bool(cells.best[name, task])
            dark = abs(value) > 0.7 * DARKEST
            ax.annotate(
                # Where rules are close the second digit tells them apart.
                f"{100 * value:.{1 if abs(value) >= 0.1 else 2}f}",
                (column, row),
                ha="center",
                va="center",
                fontsize=8,
                fontweight="bold" if best else "normal",
                color="white" if dark else "black",
                bbox={"boxstyle": "round,pad=0.25", "fill": False, "lw": 1.2} if best else None,
            )
    ax.axvline(0.5, color="white", linewidth=4)
    ax.set_xticks(range(len(tasks)), ["all", *tasks[1:]], rotation=25, ha="left")
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(order)), order)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
