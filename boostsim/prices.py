"""What a run costs: labels, generations, filter calls and iterations, at the user's prices."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import finite, refuse

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Prices:
    """Prices in one currency, whichever: only their ratios say what is cheapest.

    Attributes:
        label: of one label.
        generation: of one generated response.
        filter_call: of one look of the filter at one response.
        iteration: of one iteration, per prompt.

    Raises:
        ValueError: for a price below 0, or one that is no number.

    Example:
        >>> Prices(label=2.0)
        Prices(label=2.0, generation=0.01, filter_call=0.001, iteration=0.0)
    """

    label: float = 1.0
    generation: float = 0.01
    filter_call: float = 0.001
    iteration: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        for entry in fields(self):
            price = finite(entry.name, getattr(self, entry.name), 0.0)
            object.__setattr__(self, entry.name, price)


def total(prices: Any, labels: Any, generations: Any, filter_calls: Any, iterations: Any) -> Any:
    """Return label L + generation G + filter_call F + iteration t, of numbers or arrays."""
    return (
        prices.label * labels
        + prices.generation * generations
        + prices.filter_call * filter_calls
        + prices.iteration * iterations
    )


def priced(trace: xarray.Dataset, prices: Prices) -> xarray.Dataset:
    """Return a trace with its total cost so far, per visit that an iteration makes to each prompt.

    cost_t = label L_t + generation G_t + filter_call F_t + iteration t, where L, G and F are the
    trace's ``labels``, ``generations`` and ``filter_calls``, all cumulative.

    Args:
        trace: of any run.
        prices: what each costs.

    Returns:
        The same trace with the variable ``cost`` besides, and the prices in ``attrs``.

    Raises:
        ValueError: for prices that are none, or a trace without costs.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=10, solvable=0.0)
        >>> trace = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5)), task, 2)
        >>> priced(trace, Prices(filter_call=0.0)).cost.values.round(6).tolist()
        [[0.0, 1.01, 1.52]]
    """
    if not isinstance(prices, Prices):
        raise refuse("prices", "a bs.Prices", prices)
    import xarray

    if not (isinstance(trace, xarray.Dataset) and "filter_calls" in trace):
        raise refuse("trace", "of a run: one with labels, generations and filter_calls", trace)
    # Without their coordinates, which are the same: to compare these would take most of the time.
    iterations: Any = trace.iteration.variable
    if "ended" in trace:
        # A run that has ended goes on for nothing.
        iterations = np.minimum(iterations, trace.ended.variable.fillna(np.inf))
    labels, made, looks = trace.labels, trace.generations, trace.filter_calls
    cost = total(prices, labels.variable, made.variable, looks.variable, iterations)
    cost.attrs = {"units": "currency per visit", "long_name": "total cost, cumulative"}
    return trace.assign(cost=cost).assign_attrs(prices=json.dumps(asdict(prices)))
