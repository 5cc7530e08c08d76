"""What a selection criterion says of a log: it is shown the log's visits, as in a run.

A cell is a prompt's record. A rule without memory is asked about each prompt's latest record, as it
would be in one iteration; a rule with one has lived through all iterations before. A log has no
responses, so ``disagreement`` is that of the verdicts, 2 J(k - J)/(k(k - 1)): at most what the
responses' own would be. What a log does not hold, the truth, no rule is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse
from boostsim.curation.criterion import Criterion
from boostsim.curation.visits import Visits
from boostsim.mode import fixed

if TYPE_CHECKING:
    from boostsim.logs.log import Log


def priorities(criterion: Criterion, log: Log, key: jax.Array) -> np.ndarray:
    """Return a criterion's priority of each prompt, ``[prompts]``.

    Args:
        criterion: one that does not see the truth.
        log: the log.
        key: for a rule that draws.

    Raises:
        ValueError: for a criterion that sees the truth, or whose priorities are negative or not
            finite.
    """
    told = f"criterion {criterion.name!r}"
    if criterion.sees_truth:
        raise refuse(told, "one that does not see the truth: a log does not hold it", criterion)
    attempts, accepted = log.dense("attempts"), log.dense("accepted")
    met = attempts > 0
    latest = attempts.shape[1] - 1 - met[:, ::-1].argmax(1)
    row = np.arange(len(latest))
    with fixed(double=True):
        memory = criterion.init(len(row))
        if criterion.remembers:
            bought, passed = log.dense("labelled"), log.dense("label_accepted")
            for step in range(attempts.shape[1]):
                visits = _visits(attempts[:, step], accepted[:, step])
                labels, right = visits.mass * bought[:, step], visits.mass * passed[:, step]
                memory = criterion.learned(memory, visits, labels, right)
        visits = _visits(attempts[row, latest], accepted[row, latest])
        found = np.asarray(criterion.ask(memory, visits, key))
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0.0)))
    if len(bad):
        hint = f"See prompt {log.prompts[bad[0]]!r}."
        raise refuse(told, "finite and at least 0 on every prompt", float(found[bad[0]]), hint)
    return found


def _visits(attempts: np.ndarray, accepted: np.ndarray) -> Visits:
    """Return a cell for each prompt; one that was not met has no mass."""
    made = np.maximum(attempts, 1)
    pairs = np.maximum(made * (made - 1), 1)
    prompt = jnp.arange(len(made), dtype=jnp.int32)
    return Visits(
        prompt=prompt,
        group=prompt,
        accepted=jnp.asarray(accepted, jnp.int32),
        attempts=jnp.asarray(made, jnp.int32),
        pass_rate=jnp.asarray(accepted / made),
        mass=jnp.asarray((attempts > 0) / max(int((attempts > 0).sum()), 1)),
        disagreement=jnp.asarray(2.0 * accepted * (made - accepted) / pairs),
    )
