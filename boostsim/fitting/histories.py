"""A log as counts: what each prompt showed, iteration by iteration, equal prompts together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import numbers, refuse, whole
from boostsim.objects import ByValue

if TYPE_CHECKING:
    from boostsim.logs.log import Log

# Odd numbers without a pattern: rows are told apart by their products with them, modulo 2^64.
_SCRAMBLE = 0x9E3779B97F4A7C15
# Counts of a record, and steps that a log spans, beyond which a likelihood is past all precision
# and takes hours.
MOST, LONGEST = 10**6, 100_000


@dataclass(frozen=True, eq=False)
class Histories(ByValue):
    """The counts that a likelihood needs: prompts with equal counts share a history.

    Attributes:
        times: steps since the log's first iteration, ``[times]``; a step is the largest number that
            divides all distances between the log's iterations.
        step: how many of the log's iteration numbers one step is; 1 where there is one iteration.
        first: the number of the log's first iteration.
        attempts, accepted: counts, ``[histories, times]``, 0 where a prompt was not met.
        labels: labels bought, ``[histories, times]``, or None where the log buys none.
        history: which history each prompt has, ``[prompts]``.
        stopping: (visits, attempts of each at most) of a prompt in an iteration, where attempts
            stop at the first accepted one; None where their number is fixed.
        visit: (visits to a prompt in an iteration, attempts of one), each most often, where the log
            tells visits; None where a record is one.
        visited: of each record its visits and those of which nothing was accepted, ``[2, histories,
            times]``, where the log tells visits and buys labels; else None.
    """

    times: np.ndarray
    step: int
    first: int
    attempts: np.ndarray
    accepted: np.ndarray
    labels: np.ndarray | None
    history: np.ndarray
    stopping: tuple[int, int] | None = None
    visit: tuple[int, int] | None = None
    visited: np.ndarray | None = None

    @property
    def prompts(self) -> int:
        """Number of prompts."""
        return len(self.history)

    @property
    def span(self) -> int:
        """Steps between the first iteration and the last."""
        return int(self.times[-1])

    @property
    def usual_attempts(self) -> int:
        """The attempts that a prompt may get in an iteration.

        The number that it got most often; where attempts stop at the first accepted one, the most.
        """
        if self.stopping is not None:
            return self.stopping[0] * self.stopping[1]
        made, held = np.nonzero(self.attempts > 0)
        often = np.bincount(
            self.attempts[made, held].astype(np.int64), np.bincount(self.history)[made]
        )
        return int(often.argmax())

    @property
    def usual_visit(self) -> tuple[int, int]:
        """The visits that a prompt gets in an iteration most often, and the attempts of one.

        Where attempts stop at the first accepted one, the most of them.
        """
        return self.stopping or self.visit or (1, self.usual_attempts)

    def weights(self, prompt_weights: Any = None) -> np.ndarray:
        """Return how many prompts share each history, ``[histories]``, or what they weigh together.

        Args:
            prompt_weights: of each prompt, ``[prompts]``, at least 0: how often it was drawn.

        Raises:
            ValueError: for weights of another shape, negative ones, or none above 0.
        """
        if prompt_weights is None:
            weights = np.bincount(self.history, minlength=len(self.attempts)).astype(float)
        else:
            given = numbers("prompt_weights", prompt_weights, 1)
            if given.shape != self.history.shape:
                raise refuse(
                    "prompt_weights", f"one for each of {self.prompts} prompts", given.shape
                )
            if given.min() < 0.0 or given.max() == 0.0:
                raise refuse("prompt_weights", "at least 0, and not all 0", prompt_weights)
            weights = np.bincount(self.history, given, minlength=len(self.attempts))
        return weights * (self.attempts.sum(1) > 0)

    def until(self, count: int) -> Histories:
        """Return the first so many of its iterations: what a backtest fits."""
        return self._some(slice(0, whole("count", count, 1, len(self.times))))

    def since(self, count: int) -> Histories:
        """Return its iterations but the first so many: what a backtest holds out."""
        return self._some(slice(whole("count", count, 0, len(self.times) - 1), None))

    def _some(self, places: slice) -> Histories:
        start = self.times[places][0]
        return replace(
            self,
            times=self.times[places] - start,
            first=self.first + self.step * int(start),
            attempts=self.attempts[:, places],
            accepted=self.accepted[:, places],
            labels=None if self.labels is None else self.labels[:, places],
            visited=None if self.visited is None else self.visited[:, :, places],
        )

    def at(self, place: int) -> Histories:
        """Return one of its iterations alone, from 0; prompts that it did not meet have none."""
        pairs = np.stack([self.attempts[:, place], self.accepted[:, place]], axis=1)
        kinds, kind = np.unique(pairs, axis=0, return_inverse=True)
        return Histories(
            times=np.zeros(1, np.int64),
            step=1,
            first=self.first + self.step * int(self.times[place]),
            attempts=kinds[:, :1],
            accepted=kinds[:, 1:],
            labels=None,
            history=kind.ravel()[self.history],
            stopping=self.stopping,
            visit=self.visit,
        )


def histories(log: Log) -> Histories:
    """Return a log's counts.

    Raises:
        ValueError: for a log without attempts, or without any in one of its iterations, with over a
            million attempts or labels in a record, or that spans over 100,000 steps.
    """
    if not len(log.attempts) or not np.any(log.attempts > 0):
        raise ValueError("log must have attempts; got none in any record")
    for name in ("attempts", "labelled"):
        most = np.max(held) if (held := getattr(log, name)) is not None else 0
        if most > MOST:
            raise refuse("log", f"a log of at most {MOST:,} {name} in a record", int(most))
    iterations = np.asarray(log.iterations, np.int64)
    met = np.bincount(log.iteration, np.asarray(log.attempts, float), len(iterations)) > 0.0
    if not met.all():
        bare = int(iterations[np.argmin(met)])
        raise ValueError(f"log must have attempts in each of its iterations; got none in {bare}")
    step = int(np.gcd.reduce(np.diff(iterations))) if len(iterations) > 1 else 1
    span = int(iterations[-1] - iterations[0]) // step
    if span > LONGEST:
        raise ValueError(
            f"log must have iterations that span at most {LONGEST:,} steps; got {span:,} steps of "
            f"{step:,}, from iteration {iterations[0]} to {iterations[-1]}"
        )
    shape = len(log.prompts), len(iterations)
    place = np.asarray(log.prompt, np.int64) * shape[1] + log.iteration

    def dense(counts: np.ndarray) -> np.ndarray:
        table = np.zeros(shape[0] * shape[1], np.min_scalar_type(int(counts.max(initial=0))))
        table[place] = counts
        return table.reshape(shape)

    tables = [dense(log.attempts), dense(log.accepted)]
    bought = None if log.labelled is None else np.maximum(log.labelled, 0)
    bought = bought if bought is not None and bought.any() else None
    if bought is not None:
        tables.append(dense(bought))
        if log.visits is not None:
            tables += [dense(each) for each in _visited(log)]
    first, history = _equal(tables)
    attempts, accepted, *more = (table[first].astype(float) for table in tables)
    labels, visited = more[:1], more[1:]
    return Histories(
        times=(iterations - iterations[0]) // step,
        step=step,
        first=int(iterations[0]),
        attempts=attempts,
        accepted=accepted,
        labels=labels[0] if labels else None,
        history=history,
        stopping=_stopping(log),
        visit=_visit(log),
        visited=np.stack(visited) if visited else None,
    )


def _stopping(log: Log) -> tuple[int, int] | None:
    """Return visits, and the attempts of each at most, where most records stop at a success."""
    stops = log.first_success
    if stops is None or stops.mean() <= 0.5:
        return None
    visits, _ = _visited(log)
    record, attempts = _each_visit(log)
    return int(np.bincount(visits[stops]).argmax()), int(attempts[stops[record]].max())


def _visit(log: Log) -> tuple[int, int] | None:
    """Return visits of a record and attempts of a visit, each most often; None of one visit."""
    visits, _ = _visited(log)
    if visits.max() == 1:
        return None
    return int(np.bincount(visits).argmax()), int(np.bincount(_each_visit(log)[1]).argmax())


def _visited(log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Return visits of each record and those of which nothing was accepted, ``[records]`` each.

    A record that tells no visits is one.
    """
    records = len(log.prompt)
    visits, failed = np.ones(records, np.int64), (log.accepted == 0).astype(np.int64)
    if log.visits is not None:
        record, _, accepted = log.visits
        seen = np.bincount(record, minlength=records)
        told = seen > 0
        visits[told] = seen[told]
        failed[told] = np.bincount(record[accepted == 0], minlength=records)[told]
    return visits, failed


def _each_visit(log: Log) -> tuple[np.ndarray, np.ndarray]:
    """Return the record of each visit and its attempts, ``[visits]`` each, in no order."""
    if log.visits is None:
        return np.arange(len(log.prompt)), log.attempts
    record, attempts, _ = log.visits
    alone = np.flatnonzero(np.bincount(record, minlength=len(log.prompt)) == 0)
    return np.append(record, alone), np.append(attempts, log.attempts[alone])


def _equal(tables: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of row, and which kind every row is."""
    sums = np.zeros(len(tables[0]), np.uint64)
    draw = np.random.default_rng(_SCRAMBLE)
    for table in tables:
        for column in table.T:
            factor = draw.integers(0, 2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
            sums += column.astype(np.uint64) * factor
    _, first, kind = np.unique(sums, return_index=True, return_inverse=True)
    if all(np.array_equal(table, table[first[kind]]) for table in tables):
        return first, kind
    # Two kinds of row with one sum, once in 10^7 logs of a million prompts: all stay apart.
    every = np.arange(len(sums))
    return every, every
