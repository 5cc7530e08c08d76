"""Budgets by gradient against constant ones, on other prompts and other seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.optimize import brentq

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS
from boostsim.simulation.tables.samplers import FEW
from boostsim.tournament.leaderboard import paired

TITLE = "Made for ten visits, schedules beat constant budgets there; made for many, not all do"
CLAIM = (
    "Gradients through the exact run, the limit of many visits, put labels first: there every "
    "unsolved prompt gets its share of them at once (T1), and what is learned early is learned for "
    "longer. On prompts and seeds that it was not made for that beats constant budgets at the same "
    "total price where many labels fall to each prompt, and where hardly any do. In between, two "
    "or three to a prompt, all of one prompt's may be wrong, and none is left to ask again: on "
    "some challenges a constant budget wins. A design for so many visits, chosen by runs there, "
    "spreads its labels over the first iterations and beats constant budgets on all challenges."
)
SIZE = (10.0, 4.6)

ITERATIONS, LABELS, ATTEMPTS = 50, 0.25, 4
# Of the runs to which many are near, and of those that a design is made for.
MANY, VISITS = 100, 10
# Constants are chosen on the first seeds, and compared on those after them.
CHOSEN_ON = 4
# As multiples of the constant that costs what the schedule does.
MULTIPLES = (0.25, 0.5, 0.7, 0.85, 1.0, 1.05)
CONFIDENCE, KEY = 0.95, 0


def designed(
    challenge: bs.Challenge,
    scale: Scale,
    visits: int | None = None,
    *,
    labels: float = LABELS,
    iterations: int = ITERATIONS,
) -> bs.Design:
    """Return the schedule that gradients find on a challenge, or that is best at so many visits."""
    labels, prices = labels * challenge.labels, bs.Prices()
    answers = iterations * challenge.attempts * (prices.generation + prices.filter_call)
    goal = bs.Objective(
        challenge.procedure(bs.criteria.failed, 1.0),
        challenge.task,
        iterations,
        score="average_error",
        spend=answers + prices.label * labels,
        prices=prices,
        key=KEY,
    )
    return bs.design(
        goal,
        {"budget": bs.Knob(0.0, labels, per_iteration=True)},
        visits=visits,
        seeds=CHOSEN_ON,
        steps=(150 if visits is None else 60) // scale.stride**2,
        restarts=2,
        grid=(300 if visits is None else 150) // scale.stride**2,
        key=KEY,
    )


def _made_for(visits: int | None) -> str:
    return "many" if visits is None else f"{visits} visits"


def _panels(visits: int) -> tuple[tuple[int, int | None], ...]:
    """Return visits of the runs and of the design, None for the limit of many: each pair once."""
    return tuple(dict.fromkeys([(MANY, None), (visits, None), (visits, visits)]))


def _procedure(challenge: bs.Challenge, budget: tuple[float, ...]) -> bs.Procedure:
    return bs.boosting(
        attempts=challenge.attempts,
        filter=challenge.filter,
        labeler=challenge.labeler,
        budget=budget,
    )


def _challenge_rows(
    name: str, scale: Scale, labels: float, iterations: int, attempts: int, few: int
) -> pd.DataFrame:
    """Return how constants compare with the schedules of a challenge, in each panel."""
    prompts, panels = min(scale.prompts, 300), _panels(few)
    challenge, held_out = (
        replace(bs.stress_suite(key, prompts)[name], attempts=attempts) for key in (KEY, KEY + 1)
    )
    limit, made = (
        designed(challenge, scale, visits, labels=labels, iterations=iterations)
        for visits in (None, few)
    )
    found: dict[int | None, bs.Design] = {None: limit, few: made}

    def constant(level: float) -> tuple[float, ...]:
        return (level,) * iterations

    parts = []
    for visits, design in panels:

        def runs(
            schedules: list[tuple[float, ...]], seeds: range, visits: int = visits
        ) -> tuple[np.ndarray, np.ndarray]:
            """Return average error and labels of each schedule and seed."""
            ways: dict[str, Any] = {"visits": visits, "seeds": seeds, "key": KEY}
            if visits <= FEW:
                # By the program that the design was chosen with.
                traces = [
                    bs.simulate(_procedure(held_out, each), held_out.task, iterations, **ways)
                    for each in schedules
                ]
            else:
                # Side by side: what is drawn for one is not waited for by the others.
                over: Any = {"budget": {str(place): each for place, each in enumerate(schedules)}}
                first = _procedure(held_out, schedules[0])
                ways |= {"over": over, "reduce": "all"}
                swept: Any = bs.sweep(first, held_out.task, iterations, **ways)
                traces = [swept.isel(budget=place) for place in range(len(schedules))]
            errors = [trace.error.values[:, 1:].mean(1) for trace in traces]
            return np.array(errors), np.array([trace.labels.values[:, -1] for trace in traces])

        schedule = found[design].values["budget"]
        assert isinstance(schedule, tuple)
        low = float(np.log(labels * held_out.labels / iterations / 10.0))
        paid = runs([schedule], range(CHOSEN_ON))[1].mean()

        @cache
        def dearer(level: float, paid: float = paid, runs: Any = runs) -> float:
            bought = runs([constant(float(np.exp(level)))], range(CHOSEN_ON))[1]
            return float(np.log(bought.mean() / paid))

        # In logarithms labels are nearly a line: a third of the runs that halving would take.
        # Where few visits fail, labels are left over: by the least, or even by the dearest.
        while dearer(low) > 0.0:
            low -= float(np.log(10.0))
        same = 1.0
        if dearer(0.0) > 0.0:
            same = float(np.exp(brentq(dearer, low, 0.0, xtol=2e-3, rtol=1e-3)))
        seeds = range(CHOSEN_ON, CHOSEN_ON + scale.seeds)
        constants = [min(multiple * same, 1.0) for multiple in MULTIPLES]
        levels = [constant(each) for each in constants]
        (errors, *each), (bought, *costs) = runs([schedule, *levels], seeds)
        comparisons = len(MULTIPLES) * len(panels) * len(bs.stress_suite(KEY, 10))
        compared = zip(MULTIPLES, constants, each, costs, strict=True)
        for multiple, level, others, cost in compared:
            gap = paired(others - errors, comparisons, CONFIDENCE)
            parts.append(
                {
                    "task": name,
                    "visits": visits,
                    "designed_for": _made_for(design),
                    "constant": level,
                    "multiple": multiple,
                    "difference": gap.estimate,
                    "low": gap.low,
                    "high": gap.high,
                    "error": errors.mean(),
                    "labels": bought.mean(),
                    "constant_labels": cost.mean(),
                    "exact_error": limit.score,
                    "exact_constant": limit.constant,
                    "first_share": schedule[0] / sum(schedule),
                    "starts_agreeing": limit.agreeing,
                    "starts": len(limit.starts),
                    "prompts": prompts,
                    "seeds": scale.seeds,
                }
            )
    return pd.DataFrame(parts)


def data(
    scale: Scale,
    *,
    labels: float = LABELS,
    iterations: int = ITERATIONS,
    attempts: int = ATTEMPTS,
    visits: int = VISITS,
) -> pd.DataFrame:
    """Return the comparisons on every challenge; on one at the smoke scale."""
    names = tuple(bs.stress_suite(KEY, 10))
    few = None if scale.stride == 1 else 1
    asked = labels, iterations, attempts, visits
    parts = [_challenge_rows(name, scale, *asked) for name in names[:few]]
    return pd.concat(parts, ignore_index=True)


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    labels: float = LABELS,
    iterations: int = ITERATIONS,
    attempts: int = ATTEMPTS,
    visits: int = VISITS,
) -> str:
    """Draw for each challenge what the best constant loses or gains."""
    panels = _panels(visits)
    axes = figure.subplots(1, len(panels), sharey=True)
    chosen: list[float] = []
    names = table.task.unique()[::-1]
    for ax, (at, design) in zip(axes, panels, strict=True):
        shown = table[(table.visits == at) & (table.designed_for == _made_for(design))]
        for place, name in enumerate(names):
            lines = shown[shown.task == name]
            best = lines.loc[lines.difference.idxmin()]
            chosen.append(best.multiple)
            color = COLORS[0] if best.low > 0.0 else COLORS[1] if best.high < 0.0 else "0.5"
            ends = [best.low, best.high]
            ax.plot(ends, [place, place], color=color, lw=3, alpha=0.5, solid_capstyle="butt")
            ax.plot(best.difference, place, "o", color=color)
            ax.plot(lines.difference, [place] * len(lines), "|", color="0.4", markersize=7)
        ax.axvline(0.0, color="0.3", lw=1)
        ax.set_yticks(range(len(names)), names)
        ax.set(title=f"{at} visit{'s' * (at > 1)}, made for {design or 'many'}")
        signs = "← constant better    schedule better →"
        ax.set_xlabel(f"average error: constant less schedule\n{signs}")
    first = table.iloc[0]
    # The suite's own are not told.
    mostly = ", mostly the dearest" if np.median(chosen) == max(MULTIPLES) else ""
    answers = "" if attempts == ATTEMPTS else f"{attempts} attempts a visit, "
    return (
        f"Schedules by bs.design for average error at the price of {labels:g} labels per visit (a "
        f"tenth of it with few labels), labels for failures, {answers}{iterations} iterations, by "
        f"gradients for the limit of many visits to a prompt and iteration, or by search on "
        f"{CHOSEN_ON} seeds for {visits} (visits=); run on other prompts ({first.prompts:.0f}) "
        f"with {first.seeds:.0f} other seeds, as are constants of "
        f"{', '.join(f'{m:g}' for m in MULTIPLES)} times the one that costs the same: ticks. Dot "
        f"and bar: the best of them{mostly}, with the interval of its difference "
        f"(Student's or a wider one, paired; all hold together with confidence {CONFIDENCE:g}). "
        f"Blue: the schedule is better than every one; orange: worse than one; grey: not decided. "
        f"The scales of the sides differ."
    )
