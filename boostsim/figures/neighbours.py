"""What neighbouring papers prove, each law over its simulation, beside the framework."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, rows
from boostsim.theory.neighbours.ferbach import three_responses

TITLE = "Collapse and its cures: five papers' laws, and this one's"
CLAIM = (
    "Refitting to one's own output loses variance and diversity and adds error, round by round; "
    "keeping all data stops that; a preference or a verifier adds a signal, but only labels also "
    "help where the model has nothing right (T3, T9, T13)."
)
SIZE = (9.5, 6.2)

ROUNDS = np.arange(13)
BATCH, FEATURES, ROWS = 10, 4, 16
RESPONSES = (10, 50)
REWARD, BEST, CONTENDERS = 2.0, 0.1, (1, 2, 3, 4, 6, 8, 12, 16)
KEEP_CORRECT, KEEP_WRONG = 0.9, 0.6
VERIFIED = (10, 100, 1000)
WRONG = np.linspace(0.3, 0.9, 13)
BETA, GAMMA, SOLVABLE = 0.3, 0.1, 0.4
# Of two-sided normal intervals of 99%.
WIDTH = 2.576

PANELS = {
    "Shumailov": ("Shumailov et al.: a normal law refitted", "refit", "variance left"),
    "Gerstgrasser": ("Gerstgrasser et al.: regression relabelled", "round", "test error"),
    "Seddik": ("Seddik et al.: responses refitted", "refit", "two draws agree"),
    "Ferbach": ("Ferbach et al.: one kept of K draws", "K", "mass of the best liked"),
    "Feng": ("Feng et al.: a majority of the verified", "error of the examples", "accuracy"),
    "framework": ("here: a filter, and labels on failures", "iteration", "accuracy"),
}


def data(
    scale: Scale, *, beta: float = BETA, gamma: float = GAMMA, solvable: float = SOLVABLE
) -> pd.DataFrame:
    """Return law and simulation along the axis of each panel."""
    draws = 20 * scale.prompts
    return pd.concat(
        [
            *_fitted(draws),
            *_preferred(draws),
            *_verified(draws),
            *_framework(scale, beta, gamma, solvable),
        ],
        ignore_index=True,
    )


def _line(
    panel: str, line: str, x: np.ndarray, law: Any, draws: list[np.ndarray], limit: Any = np.nan
) -> pd.DataFrame:
    values = np.array([np.mean(each) for each in draws])
    error = np.array([WIDTH * np.std(each) / np.sqrt(len(each)) for each in draws])
    return rows(
        panel=panel,
        line=line,
        x=x,
        law=law,
        limit=limit,
        sampled_low=values - error,
        sampled_mean=values,
        sampled_high=values + error,
    )


def _drawn(claim: str, draws: int, seed: int, points: list[dict[str, Any]]) -> list[np.ndarray]:
    """Draw by the simulator of a claim, at each point anew."""
    simulator = MEASUREMENTS[claim].simulator
    assert simulator is not None
    return [
        simulator(np.random.default_rng([seed, number]), draws, **point)
        for number, point in enumerate(points)
    ]


def _fitted(draws: int) -> list[pd.DataFrame]:
    """Three models that are fitted to what they generate."""
    laws, parts = bs.laws, []
    for line, claim, law, limit in (
        ("replaced", "variance", laws.refit_variance, 0.0),
        (
            "all kept",
            "accumulate",
            laws.accumulated_refit_variance,
            laws.accumulated_refit_variance_limit(batch_size=BATCH),
        ),
    ):
        points = [{"batch_size": BATCH, "iterations": int(t)} for t in ROUNDS]
        sampled = _drawn(f"Shumailov.{claim}", draws, 1, points)
        expected = law(batch_size=BATCH, iterations=ROUNDS)
        parts.append(_line("Shumailov", line, ROUNDS, expected, sampled, limit))
    for line, claim, law, limit in (
        ("replaced", "replace", laws.regression_error, np.nan),
        ("all kept", "accumulate", laws.accumulated_regression_error, np.pi**2 / 6),
    ):
        fixed = {"features": FEATURES, "batch_size": ROWS}
        sampled = _drawn(
            f"Gerstgrasser.{claim}",
            draws // 4,
            2,
            [{**fixed, "iterations": int(t)} for t in ROUNDS],
        )
        expected = law(**fixed, iterations=ROUNDS)
        bound = limit * FEATURES / ROWS
        parts.append(_line("Gerstgrasser", line, ROUNDS, expected, sampled, bound))
    task = bs.table_task([[1, 0]] * 500, initial=[[0.5, 0.5]] * 500)
    for number, examples in enumerate(RESPONSES):
        trace = bs.simulate(
            bs.uncurated(),
            task,
            int(ROUNDS[-1]),
            visits=examples,
            seeds=max(1, draws // 500),
            key=number,
            record=("diversity", "prompt"),
        )
        agree = 1.0 - trace.diversity_by_prompt.transpose("iteration", "seed", "prompt").values
        parts.append(
            _line(
                "Seddik",
                f"n = {examples}",
                ROUNDS,
                laws.collision_probability(
                    examples=examples, initial_collision=0.5, iterations=ROUNDS
                ),
                [each.ravel() for each in agree],
                1.0,
            )
        )
    return parts


def _preferred(draws: int) -> list[pd.DataFrame]:
    parts = []
    for number, reward in enumerate((REWARD, 0.5 * REWARD)):
        rewards, probabilities = three_responses(reward, BEST)
        sampled = _drawn(
            "Ferbach.update",
            draws,
            3 + number,
            [{"reward": reward, "best": BEST, "contenders": k} for k in CONTENDERS],
        )
        law = bs.laws.curated_probabilities(
            rewards=rewards, probabilities=probabilities, contenders=CONTENDERS
        )[:, 2]
        limit = bs.laws.tilted_probabilities(rewards=rewards, probabilities=probabilities)[2]
        line = f"rewards to {reward:g}"
        parts.append(_line("Ferbach", line, np.array(CONTENDERS), law, sampled, limit))
    return parts


def _verified(draws: int) -> list[pd.DataFrame]:
    parts = []
    exactly = MEASUREMENTS["Feng.bound"].value
    assert exactly is not None
    verifier = {"keep_correct": KEEP_CORRECT, "keep_wrong": KEEP_WRONG}
    for number, examples in enumerate(VERIFIED):
        points = [{**verifier, "accuracy": 1.0 - e, "examples": examples} for e in WRONG]
        wrong = _drawn("Feng.bound", draws, 6 + number, points)
        law = [1.0 - exactly(**point) for point in points]
        right = [1.0 - each for each in wrong]
        parts.append(
            _line("Feng", f"n = {examples}", WRONG, law, right, bs.laws.breakdown_error(**verifier))
        )
    return parts


def _framework(scale: Scale, beta: float, gamma: float, solvable: float) -> list[pd.DataFrame]:
    """Half solved where it can be, helpless elsewhere: trained on its own output in three ways."""
    helpless = round(scale.prompts * (1.0 - solvable))
    first = np.array([[0.0, 1.0]] * helpless + [[0.5, 0.5]] * (scale.prompts - helpless))
    task = bs.table_task([[1, 0]] * scale.prompts, initial=first)
    noisy = bs.laws.noisy_boosting(beta=beta, gamma=gamma)
    solved = first[:, 0]
    laws = {
        "boosting": [
            float(np.mean(noisy.fixed_point + noisy.rate**t * (solved - noisy.fixed_point)))
            for t in ROUNDS
        ],
        "filter only": [
            float(
                np.mean(
                    bs.laws.filter_only_accuracy(gamma=gamma, initial_accuracy=solved, iterations=t)
                )
            )
            for t in ROUNDS
        ],
        "uncurated": [float(np.mean(solved))] * len(ROUNDS),
    }
    filter = bs.NoisyFilter(gamma)
    procedures = {
        "boosting": bs.boosting(filter=filter, labeler=bs.WeakLabeler(beta)),
        "filter only": bs.filter_only(filter=filter),
        "uncurated": bs.uncurated(),
    }
    parts = []
    for number, (line, procedure) in enumerate(procedures.items()):
        trace = bs.simulate(
            procedure, task, int(ROUNDS[-1]), visits=scale.visits, seeds=scale.seeds, key=number
        )
        parts.append(_line("framework", line, ROUNDS, laws[line], list(trace.accuracy.values.T)))
    return parts


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    gamma: float = GAMMA,
    solvable: float = SOLVABLE,
) -> str:
    """Draw a panel for each paper: lines are laws, dots are simulated."""
    axes = figure.subplots(2, 3).ravel()
    for ax, (panel, (title, x, y)) in zip(axes, PANELS.items(), strict=True):
        part = table[table.panel == panel]
        for color, (line, points) in zip(COLORS, part.groupby("line", sort=False), strict=False):
            _draw_line(ax, panel, str(line), points, color)
        ax.set(xlabel=x, ylabel=y)
        ax.set_title(title, fontsize=9)
        ax.legend(loc="best", fontsize=7)
        if panel not in ("Ferbach", "Feng"):
            ax.set_xticks(ROUNDS[::3])
    axes[3].set_xscale("log", base=2)
    axes[3].set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    return (
        f"Lines: laws. Dots: means of simulations, bars 99% normal intervals. Dotted: limits, the "
        f"π²/6 bound, the breakdown point. Shumailov: {BATCH} samples a refit. Gerstgrasser: one "
        f"design of {ROWS} rows, {FEATURES} features. Feng: correct examples kept with probability "
        f"{KEEP_CORRECT:g}, wrong ones with {KEEP_WRONG:g}, n examples before that; ties count as "
        f"wrong. Here: β = {beta:g}, γ = {gamma:g}, one "
        f"attempt; {solvable:.0%} of the prompts half solved at first, the others without anything "
        f"right."
    )


def _draw_line(ax: Axes, panel: str, line: str, points: pd.DataFrame, color: str) -> None:
    ax.plot(points.x, points.law, color=color)
    error = [
        (points.sampled_mean - points.sampled_low).to_numpy(),
        (points.sampled_high - points.sampled_mean).to_numpy(),
    ]
    ax.errorbar(
        points.x,
        points.sampled_mean,
        yerr=error,
        fmt="o",
        markersize=3,
        linewidth=1,
        color=color,
        label=line,
    )
    limit = points.limit.iloc[0]
    if np.isfinite(limit):
        along = ax.axvline if panel == "Feng" else ax.axhline
        along(limit, color=color if panel != "Feng" else "0.5", linestyle=":", linewidth=1)
