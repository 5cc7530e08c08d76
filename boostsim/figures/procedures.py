"""The named procedures on a task with helpless prompts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, SHAPES, band, quantiles, rows, spread

TITLE = "Only labels reach the prompts the model cannot solve, and focus makes them go far"
CLAIM = (
    "Filtering alone stops at the prompts that the first model can solve (T9, T13); labels alone "
    "stop at beta; labels spread evenly keep polluting solved prompts (T10); the same budget "
    "spent on failures goes on improving (T3, T4)."
)
SIZE = (9.0, 4.0)

BETA, GAMMA, ATTEMPTS, BUDGET = 0.3, 0.1, 4, 0.1
SOLVABLE, ITERATIONS = 0.7, 10


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    attempts: int = ATTEMPTS,
    budget: float = BUDGET,
    solvable: float = SOLVABLE,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return accuracy and labels by iteration for each procedure, and its law if there is one."""
    task = bs.random_table(2, prompts=scale.prompts, solvable=solvable)
    start = (task.initial * task.quality).sum(1)
    steps = np.arange(iterations + 1)
    filt, labeler = bs.NoisyFilter(gamma), bs.WeakLabeler(beta)
    filtered = bs.laws.filter_only_accuracy(
        gamma=gamma, initial_accuracy=start, iterations=steps[:, None]
    )
    silent = np.full(len(steps), np.nan)
    k = attempts
    procedures = {
        "boosting": (
            bs.boosting(attempts=k, filter=filt, labeler=labeler, budget=budget),
            silent,
        ),
        "random labels": (
            bs.random_labels(attempts=k, filter=filt, labeler=labeler, rate=budget),
            silent,
        ),
        "filter only": (
            bs.filter_only(attempts=k, filter=filt),
            filtered @ task.prompt_weights,
        ),
        "labels only": (
            bs.labels_only(labeler=labeler),
            np.where(steps == 0, start @ task.prompt_weights, beta),
        ),
        "uncurated": (
            bs.uncurated(attempts=k),
            np.full(len(steps), start @ task.prompt_weights),
        ),
    }
    floor = bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts)
    parts = []
    for index, (name, (procedure, law)) in enumerate(procedures.items()):
        exact = bs.simulate(procedure, task, iterations)
        sampled = bs.simulate(
            procedure, task, iterations, visits=scale.visits, seeds=scale.seeds, key=100 + index
        )
        parts.append(
            rows(
                procedure=name,
                iteration=steps,
                law=law,
                limit=1.0 - floor if name == "boosting" else np.nan,
                exact=exact.accuracy.values[0],
                labels=exact.labels.values[0],
                sampled_labels=sampled.labels.values.mean(0),
                prompts=scale.prompts,
                visits=scale.visits,
                seeds=scale.seeds,
                **quantiles(sampled.accuracy.values),
            )
        )
    return pd.concat(parts, ignore_index=True)


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    attempts: int = ATTEMPTS,
    budget: float = BUDGET,
    solvable: float = SOLVABLE,
) -> str:
    """Draw accuracy and labels bought against the iteration, one colour a procedure."""
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for color, (name, line) in zip(COLORS, table.groupby("procedure", sort=False), strict=False):
        left.plot(line.iteration, line.exact, color=color)
        band(left, line, color, str(name))
        left.plot(line.iteration, line.law, color="white", linewidth=0.8, linestyle=(0, (2, 3)))
        left.axhline(line.limit.iloc[0], color=color, linewidth=0.8, linestyle=":")
        paid = line[line.labels > 0]
        right.plot(paid.iteration, paid.labels, color=color)
        right.plot(paid.iteration, paid.sampled_labels, SHAPES[color], color=color, markersize=3)
    left.axhline(solvable, color="0.5", linewidth=0.8, linestyle=":")
    for ax in (left, right):
        ax.locator_params(axis="x", integer=True)
    left.set(xlabel="iteration", ylabel="accuracy", ylim=(0, 1.03), title="what is reached")
    right.set(
        xlabel="iteration", yscale="log", title="what it costs", ylabel="labels per visit, so far"
    )
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    first = table.iloc[0]
    return (
        "Lines: exact (white dashes: closed form of T9, T11, labels; dotted: T4's limit, and the "
        f"{solvable:.0%} that the first model can solve). Marks, bands: mean and "
        f"{spread(first.seeds)} of {first.seeds:.0f} sampled runs, {first.prompts:,.0f} prompts, "
        f"{first.visits:.0f} visits each; filter only falls short of its law, for a prompt can "
        f"fix on a wrong answer (T9). β = {beta:g}, γ = {gamma:g}, k = {attempts}; boosting and "
        f"random labels may buy {budget:g} labels per visit and iteration."
    )
