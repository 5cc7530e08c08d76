"""What the next iterations will show, with bands, beside what it has to beat."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pandas as pd

from boostsim.arguments import finite, whole
from boostsim.fitting.backtest import DRAWS, WORDS, Backtest, backtest, can_test
from boostsim.fitting.bands import draw
from boostsim.fitting.buying import buying
from boostsim.fitting.histories import Histories
from boostsim.fitting.outlook import ALL, FITTED, METHODS, outlook, settled
from boostsim.fitting.verdicts import TRUTH
from boostsim.fitting.world import World
from boostsim.keys import as_key, generator
from boostsim.objects import ByValue, as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from boostsim.curation.procedure import Procedure

# Iterations ahead that are forecast at most: a speed is not known for longer.
FARTHEST = 100_000
# Prompts below which resampling them says too little of how they vary.
FEWEST = 30


@dataclass(frozen=True, eq=False)
class Forecast(ByValue):
    """What :func:`forecast` says of the iterations after a log, for the log's own prompts.

    Attributes:
        table: a row for each iteration ahead and class (``"all"`` first, then difficulty classes by
            the posterior mean of a prompt's correct probability at the log's last iteration).
            ``accuracy`` is the mean correct probability, ``accepted`` the expected share of
            accepted attempts, each with the ends of its band (``_low``, ``_high``) for the mean
            over these prompts; ``observed_low`` and ``observed_high`` are the predictive band, with
            the binomial noise of as many attempts as the log usually makes. Per prompt and
            iteration: ``failing``, the probability that none of its attempts is accepted,
            ``labels`` at the log's own rates for visits that fail and for others, at as many visits
            as the prompt had on average, and ``generations``. Then ``accepted`` by the other three:
            ``literal_theory``, ``straight_line``, ``no_change``.
        history: a row for each iteration of the log and class: what was ``observed``.
        confidence: of the bands, each at one iteration.
        conditions: what it was made with.
        test: the backtest of the same log, or None where the log is too short for one.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    confidence: float
    conditions: dict[str, Any]
    test: Backtest | None

    def summary(self) -> str:
        """Return a few plain sentences.

        What a backtest holds against it comes first, after that verdicts are taken for truth where
        they are.
        """
        lines = ["The log is too short for a backtest: nothing says how good this forecast is."]
        if self.test is not None:
            lines = self.test.warnings()
            if not lines:
                own = self.test.score(FITTED)
                lines = [
                    f"In a backtest on the last {self.test.held_out} of the log's iterations the "
                    f"fitted speed was no worse than the literal theory, a straight line and no "
                    f"change (rms in the mean {own.rms:.4f}), and its bands held."
                ]
        if self.conditions["verdicts_taken_for_truth"]:
            lines.insert(0, TRUTH)
        whole_pool = self.table[self.table["class"] == ALL]
        for row in (whole_pool.iloc[0], whole_pool.iloc[-1])[-min(2, len(whole_pool)) :]:
            lines.append(
                f"Iteration {row.iteration}: accuracy {row.accuracy:.4f} [{row.accuracy_low:.4f}, "
                f"{row.accuracy_high:.4f}], accepted {row.accepted:.4f}, to be observed within "
                f"[{row.observed_low:.4f}, {row.observed_high:.4f}]; {WORDS['literal_theory']} "
                f"{row.literal_theory:.4f}, {WORDS['straight_line']} {row.straight_line:.4f}, "
                f"{WORDS['no_change']} {row.no_change:.4f}."
            )
        prompts = self.conditions["prompts"]
        if prompts < FEWEST:
            lines.append(
                f"Bands by resampling {prompts} prompt{'s' * (prompts != 1)} are too narrow: they "
                f"want {FEWEST}."
            )
        elif self.conditions["alike"]:
            lines.append(
                "All prompts show the same, some attempts accepted and some not: resampling them "
                "tells nothing of how they vary, and bands are too narrow."
            )
        total = whole_pool[["generations", "labels"]].sum() * prompts
        lines.append(
            f"All {len(whole_pool)} iterations together: {total.generations:,.0f} generations and "
            f"{total.labels:,.0f} labels on {prompts:,} prompt{'s' * (prompts != 1)}."
        )
        lines.append(
            f"Bands at {self.confidence:.0%}, for these prompts: the fitted numbers (bootstrap "
            f"over prompts, {self.conditions['draws']} draws) and what histories leave open; to "
            "be observed, the attempts' own noise as well. They suppose that the speed stays."
        )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON, the backtest first."""
        return as_json(
            {
                "backtest": None if self.test is None else json.loads(self.test.to_json()),
                "confidence": self.confidence,
                "conditions": self.conditions,
                "table": self.table,
            }
        )

    def plot(self) -> Figure:
        """Return a figure: each class before and after, with bands and the other methods."""
        from boostsim.fitting.pictures import draw_forecast

        return draw_forecast(self.table, self.history)


def forecast(
    world: World,
    counts: Histories,
    iterations: int,
    procedure: Procedure,
    *,
    visits: int | None = 1,
    confidence: float = 0.95,
    draws: int = DRAWS,
    key: jax.Array | int = 0,
    test: bool = True,
    trusting: bool = False,
) -> Forecast:
    """Forecast the iterations after a log, for its own prompts.

    Each prompt has its posterior under the fitted world given all it showed, and moves on by the
    fitted dynamics: accuracy_t = (1/n) sum_x E[p_t(x) | history of x]. The bands are described in
    :mod:`boostsim.fitting.bands`.

    Args:
        world: fitted to the log.
        counts: the log's.
        iterations: T, how many iterations ahead; one is as long as the log's own steps.
        procedure: for the literal theory, with the strong learner.
        visits: its visits to a prompt in an iteration; None for infinitely many.
        confidence: of the bands, in (0, 1).
        draws: of the bootstrap over prompts, at least 2.
        key: of all draws.
        test: whether the backtest is made as well.
        trusting: whether verdicts are taken for truth, which the summary then says first.

    Raises:
        ValueError: for arguments out of range.
    """
    iterations = whole("iterations", iterations, 1, FARTHEST)
    draws, confidence = whole("draws", draws, 2), finite("confidence", confidence, 0.0, 1.0)
    if visits is not None:
        visits = whole("visits", visits, 1)
    ahead = np.arange(1, iterations + 1)
    world = settled(world, counts, confidence)
    looked = outlook(world, counts, ahead, None, procedure, visits, key)
    random = generator(as_key(key))
    drawn = draw(world, counts, looked.cells, buying(counts), draws, random)
    bands = {
        "accuracy": drawn.band("correct", confidence),
        "accepted": drawn.band("rate", confidence),
        "observed": drawn.band("observed", confidence),
    }
    numbers = counts.first + counts.step * (counts.span + ahead)
    prompts = looked.cells.member @ looked.cells.prompts
    parts = []
    for place, name in enumerate(looked.classes):
        part: dict[str, Any] = {"iteration": numbers, "class": name, "prompts": int(prompts[place])}
        part |= {"accuracy": looked.correct[:, place], "accepted": looked.rates[FITTED][:, place]}
        for what, (low, high) in bands.items():
            part |= {f"{what}_low": low[:, place], f"{what}_high": high[:, place]}
        for what in ("failing", "labels", "generations"):
            part[what] = getattr(looked, what)[:, place]
        part |= {method: looked.rates[method][:, place] for method in METHODS[1:]}
        parts.append(pd.DataFrame(part))
    tested = None
    if test and can_test(counts):
        tested = backtest(
            world,
            counts,
            procedure,
            visits=visits,
            confidence=confidence,
            draws=draws,
            key=key,
        )
    return Forecast(
        table=pd.concat(parts, ignore_index=True),
        history=_history(counts, looked.classes, looked.cells.member),
        confidence=confidence,
        conditions={
            "prompts": int(prompts[0]),
            "alike": _alike(counts),
            "iterations": iterations,
            "visits": visits,
            "draws": draws,
            "dynamics": world.dynamics.describe(),
            "verdicts_taken_for_truth": trusting,
        },
        test=tested,
    )


def _alike(counts: Histories) -> bool:
    """Return whether all prompts have the same counts, of which not all verdicts are alike."""
    met = counts.weights() > 0
    attempts, accepted = counts.attempts[met], counts.accepted[met]
    same = (attempts == attempts[0]).all() and (accepted == accepted[0]).all()
    return bool(same) and 0.0 < accepted[0].sum() < attempts[0].sum()


def _history(counts: Histories, classes: tuple[str, ...], member: np.ndarray) -> pd.DataFrame:
    weight = member * counts.weights()
    made, accepted = weight @ counts.attempts, weight @ counts.accepted
    numbers = counts.first + counts.step * counts.times
    parts = []
    for place, name in enumerate(classes):
        met = made[place] > 0
        rate = accepted[place][met] / made[place][met]
        parts.append(pd.DataFrame({"iteration": numbers[met], "class": name, "observed": rate}))
    return pd.concat(parts, ignore_index=True)
