"""Pictures of a forecast and of a backtest: a panel for each difficulty class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = {
    "literal_theory": ("C3", "-."),
    "straight_line": ("C2", "--"),
    "no_change": ("C7", ":"),
}


def draw_forecast(table: pd.DataFrame, history: pd.DataFrame) -> Figure:
    """Return the figure of a forecast: see :class:`boostsim.fitting.forecast.Forecast`."""
    table = table.rename(columns={"accepted": "fitted_speed"})
    figure, panels = _panels(list(table["class"].unique()))
    for name, ax in panels.items():
        seen = history[history["class"] == name]
        ax.plot(seen.iteration, seen.observed, ".", color="black", markersize=3, label="observed")
        part = table[table["class"] == name]
        _curves(ax, part, part.observed_low, part.observed_high)
    return _finished(figure, panels)


def draw_backtest(curves: pd.DataFrame) -> Figure:
    """Return the figure of a backtest: see :class:`boostsim.fitting.backtest.Backtest`."""
    figure, panels = _panels(list(curves["class"].unique()))
    for name, ax in panels.items():
        part = curves[curves["class"] == name]
        ax.plot(part.iteration, part.observed, ".", color="black", markersize=4, label="held out")
        _curves(ax, part, part.low, part.high)
    return _finished(figure, panels)


def _curves(ax: Axes, part: pd.DataFrame, low: pd.Series, high: pd.Series) -> None:
    ax.fill_between(part.iteration, low, high, color="C0", alpha=0.2, linewidth=0)
    ax.plot(part.iteration, part.fitted_speed, color="C0", label="fitted speed")
    for method, (color, style) in LINES.items():
        ax.plot(part.iteration, part[method], style, color=color, label=method.replace("_", " "))


def _panels(names: list[str]) -> tuple[Figure, dict[str, Axes]]:
    from matplotlib.figure import Figure

    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.6 * rows), layout="constrained")
    axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    return figure, dict(zip(names, axes, strict=False))


def _finished(figure: Figure, panels: dict[str, Axes]) -> Figure:
    for name, ax in panels.items():
        ax.set_title("all prompts" if name == "all" else f"correct probability {name}", fontsize=9)
        ax.set_xlabel("iteration", fontsize=8)
        ax.set_ylabel("share accepted", fontsize=8)
        ax.tick_params(labelsize=8)
    next(iter(panels.values())).legend(fontsize=7, frameon=False)
    return figure


def draw_advice(table: pd.DataFrame) -> Figure:
    """Return the figure of advice: see :class:`boostsim.fitting.advise.Advice`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    ax = figure.subplots()
    for drawn, color, label in ((0, "C7", "not drawn"), (1, "C0", "to label")):
        part = table[table.labelled == drawn]
        ax.scatter(part.accuracy, part.gain, s=9, color=color, label=label, linewidth=0)
    ax.axhline(0.0, color="black", linewidth=0.6)
    ax.set_xlabel("expected correct probability now")
    ax.set_ylabel("expected gain by a label")
    ax.legend(frameon=False, fontsize=8)
    return figure
