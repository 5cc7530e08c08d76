"""What is expected of prompts that are chains by themselves, iteration by iteration.

Where every iteration is like the first the functions are taken back through the chain, for all
prompts at once, f_t = P f_(t-1): then a thousand prompts cost little more than their first steps.
Else the law of each goes forward.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from boostsim.arguments import Words, refuse
from boostsim.simulation.tables.finite import (
    MOST_STATES,
    Chain,
    Space,
    chain_of,
    different,
    first_rows,
)
from boostsim.simulation.tables.structure import Numbers
from boostsim.simulation.tables.visiting import sides_of
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

    def __init__(
        self,
        spaces: Sequence[Space],
        order: Sequence[int],
        prompts: Int[np.ndarray, "prompts"],
        numbers: Numbers,
    ) -> None:
        """Build the first one.

        Args:
            spaces: the states that iterations lead to.
            order: which of them each of the first iterations does, those that follow as the last.
            prompts: that share their states.
            numbers: of the run.
        """
        self.spaces, self.order = _united(spaces), list(order)
        while self.order[1:] and self.order[-1] == self.order[-2]:
            self.order.pop()
        self.prompts, self.numbers = prompts, numbers
        self.lasting = max(numbers.lasting, len(self.order))
        self.space = self.spaces[self.order[0]]
        self.first = chain_of(self.space, prompts, numbers)
        self.entry = self.first.entry

    def __iter__(self) -> Iterator[Chain]:
        """Yield the chain of each iteration, without end."""
        keys = [self._key(iteration) for iteration in range(1, self.lasting + 1)]
        again, known = Counter(keys), {keys[0]: self.first}
        chain = self.first
        for iteration, key in enumerate(keys, start=1):
            if key not in known:
                space = self.spaces[key[0]]
                known[key] = chain_of(space, self.prompts, self.numbers, iteration)
            chain = known[key]
            again[key] -= 1
            if not again[key]:
                # As large as its states squared: kept only as long as it comes again.
                del known[key]
            yield chain
        yield from repeat(chain)

    def _key(self, iteration: int) -> tuple[int, int]:
        """Return which states an iteration leads to, and which of the run's numbers it has."""
        place = self.order[min(iteration, len(self.order)) - 1]
        return place, min(iteration, self.numbers.lasting)


def _united(spaces: Sequence[Space]) -> list[Space]:
    """Return spaces whose states are those of all of them, the least accurate first.

    Raises:
        ValueError: for more than so many states together.
    """
    if len(spaces) == 1:
        return list(spaces)
    rows, same = different(np.concatenate([space.rows for space in spaces], axis=1))
    if rows.shape[1] > MOST_STATES:
        allowed = f"so few that all iterations together have at most {MOST_STATES:,} states"
        raise refuse(
            "visits", f"{allowed}, exact at finite visits", Words(f"{rows.shape[1]:,} of them")
        )
    one = spaces[0]
    right, _ = sides_of(one.structure, one.numbers, rows)
    order = np.argsort(right, kind="stable")
    place_of, found, start = np.argsort(order), [], 0
    for space in spaces:
        own = place_of[same[start : start + space.rows.shape[1]]]
        start += space.rows.shape[1]
        into = np.append(own, -1)[space.into]
        found.append(replace(space, into=into, rows=rows[:, order]))
    return found


def followed(
    steps: Steps, pass_at: tuple[int, ...], share: float, wanted: Wanted
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Return what is expected of models after 0, 1, ... iterations, from each first row."""
    rows, _ = first_rows(steps.numbers, steps.prompts)
    own = tuple(_own(steps.space, each, wanted) for each in (steps.space.rows, rows))

    def functions(chain: Chain) -> Functions:
        return measured(chain, pass_at, own)

    if steps.lasting > 1:
        return _under_change(steps, functions, share)
    return _expected(steps.first, functions(steps.first), share)
