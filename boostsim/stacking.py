"""Several traces as one, with what differs between them as coordinates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import refuse, several, text
from boostsim.results import FORMAT

if TYPE_CHECKING:
    import xarray

# They say where a run was made, not what it was; those that differ are dropped.
IDLE = ("python_version", "device", "resumed", "mesh")


def concat(traces: Iterable[xarray.Dataset], dim: str = "run") -> xarray.Dataset:
    """Put traces side by side along a new dimension, with what differs between them as coordinates.

    ``xarray.concat`` says of all runs what the first one's ``attrs`` say, or nothing where they
    differ; here whatever differs in them, down to a number in a slot of the procedure, becomes a
    coordinate along the new dimension, and only what is the same for all stays in ``attrs``.

    Args:
        traces: at least one, of the same variables, seeds and iterations.
        dim: the name of the dimension; where it is the name of something that differs (``"beta"``),
            its values are the dimension's, so that ``.sel(beta=0.3)`` finds a run.

    Returns:
        A trace with a dimension more. Coordinates are named by the last word of what they say
        (``beta``, ``attempts``, ``budget``), or by all of them (``filter.gamma``) where that is not
        the only one or is taken; numbers, with NaN where a run has none, or text.

    Raises:
        ValueError: for what are no traces, or of different variables, seeds or iterations, and for
            a name that is taken.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=3)
        >>> rules = [bs.boosting(labeler=bs.WeakLabeler(beta)) for beta in (0.2, 0.4)]
        >>> runs = bs.concat([bs.simulate(rule, task, 5) for rule in rules], "beta")
        >>> runs.beta.values, dict(runs.sizes)
        (array([0.2, 0.4]), {'beta': 2, 'seed': 1, 'iteration': 6})
    """
    import xarray

    allowed = "several traces that bs.simulate returned"
    listed = several("traces", allowed, traces, xarray.Dataset)
    if not listed:
        raise ValueError(f"traces must be {allowed}; got none")
    for trace in listed:
        if not isinstance(trace, xarray.Dataset) or trace.attrs.get("format") != FORMAT:
            raise refuse("traces", allowed, type(trace).__name__)
    name = text("dim", dim)
    if not name.strip():
        raise refuse("dim", "a name", name)
    taken = {str(each) for each in (*listed[0].variables, *listed[0].dims)}
    if name in taken:
        raise refuse("dim", f"a new name, none of {', '.join(sorted(taken))}", name)
    unlike = [trace for trace in listed if set(trace.variables) != set(listed[0].variables)]
    if unlike:
        more = sorted(map(str, set(unlike[0].variables) ^ set(listed[0].variables)))
        raise ValueError(
            f"traces must be of the same variables; got some without {', '.join(more)}"
        )
    try:
        joined = xarray.concat(listed, name, join="exact", combine_attrs="drop_conflicts")
    except ValueError as error:
        told = str(error).splitlines()[0]
        raise ValueError(f"traces must be of the same seeds and iterations; {told}") from None
    coordinates = _named(_differences([trace.attrs for trace in listed]), taken)
    return joined.assign_coords({each: (name, values) for each, values in coordinates.items()})


def _differences(told: list[dict[str, Any]]) -> dict[tuple[str, ...], np.ndarray]:
    """Return what differs, by the words that lead to it, as an entry a run."""
    flat = [dict(_leaves((), _read(each))) for each in told]
    paths = dict.fromkeys(path for leaves in flat for path in leaves)
    differing = {}
    for path in paths:
        values = [leaves.get(path) for leaves in flat]
        if any(value != values[0] for value in values) and path[0] not in IDLE:
            differing[path] = _column(values)
    return differing


def _read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with what is JSON in a string as what it says."""
    read = dict(attributes)
    for name, value in attributes.items():
        if isinstance(value, str) and value.startswith("{"):
            read[name] = json.loads(value)
    return read


def _leaves(path: tuple[str, ...], told: Any) -> Iterable[tuple[tuple[str, ...], Any]]:
    if isinstance(told, Mapping):
        for name, each in told.items():
            yield from _leaves((*path, str(name)), each)
    else:
        yield path, told if isinstance(told, (str, int, float, type(None))) else json.dumps(told)


def _column(values: list[Any]) -> np.ndarray:
    """Return numbers, with NaN for what is not there; else text, which then is empty."""
    if any(isinstance(value, (str, bool)) for value in values):
        return np.array(["" if value is None else str(value) for value in values])
    if all(isinstance(value, int) for value in values):
        return np.array(values)
    return np.array([np.nan if value is None else float(value) for value in values])


def _named(found: dict[tuple[str, ...], np.ndarray], taken: set[str]) -> dict[str, np.ndarray]:
    """Return them by their last word, or by all but the procedure's own where that will not do."""
    last = [path[-1] for path in found]
    named = {}
    for path, values in found.items():
        short = path[-1]
        if last.count(short) > 1 or short in taken or short == "name":
            short = ".".join(path[1:] if path[0] == "procedure" else path)
        named[short] = values
    return named
