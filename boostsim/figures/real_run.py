"""A run that others made: its log fitted on a third, forecast, and measured by difficulty."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from boostsim.figures import Scale
from boostsim.figures.style import COLORS, rows
from boostsim.fitting.backtest import Backtest, backtest
from boostsim.fitting.fit import fit
from boostsim.fitting.world import World
from boostsim.logs.log import Log
from boostsim.logs.reading import read_log

TITLE = "A real run by the theory: one speed for all prompts, fitted on a third of it"
CLAIM = (
    "GRPO of a 1.5B model on 1,209 mathematics prompts, by others. Log-odds that grow alike on all "
    "prompts (T9, T18), fitted on 15 epochs, forecast the next 29 by difficulty within .02 (root "
    "mean square). The mean alone is no evidence: the forecast misses it by .007, straight lines "
    "through the last four to eight of the 15 by .004 to .013; and over all 44 a straight line "
    "fits it as well as one speed. Not explained: the speed falls, from .040 to .022 an epoch."
)
SIZE = (9.5, 4.2)

NAMED, FILE = "BOOSTSIM_LOGS", "rlvr_epochs.jsonl"
TRAINED = 1.0 / 3.0
# Draws of the bootstrap for each visit of a scale: 400 at the quick one.
DRAWS = 4
ALL = "all"


def missing() -> str | None:
    """Return where the log is, in a sentence, or None where it is at hand."""
    if (_folder() / FILE).is_file():
        return None
    return (
        f"{FILE} must lie in the folder that the environment variable {NAMED} names, for the "
        "figure real_run: one line a prompt, its attempts an epoch and the list of those that "
        "were correct, as counted from data/acc_step_500.json of the public repository "
        "ypwang61/One-Shot-RLVR at commit 21ed529 (Apache-2.0)"
    )


def sources() -> tuple[Path, ...]:
    """Return the files of others that the figure reads."""
    return (_folder() / FILE,)


def _folder() -> Path:
    return Path(os.environ.get(NAMED) or "no folder")


def _log() -> Log:
    """Return the log of the epochs that every prompt has: an epoch drops a last batch."""
    told = missing()
    if told:
        raise ValueError(told)
    with open(_folder() / FILE) as lines:
        prompts = [json.loads(line) for line in lines]
    epochs = min(len(prompt["correct"]) for prompt in prompts)
    records = pd.DataFrame(
        {
            "prompt": prompt["prompt"],
            "iteration": epoch,
            "attempts": prompt["attempts"],
            "accepted": prompt["correct"][epoch],
        }
        for prompt in prompts
        for epoch in range(epochs)
    )
    log = read_log(records)
    assert isinstance(log, Log)
    return log


def data(scale: Scale, *, trained: float = TRAINED) -> pd.DataFrame:
    """Return, of all prompts and of classes, what was observed and what was forecast; and speeds.

    Raises:
        ValueError: where the log is not at hand.
    """
    log = _log()
    found = fit(log)
    tested = backtest(
        found.world,
        found.counts,
        found.procedure(),
        share=trained,
        draws=DRAWS * scale.visits,
    )
    observed = log.dense("accepted").sum(0) / log.dense("attempts").sum(0)
    epochs = np.arange(len(observed))
    one = World.estimate(found.counts).accuracy(len(epochs) - 1)
    line = np.polyval(np.polyfit(epochs, observed, 1), epochs)
    parts = [
        _line("the mean", "observed", epochs, observed),
        _line("the mean", "one speed through all", epochs, one),
        _line("the mean", "straight line through all", epochs, line),
    ]
    part = _part(trained)
    for name, curve in tested.curves.groupby("class", sort=False):
        panel = "the mean" if name == ALL else f"class {name}"
        at = curve.iteration.to_numpy()
        if name != ALL:
            parts.append(_line(panel, "observed", at, curve.observed))
        low, high = curve.low.to_numpy(), curve.high.to_numpy()
        parts.append(_line(panel, f"fitted on {part}", at, curve.fitted_speed, low, high))
        parts.append(_line(panel, f"straight line on {part}", at, curve.straight_line))
        parts.append(_line(panel, f"no change after {part}", at, curve.no_change))
    return pd.concat([*parts, _speeds(found.speed.blocks, tested)], ignore_index=True)


def _part(trained: float) -> str:
    """Return in words what of the log is fitted."""
    return "a third" if trained == TRAINED else f"{trained:.3g} of it"


def _line(panel: str, line: str, iteration: Any, value: Any, *ends: Any) -> pd.DataFrame:
    low, high = ends or (value, value)
    return rows(panel=panel, line=line, iteration=iteration, value=value, low=low, high=high)


def _speeds(blocks: Any, tested: Backtest) -> pd.DataFrame:
    """Return the speed of each block, at its middle, and the one that the forecast goes at."""
    middle = np.array([(block.first + block.last) / 2.0 for block in blocks])
    speed, low, high = (
        np.array([getattr(block, name) for block in blocks])
        for name in ("log_ratio", "low", "high")
    )
    used = tested.speed["trained"]
    return pd.concat(
        [
            _line("speed", "by blocks", middle, speed, low, high),
            _line("speed", "of the forecast", middle, np.full(len(middle), used)),
        ]
    )


def _drawn(
    ax: Axes, table: pd.DataFrame, color: str, label: str | None, far: float, part: str
) -> None:
    """Draw what was observed as dots, the forecast as a line with its band, a straight one."""
    seen = table[table.line == "observed"]
    ax.plot(seen.iteration, seen.value, "o", color=color, markersize=2.5)
    ahead = table[table.line == f"fitted on {part}"]
    ax.plot(ahead.iteration, ahead.value, color=color, label=label)
    ax.fill_between(ahead.iteration, ahead.low, ahead.high, color=color, alpha=0.2, linewidth=0)
    line = table[table.line == f"straight line on {part}"]
    ax.plot(line.iteration, line.value, ":", color=color, linewidth=1)
    ax.set(xlabel="epoch", xlim=(-1, far + 1))


def draw(table: pd.DataFrame, figure: Figure, *, trained: float = TRAINED) -> str:
    """Draw the mean, the classes, and the speed by blocks."""
    mean, classes, pace = figure.subplots(1, 3, width_ratios=(1, 1.15, 0.8))
    whole = table[table.panel == "the mean"]
    far, part = whole.iteration.max(), _part(trained)
    first = int(whole[whole.line == f"fitted on {part}"].iteration.min())
    _drawn(mean, whole, COLORS[0], f"one speed, fitted on {first}; 95%", far, part)
    straight = whole[whole.line == "straight line through all"]
    mean.plot(straight.iteration, straight.value, color="0.5", linewidth=1, label="line through 44")
    mean.plot([], [], ":", color=COLORS[0], linewidth=1, label=f"line through {first}")
    mean.plot([], [], "o", color=COLORS[0], markersize=2.5, label="observed")
    begun = first - 0.5
    mean.axvline(begun, color="0.6", linewidth=0.8)
    top = max(0.6, whole.high.max())
    mean.set(title="All prompts", ylabel="share of right attempts", ylim=(0.3, top))
    mean.legend(loc="upper left")
    names = [panel for panel in table.panel.unique() if panel.startswith("class ")]
    for name, color in zip(names, COLORS, strict=False):
        one = table[table.panel == name]
        _drawn(classes, one, color, None, far, part)
        at = one[one.line == f"fitted on {part}"].iloc[0]
        told = name.removeprefix("class ")
        classes.text(begun - 0.7, at.value, told, color=color, ha="right", va="center", fontsize=8)
    classes.set(title=f"By probability at epoch {first - 1}", ylim=(-0.02, 1.02))
    blocks = table[(table.panel == "speed") & (table.line == "by blocks")]
    reach = (blocks.value - blocks.low, blocks.high - blocks.value)
    pace.errorbar(blocks.iteration, blocks.value, reach, fmt="o", color=COLORS[0], capsize=3)
    used = table[table.line == "of the forecast"].value.iloc[0]
    pace.axhline(used, color=COLORS[1], linewidth=1)
    pace.text(0, used, "the forecast's", color=COLORS[1], va="bottom", fontsize=8)
    pace.set(title="Log odds an epoch, all 44", xlabel="epoch", xlim=(-1, far + 1), ylim=(0, None))
    # What was looked at after a third, and told of it alone.
    nearer, higher = "", ""
    if trained == TRAINED:
        nearer = (
            "; in the lowest class it is as near, and in the mean one through the last few may be "
            "(the forecast misses by .007, those through the last four to eight by .004 to .013)"
        )
        higher = "; those of .05 to .3 are forecast too high"
    return (
        "GRPO of Qwen2.5-Math-1.5B on 1,209 prompts, 8 attempts an epoch; verdicts of a rule are "
        "taken for truth; the log is ypwang61/One-Shot-RLVR's. Odds that grow at one speed are "
        f"fitted on {first} epochs and go on at that of the last of these, so bands (95%) are "
        f"wide. Dotted: a straight line through the {first}{nearer}. Classes by the posterior "
        f"after the {first}{higher}. Not explained: over all 44 the speed falls by blocks, "
        "from .040 to .022 (bars: 95%, by prompt), and one speed fits the mean no better than a "
        "straight line."
    )
