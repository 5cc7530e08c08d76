"""What is drawn once per seed and then stays: a filter's verdicts, a labeler's answers (T14, T15).

The draws depend on the seed's key alone, so the exact and the sampled run of one key meet the same
verdicts. A filter's verdicts are drawn in exact runs too, which are then exact given the draw. An
exact run with a persistent labeler draws nothing: its prompts are split into copies, one for each
answer, weighted by the answer's probability. Prompt by prompt that is the expectation over answers;
a budget couples the copies, and then it is the limit of many prompts. A criterion that compares
prompts (a quantile, a mean) compares those with one kind of answer, which is not that limit:
sampled runs are the ones to trust there.
"""

from __future__ import annotations

import jax
import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.curation.rates import lasting, rates_on
from boostsim.keys import generator
from boostsim.tasks.table import TableTask

# Iterations are numbered from 0 on; these lie beyond any of them.
VERDICTS, ANSWERS, STAYING = 2**32 - 1, 2**32 - 2, 2**32 - 3


def draws(procedure: Procedure, *, sampled: bool) -> bool:
    """Return whether anything is drawn once per seed, so that a key is needed from the start."""
    labeler = procedure.labeler
    answers_stay = sampled and labeler is not None and labeler.persistent
    return bool(procedure.filter.persistent) or answers_stay


def verdicts(procedure: Procedure, task: TableTask, key: jax.Array) -> np.ndarray:
    """Draw 1.0 where a response is accepted once for all, else 0.0, ``[prompts, responses]``."""
    chance, _ = rates_on(lasting(procedure.filter), task.quality)
    return (generator(jax.random.fold_in(key, VERDICTS)).random(chance.shape) < chance) * 1.0


def staying(procedure: Procedure, task: TableTask, key: jax.Array) -> np.ndarray:
    """Draw which verdicts are those for ever, ``[prompts, responses]``; others are fresh."""
    share = procedure.filter.persistent
    if share is True:
        return np.ones(task.quality.shape, bool)
    return generator(jax.random.fold_in(key, STAYING)).random(task.quality.shape) < share


def answers(rows: np.ndarray, key: jax.Array) -> np.ndarray:
    """Draw one answer a prompt from the labeler's rows; return it as a row of zeros and a one."""
    below = np.cumsum(rows, axis=1)
    level = generator(jax.random.fold_in(key, ANSWERS)).random(len(rows)) * below[:, -1]
    # The first answer above the level; one without mass never is the first.
    answer = (below > level[:, None]).argmax(1)
    return (np.arange(rows.shape[1]) == answer[:, None]) * 1.0
