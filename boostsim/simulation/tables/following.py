"""What is expected of prompts that are chains by themselves, iteration by iteration.

Where every iteration is like the first the functions are taken back through the chain, for all
prompts at once, f_t = P f_(t-1): then a thousand prompts cost little more than their first steps.
Else the law of each goes forward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from boostsim.simulation.tables.finite import Chain, Space, chain_of, first_rows
from boostsim.simulation.tables.structure import Numbers
from boostsim.statistics import Wanted, statistics_in

# Functions of a chain: on its states, and on its first rows.
Functions = tuple[Float[np.ndarray, "functions states"], Float[np.ndarray, "functions rows"]]
# A law on both: how much is still in each first row, and how much in each state.
Law = tuple[Float[np.ndarray, "rows"], Float[np.ndarray, "states"]]


def _expected(
    chain: Chain, functions: Functions, share: float = 1.0
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Yield what is expected of functions after 0, 1, 2, ... iterations, from each first row.

    Args:
        chain: of every iteration.
        functions: of its states and its first rows.
        share: the chance that a prompt is visited.
    """
    states, rows = functions
    stay = (1.0 - share) + share * chain.stay
    while True:
        yield rows
        # Few columns: so round the products of matrices are fastest.
        columns = np.ascontiguousarray(states.T)
        rows = stay * rows + share * (chain.start @ columns).T
        states = (1.0 - share) * states + share * (chain.transition @ columns).T


def _under_change(
    steps: Iterable[Chain], functions: Callable[[Chain], Functions], share: float = 1.0
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Yield what :func:`_expected` does where iterations have chains, and functions, of their own.

    Costs are those of the iteration that follows.
    """
    law = kept = None
    for chain in steps:
        if law is None or kept is None:
            law, kept = np.zeros_like(chain.start), np.ones(len(chain.stay))
        states, rows = functions(chain)
        yield kept * rows + states @ law.T
        entering = kept[:, None] * chain.start
        law = (1.0 - share) * law + share * (law @ chain.transition + entering)
        kept = ((1.0 - share) + share * chain.stay) * kept


def laws_of(
    steps: Iterable[Chain], weights: Float[np.ndarray, "rows"], share: float = 1.0
) -> Iterator[Law]:
    """Yield the law of a prompt that starts in each first row with so much weight."""
    states = None
    for chain in steps:
        if states is None:
            states = np.zeros(len(chain.accuracy))
        yield weights, states
        entering = weights @ chain.start
        states = (1.0 - share) * states + share * (states @ chain.transition + entering)
        weights = ((1.0 - share) + share * chain.stay) * weights


MEASURED = ("accuracy", "error", "right", "wrong", "solved", "lost", "labels", "generations")


def measured(chain: Chain, pass_at: tuple[int, ...], own: tuple[np.ndarray, ...]) -> Functions:
    """Return what a trace is made of on the states and on the first rows; ``own`` is last there."""
    states = chain.accuracy, chain.error, chain.labels, chain.generations
    rows = chain.initial_accuracy, chain.initial_error, chain.start_labels, chain.start_generations
    models = of_models(pass_at, *states), of_models(pass_at, *rows)
    return (
        np.concatenate([models[0], own[0]]),
        np.concatenate([models[1], own[1]]),
    )


def _own(space: Space, rows: Float[np.ndarray, "responses models"], wanted: Wanted) -> np.ndarray:
    """Return what the statistics say of models, each a row of responses."""
    statistics, quality = statistics_in(wanted), space.numbers.correct
    if not statistics:
        return np.zeros((0, rows.shape[1]))
    assert quality is not None
    return np.stack([np.asarray(each.of(jnp.asarray(rows), quality)) for each in statistics])


def of_models(
    pass_at: tuple[int, ...],
    right: Float[np.ndarray, "models"],
    wrong: Float[np.ndarray, "models"],
    labels: Float[np.ndarray, "models"],
    generations: Float[np.ndarray, "models"],
) -> Float[np.ndarray, "functions models"]:
    """Return what a trace is made of: :data:`MEASURED`, and that one of k responses is right."""
    with np.errstate(divide="ignore"):
        # One response of a prompt that is solved is enough.
        missed = np.log1p(-np.minimum(right, 1.0))
    passed = [-np.expm1(count * missed) for count in pass_at]
    ends, squares = (wrong == 0.0, right == 0.0), (right**2, wrong**2)
    return np.array([right, wrong, *squares, *ends, labels, generations, *passed])


class Steps:
    """The chains of prompts that share their states, iteration by iteration."""

    def __init__(self, space: Space, prompts: Int[np.ndarray, "prompts"], numbers: Numbers) -> None:
        """Build the first one."""
        self.space, self.prompts, self.numbers = space, prompts, numbers
        self.first = chain_of(space, prompts, numbers)
        self.entry = self.first.entry

    def __iter__(self) -> Iterator[Chain]:
        """Yield the chain of each iteration, without end."""
        chain = self.first
        yield chain
        for iteration in range(2, self.numbers.lasting + 1):
            chain = chain_of(self.space, self.prompts, self.numbers, iteration)
            yield chain
        yield from repeat(chain)


def followed(
    steps: Steps, pass_at: tuple[int, ...], share: float, wanted: Wanted
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Return what is expected of models after 0, 1, ... iterations, from each first row."""
    rows, _ = first_rows(steps.numbers, steps.prompts)
    own = tuple(_own(steps.space, each, wanted) for each in (steps.space.rows, rows))

    def functions(chain: Chain) -> Functions:
        return measured(chain, pass_at, own)

    if steps.numbers.lasting > 1:
        return _under_change(steps, functions, share)
    return _expected(steps.first, functions(steps.first), share)
