"""What a run on a table leaves in a folder: pieces of a few seeds each, from which it goes on.

The name of a piece says which seeds it has, and after how many iterations: ``seeds-0-7-iterations-
100``. In it are what was recorded of them, and the state from which a longer run goes on. That is
one after a whole block, so that whatever is computed later is computed by the programs of one go:
to the same numbers, bit for bit.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import as_path
from boostsim.curation.behaviour import behaviour
from boostsim.curation.criterion import is_own_rule
from boostsim.curation.labelers import drifting
from boostsim.curation.procedure import Procedure
from boostsim.simulation.tables.prepare import PROGRAM, own_parts
from boostsim.simulation.tables.recording import AHEAD, Recording
from boostsim.simulation.tables.state import State
from boostsim.statistics import Wanted, known_by, statistics_in
from boostsim.store import Piece, Store, opened
from boostsim.tasks.table import TableTask
from boostsim.versions import Function, Functions

NAME = re.compile(r"seeds-(\d+)-(\d+)-iterations-(\d+)")
# Between two writes: so many seconds at least, and so many times what the last one took.
PAUSE_SECONDS, PAUSE_WRITES = 2.0, 50.0
# Blocks that are computed while others wait: enough to keep a processor busy, few to be lost.
AT_WORK = 2

# What a run is, and which functions decide its numbers.
Told = tuple[dict[str, Any], Functions]
UNTOLD: Told = ({}, {})


class Begun(NamedTuple):
    """What a folder has of a seed.

    Attributes:
        rows: what was recorded, by iteration.
        whole: whether that is all that is asked for.
        ended: the iteration at which what was waited for had come true, or None.
        after: of how many iterations there is a state.
        leaves: the arrays of that state.
    """

    rows: dict[str, np.ndarray]
    whole: bool
    ended: int | None
    after: int
    leaves: list[np.ndarray]


class Waiting(NamedTuple):
    """What is to be written of a seed; ``done`` iterations of it are recorded."""

    done: int
    ended: int | None
    after: int
    state: State


class Keeping:
    """The pieces of a run on a table.

    Attributes:
        store: that of the folder.
        seeds: those that are run, in the order of the recording.
        iterations: how many are asked for.
        recording: what the run records.
    """

    def __init__(self, store: Store, seeds: range, iterations: int, recording: Recording) -> None:
        """See what is there."""
        self.store, self.seeds, self.iterations = store, seeds, iterations
        self.recording = recording
        self.names = {
            name: (int(found[1]), int(found[2]), int(found[3]))
            for name in store.names()
            if (found := NAME.fullmatch(name))
        }
        self.read: tuple[str, Piece] | None = None
        # From which piece each seed goes on.
        self.sources: dict[int, str] = {}
        self.waiting: dict[int, Waiting] = {}
        self.at_work: deque[jax.Array] = deque()
        self.next = time.monotonic() + PAUSE_SECONDS

    def begun(self, number: int) -> Begun | None:
        """Return what is there of the seed of this number, or None: of several pieces the longest.

        What is damaged is told, and done without.
        """
        seed = self.seeds[number]
        there = [name for name, (first, last, _) in self.names.items() if first <= seed <= last]
        for name in sorted(there, key=lambda name: self.names[name][2], reverse=True):
            piece = self._piece(name)
            if piece is not None:
                self.sources[number] = name
                return self._of(piece, seed - self.names[name][0], self.names[name][2])
        return None

    def done(
        self,
        number: int,
        done: int,
        after: int,
        state: State,
        rows: Mapping[str, Any] | None = None,
    ) -> None:
        """Take it that so many iterations of a seed are made, or begun; where it is time, write.

        Args:
            number: of the seed.
            done: iterations that are recorded.
            after: of how many of them the state is.
            state: from which a longer run goes on.
            rows: what the latest block records.
        """
        if rows is not None:
            self.at_work.append(rows["error"])
        if len(self.at_work) > AT_WORK:
            self.at_work.popleft().block_until_ready()
        self._wait(number, Waiting(done, None, after, state))

    def ended(self, number: int, at: int, after: int, state: State) -> int:
        """Take it that what was waited for has come true of a seed at an iteration: return that."""
        self._wait(number, Waiting(at, at, after, state))
        return at

    def _wait(self, number: int, told: Waiting) -> None:
        self.waiting[number] = told
        held = len(self.waiting) * sum(leaf.size for leaf in jax.tree.leaves(told.state))
        if held > AHEAD or time.monotonic() >= self.next:
            self.write()

    def write(self) -> None:
        """Write what waits; pieces that say less than what is there now are removed.

        Raises:
            ValueError: where it cannot be written.
        """
        began, arrays = time.monotonic(), self.recording.variables()
        self.at_work.clear()
        group: list[int] = []
        for number, told in sorted(self.waiting.items()):
            # A criterion that said what is no priority is refused at the end: it is not kept.
            if (arrays["invalid"][number, : told.done + 1] >= 0).any():
                continue
            follows = group and number == group[-1] + 1
            if group and not (follows and self._length(group[-1]) == self._length(number)):
                self._write(group, arrays)
                group = []
            group.append(number)
        if group:
            self._write(group, arrays)
        self.waiting.clear()
        now = time.monotonic()
        self.next = now + max(PAUSE_SECONDS, PAUSE_WRITES * (now - began))

    def _length(self, number: int) -> int:
        told = self.waiting[number]
        return told.done if told.ended is None else self.iterations

    def _write(self, group: list[int], arrays: Mapping[str, np.ndarray]) -> None:
        first, last, length = group[0], group[-1], self._length(group[0])
        waiting = [self.waiting[number] for number in group]
        longest = max(told.done for told in waiting)
        kept = {f"r_{name}": rows[first : last + 1, : longest + 1] for name, rows in arrays.items()}
        leaves = zip(*(jax.tree.leaves(told.state) for told in waiting), strict=True)
        kept |= {f"s_{place}": np.stack(each) for place, each in enumerate(leaves)}
        told = {
            "ended": [each.ended for each in waiting],
            "after": [each.after for each in waiting],
        }
        seeds = self.seeds[first], self.seeds[last]
        name = f"seeds-{seeds[0]}-{seeds[1]}-iterations-{length}"
        self.store.write(name, kept, told, {self.sources.get(number, name) for number in group})
        self.sources |= dict.fromkeys(group, name)
        self.names[name] = (*seeds, length)
        for old, (start, end, done) in list(self.names.items()):
            beside = start <= seeds[1] and seeds[0] <= end
            if (
                old != name
                and beside
                and all(
                    any(a <= seed <= b and longer >= done for a, b, longer in self._but(old))
                    for seed in range(start, end + 1)
                )
            ):
                self.store.remove(old)
                del self.names[old]

    def _but(self, name: str) -> list[tuple[int, int, int]]:
        return [each for other, each in self.names.items() if other != name]

    def _piece(self, name: str) -> Piece | None:
        if self.read is None or self.read[0] != name:
            piece = self.store.read(name)
            if piece is None:
                del self.names[name]
                return None
            self.read = name, piece
        return self.read[1]

    def _of(self, piece: Piece, place: int, length: int) -> Begun:
        ended, after = piece.told["ended"][place], piece.told["after"][place]
        asked = self.iterations
        whole = length >= asked or ended is not None
        done = min(length if ended is None else ended, asked)
        named = {name: values[place] for name, values in piece.arrays.items()}
        rows = {name[2:]: each[: done + 1] for name, each in named.items() if name[:2] == "r_"}
        leaves = [named[f"s_{number}"] for number in range(sum(each[:2] == "s_" for each in named))]
        return Begun(rows, whole, ended if ended == done else None, after, leaves)


def taken_up(begun: Begun | None, first: State) -> tuple[int, State]:
    """Return after how many iterations a seed goes on, and its state then.

    Args:
        begun: what is there of it.
        first: the state of the first model.
    """
    if begun is None:
        return 0, first
    shape = jax.tree.structure(first)
    return begun.after, jax.tree.unflatten(shape, [jnp.asarray(leaf) for leaf in begun.leaves])


def own_rules(procedure: Procedure, task: TableTask, wanted: Wanted) -> Told:
    """Return what parts of one's own compute, which no name tells: in numbers, and functions."""
    told: dict[str, Any] = {**own_parts(procedure, task), **drifting(procedure.labeler)}
    statistics, functions = known_by(statistics_in(wanted), task.responses)
    if program := told.pop(PROGRAM, None):
        functions[f"learner {type(procedure.learner).__name__!r}"] = Function(program)
    rule, most = procedure.criterion, procedure.most_attempts
    if is_own_rule(rule):
        said = rule.fingerprint(most), behaviour(rule, most)
        functions[f"criterion {rule.name!r}"] = Function(*said)
    return told | {"statistics": statistics, "functions": sorted(functions)}, functions


def told_of(
    procedure: Procedure,
    task: TableTask,
    attributes: Callable[[], Mapping[str, Any]],
    wanted: Wanted,
    pass_at: tuple[int, ...],
    iterations: int,
) -> Told:
    """Return all that decides the numbers of a run: what its trace says, and what that leaves out.

    Beside it are the functions that do, for :func:`boostsim.store.opened`.

    Args:
        procedure, task: what is run.
        attributes: gives those of its trace.
        wanted: what is recorded.
        pass_at, iterations: as ``bs.simulate`` takes them.
    """
    window = procedure.trained_on.window
    # Of a window that is never full a run has room for what it fills: a longer one is another.
    longer = window is not None and window > iterations + 1
    told, functions = own_rules(procedure, task, wanted)
    return {
        **{name: each for name, each in attributes().items() if name != PROGRAM},
        "task": task.describe(),
        "procedure": json.loads(procedure.describe()),
        "record": sorted(each for each in wanted if isinstance(each, str)),
        "pass_at": list(pass_at),
        **({"iterations": iterations} if longer else {}),
        **told,
    }, functions


@contextmanager
def keeping(
    folder: str | os.PathLike[str] | None,
    told: tuple[Any, ...],
    seeds: range,
    iterations: int,
    recording: Recording,
) -> Iterator[Keeping | None]:
    """Hold the folder of a run while the block runs, and write what is left when it ends.

    Args:
        folder: None keeps nothing, and gives None.
        told: of the run, what :func:`told_of` takes.
        seeds, iterations, recording: of the run.

    Raises:
        ValueError: see :func:`boostsim.store.opened`.
    """
    if folder is None:
        yield None
        return
    with opened(as_path("folder", folder), *told_of(*told)) as store:
        kept = Keeping(store, seeds, iterations, recording)
        yield kept
        if kept.waiting:
            kept.write()
