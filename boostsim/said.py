"""The visits that a run in tokens has recorded, as a table to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import Words, refuse

if TYPE_CHECKING:
    import pandas as pd
    import xarray

# As it is asked for, and what then is in a trace.
RESPONSES = "responses"
COLUMNS = ("prompt_text", "response_text", "accepted", "correct", "labelled")
LABEL = ("label_text", "label_correct")
DIMENSIONS = {"seed", "iteration", "visit", "attempt", "label"}


def responses(trace: xarray.Dataset) -> pd.DataFrame:
    """Return what was said, judged and labelled in the visits that a run has recorded.

    Args:
        trace: of ``bs.simulate(..., record="responses")`` with a transformer, or a part of one.

    Returns:
        A table with a row for each attempt that was made, or for the label of a visit without any:
        seed, iteration, visit and attempt (numbers from 0, iterations from 1), prompt, response,
        whether the filter accepted it and whether it is correct, whether the visit was labelled,
        the label (the first, where a visit gets several; else empty) and whether that is correct.

    Raises:
        ValueError: for a trace without responses.

    Example:
        >>> import boostsim as bs
        >>> learner = bs.SoftmaxRegression(steps=16, batch=32, first_steps=0)
        >>> how = dict(learner=learner, visits=1, key=0, record="responses")
        >>> procedure, task = bs.boosting(labeler=bs.WeakLabeler(1.0)), bs.lookup(16, 4)
        >>> trace = bs.simulate(procedure, task, 1, **how)
        >>> table = bs.responses(trace)
        >>> len(table), bool(table.label_correct[table.labelled].all())
        (16, True)
    """
    import xarray

    if not isinstance(trace, xarray.Dataset) or not set(COLUMNS) <= set(trace.data_vars):
        allowed = 'a trace of bs.simulate(..., record="responses") with a transformer'
        raise refuse("trace", allowed, sorted(getattr(trace, "data_vars", [])) or trace)
    names = [*COLUMNS, *(name for name in LABEL if name in trace)]
    others = {str(name) for name in trace[names].dims} - DIMENSIONS
    if others:
        raise refuse(
            "trace", "of one run, or a part of it", Words(f"dimensions {sorted(others)} besides")
        )
    # A part of a trace may lack a dimension, and be cut along others.
    visits = trace[names].reset_coords(drop=True)
    whole = visits.isel(label=0) if "label" in visits.dims else visits
    for name in ("seed", "iteration", "visit", "attempt"):
        if name not in whole.dims:
            whole = whole.expand_dims({name: [int(trace.coords.get(name, 0))]})
        elif name not in whole.coords:
            whole = whole.assign_coords({name: np.arange(whole.sizes[name])})
    table = whole.to_dataframe(dim_order=("seed", "iteration", "visit", "attempt")).reset_index()
    made = table.accepted.notna() | ((table.attempt == 0) & (table.labelled > 0))
    table = table[made].reset_index(drop=True)
    return table.rename(columns=lambda name: name.removesuffix("_text")).astype(_types(table))


def _types(table: Any) -> dict[str, str]:
    """Return the types of a table's columns: true, false, or unknown."""
    verdicts = {
        name: "boolean" for name in ("accepted", "correct", "label_correct") if name in table
    }
    return {**verdicts, "labelled": "bool"}
