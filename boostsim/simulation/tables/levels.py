"""Scores on a table as the arithmetic needs them: levels of each prompt, classes of one level each.

A class lies within one level of the score, so the classes of before are split by the rank of the
score among those of the prompt. What is empty on every prompt is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from boostsim.simulation.tables.choosing import nodes
from boostsim.simulation.tables.classes import Classes

# Numbers of a choice, by name; floats all: exact runs are differentiated along them.
Choice = dict[str, np.ndarray]


class Levels(NamedTuple):
    """The scores of a table.

    Attributes:
        rank: of each response's score among those of its prompt, the least 0, ``[prompts,
            responses]``.
        score: of each response, of the same shape.
        worth: the score of each rank, ``[prompts, ranks]``; where a prompt has no such rank, its
            greatest.
    """

    rank: Int[np.ndarray, "prompts responses"]
    score: Float[np.ndarray, "prompts responses"]
    worth: Float[np.ndarray, "prompts ranks"]


def levels_of(score: Float[np.ndarray, "prompts responses"]) -> Levels:
    """Return the levels of scores.

    Example:
        >>> levels_of(np.array([[3.0, 1.0, 3.0], [0.5, 0.5, 0.5]])).rank.tolist()
        [[1, 0, 1], [0, 0, 0]]
    """
    order = np.argsort(score, axis=1, kind="stable")
    ordered = np.take_along_axis(score, order, axis=1)
    number = np.cumsum(np.diff(ordered, axis=1, prepend=ordered[:, :1]) > 0.0, axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, number, axis=1)
    worth = np.tile(score.max(1, keepdims=True), (1, int(rank.max()) + 1))
    np.put_along_axis(worth, rank, score, axis=1)
    return Levels(rank, score, worth)


def split(classes: Classes, levels: Levels) -> tuple[Classes, Int[np.ndarray, "classes"]]:
    """Split classes by rank, and return the rank of each besides."""
    many = levels.worth.shape[1]
    of = classes.of * many + levels.rank
    parts = np.unique(of)
    for side in (True, False):
        # One that no prompt has keeps a class, an empty one.
        if side not in {classes.correct[parent] for parent in parts // many}:
            parts = np.union1d(parts, [many * classes.correct.index(side)])
    parents, ranks = parts // many, parts % many
    correct = tuple(classes.correct[parent] for parent in parents)
    accept, reject = (each[..., parents, :] for each in (classes.accept, classes.reject))
    return Classes(lambda some: np.searchsorted(parts, of[some]), correct, accept, reject), ranks


def choice_of(keep: str, levels: Levels, ranks: Int[np.ndarray, "classes"] | None) -> Choice:
    """Return the numbers that say which attempt is kept, ``[classes, prompts]`` each.

    Args:
        keep: ``"best"`` or ``"preferred"``.
        levels: of the task.
        ranks: of each class; None where every response is one.
    """
    if keep == "preferred":
        score = levels.score if ranks is None else levels.worth[:, ranks]
        top = levels.score.max(1, keepdims=True)
        spread = float((top - levels.score.min(1, keepdims=True)).max())
        return {"weight": np.exp(score - top).T, "nodes": nodes(spread)[:, None]}
    rank = levels.rank.T if ranks is None else np.tile(ranks[:, None], (1, len(levels.rank)))
    many = np.zeros((int(rank.max()) + 1, rank.shape[1]), int)
    np.add.at(many, (rank, np.arange(rank.shape[1])), 1)
    # Of how many classes the rank is at most, or below, each class's.
    at_most = np.take_along_axis(np.cumsum(many, axis=0), rank, axis=0)
    below = at_most - np.take_along_axis(many, rank, axis=0)
    order = np.argsort(rank, axis=0, kind="stable")
    told = {"order": order, "below": below, "at_most": at_most}
    return {name: each.astype(float) for name, each in told.items()}
