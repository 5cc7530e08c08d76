"""One look for all figures, and the helpers that every one of them needs."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colour-blind safe (Okabe and Ito), in a fixed order.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# A shape goes with a colour: some of these are one grey on paper.
SHAPES = dict(zip(COLORS, "osD^vPX", strict=True))
# Runs below which there are no quantiles of 10%.
FEW = 10

RC: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": 150,
    "font.size": 9,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    # Text stays text, and journals take the fonts.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "boostsim",
}


@contextlib.contextmanager
def defaults() -> Iterator[None]:
    """Draw with matplotlib's own defaults, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draw with the look of all figures, on top of the defaults."""
    with defaults():
        matplotlib.rcParams.update(RC)
        yield


def rows(**columns: Any) -> pd.DataFrame:
    """Make a tidy table of columns that broadcast together."""
    arrays = {
        name: values if isinstance(values, str) else np.asarray(values)
        for name, values in columns.items()
    }
    length = max(np.size(values) for values in arrays.values() if not isinstance(values, str))
    return pd.DataFrame(
        {
            name: [values] * length if isinstance(values, str) else np.broadcast_to(values, length)
            for name, values in arrays.items()
        }
    )


def band(axes: Axes, line: pd.DataFrame, color: str, label: str | None = None) -> None:
    """Draw sampled runs: a mark for the mean over seeds, a band: see :func:`quantiles`."""
    x, low, high = line.iteration, line.sampled_low, line.sampled_high
    axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(x, line.sampled_mean, SHAPES[color], color=color, markersize=3.5, label=label)


def quantiles(values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean and the 10% and 90% quantiles over seeds of ``[seeds, points]``.

    Of fewer than ten runs, which have no such quantiles, the lowest and the highest.
    """
    ends = [0.1, 0.9] if len(values) >= FEW else [0.0, 1.0]
    low, high = np.quantile(values, ends, axis=0)
    return {"sampled_low": low, "sampled_mean": values.mean(0), "sampled_high": high}


def spread(seeds: float) -> str:
    """Return what a band is of so many runs, in words: see :func:`quantiles`."""
    return "10-90%" if seeds >= FEW else "range"


def caption(figure: Figure, title: str, text: str) -> None:
    """Put the claim above the axes and the conditions below them, wrapped to the width."""
    width = figure.get_figwidth()
    if title:
        told = textwrap.fill(title, int(12 * width))
        figure.suptitle(told, x=0.01, ha="left", fontsize=11, fontweight="bold")
    if text:
        # A number stays with its letter.
        whole = text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
        told = textwrap.fill(whole, int(17 * width))
        figure.supxlabel(told, x=0.01, ha="left", fontsize=7.5, color="0.35")
