"""What other learners make of the same verdicts: steps part of the way, gradients (T18, T19)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, SHAPES, band, quantiles, rows, spread
from boostsim.tasks.table import TableTask

TITLE = "The learner says how fast a model moves, the verifier which way"
CLAIM = (
    "Filtering alone: the strong learner multiplies the odds of a right response by a1/a0 in each "
    "iteration, leave one out adds rate (a1 - a0) to the log-odds, group normalising about twice "
    "that, a part of the way is fast first and slow at the end (T9, T18, T19). Whoever learns, "
    "the sign of true accept less false accept says where it ends (T18)."
)
SIZE = (9.0, 6.4)

ATTEMPTS, ITERATIONS, RATE, STEP = 8, 30, 0.25, 0.1
RESPONSES = 4
TRUE_ACCEPT, FALSE_ACCEPT = 0.9, 0.1
CLASSES = {"hard": 0.02, "medium": 0.2, "easy": 0.6}
# On the right a less sure verifier, of which the false accepts are varied.
VERIFIER, UNSURE, START = "verifier", 0.7, 0.2
GAPS = np.arange(-6, 15) / 20.0
LEARNERS = (
    "supervised, the whole way",
    f"supervised, {STEP:g} of the way",
    "GRPO (group normalised)",
    "RLOO (leave one out)",
)


def _learners(rate: float) -> dict[str, Any]:
    made = (
        bs.StrongLearner(),
        bs.StrongLearner(step=STEP),
        bs.PolicyGradient(rate, "group_normalised"),
        bs.PolicyGradient(rate, "leave_one_out"),
    )
    return dict(zip(LEARNERS, made, strict=True))


def _filtering(
    learner: Any, attempts: int, true_accept: float, false_accept: float | np.ndarray
) -> bs.Procedure:
    """Return filtering alone with that verifier and learner."""
    noise = bs.NoisyFilter(false_accept=false_accept, false_reject=1.0 - true_accept)
    return bs.filter_only(attempts=attempts, filter=noise, learner=learner)


def _prompts_of(accuracies: list[float], copies: int = 1) -> TableTask:
    """Return so many prompts of each accuracy, the wrong mass spread evenly."""
    right = np.repeat(accuracies, copies)[:, None]
    wrong = np.repeat((1.0 - right) / (RESPONSES - 1), RESPONSES - 1, axis=1)
    quality = np.tile(np.eye(1, RESPONSES), (len(right), 1))
    return bs.table_task(quality, initial=np.hstack([right, wrong]))


def _by_class(trace: Any, classes: int) -> np.ndarray:
    """Return the accuracy of each class, ``[seed, iteration, class]``."""
    accuracy = trace.accuracy.values
    return accuracy.reshape(*accuracy.shape[:2], classes, -1).mean(-1)


def data(
    scale: Scale,
    *,
    attempts: int = ATTEMPTS,
    rate: float = RATE,
    true_accept: float = TRUE_ACCEPT,
    false_accept: float = FALSE_ACCEPT,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return accuracies by iteration and class, and after the last iteration by verifier."""
    # Beyond so many prompts there is nothing to see but time.
    copies = min(scale.prompts, 1000) // 10
    about = {"prompts": copies, "visits": scale.visits, "seeds": scale.seeds}
    sampled: dict[str, Any] = {"visits": scale.visits, "seeds": scale.seeds, "record": "prompt"}
    starts = list(CLASSES.values())
    gaps = GAPS[:: scale.stride]
    # Of many verifiers fewer runs.
    few = sampled | {"seeds": max(scale.seeds // 4, 2)}
    parts = []
    for number, (name, learner) in enumerate(_learners(rate).items()):
        procedure = _filtering(learner, attempts, true_accept, false_accept)
        exact = bs.simulate(procedure, _prompts_of(starts), iterations, record="prompt")
        many = _prompts_of(starts, copies)
        drawn = _by_class(bs.simulate(procedure, many, iterations, key=number, **sampled), 3)
        for place, panel in enumerate(CLASSES):
            parts.append(
                rows(
                    panel=panel,
                    learner=name,
                    iteration=np.arange(iterations + 1),
                    gap=true_accept - false_accept,
                    accuracy=exact.accuracy.values[0, :, place],
                    **quantiles(drawn[..., place]),
                    **about,
                )
            )
        end = _by_verifier(learner, attempts, iterations, gaps, record="prompt")
        seen = _by_verifier(
            learner, attempts, iterations, gaps, copies, key=len(LEARNERS) + number, **few
        )
        parts.append(
            rows(
                panel=VERIFIER,
                learner=name,
                iteration=iterations,
                gap=gaps,
                accuracy=end[0],
                **quantiles(seen),
                **(about | {"seeds": few["seeds"]}),
            )
        )
    return pd.concat(parts, ignore_index=True)


def _by_verifier(
    learner: Any, attempts: int, iterations: int, gaps: np.ndarray, copies: int = 1, **how: Any
) -> np.ndarray:
    """Return the accuracy after the last iteration with each verifier, ``[seed, verifier]``.

    All in one run: so many prompts for each, which nothing ties to the others.
    """
    false_accept = np.repeat(np.maximum(UNSURE - gaps, 0.0), copies)
    procedure = _filtering(learner, attempts, UNSURE, false_accept)
    run = bs.simulate(procedure, _prompts_of([START] * len(gaps), copies), iterations, **how)
    return _by_class(run, len(gaps))[:, -1]


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    attempts: int = ATTEMPTS,
    rate: float = RATE,
    true_accept: float = TRUE_ACCEPT,
    false_accept: float = FALSE_ACCEPT,
    iterations: int = ITERATIONS,
) -> str:
    """Draw a panel for each class of prompts, and one for verifiers."""
    axes = figure.subplots(2, 2).ravel()
    colors = dict(zip(LEARNERS, COLORS, strict=False))
    for ax, (panel, lines) in zip(axes, table.groupby("panel", sort=False), strict=True):
        for name, line in lines.groupby("learner", sort=False):
            color = colors[name]
            if panel == VERIFIER:
                ax.plot(line.gap, line.accuracy, color=color)
                ax.vlines(line.gap, line.sampled_low, line.sampled_high, color=color, alpha=0.4)
                ax.plot(line.gap, line.sampled_mean, SHAPES[color], color=color, markersize=3.5)
            else:
                ax.plot(line.iteration, line.accuracy, color=color)
                band(ax, line, color, str(name))
        ax.set(ylim=(-0.03, 1.03), ylabel="accuracy")
        if panel != VERIFIER:
            ax.set(
                title=f"{panel} prompts: right {CLASSES[panel]:.0%} of the time at first",
                xlabel="iteration",
            )
            continue
        ax.axvline(0.0, color="0.3", linewidth=0.8)
        ax.axhline(START, color="0.3", linewidth=0.8, linestyle=":")
        ax.set(
            title=f"what the verifier does: accuracy after {iterations} iterations",
            xlabel="true accept less false accept",
        )
        ax.annotate("where it began", (GAPS[-1], START), (0, 3), **_ABOVE)
        ax.annotate("wrong responses\npass more often", (-0.02, 0.96), ha="right", va="top")
        ax.annotate("right ones pass more often", (0.02, 0.06), ha="left", va="top")
    axes[1].legend(loc="lower right")
    first, last = table.iloc[0], table.iloc[-1]
    return (
        f"Filtering alone, {attempts} attempts a visit. Lines: exact. Marks and bands: mean and "
        f"{spread(first.seeds)} of {first.seeds:.0f} sampled runs ({spread(last.seeds)} of "
        f"{last.seeds:.0f} lower right) of {first.prompts:.0f} prompts a class, "
        f"{first.visits:.0f} visits each. The verifier accepts {true_accept:.0%} of right and "
        f"{false_accept:.0%} of wrong responses; lower right {UNSURE:.0%} of right ones, and "
        f"prompts begin at {START:.0%}. Rate of both gradients {rate:g}. Every iteration the "
        f"whole way multiplies the odds by {true_accept / false_accept:.3g} (T9); RLOO adds "
        f"{rate * (true_accept - false_accept):.2g} to the log-odds in every class (T18). Where "
        "right and wrong responses are accepted alike nobody moves."
    )


_ABOVE: Any = {"textcoords": "offset points", "ha": "right", "color": "0.35"}
