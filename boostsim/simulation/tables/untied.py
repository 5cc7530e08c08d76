"""Which prompts are chains by themselves: what ties them together is refused in a sentence."""

from __future__ import annotations

import dataclasses

import numpy as np

from boostsim.arguments import refuse
from boostsim.curation.procedure import Procedure
from boostsim.learners.strong import mixed
from boostsim.simulation.tables.structure import Numbers, Structure

INSTEAD = (
    "Leave visits out, for infinitely many; or leave exact out, and give seeds and a key, for "
    "sampled runs."
)

GROWING = "data that accumulate have ever more states"
WINDOWED = "what a window or a subsample leaves to be trained on is more than a row tells"


class Tied(ValueError):
    """Prompts are no chains by themselves.

    Attributes:
        reason: why.
    """

    reason: str


def tied(reason: str) -> Tied:
    """Return the error for what has no law at finite visits, with what to do instead."""
    error = Tied(refuse("exact", f"False at finite visits, for {reason}", True, INSTEAD))
    error.reason = reason
    return error


def checked_alone(
    procedure: Procedure, structure: Structure, numbers: Numbers, *, grows: bool = False
) -> Structure:
    """Return the structure where every prompt is a chain by itself; see the errors.

    Args:
        procedure: what an iteration does.
        structure: of its run.
        numbers: of its run.
        grows: whether its states may become ever more, as they do where data accumulate.

    Raises:
        ValueError: for what ties prompts together, and for what a row remembers besides examples.
    """
    for reason, holds in _reasons(procedure, structure, numbers):
        if holds and not (grows and reason in (GROWING, WINDOWED)):
            raise tied(reason)
    if structure.budgeted and bool((np.asarray(numbers.budget) >= structure.labels_each).all()):
        # It never binds.
        return dataclasses.replace(structure, budgeted=False)
    return structure


def _reasons(
    procedure: Procedure, structure: Structure, numbers: Numbers
) -> list[tuple[str, bool]]:
    """Return what would stand in the way, and whether it does."""
    learner, share = structure.learner, numbers.real_share
    budget = np.asarray(numbers.budget)
    even = numbers.priority is not None and bool(
        (numbers.priority > 0.0).all() and (numbers.priority == numbers.priority[0]).all()
    )
    spent = even or bool((budget == 0.0).all() | (budget >= structure.labels_each).all())
    weight = numbers.label_weight
    return [
        (
            f"criterion {procedure.criterion.name!r} reads more than how many attempts were "
            "accepted",
            structure.labeled and structure.criterion is not None,
        ),
        ("a budget ties prompts together", structure.budgeted and not spent),
        ("a share of labels ties prompts together", structure.weighing == "share"),
        ("the sharpened row is not known by its classes", structure.sharpening is not None),
        (
            f"{type(procedure.learner).__name__} goes on from the row before, which is then "
            "anything",
            structure.advantage is not None or learner not in (None, mixed),
        ),
        (WINDOWED, structure.window is not None or structure.draws is not None),
        (GROWING, structure.accumulates),
        (
            "what examples weigh changes from one iteration to the next, and the states with it",
            (structure.anchored and share.ndim > 0) or (weight is not None and weight.ndim > 0),
        ),
    ]
