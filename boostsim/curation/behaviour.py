"""What a criterion does, in numbers: its priorities on a fixed set of visits.

The text of a compiled program changes from one version of JAX to the next; what a rule says of
given visits does not. So a folder that is gone on with is compared by this.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from boostsim.curation.criterion import Criterion
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits, pass_rates
from boostsim.keys import as_key
from boostsim.mode import fixed

# Prompts, and numbers of accepted responses on each (at most), of which a rule is asked: all counts
# on few prompts, and few on so many that a threshold is known to 0.2%.
ASKED = ((1, 1001), (3, 1001), (512, 5))
# A rule with a memory: iterations, and the same in each of them.
ITERATIONS, EACH = 32, (8, 17)
GROUPS = 4
# Relative: far more than versions of a compiler differ by, far less than two rules do.
SAME = 1e-6


def behaviour(criterion: Criterion, attempts: int) -> np.ndarray:
    """Return the priorities of a criterion on visits that are always the same, one after another.

    Visits to one prompt, to three and to 512; all that a rule can read spreads over its range. A
    rule with a memory is asked in 32 iterations, after each of which it learns.

    Args:
        criterion: any.
        attempts: k.
    """
    with fixed(double=True):
        if criterion.remembers:
            return _remembered(criterion, attempts)
        said = []
        for prompts, counts in ASKED:
            visits, truth = _visits(attempts, prompts, counts, 0)
            said.append(criterion(visits, truth) if criterion.sees_truth else criterion(visits))
        return np.concatenate([np.asarray(each) for each in said])


def difference(before: np.ndarray, now: np.ndarray) -> str | None:
    """Return in words where two behaviours differ, or None."""
    if before.shape != now.shape:
        return "it is asked of other visits"
    least = SAME * 1e-6 * np.max(np.abs(before), initial=0.0, where=np.isfinite(before))
    differs = ~np.isclose(now, before, rtol=SAME, atol=least, equal_nan=True)
    if not differs.any():
        return None
    first = int(np.argmax(differs))
    return f"it said {before[first]:.6g} where it now says {now[first]:.6g}"


def _remembered(criterion: Criterion, attempts: int) -> np.ndarray:
    """Ask and teach it in turn."""
    memory, said = criterion.init(GROUPS), []
    for number in range(ITERATIONS):
        visits, _ = _visits(attempts, *EACH, number)
        share = jax.device_put(_spread(len(visits.mass), 11.0, number))
        key = jax.random.fold_in(as_key(0), number)
        memory, priority = _iteration(criterion, memory, visits, key, share)
        said.append(np.asarray(priority))
    return np.concatenate(said)


@partial(jax.jit, static_argnums=0)
def _iteration(
    criterion: Criterion, memory: Any, visits: Visits, key: jax.Array, share: jax.Array
) -> Any:
    """Return what is remembered after an iteration, and the priorities in it."""
    priority = criterion.ask(memory, visits, key)
    bought = share * visits.mass
    return criterion.learned(memory, visits, bought, share * bought), priority


def _spread(count: int, root: float, start: int) -> np.ndarray:
    """Return numbers that fill [0, 1) evenly: the fractions of multiples of an irrational one."""
    return np.modf(np.sqrt(root) * (1.0 + np.arange(count) + count * start))[0]


def _visits(attempts: int, prompts: int, counts: int, start: int) -> tuple[Visits, Truth]:
    """Return visits to so many prompts, and the truth about them: for each ``start`` others."""
    few = np.unique(np.linspace(0, attempts, min(counts, attempts + 1)).round().astype(int))
    accepted, prompt = np.tile(few, prompts), np.repeat(np.arange(prompts), len(few))
    cells = len(accepted)
    # From a large part of all to a small one.
    mass = _spread(cells, 2.0, start) / (1.0 + np.arange(cells))
    # Cells without visits, too: padding.
    mass[3::7] = 0.0
    # Put there, which takes no program: asked for an array, JAX compiles one for each shape.
    put = jax.device_put
    visits = Visits(
        prompt=put(prompt.astype(np.int32)),
        group=put((prompt % GROUPS).astype(np.int32)),
        accepted=put(accepted.astype(np.int32)),
        attempts=put(np.full(cells, attempts, np.int32)),
        pass_rate=put(pass_rates(attempts)[accepted]),
        mass=put(mass / mass.sum()),
        disagreement=put(_spread(prompts, 3.0, start)[prompt]),
    )
    error, right = (put(_spread(prompts, root, start)[prompt]) for root in (5.0, 7.0))
    return visits, Truth(error, right)
