"""The programs of a run on a table: one for each number of attempts that it makes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jax

from boostsim.curation.procedure import Procedure
from boostsim.simulation.seeing import VisitsEach
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.statistics import Wanted
from boostsim.tasks.table import TableTask

Made = tuple[Structure, Numbers]


@dataclass(frozen=True)
class Programs:
    """What the iterations of a run are specialised to.

    Attributes:
        made: by the number of attempts.
        attempts: of the first iterations; those that follow make as many as the last of them.
        wanted: what they are made to be read for.
    """

    made: dict[int, Made]
    attempts: tuple[int, ...]
    wanted: Wanted = frozenset()

    @property
    def first(self) -> Made:
        """That of the first iteration."""
        return self.made[self.attempts[0]]

    def attempts_at(self, iteration: int) -> int:
        """Return the attempts of an iteration, counted from 1."""
        return self.attempts[min(iteration, len(self.attempts)) - 1]

    def blocks(self, iterations: int, most: int) -> list[tuple[int, int, Made]]:
        """Return where blocks of iterations of one program begin, how long they are, and which."""
        return [
            (number, min(most, start + length - number), self.made[attempts])
            for start, length, attempts in self.stretches(iterations)
            for number in range(start, start + length, most)
        ]

    def stretches(self, iterations: int) -> list[tuple[int, int, int]]:
        """Return where stretches of equal attempts begin, how long they are, and how many."""
        if len(self.made) == 1:
            return [(0, iterations, self.attempts[0])]
        found, start = [], 0
        for attempts, alike in groupby(self.attempts[:iterations]):
            length = len(list(alike))
            found.append((start, length, attempts))
            start += length
        return found


def prepared(
    procedure: Procedure,
    task: TableTask,
    *,
    sampled: bool,
    wanted: Wanted = frozenset(),
    key: jax.Array | None = None,
    iterations: int | None = None,
) -> Programs:
    """Return the programs of a run; see :func:`boostsim.simulation.tables.prepare.prepare`.

    All have the same state: where one number of attempts needs to tell responses apart (because a
    criterion reads there what it does not elsewhere), all do.
    """
    given: Any = procedure.attempts
    attempts = given if isinstance(given, tuple) else (given,)
    ways: dict[str, Any] = {"sampled": sampled, "key": key, "iterations": iterations}

    def made(wanted: Wanted) -> dict[int, Made]:
        return {
            each: prepare(procedure.trying(each), task, wanted=wanted, **ways)
            for each in sorted(set(attempts))
        }

    found = made(wanted)
    if len({(one.correct, one.collides) for one, _ in found.values()}) > 1:
        wanted = wanted | {"rows"}
        found = made(wanted)
    return Programs(found, attempts, wanted)


def told_visits(how: VisitsEach) -> int | str:
    """Return the visits as an attribute of a trace: a number, or JSON of one for each iteration."""
    return how.visits if isinstance(how.visits, int) else json.dumps(how.visits)
