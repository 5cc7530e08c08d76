"""The tournament: every criterion on every challenge, on the same draws, at the same budget."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import jax
import numpy as np

from boostsim.arguments import choice, finite, refuse, several, whole
from boostsim.certification.intervals import between_0_and_1
from boostsim.curation import criteria as built_in
from boostsim.curation.criterion import Criterion
from boostsim.curation.loading import load_criterion
from boostsim.jobs import Job, piece_name, run_jobs
from boostsim.keys import as_key, key_text
from boostsim.objects import described
from boostsim.prices import Prices
from boostsim.results import provenance
from boostsim.simulation.run import simulate
from boostsim.store import Piece, Store
from boostsim.tournament.challenge import ALL, Challenge
from boostsim.tournament.intervals import ASSUMPTIONS
from boostsim.tournament.keeping import function_of, kept
from boostsim.tournament.leaderboard import SCORES, Tournament
from boostsim.tournament.suite import stress_suite


def every_criterion(visits: int = 10) -> tuple[Criterion, ...]:
    """Return the built-in criteria with usual numbers, the paper's first; not the yardstick.

    Args:
        visits: v, which rules that count labels need to know.
    """
    c = built_in
    return (
        c.failed,
        c.uniform,
        c.below(0.5),
        c.hardest(0.2),
        c.difficulty(0.25),
        c.disagreement,
        c.margin,
        c.hedge(),
        c.upper_confidence(visits=visits),
        c.thompson(visits),
        c.learning_progress(),
    )


def contenders(
    criteria: Iterable[Criterion | str] | None, visits: int = 10
) -> tuple[Criterion, ...]:
    """Return the criteria of a tournament, checked; all built-in ones for None."""
    if criteria is None:
        return every_criterion(visits)
    wanted = "a list of criteria, or of their names"
    given = several("criteria", wanted, criteria, (str, Criterion))
    found = [load_criterion(each) if isinstance(each, str) else each for each in given]
    for each in found:
        if not isinstance(each, Criterion):
            hint = "Those with a parameter or a memory are made by a call: bs.criteria.hedge()."
            raise refuse("criteria", "made by @bs.criterion, or in bs.criteria", each, hint)
    # The yardstick comes by itself.
    rules = tuple(each for each in found if each is not built_in.oracle)
    if not rules:
        raise refuse("criteria", "at least one that is no yardstick", [each.name for each in found])
    for each in rules:
        if each.sees_truth:
            hint = "Only the oracle sees it, as a yardstick."
            raise refuse("criteria", "rules that do not see the truth", each.name, hint)
    names = [each.name for each in rules]
    twice = [name for name in names if names.count(name) > 1]
    if twice or "oracle" in names:
        raise refuse("criteria", "of different names, none of them oracle", names)
    return rules


@dataclass(frozen=True, eq=False)
class Match:
    """What every contender meets: the challenges, the budget, the draws.

    Attributes:
        challenges: by name.
        labels_per_visit: most labels per visit and iteration.
        key: of all draws.
        iterations, visits: T and v.
        prices: what runs cost.
    """

    challenges: Mapping[str, Challenge]
    labels_per_visit: float
    key: jax.Array
    iterations: int
    visits: int
    prices: Prices

    @classmethod
    def of(
        cls,
        tasks: Mapping[str, Challenge] | None,
        labels_per_visit: float,
        key: jax.Array | int,
        *,
        iterations: int,
        visits: int,
        score: str,
        prices: Prices | None = None,
    ) -> Match:
        """Return it, checked; see :func:`compare`."""
        challenges = stress_suite() if tasks is None else tasks
        if not isinstance(challenges, Mapping) or not challenges:
            raise refuse("tasks", "a mapping from names to bs.Challenge", challenges)
        for name, challenge in challenges.items():
            if not isinstance(challenge, Challenge):
                hint = "bs.Challenge(task, labeler) makes one of a table task."
                raise refuse(f"tasks[{name!r}]", "a bs.Challenge", challenge, hint)
            if not isinstance(name, str) or name == ALL:
                raise refuse("tasks", f"named by words other than {ALL!r}", name)
        budget = finite("labels_per_visit", labels_per_visit, 0.0)
        if budget == 0.0:
            raise refuse("labels_per_visit", "above 0", budget)
        iterations, visits = whole("iterations", iterations, 1), whole("visits", visits, 1)
        choice("score", score, SCORES)
        prices = Prices() if prices is None else prices
        if not isinstance(prices, Prices):
            raise refuse("prices", "a bs.Prices", prices)
        return cls(challenges, budget, as_key(key), iterations, visits, prices)

    @property
    def about(self) -> dict[str, Any]:
        """The conditions, in numbers and words."""
        return {
            "labels_per_visit": self.labels_per_visit,
            "iterations": self.iterations,
            "visits": self.visits,
            "key": key_text(self.key),
            "challenges": json.dumps(
                {name: told.describe() for name, told in self.challenges.items()}
            ),
        }

    def kept(
        self, folder: str | os.PathLike[str] | None, rules: Sequence[Criterion], **more: Any
    ) -> AbstractContextManager[Store]:
        """Hold a folder for these rules, whatever is then read off their runs."""
        about = {name: value for name, value in self.about.items() if name != "challenges"}
        about |= {"prices": described(self.prices), **more}
        return kept(folder, about, rules, self.challenges)

    def job(self, task: str, rule: Criterion, seeds: range) -> Job:
        """Return a cell, as a job that is given no other challenge."""
        name = piece_name(task, rule.name, f"seeds {seeds.start} to {seeds.stop - 1}")
        alone = replace(self, challenges={task: self.challenges[task]})
        return Job(name, _played, (alone, task, rule, seeds))

    def run(self, task: str, rule: Criterion, seeds: range) -> dict[str, np.ndarray]:
        """Return what a criterion reaches on a challenge: scores, labels and cost, by seed.

        Raises:
            ValueError: for a criterion that cannot run there, with the challenge's name.
        """
        challenge = self.challenges[task]
        # By its name, so that it does not matter which others there are.
        own = jax.random.fold_in(self.key, crc32(task.encode()))
        try:
            trace = simulate(
                challenge.procedure(rule, self.labels_per_visit),
                challenge.task,
                self.iterations,
                visits=self.visits,
                seeds=seeds,
                key=own,
                prices=self.prices,
            )
        except ValueError as error:
            raise ValueError(f"in challenge {task!r}: {error}") from error
        return {
            **{name: score(trace.error.values) for name, (_, score) in SCORES.items()},
            "labels": trace.labels.values[:, -1],
            "cost": trace.cost.values[:, -1],
            "error": trace.error.values.mean(axis=0),
        }


def _played(match: Match, task: str, rule: Criterion, seeds: range) -> Piece:
    return Piece(None, match.run(task, rule, seeds))


def compare(
    criteria: Iterable[Criterion | str] | None = None,
    tasks: Mapping[str, Challenge] | None = None,
    labels_per_visit: float = 0.005,
    seeds: int = 32,
    key: jax.Array | int = 0,
    *,
    iterations: int = 50,
    visits: int = 10,
    score: str = "average_error",
    confidence: float = 0.95,
    assume: str = "normal",
    prices: Prices | None = None,
    folder: str | os.PathLike[str] | None = None,
    scheduler: Any = None,
) -> Tournament:
    """Run every criterion on every challenge at the same budget, and say who is better.

    On one challenge all criteria start from the same model and draw with the same keys (common
    random numbers): seed i uses fold_in(fold_in(key, crc32(name of the challenge)), i). Their
    scores are compared seed by seed. The oracle, which sees the truth, runs beside them as a
    yardstick.

    Args:
        criteria: made by ``@bs.criterion``, or names (see :func:`boostsim.load_criterion`); None
            for all that are built in.
        tasks: challenges by name; None for :func:`boostsim.stress_suite`.
        labels_per_visit: the budget of all, most labels per visit and iteration, over all visits
            together; a challenge may scale it. What a criterion does not spend is lost. (A
            procedure's slot of that name is something else: the labels that a labelled visit gets.)
        seeds: runs of each criterion on each challenge, at least 2.
        key: of all draws.
        iterations: T.
        visits: v, to each prompt and iteration.
        score: what is compared, smaller is better: ``"average_error"``, the error averaged over
            iterations 1..T, or ``"final_error"``, that of the last model.
        confidence: that all intervals of the tournament hold together.
        assume: for which score differences they do: ``"normal"``, nearly normal ones, as averages
            over many prompts are, or ``"bounded"``, any of scores in [0, 1], which takes many more
            seeds (see :mod:`boostsim.tournament.intervals`).
        prices: what labels and the rest cost; default ``bs.Prices()``.
        folder: where each criterion's runs on each challenge are kept once they are finished; a
            tournament that was stopped goes on there, to the same numbers. One with other rules,
            challenges, draws or seeds is refused; what is compared and how is read off the runs.
            After an upgrade it goes on with a warning.
        scheduler: of Dask distributed, whose workers run the cells, ``"tcp://host:port"`` or a
            ``distributed.Client``; None: here, one after another. The numbers are the same.

    Returns:
        A :class:`~boostsim.tournament.leaderboard.Tournament`.

    Raises:
        ValueError: for an argument that is out of range; for a criterion that is no pure function
            of the visits, or returns what is no priority: with its name and the challenge's; for a
            folder that is in use or holds another tournament, and a scheduler that does not answer.

    Example:
        >>> import boostsim as bs
        >>> tournament = compare(
        ...     [bs.criteria.failed, bs.criteria.uniform],
        ...     {"helpless": bs.stress_suite(0, prompts=50)["helpless"]},
        ...     labels_per_visit=0.02, seeds=4, iterations=10,
        ... )
        >>> tournament.order
        ('failed', 'uniform')
    """
    rules = contenders(criteria, whole("visits", visits, 1))
    match = Match.of(
        tasks,
        labels_per_visit,
        key,
        iterations=iterations,
        visits=visits,
        score=score,
        prices=prices,
    )
    seeds = whole("seeds", seeds, 2)
    confidence = between_0_and_1("confidence", confidence)
    choice("assume", assume, ASSUMPTIONS)
    everyone = (*rules, built_in.oracle)
    # The seeds of one run keep all cores busy.
    jobs = [match.job(task, rule, range(seeds)) for task in match.challenges for rule in everyone]
    with match.kept(folder, everyone, kind="tournament", seeds=seeds) as store:
        done = run_jobs(jobs, scheduler=scheduler, store=store, description="runs")
    names = [rule.name for rule in everyone]
    return Tournament.of(
        [piece.arrays for piece in done],
        {"task": list(match.challenges), "criterion": names},
        score=score,
        confidence=confidence,
        about={**provenance(), **match.about, "seeds": seeds, **store.resumed},
        assume=assume,
        functions=[function_of(rule, match.challenges) for rule in everyone],
    )
