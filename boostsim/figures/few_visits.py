"""What finitely many visits to a prompt leave of the population's answer (T21, T4, T9)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.curation.procedure import Procedure
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, SHAPES, quantiles, rows, spread
from boostsim.tasks.table import TableTask

TITLE = (
    "How many attempts are best depends on the visits: eight beat four only where these are many"
)
CLAIM = (
    "At finitely many visits a prompt is a Markov chain, whose law is known exactly (T21). One "
    "attempt errs alike at any number of visits; with more the error falls as visits are added, "
    "down to the population's (T4). Four attempts err least up to 16 visits, eight from 25 on. "
    "Filtering alone errs more at few visits, where it loses prompts for ever (T9)."
)
SIZE = (9.0, 4.4)

BETA, GAMMA, SOLVABLE, ITERATIONS = 0.2, 0.1, 0.5, 5
ATTEMPTS = (1, 2, 4, 8)
# Each is a program of its own; so is each of the sampled runs up to 16.
VISITS = (1, 2, 4, 6, 10, 16, 25, 40, 63, 100, 250, 1000)
SAMPLED = (4, 25, 100, 1000)
# The first model's accuracy where it is not 0; labels per visit that are spread evenly.
START, RATE = 0.5, 0.2
# Beyond these visits a prompt has so many states that a line takes longer than all others.
MOST = {"boosting": 1000, "filter only": 63, "random labels": 25}


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    attempts: tuple[int, ...] = ATTEMPTS,
    solvable: float = SOLVABLE,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return the error after T iterations by visits, exact and sampled, beside the population's."""
    once, many = prompts_of(solvable, 2), prompts_of(solvable, scale.prompts)
    parts = []
    for number, (line, k, procedure) in enumerate(lines_of(beta, gamma, attempts)):
        told = {"line": line, "attempts": k, "iterations": iterations}
        told["limit"] = bs.simulate(procedure, once, iterations).error.values[0, -1]
        for visits in VISITS[:: scale.stride]:
            if visits > MOST[line]:
                continue
            run = bs.simulate(procedure, once, iterations, visits=visits, exact=True)
            error = run.error.values[:, -1]
            known = {"prompts": 2, "seeds": 1, "low": error, "error": error, "high": error}
            parts.append(rows(kind="exact", visits=visits, **told, **known))
        for visits in SAMPLED[:: scale.stride]:
            run = bs.simulate(
                procedure,
                many,
                iterations,
                visits=visits,
                seeds=scale.seeds,
                key=10_000 * number + visits,
            )
            low, error, high = quantiles(run.error.values[:, -1:]).values()
            known = {"prompts": many.prompts, "seeds": scale.seeds}
            known |= {"low": low, "error": error, "high": high}
            parts.append(rows(kind="sampled", visits=visits, **told, **known))
    return pd.concat(parts, ignore_index=True)


def prompts_of(solvable: float, prompts: int) -> TableTask:
    """Return prompts half of which are never solved at first; the others weigh their share."""
    each = prompts // 2
    weights = np.tile([1.0 - solvable, solvable], each) / each
    initial = np.tile([[0.0, 1.0], [START, 1.0 - START]], (each, 1))
    return bs.table_task([[1, 0]] * len(initial), weights, initial)


def lines_of(
    beta: float, gamma: float, attempts: tuple[int, ...]
) -> Iterator[tuple[str, int, Procedure]]:
    """Yield the line, the attempts and the procedure of each: boosting once for both panels."""
    filt, labeler = bs.NoisyFilter(gamma), bs.WeakLabeler(beta)
    for k in attempts:
        yield "boosting", k, bs.boosting(attempts=k, filter=filt, labeler=labeler)
    k = attempts[len(attempts) // 2]
    yield "filter only", k, bs.filter_only(attempts=k, filter=filt, keep="one")
    even = bs.random_labels(rate=RATE, attempts=k, filter=filt, labeler=labeler, keep="one")
    yield "random labels", k, even


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    solvable: float = SOLVABLE,
) -> str:
    """Draw the error over visits: of three procedures, and of boosting by attempts."""
    left, right = figure.subplots(1, 2, sharey=True)
    boosting = table[table.line == "boosting"]
    k = table[table.line == "filter only"].attempts.iloc[0]
    for color, (name, line) in zip(
        COLORS, table[table.attempts == k].groupby("line", sort=False), strict=False
    ):
        _curve(left, line, color, str(name))
    exact = boosting[boosting.kind == "exact"]
    best = exact.groupby("visits").error.min()
    right.plot(best.index, best, color="0.8", linewidth=7)
    for color, (each, line) in zip(COLORS, boosting.groupby("attempts"), strict=False):
        _curve(right, line, color, f"k = {each}")
    for ax, told in ((left, f"three procedures, k = {k}"), (right, "boosting with k attempts")):
        ax.set(xscale="log", yscale="log", title=told, xlabel="visits to a prompt and iteration, v")
    # Where lines leave room, in a column of a page, too.
    small = {"handlelength": 1.0, "handletextpad": 0.4, "labelspacing": 0.25, "borderpad": 0.1}
    left.legend(loc="center right", **small)
    right.legend(loc="lower left", bbox_to_anchor=(0.0, 0.14), **small)
    left.set_ylabel(f"error after {table.iterations.iloc[0]} iterations")
    first = table[table.kind == "sampled"].iloc[0]
    return (
        "Lines: exact at finite visits, filter only and random labels up to "
        f"{MOST['filter only']} and {MOST['random labels']} visits. Marks, bars: mean and "
        f"{spread(first.seeds)} of {first.seeds:.0f} sampled runs of {first.prompts:,.0f} prompts. "
        "Dotted: the population, infinitely many visits. Grey: the fewest errors. "
        f"β = {beta:g}, γ = {gamma:g}; the first model is right with probability {START:g} on "
        f"{solvable:.0%} of the prompts, by weight, and never on the others; random labels: "
        f"{RATE:g} per visit."
    )


def _curve(ax: Axes, line: pd.DataFrame, color: str, name: str) -> None:
    """Draw one procedure: its law, its runs, its limit."""
    exact, sampled = (line[line.kind == kind] for kind in ("exact", "sampled"))
    ax.plot(exact.visits, exact.error, color=color)
    ax.errorbar(
        sampled.visits,
        sampled.error,
        # Of few runs the mean can lie beyond these.
        yerr=np.maximum([sampled.error - sampled.low, sampled.high - sampled.error], 0.0),
        fmt=SHAPES[color],
        color=color,
        markersize=4,
        elinewidth=0.9,
        label=name,
    )
    ax.axhline(line.limit.iloc[0], color=color, linewidth=0.9, linestyle=":")
