"""One iteration on a table as a pair of pure functions, exact or sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse, whole
from boostsim.curation.procedure import Procedure
from boostsim.keys import as_key, needed_key
from boostsim.mode import fixed, needs_double
from boostsim.simulation.seeing import Population, Seeing, VisitsEach, seeing
from boostsim.simulation.tables import exact, sampled
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import check, prepare
from boostsim.simulation.tables.sampled import Sampling
from boostsim.simulation.tables.samplers import FEW
from boostsim.simulation.tables.state import Info, State
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.tasks.table import TableTask


class Kernel(NamedTuple):
    """One iteration as a pair of pure functions, for loops of your own.

    Attributes:
        init: ``() -> state``.
        step: ``(key, state) -> (state, info)``; of an exact step only a criterion with a memory may
            draw from the key, and with None it draws the same each time.
    """

    init: Callable[[], State]
    step: Callable[[jax.Array | None, State], tuple[State, Info]]


def kernel(
    procedure: Procedure,
    task: TableTask,
    *,
    visits: int | None = None,
    visited_share: float = 1.0,
    key: jax.Array | int | None = None,
) -> Kernel:
    """Return ``init`` and ``step`` of a procedure on a task, to jit, vmap and scan at will.

    States hold float64 arrays, so call both inside ``with jax.enable_x64(True):``. After the end of
    a schedule each step takes its last entry.

    Args:
        procedure: what an iteration does.
        task: a table task.
        visits: v, visits to each prompt that is visited; None for the exact step.
        visited_share: probability that a prompt is visited in an iteration (sampled only).
        key: needed where verdicts or answers persist: they are drawn from it, here and now. Seed i
            of ``bs.simulate`` draws them from fold_in(key, i).

    Raises:
        ValueError: for an argument out of range; from ``init`` and ``step`` outside the context.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=5, solvable=0.0)
        >>> with jax.enable_x64(True):
        ...     loop = bs.kernel(bs.boosting(labeler=bs.WeakLabeler(0.25)), task)
        ...     state, info = loop.step(None, loop.init())
        ...     print(float(info.labels), state.mass.shape)
        1.0 (1, 2, 5)
    """
    check(procedure, task)
    if visits is not None:
        visits = whole("visits", visits, 1)
    sampling = sampling_of(seeing(visits=visits, visited_share=visited_share))
    finite_visits = sampling is not None
    persistent = None
    if draws(procedure, sampled=finite_visits):
        persistent = needed_key(key, "where verdicts or answers persist")
    elif key is not None:
        # Not needed, but a mistake all the same.
        as_key(key)
    with fixed(double=True):
        structure, numbers = prepare(procedure, task, sampled=finite_visits, key=persistent)

    def init() -> State:
        needs_double("kernel")
        with fixed(double=None):
            return first_state(structure, numbers, sampling)

    def step(key: jax.Array | None, state: State) -> tuple[State, Info]:
        needs_double("kernel")
        if not isinstance(state, State):
            raise refuse("state", "what init or step returned: step(key, state)", state)
        # Of an exact run only a criterion may draw.
        fresh = None if key is None and sampling is None else as_key(key)
        with fixed(double=None):
            return one_step(structure, numbers, sampling, fresh, state)

    return Kernel(init, step)


def sampling_of(how: Seeing) -> Sampling | None:
    """Return what a sampled run needs to know of its visits, or None for an exact one."""
    if isinstance(how, Population):
        return None
    assert isinstance(how, VisitsEach)
    most, share = how.most, how.visited_share
    # A schedule that never changes is a number.
    visits = float(most) if set(how.each) == {most} else np.array(how.each, float)
    with fixed(double=True):
        chance = None if share == 1.0 else jnp.asarray(share)
        return Sampling(jnp.asarray(visits), chance, most if most <= FEW else None)


def first_state(structure: Structure, numbers: Numbers, sampling: Sampling | None) -> State:
    """Return the first model, exact or sampled."""
    if sampling is None:
        return exact.init(structure, numbers)
    return sampled.init(structure, numbers, sampling)


def one_step(
    structure: Structure,
    numbers: Numbers,
    sampling: Sampling | None,
    key: jax.Array | None,
    state: Any,
) -> tuple[Any, Info]:
    """Return the model after one iteration, exact or sampled, and what it cost."""
    if sampling is None:
        return exact.step(structure, numbers, state, key)
    assert key is not None
    return sampled.step(structure, numbers, sampling, key, state)
