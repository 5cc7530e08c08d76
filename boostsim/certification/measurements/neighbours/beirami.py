"""Beirami et al., measured in the loop: simulated runs that keep the best of each visit.

A row is read off prompts that are alike but for which response is right: as many of them as there
are responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import POPULATION_ONLY
from boostsim.curation.presets import best_of_n
from boostsim.curation.procedure import Procedure
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.neighbours.beirami import scored

if TYPE_CHECKING:
    import xarray

# Of sampled runs: after one visit a row is what was kept.
READ = "Beirami.update is checked in sampled runs"


def _three(best: float) -> TableTask:
    row = [0.5 * (1.0 - best), 0.5 * (1.0 - best), best]
    return table_task([[0, 0, 1]], initial=[row])


def _rule(tied: int, contenders: int) -> Procedure:
    return best_of_n(attempts=contenders, scores=scored(tied))


def _each(best: float) -> TableTask:
    """Three prompts, of each another response right."""
    row = [0.5 * (1.0 - best), 0.5 * (1.0 - best), best]
    return table_task(np.eye(3), initial=[row] * 3)


def _of_many(contenders: int, responses: int) -> float:
    """Return the divergence of an exact run with so many responses, even at first."""
    rule = best_of_n(attempts=contenders, scores=np.arange(float(responses)))
    task = table_task(np.arange(responses)[None] == 0)
    after = simulate(rule, task, 1, record="rows").rows.values[0, 1, 0]
    return float(after @ np.log(after * responses))


def _divergence(trace: xarray.Dataset) -> Any:
    before, after = (trace.accuracy.isel(iteration=place) for place in (0, -1))
    return (after * np.log(after / before)).sum("prompt")


def _wins(trace: xarray.Dataset, tied: int) -> Any:
    """Of the three responses' masses before and after."""
    before, after = (trace.accuracy.isel(iteration=place) for place in (0, -1))
    scores = np.array(scored(tied))
    beats = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
    worth = (beats * before.values[..., None, :]).sum(-1)
    return (after * worth).sum("prompt")


MEASUREMENTS: dict[str, Measurement] = {
    "Beirami.update": Measurement(
        _rule,
        "accuracy",
        task=_three,
        sampled=lambda iterations: iterations == 1,
        binary=True,
        # A power of k^T of sums that are rounded.
        rounding=lambda contenders, iterations: 1e-15 * 32.0 * contenders**iterations,
        why_not="after the first iteration at one visit a prompt stays with what it has said",
    ),
    "Beirami.divergence": Measurement(
        _rule,
        _divergence,
        task=_each,
        iterations=1,
        bounds=(0.0, 8.0),
        sampled=False,
        rounding=lambda contenders: 1e-14 * contenders,
        why_not=POPULATION_ONLY,
    ),
    "Beirami.win": Measurement(
        _rule,
        _wins,
        task=_each,
        iterations=1,
        sampled=False,
        rounding=lambda contenders: 1e-14 * contenders,
        why_not=READ,
    ),
    "Beirami.limit": Measurement(
        value=_of_many,
        ladder=(16, 64, 256),
        sampled=False,
        rounding=lambda: 1e-13,
        why_not=POPULATION_ONLY,
    ),
}
