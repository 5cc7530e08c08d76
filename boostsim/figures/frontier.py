"""The price frontier: labels against generations, by attempts, votes and focus."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.label_price import half_solved
from boostsim.figures.style import COLORS
from boostsim.theory.law import reached

TITLE = "Focus takes labels down to T2's bound; attempts, votes and iterations cannot go below it"
CLAIM = (
    "With one visit to a prompt no policy gets below (e_0 - e)/beta labels (T2). Labels for "
    "failures come down to it with several attempts or votes; the softer the focus, the dearer, "
    "and the more generations it takes to save labels. Votes (T5) do not move the bound, but get "
    "there with fewer generations (their looks are not priced here). Attempts that stop at the "
    "first accepted one (T17) buy the same labels for fewer generations. The more visits share a "
    "label, the fewer are needed per visit, for the filter multiplies what a label starts: in the "
    "limit each iteration more saves a factor, and votes make it larger."
)
SIZE = (11.0, 4.8)

BETA, GAMMA, TARGET, UNSOLVED, ITERATIONS = 0.3, 0.1, 0.05, 0.5, 100
ATTEMPTS, VOTES = (1, 2, 4, 8), (1, 3, 5)
# Attempts that stop at the first accepted one (T17).
STOPS = "failures alone; stopping early"
# From labels for failures alone to labels for everybody: the temperature of the focus.
FOCUS = {
    "failures alone": bs.criteria.failed,
    "temperature 0.15": bs.criteria.difficulty(0.15),
    "temperature 0.4": bs.criteria.difficulty(0.4),
    "everybody": bs.criteria.uniform,
    STOPS: bs.criteria.failed,
}
MARKERS = {1: "o", 3: "^", 5: "s"}
# What a point on paper is of the sides of the left picture, in logarithms of 10.
POINT = np.array([0.0064, 0.0032])
# Half of a digit, with what is free around it, of a marker and of a dot.
DIGIT, MARKER, DOT = POINT * (3.0, 4.0), POINT * 2.5, POINT * 1.5
# Where a digit may stand, in points from its marker: the first with room.
PLACES = ((0, 8), (5, 7), (0, -8), (-5, -7), (6, 0), (-6, 0), (5, -7), (-5, 7))
Box = tuple[float, float, float, float]
# Visits to a prompt and iteration -> most labels per visit and iteration.
BUDGETS = {
    1: tuple(np.geomspace(0.01, 0.5, 5)),
    100: tuple(np.geomspace(0.002, 0.1, 5)),
    None: tuple(np.geomspace(1e-7, 0.1, 25)),
}


def spent(trace: xarray.Dataset, target: float, seed: int = 0) -> tuple[float, float]:
    """Return labels and generations when the error is first at most the target, or NaN twice."""
    there = np.flatnonzero(reached(trace.error.values[seed], target))
    if not len(there):
        return np.nan, np.nan
    return float(trace.labels[seed, there[0]]), float(trace.generations[seed, there[0]])


def row(
    focus: str,
    attempts: int,
    votes: int,
    budget: float,
    visits: int | None,
    prompts: int,
    seeds: int,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    target: float = TARGET,
) -> dict[str, object]:
    """Return what one setting needs, exactly or the mean over seeds."""
    procedure = bs.boosting(
        attempts=attempts,
        filter=bs.NoisyFilter(gamma, votes=votes),
        labeler=bs.WeakLabeler(beta),
        criterion=FOCUS[focus],
        budget=budget,
        until_accepted=focus == STOPS,
    )
    ways: dict[str, Any] = {} if visits is None else {"visits": visits, "seeds": seeds, "key": 0}
    # What comes after it is not asked for.
    ways["until"] = bs.Until(error=target)
    trace = bs.simulate(procedure, half_solved(prompts, 4), ITERATIONS, **ways)
    needed = np.array([spent(trace, target, seed) for seed in range(seeds)])
    labels, generations = needed.mean(0)
    return {
        "focus": focus,
        "attempts": attempts,
        "votes": votes,
        "budget": budget,
        "labels": labels,
        "generations": generations,
        "prompts": prompts,
        "visits": 0 if visits is None else visits,
        "seeds": seeds,
    }


def settings(visits: int | None, scale: Scale) -> Iterator[tuple[str, int, int, float]]:
    """Yield focus, attempts, votes and budget of each setting; fewer at the smoke scale."""
    focuses = tuple(FOCUS)[:: scale.stride]
    # Beyond one visit failures alone: what is compared there is votes and visits.
    chosen = focuses if visits == 1 else focuses[:1]
    thin = scale.stride
    budgets = BUDGETS[visits][::thin]
    yield from itertools.product(chosen, ATTEMPTS[::thin], VOTES[::thin], budgets)


def data(
    scale: Scale, *, beta: float = BETA, gamma: float = GAMMA, target: float = TARGET
) -> pd.DataFrame:
    """Return labels and generations to the target, for every setting that reaches it."""
    parts = []
    for visits in BUDGETS:
        # In the limit a prompt that is solved and one that is not stand for all.
        prompts = 2 if visits is None else min(scale.prompts, 1000 if visits == 1 else 300)
        seeds = 1 if visits is None else max(scale.seeds // 4, 2)
        found = [
            row(*each, visits, prompts, seeds, beta=beta, gamma=gamma, target=target)
            for each in settings(visits, scale)
        ]
        parts.append(pd.DataFrame(found).dropna())
    return pd.concat(parts, ignore_index=True)


def best(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that none needs both fewer labels and fewer generations than."""
    ordered = lines.sort_values(["generations", "labels"])
    least = ordered.labels.cummin()
    return ordered[(ordered.labels == least) & ~least.duplicated()]


def _around(points: pd.DataFrame, half: np.ndarray) -> Iterator[Box]:
    places = np.log10(points[["generations", "labels"]].to_numpy())
    for low, high in zip(places - half, places + half, strict=True):
        yield *low, *high


def _steps(edge: pd.DataFrame) -> Iterator[Box]:
    """Yield the markers and steps of a line, as boxes in logarithms; steps have no width."""
    x, y = np.log10(edge.generations.to_numpy()), np.log10(edge.labels.to_numpy())
    yield from _around(edge, MARKER)
    for a, b, right, low in zip(x[:-1], y[:-1], x[1:], y[1:], strict=True):
        yield a, b, right, b
        yield right, low, right, b


def _told(
    edge: pd.DataFrame, taken: list[Box], dots: list[Box]
) -> Iterator[tuple[Any, tuple[float, float]]]:
    """Yield the points of a line whose k has room beside what is taken, and where it stands.

    The place is that of the middle of the digit, in points from the marker's; where it can be, it
    is beside dots, too.
    """
    for at in edge.itertuples():
        for more, place in itertools.product((dots, []), PLACES):
            x = np.log10(at.generations) + POINT[0] * place[0]
            y = np.log10(at.labels) + POINT[1] * place[1]
            box = x - DIGIT[0], y - DIGIT[1], x + DIGIT[0], y + DIGIT[1]
            if not any(_overlap(box, other) for other in (*taken, *more)):
                taken.append(box)
                yield at, place
                break


def _overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across >= 0.0 and min(one[3], other[3]) >= max(one[1], other[1])


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    target: float = TARGET,
) -> str:
    """Draw every setting as a dot, and as lines what nothing beats: by focus, and by votes."""
    left, right = figure.subplots(1, 2)
    one, hundred, limit = (table[table.visits == visits] for visits in (1, 100, 0))
    edges = {name: best(one[one.focus == name]) for name in FOCUS}
    dots = list(_around(one, DOT))
    taken = [box for edge in edges.values() for box in _steps(edge)]
    for color, name in zip(COLORS, FOCUS, strict=False):
        lines = one[one.focus == name]
        if lines.empty:
            continue
        left.plot(lines.generations, lines.labels, "o", color=color, markersize=2.5, alpha=0.4)
        edge = edges[name]
        left.plot(edge.generations, edge.labels, color=color, drawstyle="steps-post", label=name)
        for votes, marker in MARKERS.items():
            at = edge[edge.votes == votes]
            left.plot(at.generations, at.labels, marker, color=color, markersize=5)
        beside: Any = {"textcoords": "offset points", "ha": "center", "va": "center_baseline"}
        beside |= {"fontsize": 7, "color": color}
        for at, place in _told(edge, taken, dots):
            left.annotate(f"{at.attempts}", (at.generations, at.labels), place, **beside)
    for color, (votes, marker) in zip(("0.6", "0.35", "black"), MARKERS.items(), strict=True):
        word = f"{votes} vote{'s' * (votes > 1)}"
        left.plot([], [], marker, color="0.4", label=word)
        edge = best(limit[limit.votes == votes])
        right.plot(edge.generations, edge.labels, color=color, label=f"{word}, exact")
        edge = best(hundred[hundred.votes == votes])
        right.plot(edge.generations, edge.labels, marker, color=color, label=f"{word}, 100 visits")
    share = f"{100.0 * (1.0 - target):g}%"
    until = f"until {share} is reached"
    for ax, visits, shown in ((left, 1, one), (right, 100, hundred)):
        if shown.empty:
            told = f"at {visits} visit{'s' * (visits > 1)} nothing reaches {share}"
            ax.annotate(told, (0.5, 0.5), xycoords="axes fraction", ha="center", color="0.35")
        else:
            _least(ax, visits, shown.prompts.iloc[0] * shown.seeds.iloc[0], beta, target)
        ax.set(xscale="log", yscale="log", xlabel=f"generations per visit, {until}")
    left.set(title="1 visit to a prompt, sampled", ylabel=f"labels per visit, {until}")
    left.set_ylim(0.8 * (UNSOLVED - target) / beta, 4.0 * (UNSOLVED - target) / beta)
    ticks = [at for at in (0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16) if at <= left.get_ylim()[1]]
    ticks = [at for at in ticks if at >= left.get_ylim()[0]]
    left.set_yticks(ticks, [f"{at:g}" for at in ticks])
    left.minorticks_off()
    right.set(
        title="infinitely many visits, exact; 100 visits, sampled",
        ylabel=f"labels per visit, {until}",
    )
    left.legend(loc="upper right", ncols=2)
    # Below, the smallest budget that is tried would bend the lines.
    right.set_ylim(1e-5, 0.5)
    right.legend(loc="lower right", ncols=1)
    return (
        "Dots: settings of attempts k (1 to 8), votes (1 to 5) and budget; lines and large "
        "markers: what nothing beats in both prices, with its k where there is room; looks of "
        "the filter, one a vote, are not priced. Focus: labels for failures alone, or shared by "
        f"exp(-pass rate / temperature); for everybody {share} is never reached at one "
        f"visit; stopping early: attempts end at the first accepted one (T17). β = {beta:g}, γ = "
        f"{gamma:g}, half of the prompts unsolved. {_runs(one, hundred)}Grey: T2's (e₀ - e)/β per "
        "prompt, divided by visits (in the limit it is 0), and two standard errors of such a "
        f"mean. At most {ITERATIONS} iterations."
    )


def _least(ax: Axes, visits: int, count: int, beta: float, target: float) -> None:
    """Draw T2's bound, and two standard errors of a mean over so many runs and prompts."""
    bound = (UNSOLVED - target) / beta
    # So many right labels are needed; how many it takes to get them is a negative binomial.
    error = np.sqrt((UNSOLVED - target) * (1.0 - beta) / count) / beta
    low, high = (bound - 2.0 * error) / visits, (bound + 2.0 * error) / visits
    ax.axhspan(low, high, color="0.3", alpha=0.2, lw=0)
    ax.annotate(
        "T2: no policy needs fewer" + (f", at {visits} visits" if visits > 1 else ""),
        (1.0, low),
        xycoords=("axes fraction", "data"),
        # Below the digits of the lowest markers.
        xytext=(-4, -20),
        textcoords="offset points",
        ha="right",
        color="0.35",
        fontsize=8,
    )


def _runs(one: pd.DataFrame, hundred: pd.DataFrame) -> str:
    """Say how much was sampled, of the panels in which anything reaches the target."""
    seen = [panel.iloc[0] for panel in (one, hundred) if not panel.empty]
    if not seen:
        return ""
    told = f"Sampled: mean of {seen[0].seeds:.0f} runs of {seen[0].prompts:.0f} prompts"
    return f"{told}, right of {seen[1].prompts:.0f}. " if len(seen) > 1 else f"{told}. "
