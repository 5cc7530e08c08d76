"""What a verifier's blind spot does: a wrong answer that it accepts, the key, takes over (T20)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import boostsim as bs
from boostsim.curation.procedure import Procedure
from boostsim.figures import Scale
from boostsim.figures.style import COLORS, SHAPES, quantiles, rows, spread
from boostsim.tasks.table import TableTask

TITLE = (
    "A wrong answer that the verifier accepts more often than right ones takes over: labels for "
    "failures do not save it"
)
CLAIM = (
    "A class of responses grows by its acceptance, right or wrong (T20). Where a rare wrong "
    "answer, the key, is accepted less than right ones the accuracy comes near 1. Where it is "
    "accepted more the accuracy rises, then falls to nothing, under boosting too: what the "
    "verifier accepts does not fail, so no label comes for it. Where boosting rests is a step."
)
SIZE = (10.0, 4.2)

TRUE, FALSE, ATTEMPTS, ITERATIONS = 0.9, 0.1, 4, 150
CLASSES = ("right", "wrong", "key")
# Masses of the classes, of the first model and of the labeler.
INITIAL, LABELS = (0.3, 0.69, 0.01), (0.2, 0.79, 0.01)
KEYS = (0.5, 0.9, 0.99)
LINES: dict[float, Any] = dict(zip(KEYS, (":", "--", "-"), strict=True))
# Acceptances of the right panel, and how long its longest runs are.
GRID = np.round(np.linspace(0.8, 0.99, 39), 4)
LONG = 1000
# Iterations with a mark; so many visits that the key is not lost by chance.
MARKS, VISITS = (0, 1, 3, 8, 20, 40, 60, 80, 110, 150), 100_000


def data(
    scale: Scale,
    *,
    attempts: int = ATTEMPTS,
    true_accept: float = TRUE,
    false_accept: float = FALSE,
    iterations: int = ITERATIONS,
) -> pd.DataFrame:
    """Return the masses of the classes, exact, sampled and by law, and the accuracy in the end."""
    accept = _accepted(true_accept, false_accept, KEYS)
    copies = max(1, scale.prompts // 100)
    many = np.tile(accept, (copies, 1))
    steps = np.arange(iterations + 1)
    parts = []
    for panel in ("filter only", "boosting"):
        exact = _masses(panel, accept, attempts, iterations)[0]
        drawn = _masses(panel, many, attempts, iterations, visits=VISITS, seeds=scale.seeds, key=0)
        drawn = drawn.reshape(*drawn.shape[:2], copies, *accept.shape).mean(2)
        for number, key in enumerate(KEYS):
            law = _law(panel, accept[number], attempts, steps)
            for place, name in enumerate(CLASSES):
                told: dict[str, Any] = {"panel": panel, "key_accept": key, "response": name}
                told |= {"prompts": copies, "seeds": scale.seeds}
                told |= {"iteration": steps, "law": law[:, place]}
                sampled = quantiles(drawn[:, :, number, place])
                parts.append(rows(**told, mass=exact[:, number, place], **sampled))
    keys = GRID[:: scale.stride]
    accept = _accepted(true_accept, false_accept, keys)
    rest = _law("boosting", accept, attempts, steps[:1])[:, 0]
    for length in sorted({iterations, LONG}):
        mass = _masses("boosting", accept, attempts, length)[0, -1, :, 0]
        told = {"panel": "rest", "key_accept": keys, "response": "right", "iteration": length}
        told |= {"prompts": 1, "seeds": 1, "law": rest, "mass": mass}
        parts.append(rows(**told, sampled_low=mass, sampled_mean=mass, sampled_high=mass))
    return pd.concat(parts, ignore_index=True)


def _accepted(true_accept: float, false_accept: float, keys: Iterable[float]) -> np.ndarray:
    """Return the acceptance of each class, for each acceptance of the key: ``[keys, classes]``."""
    return np.array([[true_accept, false_accept, key] for key in keys])


def _law(panel: str, accept: np.ndarray, attempts: int, steps: np.ndarray) -> np.ndarray:
    """Return T20's masses by iteration; of boosting those at which it rests."""
    if panel == "filter only":
        law = bs.laws.blind_spot(initial_masses=INITIAL, accept=accept, iterations=steps)
    else:
        rest = bs.laws.blind_spot_boosting(labeler_masses=LABELS, accept=accept, attempts=attempts)
        law = np.broadcast_to(rest, (len(steps), len(CLASSES))) if accept.ndim == 1 else rest
    return np.asarray(law)


def _masses(
    panel: str, accept: np.ndarray, attempts: int, iterations: int, **sampled: Any
) -> np.ndarray:
    """Return ``[seeds, iterations + 1, prompts, classes]``: a prompt for each row of accept."""
    run = bs.simulate(
        _procedure_of(panel, accept, attempts),
        _task_of(len(accept)),
        iterations,
        record="rows",
        **sampled,
    )
    return np.asarray(run.rows.values)


def _task_of(prompts: int) -> TableTask:
    """Return prompts with one response of each class."""
    return bs.table_task([[1, 0, 0]] * prompts, initial=[INITIAL] * prompts)


def _procedure_of(panel: str, accept: np.ndarray, attempts: int) -> Procedure:
    """Return the procedure of a panel, whose filter accepts by prompt and class."""
    filt = bs.ClassFilter(accept)
    if panel == "filter only":
        return bs.filter_only(attempts=attempts, filter=filt, keep="one")
    return bs.boosting(
        attempts=attempts, filter=filt, labeler=bs.WeakLabeler(rows=[LABELS] * len(accept))
    )


def draw(
    table: pd.DataFrame,
    figure: Figure,
    *,
    attempts: int = ATTEMPTS,
    true_accept: float = TRUE,
    false_accept: float = FALSE,
) -> str:
    """Draw masses by iteration under both procedures, and the accuracy at which boosting rests."""
    alone, boosted, rest = figure.subplots(1, 3, sharey=True)
    colors = dict(zip(CLASSES, COLORS, strict=False))
    told = f"boosting, k = {attempts}"
    for ax, panel, title in (
        (alone, "filter only", "filter only"),
        (boosted, "boosting", told),
    ):
        for (key, name), line in table[table.panel == panel].groupby(["key_accept", "response"]):
            color = colors[name]
            curve = line.law if panel == "filter only" else line.mass
            ax.plot(line.iteration, curve, LINES[key], color=color)
            marked = line[line.iteration.isin(MARKS)]
            ax.errorbar(
                marked.iteration,
                marked.sampled_mean,
                # Of few runs the mean can lie beyond these.
                yerr=np.maximum(
                    [
                        marked.sampled_mean - marked.sampled_low,
                        marked.sampled_high - marked.sampled_mean,
                    ],
                    0.0,
                ),
                fmt=SHAPES[color],
                color=color,
                markersize=3.5,
                elinewidth=0.9,
            )
        ax.set(title=title, xlabel="iteration")
    alone.set_ylabel("mass of the class")
    handles = [
        Line2D([], [], color=color, marker=SHAPES[color], markersize=3.5, label=name)
        for name, color in colors.items()
    ]
    alone.legend(handles=handles, loc="center right")
    styles = [Line2D([], [], color="0.3", linestyle=LINES[key], label=f"{key:g}") for key in LINES]
    boosted.legend(handles=styles, loc="center right", title="key accepted", title_fontsize=8)
    ends = table[table.panel == "rest"]
    first = ends[ends.iteration == ends.iteration.min()]
    rest.plot(first.key_accept, first.law, color="black", label="where it rests")
    for color, (length, line) in zip(COLORS[3:], ends.groupby("iteration"), strict=False):
        rest.plot(
            line.key_accept,
            line.mass,
            SHAPES[color],
            color=color,
            markersize=3.5,
            label=f"after {length:,}",
        )
    rest.axvline(true_accept, color="0.6", linewidth=0.9, linestyle=":")
    rest.set(title="boosting: accuracy in the end", xlabel="acceptance of the key")
    rest.legend(loc="lower left")
    drawn = table[table.panel == "boosting"].iloc[0]
    masses = ", ".join(f"{each:g}" for each in INITIAL)
    labels = ", ".join(f"{each:g}" for each in LABELS)
    return (
        "Lines: T20's law under filter only, exact runs under boosting. Marks, bars: mean and "
        f"{spread(drawn.seeds)} of {drawn.seeds:.0f} sampled runs of {drawn.prompts:.0f} prompts "
        f"at {VISITS:,} visits: at few the key may be lost by chance. Right: T20's fixed point, "
        f"and exact runs; dotted: the acceptance of right responses, {true_accept:g}; "
        f"of wrong ones: {false_accept:g}. Masses (right, wrong, key) of the first model: "
        f"({masses}), of labels: ({labels})."
    )
