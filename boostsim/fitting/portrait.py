"""The picture of a fit: the mean by iteration, and how correct masses are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from boostsim.fitting.bands import Stopped
from boostsim.fitting.histories import Histories
from boostsim.fitting.world import World

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_fit(counts: Histories, world: World, accept: tuple[float, float]) -> Figure:
    """Draw the accepted share by iteration beside the world's, and first and last masses.

    Args:
        counts: of the log.
        world: fitted to it.
        accept: probability that a (correct, wrong) response is accepted.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    weights = counts.weights()
    made = weights @ counts.attempts
    numbers = counts.first + counts.step * counts.times
    left.plot(numbers, weights @ counts.accepted / made, "o", markersize=3, label="log")
    path, wrongs = world.dynamics.path(world.start, world.wrong, counts.times)
    if counts.labels is None:
        fitted = (accept[0] * path + accept[1] * wrongs) @ world.weights
        if counts.stopping is not None:
            # Prompts that succeed at once make few of the attempts.
            ends = Stopped(*counts.stopping, accept)
            fitted = (ends.hits(path) @ world.weights) / (ends.made(path) @ world.weights)
        left.plot(numbers, fitted, label="fitted")
    left.set(xlabel="iteration", ylabel="accepted share of attempts")
    left.legend(frameon=False)
    for place in sorted({0, len(counts.times) - 1}):
        order = np.argsort(path[place])
        right.step(
            path[place][order],
            np.cumsum(world.weights[order]),
            where="post",
            label=f"iteration {numbers[place]}",
        )
    right.set(xlabel="correct mass of a prompt", ylabel="share of prompts, cumulative")
    right.legend(frameon=False)
    return figure
