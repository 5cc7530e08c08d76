"""Labels to 99% against beta, for every criterion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.label_price import UNSOLVED, half_solved
from boostsim.figures.style import COLORS
from boostsim.theory.law import reached
from boostsim.tournament.compare import every_criterion

TITLE = "Failures are the cheapest place for labels, unless the labeler knows nothing of some"
CLAIM = (
    "With a perfect filter, one visit and one attempt, labels for failures reach an error at T2's "
    "cost (e_0 - e)/beta, the least that any rule can expect. With several attempts and a filter "
    "that errs no other rule needs fewer, though the oracle does. Where the labeler knows nothing "
    "of half of the unsolved prompts (T8) a share of its labels is lost for ever: rules that "
    "remember what labels were worth need fewer where right labels are common."
)
SIZE = (12.0, 5.0)

TARGET, ITERATIONS = 0.01, 150
BETAS = (0.1, 0.2, 0.35, 0.6, 1.0)
# Panel -> gamma, attempts, visits, labels per visit and iteration, what the labeler knows of what
# is unsolved.
PANELS = {
    "perfect filter, 1 visit, 1 attempt": (0.0, 1, 1, 0.1, 1.0),
    "filter errs 1 in 5, 10 visits, 4 attempts": (0.2, 4, 10, 0.01, 1.0),
    "knows half, filter errs 1 in 20, 10 visits": (0.05, 4, 10, 0.02, 0.5),
}
# What a rule goes by, the colour of its lines, and its rules with a marker and a dash each.
FAMILIES = {
    "by failures": (
        COLORS[0],
        {"failed": "o-", "below": "D--", "hardest": "^:", "difficulty": "v-."},
    ),
    "by what labels did": (
        COLORS[1],
        {"upper_confidence": "x-", "thompson": "*--", "hedge": "P:", "learning_progress": "h-."},
    ),
    "by doubt, or by nothing": (
        COLORS[2],
        {"uniform": "s-", "margin": ">--", "disagreement": "<:"},
    ),
    "by the truth": ("black", {"oracle": "p--"}),
}


def _labels_to(target: float, trace: xarray.Dataset) -> np.ndarray:
    """Return by seed the labels bought when the error is first at most the target, or NaN."""
    arrived, labels = reached(trace.error.values, target), trace.labels.values
    bought = np.take_along_axis(labels, arrived.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(arrived.any(axis=1), bought, np.nan)


def row(
    panel: str, rule: bs.Criterion, beta: float, scale: Scale, target: float = TARGET
) -> dict[str, object]:
    """Return what one rule needs in one panel at one beta."""
    prompts, seeds = min(scale.prompts, 1000), max(scale.seeds // 4, 2)
    gamma, attempts, visits, budget, knows = PANELS[panel]
    # Of the unsolved prompts, which stand last, the last are those that it knows nothing of.
    known = np.arange(prompts) < round(prompts * (1.0 - UNSOLVED * (1.0 - knows)))
    share = UNSOLVED * knows
    procedure = bs.boosting(
        attempts=attempts,
        filter=bs.NoisyFilter(gamma),
        labeler=bs.WeakLabeler(beta * known),
        criterion=rule,
        budget=budget,
    )
    task = half_solved(prompts, responses=4)
    there = UNSOLVED - share + target * knows
    # What comes after it is not asked for.
    until = bs.Until(error=there)
    trace = bs.simulate(procedure, task, ITERATIONS, visits=visits, seeds=seeds, key=0, until=until)
    bought = _labels_to(there, trace)
    return {
        "panel": panel,
        "criterion": rule.name,
        "beta": beta,
        # Per prompt that can be learned: visits are the same to each.
        "labels": bought.mean() * visits / share,
        "reached": np.isfinite(bought).mean(),
        "prompts": prompts,
        "seeds": seeds,
    }


def data(scale: Scale, *, beta: tuple[float, ...] = BETAS, target: float = TARGET) -> pd.DataFrame:
    """Return labels per visit to the target for each panel, criterion and beta."""
    return pd.DataFrame(
        row(panel, rule, share, scale, target)
        for panel, (_, _, visits, *_) in PANELS.items()
        for rule in [
            *every_criterion(visits)[: None if scale.stride == 1 else 2],
            bs.criteria.oracle,
        ]
        for share in beta[:: scale.stride]
    )


def draw(table: pd.DataFrame, figure: Figure, *, target: float = TARGET) -> str:
    """Draw labels per unsolved prompt against beta; what never arrives stands at the top."""
    axes = figure.subplots(1, len(PANELS), sharey=True)
    # Rules that count labels are told how many visits there are: they differ between panels.
    table = table.assign(rule=table.criterion.str.partition("(")[0])
    names, betas = table.rule.unique(), np.sort(table.beta.unique())
    top = 3.0 * np.nanmax(table.labels)
    for ax, panel in zip(axes, PANELS, strict=True):
        lines = table[table.panel == panel]
        for family, (color, rules) in FAMILIES.items():
            ax.plot([], [], " ", label=family)
            for name, look in rules.items():
                line = lines[lines.rule == name]
                if not line.empty:
                    width = 2.5 if name == "failed" else 1.0
                    ax.plot(line.beta, line.labels, look, color=color, ms=4, lw=width, label=name)
        never = lines[lines.labels.isna()].groupby("beta").size()
        for beta, count in never.items():
            ax.annotate(str(count), (beta, top), ha="center", va="center", fontsize=8)
        ax.set(xscale="log", yscale="log", title=panel, xlabel="β, share of right labels")
        ax.set_xticks(betas, [f"{beta:g}" for beta in betas])
        ax.minorticks_off()
    bound = (UNSOLVED - target) / UNSOLVED / betas
    for ax in axes:
        ax.fill_between(betas, 0.01, bound, color="0.9", linewidth=0, zorder=0)
    axes[0].set_ylabel(f"labels per prompt to learn, until {1.0 - target:.0%}")
    where = {"xycoords": "axes fraction", "color": "0.25"}
    axes[0].annotate("T2: no rule expects\nto need fewer", (0.05, 0.06), fontsize=8, **where)
    axes[0].set_ylim(0.8 * bound.min(), 1.5 * top)
    axes[0].annotate("rules that do not arrive", (betas[0], 0.75 * top), fontsize=7.5, color="0.25")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.05))
    first = table.iloc[0]
    return (
        f"Mean over {first.seeds:.0f} sampled runs of {first.prompts:.0f} prompts, half of them "
        f"without any right answer at first; at most {ITERATIONS} iterations of 0.1, 0.01 and "
        "0.02 labels per visit. Right: of half of the unsolved prompts the labeler knows "
        f"nothing, and {1.0 - target:.0%} means of what it knows. Numbers at the top: how many of "
        f"the {len(names)} rules do not arrive in every run. Colours: what a rule goes by. Grey: "
        "below T2's (e₀ - e)/β, which no rule can undercut in expectation: a label makes a "
        "prompt that is never right learnable with probability β at most. Left: markers lie on "
        "one another."
    )
