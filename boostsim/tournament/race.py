"""The race: a tournament that stops asking when it knows."""

from __future__ import annotations

import functools
import itertools
import json
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from boostsim.arguments import choice, finite, whole
from boostsim.certification.intervals import between_0_and_1
from boostsim.curation.criterion import Criterion
from boostsim.html import Shown
from boostsim.jobs import connected, run_jobs
from boostsim.objects import ByValue, as_json
from boostsim.progress import track
from boostsim.tournament.challenge import Challenge
from boostsim.tournament.compare import Match, contenders
from boostsim.tournament.intervals import ASSUMED, ASSUMPTIONS, always
from boostsim.tournament.keeping import function_of

# Before so many seeds nothing is decided: a variance of two values is no variance.
FEWEST = 4


@dataclass(frozen=True)
class Elimination:
    """A contender that is known to be worse than another.

    Attributes:
        criterion: who is out.
        by: who is better.
        seeds: after how many seeds.
        low, high: interval of the difference of their scores, above 0.
    """

    criterion: str
    by: str
    seeds: int
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Race(Shown, ByValue):
    """What :func:`boostsim.race` found.

    Attributes:
        survivors: who is left, the best mean first.
        eliminated: who is out, in that order.
        verdict: ``"decided"`` where one is left, ``"settled"`` where the first of those that are
            left is known to be worse than none of them by more than the resolution,
            ``"undecided"`` where the seeds ran out.
        scores: of each criterion, by seed, as many as it ran.
        runs: of one criterion on one challenge with one seed, in all.
        conditions: confidence, resolution, most_seeds, key and the rest.
    """

    survivors: tuple[str, ...]
    eliminated: tuple[Elimination, ...]
    verdict: str
    scores: Mapping[str, np.ndarray]
    runs: int
    conditions: Mapping[str, Any]

    @property
    def seeds(self) -> dict[str, int]:
        """How many seeds each criterion ran."""
        return {name: len(values) for name, values in self.scores.items()}

    def summary(self) -> str:
        """Return what is known, in plain sentences."""
        about = self.conditions
        first, *others = self.survivors
        best = float(np.mean(self.scores[first]))
        most = max(self.seeds.values())
        text = (
            f"{self.verdict} after {most} seeds and {self.runs} runs: best is {first} ({best:.4f})"
        )
        if self.verdict == "settled":
            text += f", or worse than the best by at most {about['resolution']:g}"
        if others:
            text += f"; not told apart from it: {', '.join(others)}"
        lines = [text + "."]
        for out in self.eliminated:
            lines.append(
                f"{out.criterion} is worse than {out.by} by {out.low:.4f} at least, known after "
                f"{out.seeds} seeds."
            )
        lines.append(
            f"All of this holds together with probability {about['confidence']:g}, whenever one "
            f"looks, {ASSUMED[about['assume']]}."
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Say who is left."""
        return f"<Race: {self.verdict}, left are {', '.join(self.survivors)}>"

    def to_json(self) -> str:
        """Return everything as JSON."""
        record = {
            "survivors": self.survivors,
            "eliminated": [vars(out) for out in self.eliminated],
            "verdict": self.verdict,
            "scores": {name: values.tolist() for name, values in self.scores.items()},
            "runs": self.runs,
            "conditions": dict(self.conditions),
        }
        return as_json(record)


def run_race(
    names: Sequence[str],
    score: Callable[[Sequence[str], range], Mapping[str, np.ndarray]],
    *,
    confidence: float,
    resolution: float,
    most_seeds: int,
    batch: int,
    assume: str = "normal",
    same: Callable[[str, str], bool] = operator.eq,
) -> tuple[tuple[str, ...], tuple[Elimination, ...], str, dict[str, np.ndarray]]:
    """Race contenders of which only a score by seed is known.

    Every pair has a confidence sequence of its score differences at alpha/pairs, so all statements
    hold together at every sample size. A contender is out once another is known to be better.
    Equal scores so far are not equal contenders, unless both are the same function.

    Args:
        names: of the contenders.
        score: ``(names, range of seeds) -> scores`` by name, smaller is better.
        confidence: 1 - alpha.
        resolution: differences that do not matter.
        most_seeds: where the race ends at the latest.
        batch: seeds that are added at a time.
        assume: what intervals assume of score differences, see
            :mod:`boostsim.tournament.intervals`.
        same: whether two names stand for one function, and their scores are equal for certain.

    Returns:
        Survivors, eliminations, verdict and all scores.
    """
    pairs = max(len(names) * (len(names) - 1) // 2, 1)
    alpha = (1.0 - confidence) / pairs
    scores = {name: np.zeros(0) for name in names}
    left, out, verdict = list(names), [], "undecided"
    starts = range(0, most_seeds, batch)
    for start in track(starts, "seeds of a race, at most", len(starts)):
        more = range(start, min(start + batch, most_seeds))
        for name, values in score(tuple(left), more).items():
            scores[name] = np.concatenate([scores[name], values])
        seeds = more.stop
        if seeds < min(FEWEST, most_seeds):
            continue
        gaps = {}
        for first, second in itertools.combinations(left, 2):
            low, high = 0.0, 0.0
            if not same(first, second):
                low, high = always(scores[first] - scores[second], alpha, assume)
            gaps[first, second], gaps[second, first] = (low, high), (-high, -low)
        left.sort(key=lambda name: float(scores[name].mean()))
        # Whose mean is lowest stays, though intervals that err could say otherwise.
        for name in left[1:]:
            better = [(gaps[name, other], other) for other in left if other != name]
            known = [(gap, other) for gap, other in better if gap[0] > 0.0]
            if known:
                (low, high), other = max(known)
                out.append(Elimination(name, other, seeds, low, min(high, 1.0)))
        gone = {each.criterion for each in out}
        left = [name for name in left if name not in gone]
        first, *others = left
        if not others:
            verdict = "decided"
        elif all(gaps[first, other][1] <= resolution for other in others):
            verdict = "settled"
        if verdict != "undecided":
            break
    return tuple(left), tuple(out), verdict, scores


def race(
    criteria: Iterable[Criterion | str] | None = None,
    tasks: Mapping[str, Challenge] | None = None,
    labels_per_visit: float = 0.005,
    key: jax.Array | int = 0,
    *,
    iterations: int = 50,
    visits: int = 10,
    score: str = "average_error",
    confidence: float = 0.95,
    resolution: float = 0.002,
    most_seeds: int = 64,
    batch: int = 2,
    assume: str = "normal",
    folder: str | os.PathLike[str] | None = None,
    scheduler: Any = None,
) -> Race:
    """Find the best criterion with as few runs as it takes.

    A tournament like :func:`boostsim.compare`, on the same draws, in which seeds are added a few at
    a time and contenders that are known to be worse than another run no more. Compared is the score
    averaged over all challenges. Intervals are confidence sequences (valid at every sample size),
    so one may stop whenever one likes. Rules whose scores have been equal so far are not known to
    be equal, unless they are the same function: between two that seldom differ a race may end
    undecided.

    Args:
        criteria, tasks, labels_per_visit, key, iterations, visits, score: as of ``bs.compare``.
        confidence: that everything that is said holds, at every look.
        resolution: differences of scores that do not matter; the race is over when the best so far
            is known to be worse than none by more. With 0 it goes on until one is left.
        most_seeds: where it ends at the latest, at least 4.
        batch: seeds that are added at a time.
        assume: for which score differences the intervals hold: ``"normal"``, nearly normal ones, as
            averages over many prompts are; or ``"bounded"``, any of scores in [0, 1], which takes
            some log(2 pairs/alpha)/resolution seeds: thousands for a resolution of 0.002.
        folder: where what each look ran is kept; a race that was stopped goes on there, to the same
            decisions. So does one with another score, confidence, resolution or assumption, or more
            seeds, as far as its runs are there. One with other rules, challenges or draws is
            refused; after an upgrade it goes on with a warning.
        scheduler: as of ``bs.compare``; it runs the cells of one look side by side.

    Returns:
        A :class:`Race`.

    Raises:
        ValueError: as of ``bs.compare``.

    Example:
        >>> import boostsim as bs
        >>> suite = bs.stress_suite(0, prompts=50)
        >>> told = race(
        ...     ["failed", "uniform"], {"helpless": suite["helpless"]}, 0.02, iterations=20
        ... )
        >>> told.verdict, told.survivors
        ('decided', ('failed',))
    """
    choice("assume", assume, ASSUMPTIONS)
    rules = {rule.name: rule for rule in contenders(criteria, whole("visits", visits, 1))}
    match = Match.of(
        tasks, labels_per_visit, key, iterations=iterations, visits=visits, score=score
    )
    confidence = between_0_and_1("confidence", confidence)
    resolution = finite("resolution", resolution, 0.0)
    most_seeds, batch = whole("most_seeds", most_seeds, FEWEST), whole("batch", batch, 1)

    @functools.cache
    def function(name: str) -> str:
        return function_of(rules[name], match.challenges)

    with (
        match.kept(folder, tuple(rules.values()), kind="race") as store,
        connected(scheduler) as client,
    ):

        def averaged(names: Sequence[str], seeds: range) -> dict[str, np.ndarray]:
            cells = [(name, task) for name in names for task in match.challenges]
            jobs = [match.job(task, rules[name], seeds) for name, task in cells]
            done = run_jobs(jobs, scheduler=client, store=store, description="runs of a look")
            played = dict(zip(cells, done, strict=True))
            return {
                name: np.mean([played[name, task].arrays[score] for task in match.challenges], 0)
                for name in names
            }

        survivors, out, verdict, scores = run_race(
            tuple(rules),
            averaged,
            confidence=confidence,
            resolution=resolution,
            most_seeds=most_seeds,
            batch=batch,
            assume=assume,
            same=lambda first, second: function(first) == function(second),
        )
    runs = sum(len(values) for values in scores.values()) * len(match.challenges)
    conditions = {
        **match.about,
        "challenges": json.loads(match.about["challenges"]),
        "score": score,
        "confidence": confidence,
        "resolution": resolution,
        "most_seeds": most_seeds,
        "assume": assume,
        **store.resumed,
    }
    return Race(survivors, out, verdict, scores, runs, conditions)
