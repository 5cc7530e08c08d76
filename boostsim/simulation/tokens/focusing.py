"""Whom a transformer's run labels: the criterion is asked about each visit, and may remember.

One visit is one cell. Everything here is float64, as on tables.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from boostsim.arguments import refuse
from boostsim.curation.allocation import first_invalid, label_probability
from boostsim.curation.criterion import Criterion
from boostsim.curation.procedure import Procedure
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits, pass_rates
from boostsim.mode import fixed


def disagreement(responses: np.ndarray) -> np.ndarray:
    """Return the share of pairs of attempts that differ, ``[N]``: unbiased for two or more."""
    attempts = responses.shape[1]
    if attempts < 2:
        return np.zeros(len(responses))
    differ = np.zeros(len(responses), int)
    for i in range(attempts):
        for j in range(i):
            differ += (responses[:, i] != responses[:, j]).any(1)
    return differ / (attempts * (attempts - 1) // 2)


def see(
    attempts: int,
    group: np.ndarray,
    prompt: np.ndarray,
    accepted: np.ndarray,
    responses: np.ndarray,
) -> Visits:
    """Return an iteration's visits as a criterion sees them, in NumPy's arrays.

    Args:
        attempts: k, or 1 where a visit stops at the first accepted one.
        group, prompt: numbers, ``[N]``.
        accepted: J of each visit, ``[N]``.
        responses: tokens ``[N, k, R]``.
    """
    visits = len(accepted)
    arrays: dict[str, Any] = dict(
        prompt=np.asarray(prompt, np.int32),
        group=np.asarray(group, np.int32),
        accepted=np.asarray(accepted, np.int32),
        attempts=np.full(visits, attempts, np.int32),
        pass_rate=pass_rates(attempts)[accepted],
        mass=np.full(visits, 1.0 / visits),
        disagreement=disagreement(responses),
    )
    return Visits(**arrays)


def first_memory(criterion: Criterion, groups: int) -> Any:
    """Return what a criterion remembers before the first iteration, in NumPy's arrays, or None."""
    with fixed(double=True):
        return jax.tree.map(np.asarray, criterion.init(groups))


def focus(
    procedure: Procedure,
    seen: Visits,
    *,
    truth: Truth | None = None,
    memory: Any = None,
    key: jax.Array | None = None,
) -> np.ndarray:
    """Return the probability that each visit is labelled, ``[N]``.

    Args:
        procedure: whose criterion is asked, as it is in this iteration.
        seen: the visits.
        truth: about them; only a yardstick is told.
        memory, key: of a criterion that remembers.

    Raises:
        ValueError: for priorities that are negative or not finite.
    """
    criterion, budget = procedure.criterion, procedure.budget or 0.0
    assert isinstance(budget, float)
    # Of visits: each takes so many labels.
    budget = budget / procedure.labels_per_visit
    with fixed(double=True):
        probability, priority, invalid = _focus(
            criterion,
            procedure.budget is not None,
            seen,
            np.float64(budget),
            truth if criterion.sees_truth else None,
            memory,
            key,
        )
        first = int(invalid)
        if first >= 0:
            raise refuse(
                f"criterion {criterion.name!r}",
                "finite and at least 0 on every visit",
                float(priority[first]),
                f"See visit {first}, with {seen.accepted[first]} of {procedure.trials} accepted.",
            )
        return np.asarray(probability)


@partial(jax.jit, static_argnums=(0, 1))
def _focus(
    criterion: Criterion,
    budgeted: bool,
    seen: Visits,
    budget: jax.Array,
    truth: Truth | None,
    memory: Any,
    key: jax.Array | None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    priority = criterion.ask(memory, seen, key, truth)
    allowed = budget if budgeted else None
    share = label_probability(priority, seen.mass, allowed, criterion.allocation)
    return share, priority, first_invalid(priority)


def remember(
    criterion: Criterion, memory: Any, seen: Visits, labelled: np.ndarray, passed: np.ndarray
) -> Any:
    """Return what a criterion remembers after an iteration, or None.

    Args:
        criterion: any.
        memory: before.
        seen: the visits.
        labelled: whether each visit was labelled, ``[N]``.
        passed: share of its labels that the filter accepted, ``[N]``; 0 where it was not asked.
    """
    if memory is None:
        return None
    with fixed(double=True):
        bought, accepted = labelled * seen.mass, labelled * passed * seen.mass
        return jax.tree.map(np.asarray, _remember(criterion, memory, seen, bought, accepted))


@partial(jax.jit, static_argnums=0)
def _remember(
    criterion: Criterion, memory: Any, seen: Visits, bought: jax.Array, accepted: jax.Array
) -> Any:
    return criterion.learned(memory, seen, bought, accepted)
