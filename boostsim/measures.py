"""How far a model has collapsed: five measures of the same rows, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import xlogy

from boostsim.arguments import numbers, probability, refuse
from boostsim.results import check_task
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

DESCRIPTIONS = {
    "accuracy": ("probability", "correct mass"),
    "diversity": ("probability", "1 - sum_y f(y|x)^2"),
    "entropy": ("nats", "entropy of a response"),
    "variance": ("squared units of values", "variance of a response's value"),
    "tail_mass": ("probability", "mass on the responses that were rare at first"),
}


def collapse_measures(
    trace: xarray.Dataset, task: TableTask, values: Any = None, rare: float = 0.1
) -> xarray.Dataset:
    """Return every measure of collapse of a run that recorded its rows, averaged with mu.

    Per prompt, f the row: accuracy sum_y f q; diversity 1 - sum_y f^2; entropy -sum_y f log f;
    variance sum_y f v^2 - (sum_y f v)^2; tail mass sum_{y in R} f, where R holds the responses that
    f_0 gave least mass, from the least on, as long as they have at most ``rare`` together.

    Without curation, under replace, each refit to M examples multiplies the expected diversity and
    variance by 1 - 1/M (T11, docs/theory.md, section 4), while the expected accuracy and tail mass
    stay: what is rare is lost on most prompts and overgrown on a few.

    Args:
        trace: of ``bs.simulate(..., record="rows")``.
        task: the task that was run.
        values: v, a number for each response, ``[responses]``; 0, 1, 2, ... unless said.
        rare: the most mass that R has at first.

    Returns:
        A dataset of the five, with the dimensions (seed, iteration).

    Raises:
        ValueError: for a trace without rows, one of another task, values of another length, or a
            share outside [0, 1].

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.4, 0.1]])
        >>> trace = bs.simulate(bs.filter_only(filter=bs.NoisyFilter(0.0)), task, 1, record="rows")
        >>> measured = collapse_measures(trace, task)
        >>> measured.tail_mass.values.tolist(), measured.accuracy.values.tolist()
        ([[0.1, 0.0]], [[0.5, 1.0]])
    """
    import xarray

    wanted = 'one with rows: bs.simulate(..., record="rows")'
    if not isinstance(trace, xarray.Dataset):
        raise refuse("trace", wanted, trace)
    if "rows" not in trace:
        raise refuse("trace", wanted, sorted(trace))
    check_task(trace, task)
    rows = trace.rows.values
    values = np.arange(task.responses) if values is None else numbers("values", values, 1)
    if len(values) != task.responses:
        raise refuse("values", f"a number for each of {task.responses} responses", len(values))
    tail = _tail(task.initial, probability("rare", rare))
    measured = {name: np.empty(rows.shape[:3]) for name in DESCRIPTIONS}
    # Model by model: of all at once every product would be as large as the trace.
    for place in np.ndindex(rows.shape[:2]):
        model = rows[place]
        centred = values - (model @ values)[:, None]
        measured["accuracy"][place] = (model * task.quality).sum(-1)
        # Rounding must not make them negative.
        measured["diversity"][place] = np.maximum(1.0 - (model**2).sum(-1), 0.0)
        measured["entropy"][place] = np.maximum(-xlogy(model, model).sum(-1), 0.0)
        measured["variance"][place] = (model * centred**2).sum(-1)
        measured["tail_mass"][place] = (model * tail).sum(-1)
    data = {
        name: (
            ("seed", "iteration"),
            each @ task.prompt_weights,
            dict(zip(("units", "long_name"), DESCRIPTIONS[name], strict=True)),
        )
        for name, each in measured.items()
    }
    return xarray.Dataset(data, {"seed": trace.seed, "iteration": trace.iteration}, trace.attrs)


def _tail(first: np.ndarray, rare: float) -> np.ndarray:
    """Return 1.0 for the rarest responses of each row, up to so much mass together."""
    order = np.argsort(first, axis=1, kind="stable")
    # A hair of rounding, so that 0.1 and 0.2 are at most 0.3.
    held = np.cumsum(np.take_along_axis(first, order, axis=1), axis=1) <= rare + 1e-12
    tail = np.zeros_like(first)
    np.put_along_axis(tail, order, held * 1.0, axis=1)
    return tail
