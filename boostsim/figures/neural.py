"""The runs behind the transformer's figures: five procedures at one budget, kept and resumable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray
from matplotlib.axes import Axes

import boostsim as bs
from boostsim.curation.labelers import SHUFFLED
from boostsim.figures import Scale
from boostsim.figures.kept import kept
from boostsim.figures.style import COLORS, rows
from boostsim.tasks.sequences import SequenceTask

METHODS = ("boosting", "random labels", "filter only", "labels only", "uncurated")
# Of their lines: whatever lies over another leaves gaps in which that shows.
DASHES: tuple[Any, ...] = ("-", "-", (0, (2.5, 2.5)), (0, (4, 1.5, 1, 1.5)), (0, (1, 3)))
BETA, BUDGET = 0.3, 0.125
NOISES = {"arithmetic": "slip", "programs": "concentrated"}
BETAS = (0.0, 0.1, BETA, 0.5)
KEY = 2026


@dataclass(frozen=True)
class Size:
    """How much is trained.

    Attributes:
        learner: the transformer.
        operations: of the longest prompts, for each task.
        prompts: visited in an iteration.
        iterations: for each task.
        seeds: paired runs of each procedure.
        attempts: k, of those that filter.
        evaluate: evaluation prompts a stratum.
    """

    learner: bs.Transformer
    operations: dict[str, int]
    prompts: int
    iterations: dict[str, int]
    seeds: int
    attempts: int = 4
    evaluate: int = 100


SMALL = bs.Transformer(
    width=32, heads=2, steps=32, learning_rate=2e-3, first_steps=96, first_learning_rate=5e-3
)
LARGE = bs.Transformer(width=256, layers=4, heads=8, steps=256, batch=256)
SIZES = {
    "smoke": Size(
        SMALL,
        operations={"arithmetic": 3, "programs": 3},
        prompts=256,
        iterations={"arithmetic": 2, "programs": 2},
        seeds=1,
    ),
    "quick": Size(
        bs.Transformer(),
        operations={"arithmetic": 6, "programs": 5},
        prompts=2048,
        iterations={"arithmetic": 10, "programs": 8},
        seeds=3,
    ),
    "full": Size(
        LARGE,
        operations={"arithmetic": 10, "programs": 8},
        prompts=16_384,
        iterations={"arithmetic": 15, "programs": 15},
        seeds=5,
        attempts=8,
        evaluate=400,
    ),
}


def task_named(name: str, size: Size) -> SequenceTask:
    """Return the task of a figure."""
    operations = size.operations[name]
    return bs.arithmetic(operations) if name == "arithmetic" else bs.programs(operations)


def procedure(
    task_name: str,
    method: str,
    beta: float,
    scale: Scale,
    rule: bs.Criterion = bs.criteria.failed,
    wrong: str | None = None,
) -> bs.Procedure:
    """Return one of the five: all that buy labels may buy the same number of them.

    Args:
        task_name: of the task, which says how wrong labels are wrong.
        method: one of ``METHODS``.
        beta: share of right labels.
        scale: of the figure.
        rule: whom boosting asks for labels.
        wrong: how wrong labels are wrong, if not as they usually are on the task.
    """
    attempts = SIZES[scale.name].attempts
    labeler = bs.WeakLabeler(beta, wrong=wrong or NOISES[task_name])
    if method == "boosting":
        return bs.boosting(attempts=attempts, labeler=labeler, budget=BUDGET, criterion=rule)
    if method == "random labels":
        return bs.random_labels(attempts=attempts, labeler=labeler, rate=BUDGET)
    if method == "filter only":
        return bs.filter_only(attempts=attempts, keep="one")
    if method == "labels only":
        return replace(bs.labels_only(labeler=labeler), budget=BUDGET)
    return bs.uncurated()


def run(
    task_name: str, rule: bs.Procedure, scale: Scale, iterations: int | None = None
) -> xarray.Dataset:
    """Return a trace, from the cache as far as it is there; for the size's iterations if not said.

    Procedures share a key, so they are paired: first models, prompts and evaluation prompts.
    """
    size = SIZES[scale.name]
    task = task_named(task_name, size)
    told = [rule.describe(), task.fingerprint, size.learner.describe(), size.prompts, KEY]
    make = partial(
        bs.simulate,
        rule,
        task,
        size.iterations[task_name] if iterations is None else iterations,
        learner=size.learner,
        prompts_per_iteration=size.prompts,
        evaluate=size.evaluate,
        seeds=size.seeds,
        key=KEY,
    )
    return kept(told, make)


def records(
    task_name: str,
    method: str,
    beta: float,
    scale: Scale,
    strata: bool = False,
    wrong: str | None = None,
) -> pd.DataFrame:
    """Return a tidy table of a run: a row for each seed, iteration and, if asked, stratum."""
    trace = run(task_name, procedure(task_name, method, beta, scale, wrong=wrong), scale)
    size = SIZES[scale.name]
    parts = []
    for seed in trace.seed.values:
        one = trace.sel(seed=seed)
        if strata:
            for stratum in trace.stratum.values:
                cell = one.sel(stratum=stratum)
                parts.append(
                    rows(
                        method=method,
                        stratum=str(stratum),
                        seed=seed,
                        iteration=trace.iteration.values,
                        sampled=cell.accuracy_by_stratum.values,
                        greedy=cell.greedy_accuracy_by_stratum.values,
                        evaluated=size.evaluate,
                    )
                )
            continue
        worth = {name: one[name].values[1:] for name in ("label_accuracy", "right_tokens")}
        parts.append(
            rows(
                method=method,
                wrong=wrong or NOISES[task_name],
                beta=beta,
                attempts=size.attempts,
                seed=seed,
                iteration=trace.iteration.values,
                sampled=one.accuracy.values,
                greedy=one.greedy_accuracy.values,
                pass_at_4=one.pass_at_k.values,
                entropy=one.entropy.values,
                labels=one.labels.values,
                tokens=one.tokens.values,
                # Zero where no label was bought.
                **{name: np.nan_to_num(values).mean() for name, values in worth.items()},
            )
        )
    return pd.concat(parts, ignore_index=True)


def curves(ax: Axes, table: pd.DataFrame, quantity: str, labelled: bool) -> None:
    """Draw a quantity by iteration: thick the mean over seeds, thin each seed.

    Methods are dashed so that of lines that lie on each other all can be seen.
    """
    for color, dash, (method, lines) in zip(
        COLORS, DASHES, table.groupby("method", sort=False), strict=False
    ):
        for _, line in lines.groupby("seed"):
            ax.plot(line.iteration, line[quantity], color=color, linewidth=0.6, alpha=0.5)
        mean = lines.groupby("iteration")[quantity].mean()
        told = method if labelled else None
        ax.plot(mean.index, mean, color=color, linewidth=2, linestyle=dash, label=told)
    ax.set(xlabel="iteration", ylim=(-0.03, 1.03))
    ax.locator_params(axis="x", integer=True)


def compared(
    task_name: str, scale: Scale, others: tuple[str, ...] = (), beta: float = BETA
) -> pd.DataFrame:
    """Return all methods at one beta, and boosting over beta, with labels wrong in two ways.

    Args:
        task_name: of the task.
        scale: of the figure.
        others: methods that are run over beta besides, with labels wrong as usual.
        beta: the one.
    """
    parts = [records(task_name, method, beta, scale) for method in METHODS]
    betas = BETAS if scale.stride == 1 else (BETAS[0], BETAS[-1])
    over = [(method, None) for method in ("boosting", *others)] + [("boosting", SHUFFLED)]
    parts += [
        records(task_name, method, share, scale, wrong=wrong)
        for share in sorted({*betas, beta})
        for method, wrong in over
        if (share, wrong) != (beta, None)
    ]
    return pd.concat(parts, ignore_index=True)


def gain_of_wrong_labels(table: pd.DataFrame, wrong: str, beta: float = BETA) -> float:
    """Return the share of boosting's gain over the filter alone that it has without right labels.

    Of accuracies in the last iteration, means over seeds, at ``beta`` and at 0, where wrong labels
    are wrong in the way that is named.
    """
    last = table[table.iteration == table.iteration.max()]
    alone = last[last.method == "filter only"].sampled.mean()
    boosting = last[(last.method == "boosting") & (last.wrong == wrong)]
    at = boosting.groupby("beta").sampled.mean() - alone
    return float(at[0.0] / at[beta])


def over_beta(ax: Axes, table: pd.DataFrame, others: tuple[str, ...] = ()) -> None:
    """Draw the last accuracy over beta: lines are means over seeds, dots seeds."""
    last = table[table.iteration == table.iteration.max()]
    usual = table.wrong[table.wrong != SHUFFLED].iloc[0]
    lines = [("boosting", usual, COLORS[0], "-"), ("boosting", SHUFFLED, COLORS[0], ":")]
    lines += [(name, usual, COLORS[METHODS.index(name)], "-") for name in others]
    for method, wrong, color, style in lines:
        ends = last[(last.method == method) & (last.wrong == wrong)].sort_values("beta")
        mean = ends.groupby("beta").sampled.mean()
        told = f"{method}, {wrong}" if method == "boosting" else None
        ax.plot(mean.index, mean, color=color, linestyle=style, linewidth=2, label=told)
        ax.plot(ends.beta, ends.sampled, "o", color=color, markersize=4, alpha=0.7)
    alone = last[last.method == "filter only"].sampled.mean()
    ax.axhline(alone, color=COLORS[2], linewidth=1, linestyle="--")
    ax.set(title="sampled, last iteration", xlabel="β, share of right labels")
    ax.legend(loc="lower right", title="wrong labels")
