"""The picture of a sweep: a heat map over two of its dimensions, a line over one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from boostsim.arguments import Words, choice, refuse
from boostsim.figures.parameters import RANGES
from boostsim.figures.style import COLORS, styled

if TYPE_CHECKING:
    import xarray

UNITS = {
    "labels": "labels per visit, so far",
    "generations": "responses per visit, so far",
    "filter_calls": "filter calls per visit, so far",
    "ended": "iterations until it came true",
}
# Beyond this ratio an error, or a cost, has colours by its logarithm.
DECADES = 100.0


def plot_sweep(
    dataset: xarray.Dataset,
    value: str = "accuracy",
    x: str | None = None,
    y: str | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw what a sweep found: a heat map over two dimensions, a line over one.

    Seeds are averaged; a line has a band from the lowest of them to the highest. What never came
    true (NaN) is grey. Dimensions of one place are passed over.

    Args:
        dataset: of ``bs.sweep``, with at most two dimensions besides seeds: select places on the
            others, as ``dataset.sel(attempts=4)``.
        value: which of its variables is shown.
        x: which dimension runs to the right; the first where none is said. Of values that change
            together also the name of one of them.
        y: which runs upwards; the other where none is said.
        axes: of matplotlib, what is drawn on; those of a new figure where none are given.

    Returns:
        The figure, which pyplot does not know where it is a new one.

    Raises:
        ValueError: for what is no dataset with such a variable, for unknown dimensions, and for
            more dimensions than two, or none.

    Example:
        >>> import numpy as np, xarray
        >>> found = xarray.Dataset(
        ...     {"accuracy": (("beta", "gamma"), np.eye(3))},
        ...     {"beta": [0.1, 0.2, 0.3], "gamma": [0.0, 0.1, 0.2]},
        ... )
        >>> plot_sweep(found).axes[0].get_xlabel()
        'beta: share of right labels'
    """
    import xarray

    if not isinstance(dataset, xarray.Dataset):
        raise refuse("dataset", "an xarray.Dataset, such as bs.sweep returns", dataset)
    choice("value", value, sorted(map(str, dataset.data_vars)))
    if axes is not None and not isinstance(axes, Axes):
        raise refuse("axes", "axes of matplotlib", axes)
    values = dataset[value]
    values = values.squeeze([each for each, size in values.sizes.items() if size == 1])
    seeds = values.transpose("seed", ...) if "seed" in values.dims else values.expand_dims("seed")
    shown = seeds.dims[1:]
    if not 1 <= len(shown) <= 2:
        told = Words(", ".join(map(str, shown)) or "none")
        allowed = "swept over one or two dimensions, besides seeds"
        raise refuse(
            "dataset", allowed, told, 'Select places: dataset.sel(name=value, method="nearest").'
        )
    across, up = _chosen(seeds, shown, x, y)
    with styled():
        if axes is None:
            figure = Figure(figsize=(5.5, 4.0), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.subplots()
        if up is None:
            _line(seeds, across, axes, value)
        else:
            _map(seeds.mean("seed"), across, up, axes, value)
        axes.set_title(_title(dataset, value, seeds.sizes["seed"]))
    drawn = axes.get_figure(root=True)
    assert isinstance(drawn, Figure)
    return drawn


def _chosen(
    values: xarray.DataArray, shown: tuple[Any, ...], x: str | None, y: str | None
) -> tuple[str, str | None]:
    """Return the coordinates that run to the right and upwards."""
    # Of each coordinate along one dimension, which that is.
    along = {str(name): each.dims[0] for name, each in values.coords.items() if each.ndim == 1}
    along = {**{str(name): name for name in shown}, **along}
    allowed = [name for name, dimension in along.items() if dimension in shown]
    for argument, name in (("x", x), ("y", y)):
        if name is not None:
            choice(argument, name, allowed)
    if len(shown) == 1:
        if y is not None:
            raise refuse("y", "left out where there is one dimension", y)
        return x or _told(values, shown[0]), None
    if x is not None and y is not None and along[x] == along[y]:
        raise refuse("y", f"of another dimension than x, {x!r}", y)
    first = x or _told(values, next(each for each in shown if y is None or each != along[y]))
    return first, y or _told(values, next(each for each in shown if each != along[first]))


def _told(values: xarray.DataArray, dimension: Any) -> str:
    """Return a dimension, or where it has no coordinate of its own the first that lies along it."""
    if dimension in values.coords:
        return str(dimension)
    own = [str(name) for name, each in values.coords.items() if each.dims == (dimension,)]
    return own[0] if own else str(dimension)


def _line(values: xarray.DataArray, across: str, axes: Axes, value: str) -> None:
    at, ticks = _places(values, across)
    order = np.argsort(at, kind="stable")
    of = values.values[:, order]
    axes.plot(at[order], of.mean(0), "o-", color=COLORS[0], markersize=3.5)
    if len(of) > 1:
        axes.fill_between(at[order], of.min(0), of.max(0), color=COLORS[0], alpha=0.2, linewidth=0)
    axes.set(xlabel=_named(across), ylabel=_unit(value))
    if ticks is not None:
        axes.set_xticks(at, ticks, rotation=20, ha="right")


def _map(values: xarray.DataArray, across: str, up: str, axes: Axes, value: str) -> None:
    right, right_ticks = _places(values, across)
    upwards, up_ticks = _places(values, up)
    along = values[up].dims[0] if up in values.coords else up
    cells = values.transpose(along, ...).values
    columns, rows = np.argsort(right, kind="stable"), np.argsort(upwards, kind="stable")
    cells = np.ma.masked_invalid(cells[np.ix_(rows, columns)])
    low, high = (float(cells.min()), float(cells.max())) if cells.count() else (0.0, 1.0)
    decades = LogNorm(low, high) if low > 0.0 and high > DECADES * low else None
    axes.set_facecolor("0.8")
    image = axes.pcolormesh(
        right[columns], upwards[rows], cells, shading="nearest", norm=decades, rasterized=True
    )
    axes.grid(False)
    bar = axes.figure.colorbar(image, ax=axes, label=_unit(value))
    bar.outline.set_visible(False)
    axes.set(xlabel=_named(across), ylabel=_named(up))
    if right_ticks is not None:
        axes.set_xticks(right, right_ticks, rotation=20, ha="right")
    if up_ticks is not None:
        axes.set_yticks(upwards, up_ticks)


def _places(values: xarray.DataArray, name: str) -> tuple[np.ndarray, list[str] | None]:
    """Return where the places of a coordinate are, and what stands below them, if not numbers."""
    given = values[name].values
    numbers = given.dtype.kind in "iuf" and len(np.unique(given)) == len(given)
    if numbers:
        return given.astype(float), None
    return np.arange(len(given), dtype=float), [str(each) for each in given]


def _named(name: str) -> str:
    return f"{name}: {RANGES[name].meaning}" if name in RANGES else name.replace("_", " ")


def _unit(value: str) -> str:
    return UNITS.get(value, value.replace("_", " "))


def _title(dataset: xarray.Dataset, value: str, seeds: int) -> str:
    told = value.replace("_", " ")
    at = dataset.coords.get("iteration")
    if at is not None and at.ndim == 0:
        told += f" after {int(at)} iterations"
    return told + (f", mean of {seeds} seeds" if seeds > 1 else "")
