"""What decoding does to a closed loop: temperature, top-p, and curation against both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import boostsim as bs
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, band, quantiles, rows, spread
from boostsim.tasks.table import TableTask

TITLE = "Decoding acts again in every iteration: alone it ends diversity, or all knowledge"
CLAIM = (
    "A loop without curation that decodes at temperature tau has f_t proportional to "
    "f_0^(1/tau^t): below 1 one response is left, above 1 the uniform law, without any sampling "
    "error. With a perfect filter and labels the error is (1 - beta)^t e_0 as it is (T1); a low "
    "temperature speeds learning up, for it votes among the labels; greedy decoding locks in wrong "
    "labels that agree with each other."
)
SIZE = (10.0, 4.2)

BETA, ITERATIONS, VISITS, RESPONSES = 0.3, 30, 100, 8
ALONE = {
    "temperature 0.8": bs.Sharpening(0.8),
    "temperature 0.9": bs.Sharpening(0.9),
    "as it is": bs.Sharpening(),
    "top-p 0.9": bs.Sharpening(top_p=0.9),
    "temperature 1.1": bs.Sharpening(1.1),
    "temperature 1.25": bs.Sharpening(1.25),
}
CURATED = {
    "greedy": bs.Sharpening(0.0),
    "temperature 0.7": bs.Sharpening(0.7),
    "as it is": bs.Sharpening(),
    "temperature 1.3": bs.Sharpening(1.3),
}


def data(
    scale: Scale,
    *,
    beta: float = BETA,
    visits: int = VISITS,
    responses: int = RESPONSES,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return diversity of uncurated loops and error of curated ones, by iteration."""
    task = bs.random_table(6, prompts=scale.prompts, responses=responses, solvable=1.0)
    steps = np.arange(iterations + 1)
    parts: list[pd.DataFrame] = []

    def add(panel: str, line: str, wrong: str, procedure: bs.Procedure, law: np.ndarray) -> None:
        quantity = {"alone": "diversity", "curated": "error"}[panel]
        exact = bs.simulate(procedure, task, iterations, record="diversity")
        sampled = bs.simulate(
            procedure,
            task,
            iterations,
            visits=visits,
            seeds=max(2, scale.seeds // 4),
            key=600 + len(parts),
            record="diversity",
        )
        parts.append(
            rows(
                panel=panel,
                line=line,
                wrong=wrong,
                iteration=steps,
                law=law,
                exact=exact[quantity].values[0],
                prompts=scale.prompts,
                seeds=max(2, scale.seeds // 4),
                **quantiles(sampled[quantity].values),
            )
        )

    for line, sharpening in list(ALONE.items())[:: scale.stride]:
        law = _closed_loop(task, sharpening, steps)
        add("alone", line, "none", bs.uncurated(sharpening=sharpening), law)
    for line, sharpening in list(CURATED.items())[:: scale.stride]:
        for wrong in ("spread", "concentrated"):
            procedure = bs.boosting(
                labeler=bs.WeakLabeler(beta, wrong=wrong), sharpening=sharpening
            )
            law = np.full(len(steps), np.nan)
            if not sharpening.changes:
                start = 1.0 - (task.initial * task.quality).sum(1)
                law = bs.laws.boosting_error(
                    beta=beta, attempts=1, initial_error=start, iterations=steps[:, None]
                ) @ task.prompt_weights  # fmt: skip
            add("curated", line, wrong, procedure, law)
    return pd.concat(parts, ignore_index=True)


def _closed_loop(task: TableTask, sharpening: bs.Sharpening, steps: np.ndarray) -> np.ndarray:
    """Return the diversity of rows proportional to f_0^(1/temperature^t); NaN for a top-p."""
    if sharpening.top_p < 1.0:
        return np.full(len(steps), np.nan)
    with np.errstate(divide="ignore"):
        logits = np.log(task.initial / task.initial.max(1, keepdims=True))
    powers = np.exp(logits[None] * sharpening.temperature ** -steps[:, None, None].astype(float))
    rows_by_step = powers / powers.sum(-1, keepdims=True)
    return (1.0 - (rows_by_step**2).sum(-1)) @ task.prompt_weights


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    beta: float = BETA,
    visits: int = VISITS,
    responses: int = RESPONSES,
) -> str:
    """Draw the uncurated loops on the left, the curated ones on the right."""
    left, right = figure.subplots(1, 2)
    alone = table[table.panel == "alone"]
    for color, (name, line) in zip(COLORS, alone.groupby("line", sort=False), strict=False):
        left.plot(line.iteration, line.exact, color=color)
        left.plot(line.iteration, line.law, color="white", linewidth=0.8, linestyle=(0, (2, 3)))
        band(left, line[line.iteration % 2 == 0], color, name)
    curated = table[table.panel == "curated"]
    smallest = 1.0 / (table.prompts.iloc[0] * visits)
    for color, (name, pair) in zip(COLORS, curated.groupby("line", sort=False), strict=False):
        for wrong, line in pair.groupby("wrong", sort=False):
            dashes = "-" if wrong == "spread" else "--"
            right.plot(
                line.iteration,
                line.exact.where(line.exact > 0.0),
                color=color,
                linestyle=dashes,
            )
            seen = line[line.sampled_mean > smallest]
            band(right, seen, color, name if wrong == "spread" else None)
    left.set(xlabel="iteration", ylabel="diversity", ylim=(0, 1.15), title="no filter, no labels")
    right.set(
        xlabel="iteration",
        ylabel="error",
        yscale="log",
        ylim=(1e-5, 1.5),
        title="perfect filter, labels on failures",
    )
    left.legend(loc="upper left", ncols=3)
    right.legend(loc="upper right", bbox_to_anchor=(1.0, 0.8))
    first = table.iloc[0]
    return (
        f"Lines: exact (white dashes: closed form). Marks, bands: mean and {spread(first.seeds)} "
        f"of {first.seeds:.0f} sampled runs of {visits} visits a prompt. {first.prompts:,.0f} "
        f"prompts, {responses} responses, one of them correct; one attempt. Right: β = {beta:g}, "
        "wrong labels spread over all wrong responses (solid) or all alike (dashed)."
    )
