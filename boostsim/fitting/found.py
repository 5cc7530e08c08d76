"""What ``bs.fit`` found: in sentences, as JSON, as a picture, and as boostsim's own objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import choice
from boostsim.curation.criteria import failed, uniform
from boostsim.curation.filters import Filter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import HEAVIEST, LIGHTEST, Procedure
from boostsim.fitting.ahead import Ahead
from boostsim.fitting.buying import focused
from boostsim.fitting.diagnostics import Diagnostics
from boostsim.fitting.histories import Histories
from boostsim.fitting.labels import LabelRates
from boostsim.fitting.rates import BetaRates, MeanRate
from boostsim.fitting.repeats import RepeatedErrors
from boostsim.fitting.speed import Explained, Speed
from boostsim.fitting.totals import TotalRates, all_known
from boostsim.fitting.verdicts import TRUTH, VerdictRates
from boostsim.fitting.world import World
from boostsim.html import Shown
from boostsim.learners.gradient import PolicyGradient
from boostsim.learners.strong import StrongLearner
from boostsim.logs.log import Log
from boostsim.objects import ByValue, as_json, described
from boostsim.tasks.table import TableTask, table_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a procedure may be, and a grid point has to weigh.
MOST_ATTEMPTS, LEAST_WEIGHT = 1000, 1e-9


@dataclass(frozen=True, eq=False)
class Fit(Ahead, ByValue, Shown):
    """What ``bs.fit`` found in a log.

    Attributes:
        log: that was fitted.
        counts: its counts, prompts with equal ones together.
        world: where prompts begin, how they move: what forecasts build on. It moves as ``learner``
            says, at the last block's speed where the speed is not constant.
        filter: the filter, as it was given, or with the rates that ``totals`` or ``verdicts`` has,
            or perfect.
        verdicts: the joint audit's rates, or None where the log has none.
        totals: the rates that ``correct`` tells, with the joint audit where there is one, or None
            where no record has it.
        given: whether the filter was given.
        first, last: mean correct mass at the first iteration and the last that met half as many
            prompts as the fullest one (None where there is one iteration); of ``correct`` itself
            where all of an iteration's records have it.
        beta_law: a beta law of first correct masses, beside the mixture.
        helpless: an upper bound for the share of helpless prompts.
        speed: of log odds, by blocks, and whether it is constant.
        explained: which learner explains the log, or None where it has no speed.
        labels: how often labels are right, or None where no label's truth is known.
        repeats: share of verdict errors that repeat, or None where no looks were given.
        diagnostics: what the theory assumes, and what the log says of it.
        confidence: of every interval.
    """

    log: Log
    counts: Histories
    world: World
    filter: Filter
    verdicts: VerdictRates | None
    totals: TotalRates | None
    given: bool
    first: MeanRate
    last: MeanRate | None
    beta_law: BetaRates
    helpless: float
    speed: Speed
    explained: Explained | None
    labels: LabelRates | None
    repeats: RepeatedErrors | None
    diagnostics: Diagnostics
    confidence: float

    @property
    def beta(self) -> float | None:
        """How often a label is right, or None where the log does not tell."""
        return None if self.labels is None else self.labels.every.value

    @property
    def _trusting(self) -> bool:
        """Whether verdicts are taken for truth."""
        return self.verdicts is None and self.totals is None and not self.given

    @property
    def visits(self) -> int:
        """How many visits a prompt got most often in an iteration; 1 where the log tells none."""
        return self.counts.usual_visit[0]

    @property
    def attempts(self) -> int:
        """Attempts of a visit, most often; at most 1000, as of a procedure.

        Where they stop at the first accepted one, the most that any visit made.
        """
        return min(max(self.counts.usual_visit[1], 1), MOST_ATTEMPTS)

    def task(self, when: str = "first") -> TableTask:
        """Return the prompts as a table: grid points are prompts, weights their weights.

        Each has a right response and a wrong one, and the correct mass that the world gives it at
        the log's ``"first"`` iteration or its ``"last"``. Labels that the log bought are spread
        evenly over prompts, iteration by iteration.

        Example:
            >>> import boostsim as bs
            >>> log = bs.Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[1, 3])
            >>> task = bs.fit(log).task()
            >>> round(float(task.initial[:, 0] @ task.prompt_weights), 6)
            0.5
        """
        choice("when", when, ("first", "last"))
        right, wrong = self.world.start, self.world.wrong
        if when == "last":
            right, wrong = self._moved(right, wrong)
        held = self.world.weights > LEAST_WEIGHT
        weights = self.world.weights[held] / self.world.weights[held].sum()
        rows = np.stack([right[held], wrong[held]], axis=1)
        return table_task([[1, 0]] * len(rows), weights, rows)

    def _moved(self, right: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moving, counts = self.world.dynamics, self.counts
        if counts.labels is None:
            rights, wrongs = moving.path(right, wrong, counts.times[-1:])
            return rights[0], wrongs[0]
        bought = counts.weights() @ counts.labels / counts.weights().sum()
        at = dict(zip(counts.times.tolist(), bought.tolist()))
        for step in range(counts.span):
            right, wrong = moving.advance(right, wrong, step, at.get(step, 0.0))
        return right, wrong

    def learner(self) -> PolicyGradient | StrongLearner:
        """Return the learner that explains the log best, at the speed that holds at its end.

        Odds that grow by D an iteration are a policy gradient on verdicts of the rate D/(a1 - a0)
        (T18, docs/theory.md); an arithmetic step, or a whole one, is a ``bs.StrongLearner``, which
        in exact runs sees some accepted response of every prompt that has correct mass, so one that
        makes few attempts wants ``visits=``.

        Raises:
            ValueError: where odds fall: no learner of boostsim's unlearns.
        """
        moving = self.world.dynamics
        if moving.kind == "strong":
            return StrongLearner()
        if moving.kind == "arithmetic":
            return StrongLearner(step=max(moving.speed[0], 1e-12))
        ahead = moving.rates(self.counts.span)
        if ahead < 0.0:
            raise ValueError(
                f"learner must be one that learns, but in this log odds fall by {-ahead:.4g} an "
                "iteration at its end: no learner of boostsim's unlearns"
            )
        one, other = self.filter.accept
        return PolicyGradient(ahead / (one - other))

    def procedure(self) -> Procedure:
        """Return what an iteration of the log does, as a procedure.

        Attempts and filter are the log's; labels, where it buys any, go as many a visit as it
        bought on average, to failing visits if these are what it labelled, else evenly.
        Attempts that stop at the first accepted one do so here, too, except with a policy gradient,
        which needs all of them.

        Raises:
            ValueError: where odds fall, and where labels were bought whose truth is not known.
        """
        learner = self.learner()
        slots: dict[str, Any] = {
            "attempts": self.attempts,
            "filter": self.filter,
            "keep": "all",
            "learner": learner,
        }
        stops = self.log.first_success
        if stops is not None and stops.mean() > 0.5 and isinstance(learner, StrongLearner):
            slots |= {"keep": "one", "until_accepted": True}
        if self.counts.labels is not None:
            if self.beta is None:
                raise ValueError(
                    "log must have label_correct for some labels: it bought labels, and nothing "
                    "says how often they were right"
                )
            met = self.counts.attempts > 0
            held = self.counts.weights()
            labels = float(held @ (self.counts.labels * met).sum(1) / (held @ met.sum(1)))
            slots |= {
                "labeler": WeakLabeler(self.beta),
                "criterion": failed if focused(self.counts) else uniform,
                "budget": labels / self.visits,
                "label_weight": float(
                    np.clip(self.world.dynamics.label_weight, LIGHTEST, HEAVIEST)
                ),
            }
        return Procedure(**slots)

    def summary(self) -> str:
        """Return what was found in plain sentences; first, where verdicts are taken for truth."""
        lines = []
        if self.given:
            one, other = self.filter.accept
            lines.append(
                f"Filter, as given: false accept {other:.4g}, false reject {1.0 - one:.4g}."
            )
        elif self._trusting:
            lines.append(TRUTH)
        else:
            if self.totals is not None:
                lines.append(self.totals.summary())
            if self.verdicts is not None:
                alone = ["The joint audit alone:"] if self.totals is not None else []
                lines += [*alone, self.verdicts.summary()]
        log, times = self.log, self.counts.times
        told = f"{len(log.prompts):,} prompt{'s' * (len(log.prompts) > 1)}, "
        told += f"{len(times):,} iteration{'s' * (len(times) > 1)}, "
        told += f"{int(log.attempts.sum()):,} attempts, {int(log.accepted.sum()):,} accepted."
        if log.malformed:
            told += f" {len(log.malformed):,} lines were no records (log.malformed)."
        lines.append(told)
        at = f"at {self.confidence:g}"
        for rate in (self.first, self.last):
            if rate is not None:
                source = ", of correct itself" * all_known(log, rate.iteration)
                lines.append(
                    f"Mean correct probability in iteration {rate.iteration}: {rate.value:.4g} "
                    f"({rate.low:.4g} to {rate.high:.4g} {at}, {rate.prompts:,} "
                    f"prompt{'s' * (rate.prompts != 1)}{source})."
                )
        lines.append(
            f"Helpless prompts: at most {self.helpless:.4g} of all ({at}); how many is not "
            "identified, for counts show a small probability and none alike."
        )
        lines.append(
            f"A beta law of first probabilities (a = {self.beta_law.a:.3g}, "
            f"b = {self.beta_law.b:.3g}) is {self.beta_law.nats_behind:,.1f} nats behind the "
            "mixture."
        )
        lines.append(self.speed.summary())
        if self.explained is not None:
            lines.append(self.explained.summary())
        for part in (self.labels, self.repeats, self.diagnostics):
            if part is not None:
                lines.append(part.summary())
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything but the log as JSON; what is not known is null."""

        def told(part: Any) -> Any:
            return None if part is None else json.loads(part.to_json())

        held = self.world.weights > LEAST_WEIGHT
        why = self.explained
        return as_json(
            {
                "prompts": len(self.log.prompts),
                "iterations": self.log.iterations.tolist(),
                "malformed": len(self.log.malformed),
                "verdicts_taken_for_truth": self._trusting,
                "filter": described(self.filter),
                "verdicts": told(self.verdicts),
                "totals": told(self.totals),
                "first": vars(self.first),
                "last": None if self.last is None else vars(self.last),
                "helpless_at_most": self.helpless,
                "beta_law": vars(self.beta_law),
                "mixture": {
                    "start": self.world.start[held].tolist(),
                    "weights": self.world.weights[held].tolist(),
                },
                "dynamics": self.world.dynamics.describe(),
                "log_likelihood": self.world.log_likelihood,
                "speed": vars(self.speed) | {"blocks": [vars(each) for each in self.speed.blocks]},
                "learner": None
                if why is None
                else {
                    "best": why.best,
                    "nats_behind": why.behind,
                    "standard_errors": why.standard_errors,
                    "told_apart": why.told_apart,
                },
                "labels": told(self.labels),
                "repeats": told(self.repeats),
                "diagnostics": told(self.diagnostics),
                "confidence": self.confidence,
            }
        )

    def plot(self) -> Figure:
        """Return a figure: the mean by iteration, and how correct masses are spread."""
        from boostsim.fitting.portrait import draw_fit

        return draw_fit(self.counts, self.world, self.filter.accept)

    def __repr__(self) -> str:
        """Name it with the log's size."""
        return f"<fit of {len(self.log.prompts)} prompts, {len(self.log.iterations)} iterations>"
