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

from boostsim.arguments import Words, refuse, sized, whole
from boostsim.curation.criteria import failed
from boostsim.curation.procedure import Procedure
from boostsim.curation.rates import in_two_classes
from boostsim.files import try_to_write, write_whole
from boostsim.keys import as_key, generator
from boostsim.results import check_task
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

# What is drawn in an iteration; each has a stream of its own, so that asking for more of one
# changes no other.
RIGHT, ACCEPTED, LABELLED, LABEL_RIGHT, LABEL_ACCEPTED, AUDITED, FAILING, FIRST = range(8)


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
    is drawn anew from these. In iteration t, 0 to T - 1, every prompt x is visited so many times.
    Of the k attempts of a visit each is right with probability p_t(x) and accepted as the
    procedure's filter does; where attempts stop at the first accepted one, so do they here. Under
    the criterion ``failed`` labels go to visits without an accepted attempt; under any other, for a
    trace does not tell, to any visit. A label is right with the labeler's probability, and its
    verdict is the filter's.

    A sampled trace has bought a number of labels on each prompt, and the log has that number. An
    exact one has L per visit in the mean of infinitely many: here each visit gets one with a chance
    that makes that mean, and ``label_probability`` is the prompt's to get any, given its verdicts;
    but every prompt has moved by its L, whoever is labelled here. What labels do to a prompt shows
    in logs of sampled traces.

    Args:
        trace: of ``bs.simulate(procedure, task, ..., record="prompt")``, with iterations.
        path: the file, JSON Lines.
        procedure: that was run, with attempts; without sharpening, and without persistent noise,
            whose draws a trace does not tell.
        task: the table that was run.
        key: a ``jax.random.key`` or a whole number below 2^32. The same key writes the same bytes,
            and the same attempts whatever is audited.
        visits: to each prompt in an iteration; those of the run where it has a number, else 1 if
            None. Where there are several, the record has ``visits``.
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
        raise refuse(
            "trace", 'one of bs.simulate(..., record="prompt")', Words("one without prompts")
        )
    seed = whole("seed", seed, 0, trace.sizes["seed"] - 1)
    if trace.sizes["iteration"] < 2:
        raise refuse("trace", "one with iterations", Words("the first model alone"))
    if _without_learner(trace.attrs["procedure"]) != _without_learner(procedure.describe()):
        allowed = f"the one that was run: {trace.attrs['procedure']}"
        raise refuse("procedure", allowed, procedure.describe())
    for lasting in (procedure.filter, procedure.labeler):
        if getattr(lasting, "persistent", False):
            raise refuse("procedure", "one whose noise is fresh each time", lasting)
    in_two_classes(procedure.filter, "in a run that is written as a log")
    if procedure.sharpening is not None or not procedure.filter.generates:
        raise refuse("procedure", "one that attempts, without sharpening", procedure)
    if isinstance(procedure.attempts, tuple):
        raise refuse("procedure", "one whose attempts are one number", procedure.attempts)
    told = str(trace.attrs["visits"])
    if told.startswith("["):
        raise refuse("trace", "one whose visits are one number", told)
    own = int(told) if told.isdigit() else None
    visits = whole("visits", own or 1 if visits is None else visits, 1)
    if own not in (None, visits):
        raise refuse("visits", f"those of the run, {own}, or None", visits)
    what = "prompts x visits x attempts"
    sized("visits", task.prompts * visits * procedure.most_attempts, what)
    try_to_write(path)
    run = Run(procedure, task, visits, own is not None, audited, trace.isel(seed=seed), key)
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
class Run:
    """What a log is drawn from."""

    procedure: Procedure
    task: TableTask
    visits: int
    sampled: bool
    audited: int
    trace: Any
    key: jax.Array

    def uniform(self, iteration: int, site: int, *shape: int) -> np.ndarray:
        """Return numbers in [0, 1) of a site, ``[prompts, *shape]``."""
        key = jax.random.fold_in(jax.random.fold_in(self.key, iteration), site)
        return generator(key).random((self.task.prompts, *shape))

    def records(self, iteration: int) -> Iterator[dict[str, Any]]:
        """Return the records of an iteration, a prompt each."""
        procedure = self.procedure.at(iteration + 1)
        shape = self.visits, procedure.most_attempts
        first, second = procedure.filter.accept
        model = self.trace.accuracy.values[iteration]
        rate = model * first + (1.0 - model) * second
        fails = (1.0 - rate) ** procedure.most_attempts
        labels = Labels(self, iteration, fails) if procedure.labeler is not None else None
        failing = self.uniform(iteration, FAILING, self.visits) < (
            fails[:, None] if labels is None else labels.failing
        )
        model, rate = model[:, None, None], rate[:, None, None]
        # Where an attempt is accepted, the first of them: geometric, given that there is one.
        level = self.uniform(iteration, FIRST, self.visits, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            start = np.log1p(-level * (1.0 - fails[:, None, None])) / np.log1p(-rate)
            start = np.minimum(np.floor(np.nan_to_num(start)), procedure.most_attempts - 1)
            first = np.reshape(first, (-1, 1, 1))
            right_if = np.where(rate > 0.0, model * first / rate, 0.0)
            right_else = np.where(rate < 1.0, model * (1.0 - first) / (1.0 - rate), 0.0)
        turn = np.arange(procedure.most_attempts)
        later = (turn > start) & (self.uniform(iteration, ACCEPTED, *shape) < rate)
        accepted = ((turn == start) | later) & ~failing[:, :, None]
        right = self.uniform(iteration, RIGHT, *shape) < np.where(accepted, right_if, right_else)
        made = np.ones(accepted.shape, bool)
        if procedure.until_accepted:
            made = np.cumsum(accepted, axis=2) - accepted == 0
        # [prompts, visits]
        attempts, passed = made.sum(2), (made & accepted).sum(2)
        columns: dict[str, np.ndarray] = {"attempts": attempts.sum(1), "accepted": passed.sum(1)}
        if self.audited:
            columns |= self.audit(iteration, made, right, accepted)
        if labels is not None:
            columns |= labels.columns(failing)
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


class Labels:
    """The labels of an iteration: who gets them, and what the verdicts of a visit know of that.

    Attributes:
        failing: the probability that no attempt of a visit is accepted, ``[prompts, visits]``.
    """

    def __init__(self, run: Run, iteration: int, fails: np.ndarray) -> None:
        """Draw what a run has bought.

        Args:
            run: that the log is of.
            iteration: in which.
            fails: the probability that no attempt of a visit is accepted, ``[prompts]``.
        """
        self.run, self.iteration = run, iteration
        self.each = run.procedure.labels_per_visit
        bought = run.trace.labels_by_prompt.values
        share = np.clip((bought[iteration + 1] - bought[iteration]) / self.each, 0.0, 1.0)
        self.focused = run.procedure.criterion == failed
        self.level = run.uniform(iteration, LABELLED, run.visits)
        self.failing = np.broadcast_to(fails[:, None], self.level.shape)
        self.chance: np.ndarray | None = None
        if run.sampled:
            # The visits that were labelled failed; of all that failed, those are a share c, so
            # another one failed with probability f (1 - c)/(1 - c f).
            self.visit = (
                self.level.argsort(axis=1).argsort(axis=1)
                < np.rint(share * run.visits).astype(int)[:, None]
            )
            if self.focused:
                of_all = fails @ run.task.prompt_weights
                share_of = min(1.0, float(share @ run.task.prompt_weights) / max(of_all, 1e-300))
                others = fails * (1.0 - share_of) / np.maximum(1.0 - share_of * fails, 1e-300)
                self.failing = np.where(self.visit, 1.0, others[:, None])
        else:
            of = np.where(fails > 0.0, fails, 1.0) if self.focused else 1.0
            self.chance = np.minimum(share / of, 1.0)[:, None]

    def columns(self, failing: np.ndarray) -> dict[str, np.ndarray]:
        """Return the labels of each prompt, given which visits failed, ``[prompts, visits]``."""
        run, labeler = self.run, self.run.procedure.labeler
        known: dict[str, np.ndarray] = {}
        if self.chance is not None:
            chance = self.chance * (failing if self.focused else np.ones(failing.shape))
            self.visit = self.level < chance
            known["label_probability"] = 1.0 - np.prod(1.0 - chance, axis=1)
        assert labeler is not None
        labeler = labeler.on(run.task.initial, run.task.quality)
        # Records are numbered from 0 on, iterations from 1.
        weights = labeler.weights(self.iteration + 1)
        masses = {name: part.masses_for(run.task.quality) for name, part in labeler.plain.items()}
        beta = np.sum([weights[name] * masses[name][0] for name in masses], axis=0)
        shape = run.visits, self.each
        right = run.uniform(self.iteration, LABEL_RIGHT, *shape) < beta[:, None, None]
        now = run.procedure.at(self.iteration + 1).filter
        passing = np.where(right, *(np.reshape(rate, (-1, 1, 1)) for rate in now.accept))
        accepted = run.uniform(self.iteration, LABEL_ACCEPTED, *shape) < passing
        given = np.broadcast_to(self.visit[:, :, None], right.shape)
        return {
            "labelled": given.sum((1, 2)),
            **known,
            "label_accepted": (given & accepted).sum((1, 2)),
            "label_correct": (given & right).sum((1, 2)),
        }
