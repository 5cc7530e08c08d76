"""What an error costs in labels, with and without focus (T2, T10)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, rows
from boostsim.tasks.table import TableTask

TITLE = "Focused on failures, any error costs at most 1/β labels per unsolved prompt"
CLAIM = (
    "Boosting buys e_0 (1 - (1-beta)^T)/beta labels, the least that any policy can (T2); the same "
    "labels bought for everybody and discarded where not needed cost T; labels bought for "
    "everybody and kept never get below a positive error (T10)."
)
SIZE = (9.0, 4.2)

BETA, UNSOLVED, ITERATIONS = 0.1, 0.5, 80
# Labels per visit that are bought whatever the visit showed, and kept.
EVEN_RATES = (1.0, 0.1)
ONE, MANY = "one visit a prompt", "many visits a prompt"


def half_solved(prompts: int, responses: int = 2) -> TableTask:
    """Return a task whose first model is right for certain on half of the prompts, else wrong."""
    quality = np.tile(np.eye(1, responses), (prompts, 1))
    initial = (1.0 - quality) / (responses - 1)
    initial[: round(prompts * (1 - UNSOLVED))] = quality[0]
    return bs.table_task(quality, initial=initial)


def even_chain(rate: float, beta: float = BETA, iterations: int = ITERATIONS) -> np.ndarray:
    """Return the expected error of labels that are kept, by iteration, at one visit a prompt.

    A prompt's model is then all wrong, half right or all right: a Markov chain on three states,
    written out from the definitions as a second witness of the sampled runs.
    """
    right, wrong, none = rate * beta, rate * (1 - beta), 1 - rate
    chain = np.array(
        [
            # From all wrong: the attempt is rejected, so a label is the only example.
            [wrong + none, 0.0, right],
            # From half right: a right attempt is kept beside the label; a wrong one is rejected.
            [wrong / 2, wrong / 2 + none / 2, (right + none) / 2 + right / 2],
            # From all right: the attempt is kept, and a wrong label spoils half of the model.
            [0.0, wrong, right + none],
        ]
    )
    law = np.array([UNSOLVED, 0.0, 1 - UNSOLVED])
    errors = []
    for _ in range(iterations + 1):
        errors.append(law @ [1.0, 0.5, 0.0])
        law = law @ chain
    return np.array(errors)


def data(scale: Scale, *, beta: float = BETA, iterations: int = ITERATIONS) -> pd.DataFrame:
    """Return labels per visit and the error reached, by iteration, for each way of buying."""
    task = half_solved(scale.prompts)
    steps = np.arange(iterations + 1)
    labeler = bs.WeakLabeler(beta)
    error = bs.laws.boosting_error(beta=beta, attempts=1, initial_error=UNSOLVED, iterations=steps)
    cost = bs.laws.label_cost(beta=beta, initial_error=UNSOLVED, iterations=steps)
    focused = bs.boosting(labeler=labeler)
    parts = []
    for panel, visits in ((ONE, 1), (MANY, scale.visits)):
        policies = {"focused on failures": (focused, error, cost, np.nan)}
        # Discarding changes no example, so no error; everybody's label is paid for all the same.
        policies["for everybody, discarded"] = (focused, error, steps * 1.0, np.nan)
        for rate in EVEN_RATES:
            procedure = bs.random_labels(rate=rate, labeler=labeler)
            exact = bs.simulate(procedure, task, iterations).error.values[0]
            limit = 1.0 - bs.laws.even_labels_fixed_point(beta=beta, rate=rate)
            name = "for everybody, kept" if rate == 1.0 else f"for {rate:.0%}, kept"
            expected = even_chain(rate, beta, iterations) if visits == 1 else exact
            policies[name] = (procedure, expected, rate * steps, np.nan if visits == 1 else limit)
        for index, (name, (procedure, expected, labels, limit)) in enumerate(policies.items()):
            sampled = bs.simulate(
                procedure, task, iterations, visits=visits, seeds=scale.seeds, key=index
            )
            paid = steps if name.endswith("discarded") else sampled.labels.values.mean(0)
            parts.append(
                rows(
                    panel=panel,
                    policy=name,
                    iteration=steps,
                    error=expected,
                    labels=labels,
                    limit=limit,
                    sampled_error=sampled.error.values.mean(0),
                    sampled_labels=paid,
                    prompts=scale.prompts,
                    visits=visits,
                    seeds=scale.seeds,
                )
            )
    return pd.concat(parts, ignore_index=True)


def draw(table: pd.DataFrame, figure: Figure, *, beta: float = BETA) -> str:
    """Draw labels per visit against the error reached: time runs to the right."""
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (panel, lines) in zip(axes, table.groupby("panel", sort=False), strict=True):
        for color, (name, line) in zip(COLORS, lines.groupby("policy", sort=False), strict=False):
            paid = line[line.iteration > 0]
            ax.plot(paid.error, paid.labels, color=color, label=name)
            seen = paid[paid.sampled_error > 0]
            ax.plot(seen.sampled_error, seen.sampled_labels, "o", color=color, markersize=2.5)
            ax.axvline(line.limit.iloc[0], color=color, linewidth=0.8, linestyle=":")
        ax.set(
            xscale="log",
            yscale="log",
            xlabel="error reached: it falls to the right →",
            xlim=(1.0, 1e-4),
            ylim=(0.08, 120),
            title=panel,
        )
    errors = np.geomspace(1e-4, UNSOLVED * 0.99, 100)
    least = (UNSOLVED - errors) / beta
    axes[0].fill_between(errors, 0.01, least, color="0.9", linewidth=0, zorder=0)
    axes[0].plot(errors, least, color="black", linewidth=1, linestyle="--")
    axes[0].annotate(
        "below (e₀ - e)/β: no policy (T2)", (3e-2, 0.3 * UNSOLVED / beta), color="0.25"
    )
    axes[0].set_ylabel("labels per visit, so far")
    axes[1].legend(loc="lower right")
    first, last = table.iloc[0], table.iloc[-1]
    return (
        "Lines, left: T1 with T2, and a three-state chain where labels are kept; right: T1 with "
        f"T2, and exact runs. Dots: mean of {first.seeds:.0f} sampled runs of "
        f"{first.prompts:,.0f} prompts, {first.visits:.0f} and {last.visits:.0f} visits. Dotted: "
        f"T10's limits. β = {beta:g}, perfect filter, one attempt; the first model solves half of "
        "the prompts. T2's bound (dashed: no policy expects to need fewer) holds on the left; on "
        "the right the filter also improves prompts that are solved in part, without labels."
    )
