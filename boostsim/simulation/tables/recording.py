"""What a run records: its names, how many numbers it may be, and the arrays it is written into."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from boostsim.arguments import choice, refuse, several, sized
from boostsim.curation.procedure import Procedure
from boostsim.statistics import BUILT_IN, Statistic, Wanted, statistics_in
from boostsim.tasks.table import TableTask

# Of laws alone: those of runs that are exact at finite visits.
LAWS = ("law", "quantiles")
RECORDS = ("accuracy_quantiles", "diversity", "entropy", *LAWS, "prompt", "rows", *BUILT_IN)
# Of accuracy: over prompts, or of its law.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Numbers that may wait on the device: so many that small runs never wait for one another.
AHEAD = 2**24
# Averages over prompts that every iteration records, and some to spare.
AVERAGES = 10


def wanted_records(
    record: Iterable[str | Statistic] | Statistic, allowed: tuple[str, ...] = RECORDS
) -> Wanted:
    """Return what to record: names, and statistics, those that are built in among them.

    Raises:
        ValueError: for a name that nothing has, for a function that is no statistic, and for two
            statistics of one name.
    """
    given: Any = [record] if callable(record) else record
    names = several("record", f"some of {', '.join(allowed)}", given)
    for name in names:
        if callable(name) and not isinstance(name, Statistic):
            raise refuse("record", "made by @bs.statistic where it is a function", name)
        if not isinstance(name, Statistic):
            choice("record", name, allowed)
    wanted = frozenset(BUILT_IN.get(name, name) for name in names)
    found = [each.name for each in statistics_in(wanted)]
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise refuse("record", "of statistics that have each a name of its own", twice)
    return wanted


def numbers_each(task: TableTask, wanted: Wanted, pass_at: tuple[int, ...] = ()) -> int:
    """Return how many numbers an iteration of one seed records, at most."""
    by_prompt = (3 + ("diversity" in wanted) + len(pass_at)) * ("prompt" in wanted)
    own = statistics_in(wanted)
    by_prompt += sum(not each.average for each in own)
    averages = AVERAGES + len(pass_at) + len(own)
    averages += len(QUANTILES) * ("accuracy_quantiles" in wanted)
    return averages + by_prompt * task.prompts + ("rows" in wanted) * task.quality.size


def check_size(
    task: TableTask, wanted: Wanted, pass_at: tuple[int, ...], seeds: int, iterations: int
) -> None:
    """Check that what is recorded can be held.

    Raises:
        ValueError: for more numbers than one array may have.
    """
    each = numbers_each(task, wanted, pass_at)
    what = f"seeds x (iterations + 1) x {each:,} numbers"
    sized("record" if wanted else "iterations", seeds * (iterations + 1) * each, what)


@jax.jit
def block_of(row: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Return a block of one row; name by name it took a tenth of a short run."""
    return {name: value[None] for name, value in row.items()}


class Recording:
    """The arrays of a run, ``[seed, iteration, ...]``, filled block by block.

    Blocks are computed while earlier ones wait to be written, but at most :data:`AHEAD` numbers
    wait, so that a run takes little more memory than its trace.
    """

    def __init__(self, seeds: int, iterations: int) -> None:
        """Make room for so many seeds of so many iterations, the first model among them."""
        self.shape = seeds, iterations
        self.arrays: dict[str, np.ndarray] = {}
        self.waiting: deque[tuple[int, int, int | None, Mapping[str, Any]]] = deque()
        self.held = 0

    def add(
        self, seed: int, start: int, block: Mapping[str, Any], length: int | None = None
    ) -> None:
        """Take the rows of a seed from an iteration on: the first so many, or all."""
        self.waiting.append((seed, start, length, block))
        self.held += _size(block)

    def write_some(self) -> None:
        """Write blocks until few enough numbers wait."""
        while self.held > AHEAD:
            self._write()

    def begun(self) -> list[Mapping[str, Any]]:
        """Return the blocks that are not written yet, and perhaps not computed."""
        return [block for *_, block in self.waiting]

    def _write(self) -> None:
        # It waits until it is written: an interrupt may come in between.
        seed, start, length, block = self.waiting[0]
        for name, values in block.items():
            rows = np.asarray(values)[:length]
            if name not in self.arrays:
                self.arrays[name] = np.empty((*self.shape, *rows.shape[1:]), rows.dtype)
            self.arrays[name][seed, start : start + len(rows)] = rows
        self.waiting.popleft()
        self.held -= _size(block)

    def variables(self) -> dict[str, np.ndarray]:
        """Return the arrays, wholly written."""
        while self.waiting:
            self._write()
        return self.arrays


def _size(block: Mapping[str, Any]) -> int:
    return sum(values.size for values in block.values())


def check_priorities(
    procedure: Procedure, task: TableTask, copies: int, invalid: np.ndarray
) -> None:
    """Refuse a criterion that said what is no priority; ``invalid`` is ``[seed, iteration]``."""
    bad = np.argwhere(invalid >= 0)
    if not len(bad):
        return
    seed, iteration = (int(i) for i in bad[0])
    accepted, cell = divmod(int(invalid[seed, iteration]), copies * task.prompts)
    raise ValueError(
        f"criterion {procedure.criterion.name!r} must return finite priorities of at least 0; it "
        f"did not in iteration {iteration} of seed {seed}, first on the visits to prompt "
        f"{cell % task.prompts} with {accepted} of {procedure.at(iteration).trials} accepted"
    )
