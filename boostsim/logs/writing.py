"""A log that a run of ours might have left: attempts, verdicts and labels of its models."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import msgspec
import numpy as np

from boostsim.arguments import refuse, sized, whole
from boostsim.curation.procedure import Procedure
from boostsim.files import try_to_write, write_whole
from boostsim.keys import as_key, generator
from boostsim.results import check_task
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

# What is drawn in an iteration; each has a stream of its own, so that asking for more of one
# changes no other.
RIGHT, ACCEPTED, LABELLED, LABEL_RIGHT, LABEL_ACCEPTED, AUDITED = range(6)


def write_log(
    trace: xarray.Dataset,
    path: str | os.PathLike[str],
    *,
    procedure: Procedure,
    task: TableTask,
    key: jax.Array | int,
    visits: int | None = None,
    audited: int = 0,
    seed: int = 0,
) -> Path:
    """Write a log that :func:`read_log` reads, from a trace on tables: whole, or not at all.

    The trace tells each iteration's model and how many labels were bought on each prompt; all else
    is drawn anew from these. So a log of an exact trace is what a finite run of that law leaves,
    and a log of a sampled trace is not the one that trained its models. In iteration t, 0 to T - 1,
    every prompt x is visited so many times. Of the k attempts of a visit each is right with
    probability p_t(x) and accepted as the procedure's filter does; where attempts stop at the first
    accepted one, so do they here. Of L labels per visit, L as the trace has it, visits without an
    accepted attempt get theirs first, evenly, and the others what is left; a label is right with
    the labeler's probability, and its verdict is the filter's. ``label_probability`` is that of a
    prompt to get one, given its verdicts.

    Args:
        trace: of ``bs.simulate(procedure, task, ..., record="prompt")``, with iterations.
        path: the file, JSON Lines.
        procedure: that was run, with attempts; without sharpening, and without persistent noise,
            whose draws a trace does not tell.
        task: the table that was run.
        key: a ``jax.random.key`` or a whole number below 2^32. The same key writes the same bytes,
            and the same attempts whatever is audited.
        visits: to each prompt in an iteration; those of the run where None, 1 if it has no number.
            Where there are several, the record has ``visits``.
        audited: attempts of each record that are checked against the truth, chosen at random, all
            where there are fewer; 0: no record has an audit.
        seed: of the trace.

    Returns:
        The path.

    Raises:
        ValueError: for a trace without what is needed, or of another procedure or task, and where
            the file cannot be written.

    Example:
        >>> import boostsim as bs, tempfile, pathlib
        >>> task = bs.random_table(0, prompts=50)
        >>> procedure = bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.3))
        >>> trace = bs.simulate(procedure, task, 5, record="prompt")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "log.jsonl"
        ...     log = bs.read_log(write_log(trace, path, procedure=procedure, task=task, key=0))
        >>> log.records, int(log.attempts.sum())
        (250, 1000)
    """
    key = as_key(key)
    audited = whole("audited", audited, 0)
    if not isinstance(procedure, Procedure):
        raise refuse("procedure", "the procedure that was run, such as bs.boosting(...)", procedure)
    check_task(trace, task)
    accuracy = getattr(trace, "accuracy", None)
    if accuracy is None or accuracy.dims != ("seed", "iteration", "prompt"):
        raise refuse("trace", 'one of bs.simulate(..., record="prompt")', "one without prompts")
    seed = whole("seed", seed, 0, trace.sizes["seed"] - 1)
    if trace.sizes["iteration"] < 2:
        raise refuse("trace", "one with iterations", "the first model alone")
    if _without_learner(trace.attrs["procedure"]) != _without_learner(procedure.describe()):
        allowed = f"the one that was run: {trace.attrs['procedure']}"
        raise refuse("procedure", allowed, procedure.describe())
    for lasting in (procedure.filter, procedure.labeler):
        if getattr(lasting, "persistent", False):
            raise refuse("procedure", "one whose noise is fresh each time", lasting)
    if procedure.sharpening is not None or not procedure.filter.generates:
        raise refuse("procedure", "one that attempts, without sharpening", procedure)
    if visits is None:
        told = str(trace.attrs["visits"])
        visits = int(told) if told.isdigit() else 1
    visits = whole("visits", visits, 1)
    what = "prompts x visits x attempts"
    sized("visits", task.prompts * visits * procedure.attempts, what)
    try_to_write(path)
    run = _Run(procedure, task, visits, audited, trace.isel(seed=seed), key)
    encoder = msgspec.json.Encoder()
    lines = [
        encoder.encode_lines(list(run.records(each)))
        for each in range(trace.sizes["iteration"] - 1)
    ]
    return write_whole(path, b"".join(lines))


def _without_learner(told: str) -> dict[str, Any]:
    """Return the slots of a procedure but its learner, which a run may be given beside it."""
    return {name: slot for name, slot in json.loads(told).items() if name != "learner"}


@dataclass(frozen=True)
class _Run:
    """What a log is drawn from."""

    procedure: Procedure
    task: TableTask
    visits: int
    audited: int
    trace: Any
    key: jax.Array

    def uniform(self, iteration: int, site: int, *shape: int) -> np.ndarray:
        key = jax.random.fold_in(jax.random.fold_in(self.key, iteration), site)
        return generator(key).random((self.task.prompts, *shape))

    def records(self, iteration: int) -> Iterator[dict[str, Any]]:
        """Return the records of an iteration, a prompt each."""
        procedure, shape = self.procedure, (self.visits, self.procedure.attempts)
        first, second = procedure.filter.accept
        model = self.trace.accuracy.values[iteration][:, None, None]
        right = self.uniform(iteration, RIGHT, *shape) < model
        accepted = self.uniform(iteration, ACCEPTED, *shape) < np.where(right, first, second)
        made = np.ones(accepted.shape, bool)
        if procedure.until_accepted:
            made = np.cumsum(accepted, axis=2) - accepted == 0
        # [prompts, visits]
        attempts, passed = made.sum(2), (made & accepted).sum(2)
        columns: dict[str, np.ndarray] = {
            "attempts": attempts.sum(1),
            "accepted": passed.sum(1),
        }
        if self.audited:
            columns |= self.audit(iteration, made, right, accepted)
        if procedure.labeler is not None:
            rate = model[:, 0, 0] * first + (1.0 - model[:, 0, 0]) * second
            fails = (1.0 - rate) ** procedure.attempts
            columns |= self.labels(iteration, procedure.labeler, passed == 0, fails)
        names, rows = list(columns), zip(*(each.tolist() for each in columns.values()), strict=True)
        pairs = np.stack([attempts, passed], axis=2).tolist()
        for prompt, row in enumerate(rows):
            record = {
                "prompt": prompt,
                "iteration": iteration,
                **dict(zip(names, row, strict=True)),
            }
            if self.visits > 1:
                record["visits"] = pairs[prompt]
            if procedure.until_accepted:
                record["stopping"] = "first_success"
            yield record

    def audit(
        self, iteration: int, made: np.ndarray, right: np.ndarray, accepted: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return what is known of as many attempts of each record, chosen at random."""
        order = np.where(made, self.uniform(iteration, AUDITED, *made.shape[1:]), np.inf)
        order = order.reshape(len(made), -1)
        rank = order.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        seen = (rank < self.audited).reshape(made.shape) & made
        return {
            "audited": seen.sum((1, 2)),
            "audited_correct": (seen & right).sum((1, 2)),
            "audited_accepted": (seen & accepted).sum((1, 2)),
            "audited_accepted_correct": (seen & right & accepted).sum((1, 2)),
        }

    def labels(
        self, iteration: int, labeler: Any, failing: np.ndarray, fails: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the labels that are bought.

        Args:
            iteration: in which.
            labeler: by whom.
            failing: whether no attempt of a visit was accepted, ``[prompts, visits]``.
            fails: the probability of that, ``[prompts]``.
        """
        each = self.procedure.labels_per_visit
        bought = self.trace.labels_by_prompt.values
        share = np.clip((bought[iteration + 1] - bought[iteration]) / each, 0.0, 1.0)
        # Where no visit fails, or all do, the other side's share is of none.
        to_failing = np.minimum(share / np.where(fails > 0.0, fails, 1.0), 1.0)
        left = np.maximum(share - fails, 0.0) / np.where(fails < 1.0, 1.0 - fails, 1.0)
        to_others = np.minimum(left, 1.0)
        chance = np.where(failing, to_failing[:, None], to_others[:, None])
        visit = self.uniform(iteration, LABELLED, self.visits) < chance
        if hasattr(labeler, "on"):
            labeler = labeler.on(self.task.initial, self.task.quality)
        weights = labeler.weights(iteration)
        masses = {name: part.masses_for(self.task.quality) for name, part in labeler.plain.items()}
        beta = np.sum([weights[name] * masses[name][0] for name in masses], axis=0)
        right = self.uniform(iteration, LABEL_RIGHT, self.visits, each) < beta[:, None, None]
        level = np.where(right, *self.procedure.filter.accept)
        accepted = self.uniform(iteration, LABEL_ACCEPTED, self.visits, each) < level
        given = np.broadcast_to(visit[:, :, None], right.shape)
        return {
            "labelled": given.sum((1, 2)),
            "label_probability": 1.0 - np.prod(1.0 - chance, axis=1),
            "label_accepted": (given & accepted).sum((1, 2)),
            "label_correct": (given & right).sum((1, 2)),
        }
