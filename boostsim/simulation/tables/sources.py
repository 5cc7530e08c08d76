"""The sources of which every row of a run is a mixture: the first model, labels, noise, real data.

Each makes the rows of as many prompts as it is asked for, so that a table is gone over in pieces
that fit a processor's cache and no copy of it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from boostsim.curation.labelers import WeakLabeler
from boostsim.simulation.tables.classes import ALL


class Source(NamedTuple):
    """A source of rows.

    Attributes:
        rows: makes those of some of the prompts, ``[prompts, responses]``.
        decided_by: what decides them besides the task; None where that is not known.
    """

    rows: Callable[[slice], np.ndarray]
    decided_by: Hashable = None


def of_labeler(labeler: WeakLabeler, quality: np.ndarray) -> Source:
    """Return the labels of a labeler that does not change as a source.

    It must have been asked for all prompts, or for its masses, first: that checks it.
    """
    if type(labeler) is not WeakLabeler or labeler.rows is not None:
        # One's own may say anything of a part of the table, and may be asked only once.
        made: list[np.ndarray] = []

        def whole(some: slice) -> np.ndarray:
            if not made:
                made.append(labeler.rows_for(quality))
            return made[0][some]

        return Source(whole)
    beta = np.asarray(labeler.beta)

    def rows(some: slice) -> np.ndarray:
        if some == ALL or not beta.ndim:
            return labeler.rows_for(quality[some])
        return replace(labeler, beta=beta[some]).rows_for(quality[some])

    return Source(rows, (labeler.wrong, beta.shape, beta.tobytes()))
