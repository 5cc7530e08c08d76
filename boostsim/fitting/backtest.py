"""A backtest: fit the first two thirds of a log, forecast the last third, and score four ways.

All see the same training iterations, all are asked for the same attempts. Scores are the root mean
square of what is missed in the share of accepted attempts, by iteration, and the log predictive
density of an attempt, a proper score: the mean over held-out attempts of log q where one is
accepted and of log (1 - q) where it is not, q what the method says of the prompt in the iteration.
Nothing is forecast more surely than (n + 1)/(n + 2), n the prompt's attempts in training (Laplace).
Differences of densities have a standard error by prompt (ratio estimator).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pandas as pd

from boostsim.arguments import Words, finite, refuse, whole
from boostsim.fitting.bands import Draws, draw, resampled
from boostsim.fitting.buying import buying
from boostsim.fitting.histories import Histories
from boostsim.fitting.outlook import ALL, FITTED, METHODS, Outlook, outlook, settled
from boostsim.fitting.world import World
from boostsim.keys import as_key, generator
from boostsim.objects import ByValue, as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from boostsim.curation.procedure import Procedure

# Iterations without which there is nothing to fit a speed to, and nothing to hold out.
LEAST_ITERATIONS = 3
DRAWS = 400
# Of the held-out speed, for a standard error.
FEWER = 100
WORDS = {
    FITTED: "the fitted speed",
    "literal_theory": "the literal theory (strong learner)",
    "straight_line": "a straight line",
    "no_change": "no change",
}


@dataclass(frozen=True, eq=False)
class Backtest(ByValue):
    """What :func:`backtest` found: four forecasts of the last third of a log, scored.

    Attributes:
        scores: a row for each class (``"all"`` first) and method (``fitted_speed``,
            ``literal_theory``, ``straight_line``, ``no_change``): ``prompts``; ``rms``, the root
            mean square over held-out iterations of forecast minus observed share of accepted
            attempts; ``bias``, their mean; ``noise``, the rms that the attempts' own binomial noise
            gives a perfect forecast; ``log_density``, nats an attempt, higher is better;
            ``difference``, that of the fitted speed minus the method's, and its standard ``error``
            by prompt.
        curves: a row for each held-out iteration and class: what was ``observed``, what each method
            forecast, and the predictive band ``low``, ``high`` of the fitted speed.
        inside: share of the held-out observations that the predictive band has in it: of all
            prompts' together (``"all"``) and of the classes' (``"classes"``).
        trained, held_out: numbers of iterations.
        confidence: of the bands.
        speed: the dynamics' kind, and its speed as fitted in training (of how many ``blocks``, the
            last one's) and in what is held out, with the standard deviations of their bootstraps.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    inside: dict[str, float]
    trained: int
    held_out: int
    confidence: float
    speed: dict[str, Any]

    def score(self, method: str, name: str = ALL) -> pd.Series:
        """Return the row of a method in a class."""
        rows = self.scores[(self.scores["class"] == name) & (self.scores.method == method)]
        if not len(rows):
            raise refuse("method", f"one of {', '.join(METHODS)} in a class", (method, name))
        return rows.iloc[0]

    @property
    def best(self) -> str:
        """The method with the highest log density of an attempt, over all prompts."""
        rows = self.scores[self.scores["class"] == ALL]
        return str(rows.loc[rows.log_density.idxmax(), "method"])

    @property
    def nearest(self) -> str:
        """The method with the smallest rms in the mean over all prompts."""
        rows = self.scores[self.scores["class"] == ALL]
        return str(rows.loc[rows.rms.idxmin(), "method"])

    def warnings(self) -> list[str]:
        """Return what has to be said before any forecast: who does better, and what drifts.

        A score is better where it is as it is shown, rms to four places, densities to five.
        """
        found, own = [], self.score(FITTED)
        for name in METHODS[1:]:
            other = self.score(name)
            # By what is shown: of scores that read the same none is better.
            near = round(other.rms, 4) < round(own.rms, 4)
            denser = round(other.difference, 5) < 0.0
            if not (near or denser):
                continue
            how = []
            if near:
                how.append(f"rms in the mean {other.rms:.4f} against {own.rms:.4f}")
            if denser:
                how.append(
                    f"log density of an attempt higher by {-other.difference:.5f} nats (standard "
                    f"error {other.error:.5f})"
                )
            text = f"On the held-out iterations {WORDS[name]} is better than the fitted speed: "
            text += " and ".join(how)
            behind = round(other.rms, 4) > round(own.rms, 4), round(other.difference, 5) > 0.0
            if near != denser and any(behind):
                text += "; in the other score the fitted speed is better"
            found.append(text + ".")
        if min(self.inside.values()) < self.confidence:
            rows = self.scores[(self.scores.method == FITTED) & (self.scores["class"] != ALL)]
            worst = rows.loc[rows.bias.abs().idxmax()]
            why = (
                "classes change at speeds of their own, and prompts of correct probability "
                f"{worst['class']} are forecast too {'high' if worst.bias > 0 else 'low'} by "
                f"{abs(worst.bias):.4f}"
            )
            if self.drifts:
                why = f"the speed {self._told_speed()}"
            told = f"all prompts {self.inside[ALL]:.0%}, classes {self.inside['classes']:.0%}"
            found.append(
                f"The {self.confidence:.0%} bands hold less often than stated ({told}): {why}."
            )
        return found

    @property
    def drifts(self) -> bool:
        """Whether the held-out speed is off the training's by more than two standard errors."""
        if "held_out" not in self.speed:
            return False
        apart = self.speed["held_out"] - self.speed["trained"]
        error = np.hypot(self.speed["trained_error"], self.speed["held_out_error"])
        return bool(abs(apart) > 2.0 * error)

    def _told_speed(self) -> str:
        was, now = self.speed["trained"], self.speed["held_out"]
        verb = "falls" if now < was else "rises"
        return (
            f"{verb} from {was:.4f} (standard error {self.speed['trained_error']:.4f}) an "
            f"iteration in training to {now:.4f} ({self.speed['held_out_error']:.4f})"
        )

    def summary(self) -> str:
        """Return a few plain sentences; where another method does better, that comes first."""
        lines = self.warnings()
        lines.append(
            f"Backtest: fitted on the first {self.trained} iterations, scored on the last "
            f"{self.held_out}."
        )
        for name in METHODS:
            row = self.score(name)
            lines.append(
                f"{WORDS[name].capitalize()}: rms {row.rms:.4f} in the mean, "
                f"{self._worst(name):.4f} in the worst class; log density "
                f"{row.log_density:.5f} nats an attempt"
                + ("." if name == FITTED else f" ({row.difference:+.5f} +- {row.error:.5f}).")
            )
        lines.append(
            f"Attempts alone give a perfect forecast an rms of {self.score(FITTED).noise:.4f} in "
            f"the mean. The {self.confidence:.0%} predictive bands of the fitted speed hold "
            f"{self.inside[ALL]:.0%} of the means and {self.inside['classes']:.0%} of the classes'."
        )
        better = [
            f"{WORDS[self._nearest_in(name)]} in {name}"
            for name in self.scores["class"].unique()[1:]
            if self._nearest_in(name) != FITTED
        ]
        if better:
            lines.append(f"By class, nearest is {', '.join(better)}; elsewhere the fitted speed.")
        return "\n".join(lines)

    def _worst(self, method: str) -> float:
        rows = self.scores[(self.scores["class"] != ALL) & (self.scores.method == method)]
        return float(rows.rms.max())

    def _nearest_in(self, name: str) -> str:
        rows = self.scores[self.scores["class"] == name]
        # The fitted speed stands first, so it is nearest where others read the same.
        return str(rows.loc[rows.rms.round(4).idxmin(), "method"])

    def to_json(self) -> str:
        """Return everything as JSON."""
        names = "trained", "held_out", "confidence", "inside", "speed", "scores", "curves"
        told = {name: getattr(self, name) for name in names}
        return as_json({"warnings": self.warnings(), "best": self.best, **told})

    def plot(self) -> Figure:
        """Return a figure: of each class what was observed, what was forecast, and the band."""
        from boostsim.fitting.pictures import draw_backtest

        return draw_backtest(self.curves)


def backtest(
    world: World,
    counts: Histories,
    procedure: Procedure,
    *,
    visits: int | None = 1,
    share: float = 2.0 / 3.0,
    confidence: float = 0.95,
    draws: int = DRAWS,
    key: jax.Array | int = 0,
) -> Backtest:
    """Fit a world like this one to the first iterations, and score its forecast of the rest.

    Args:
        world: fitted to the whole log; the kind of its dynamics and the filter's rates are taken
            over, everything else is fitted again.
        counts: the log's.
        procedure: for the literal theory.
        visits: its visits to a prompt in an iteration; None for infinitely many.
        share: of the iterations that are fitted.
        confidence: of the bands, in (0, 1).
        draws: of the bootstrap over prompts.
        key: of all draws.

    Raises:
        ValueError: for a log of fewer than three iterations, one that meets none of its first
            prompts again, and arguments out of range.
    """
    iterations = len(counts.times)
    if iterations < LEAST_ITERATIONS:
        allowed = f"of at least {LEAST_ITERATIONS} iterations, to fit some and hold out others"
        raise refuse("log", allowed, iterations)
    share = finite("share", share, 0.0, 1.0)
    draws, confidence = whole("draws", draws, 2), finite("confidence", confidence, 0.0, 1.0)
    trained = _trained(iterations, share)
    if not _met_again(counts, trained):
        allowed = f"one that meets some prompt of its first {trained} iterations again in the rest"
        raise refuse("log", allowed, Words("none"))
    training, rest = counts.until(trained), slice(trained, None)
    again = settled(_like(world, training), training, confidence)
    ahead = counts.times[rest] - training.span
    attempts = counts.attempts[:, rest].T
    looked = outlook(again, training, ahead, attempts, procedure, visits, key)
    random = generator(as_key(key))
    drawn = draw(again, training, looked.cells, buying(training), draws, random)
    accepted = counts.accepted[:, rest].T
    return Backtest(
        scores=_scores(looked, accepted, training),
        curves=_curves(looked, accepted, drawn, confidence, counts, trained),
        inside=_inside(looked, accepted, drawn, confidence),
        trained=trained,
        held_out=iterations - trained,
        confidence=confidence,
        speed=_speeds(again, counts, trained, drawn.numbers, random),
    )


def can_test(counts: Histories, share: float = 2.0 / 3.0) -> bool:
    """Return whether a log has what a backtest needs."""
    iterations = len(counts.times)
    return iterations >= LEAST_ITERATIONS and _met_again(counts, _trained(iterations, share))


def _trained(iterations: int, share: float) -> int:
    return min(max(round(share * iterations), 2), iterations - 1)


def _met_again(counts: Histories, trained: int) -> bool:
    made = counts.attempts > 0
    return bool((made[:, :trained].any(1) & made[:, trained:].any(1)).any())


def _like(world: World, counts: Histories) -> World:
    moving = world.dynamics
    return World.estimate(
        counts,
        accept=moving.accept,
        kind=moving.kind if counts.span else "none",
        beta=moving.beta,
    )


def _observed(looked: Outlook, accepted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each class's share of accepted attempts, and its attempts, ``[steps, classes]``."""
    cells = looked.cells
    made = (cells.attempts * cells.prompts) @ cells.member.T
    return (accepted * cells.prompts) @ cells.member.T / np.maximum(made, 1.0), made


def _scores(looked: Outlook, accepted: np.ndarray, training: Histories) -> pd.DataFrame:
    cells = looked.cells
    observed, made = _observed(looked, accepted)
    limit = 1.0 / (training.attempts.sum(1) + 2.0)
    density = {}
    for name, rate in looked.each.items():
        sure = np.clip(rate, limit, 1.0 - limit)
        density[name] = accepted * np.log(sure) + (cells.attempts - accepted) * np.log1p(-sure)
        density[name] = density[name].sum(0)
    one = looked.each[FITTED]
    noise = np.sqrt(cells.variance(one * (1.0 - one), shared=False))
    rows = []
    for place, name in enumerate(looked.classes):
        seen = made[:, place] > 0
        weight = cells.prompts * cells.member[place]
        total = float(weight @ cells.attempts.sum(0))
        if not seen.any():
            continue
        for method in METHODS:
            missed = (looked.rates[method][:, place] - observed[:, place])[seen]
            apart = density[FITTED] - density[method]
            mean = float(weight @ apart) / total
            spread = weight @ (apart - mean * cells.attempts.sum(0)) ** 2
            rows.append(
                {
                    "class": name,
                    "method": method,
                    "prompts": int(weight.sum()),
                    "rms": float(np.sqrt(np.mean(missed**2))),
                    "bias": float(missed.mean()),
                    "noise": float(np.sqrt(np.mean(noise[seen, place] ** 2))),
                    "log_density": float(weight @ density[method]) / total,
                    "difference": mean,
                    "error": float(np.sqrt(spread)) / total,
                }
            )
    return pd.DataFrame(rows)


def _curves(
    looked: Outlook,
    accepted: np.ndarray,
    drawn: Draws,
    confidence: float,
    counts: Histories,
    trained: int,
) -> pd.DataFrame:
    observed, made = _observed(looked, accepted)
    low, high = drawn.band("observed", confidence)
    numbers = counts.first + counts.step * counts.times[trained:]
    parts = []
    for place, name in enumerate(looked.classes):
        part = {"iteration": numbers, "class": name, "attempts": made[:, place].astype(int)}
        part |= {"observed": observed[:, place]}
        part |= {method: looked.rates[method][:, place] for method in METHODS}
        part |= {"low": low[:, place], "high": high[:, place]}
        parts.append(pd.DataFrame(part)[made[:, place] > 0])
    return pd.concat(parts, ignore_index=True)


def _inside(
    looked: Outlook, accepted: np.ndarray, drawn: Draws, confidence: float
) -> dict[str, float]:
    observed, made = _observed(looked, accepted)
    low, high = drawn.band("observed", confidence)
    # A share of attempts that lies on the end of a band by rounding is in it.
    good = (observed >= low - 1e-12) & (observed <= high + 1e-12)
    seen = made > 0
    return {
        ALL: float(good[:, 0][seen[:, 0]].mean()),
        "classes": float(good[:, 1:][seen[:, 1:]].mean()),
    }


def _speeds(
    world: World, counts: Histories, trained: int, numbers: np.ndarray, random: np.random.Generator
) -> dict[str, Any]:
    """Return the speed in training and in what was held out, with their standard errors."""
    told: dict[str, Any] = {"kind": world.dynamics.kind}
    if not numbers.shape[1]:
        return told
    told |= {"trained": world.dynamics.speed[-1], "trained_error": float(numbers[:, -1].std())}
    told |= {"blocks": numbers.shape[1]}
    held = counts.since(trained)
    if held.span == 0:
        return told
    later = _like(world, held)
    error = np.std([each.dynamics.speed[0] for each in resampled(later, held, FEWER, random)])
    return told | {"held_out": later.dynamics.speed[0], "held_out_error": float(error)}
