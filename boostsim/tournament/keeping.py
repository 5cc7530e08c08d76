"""What a tournament or a race leaves in a folder, so that it can go on.

Each cell (a criterion's runs on a challenge) is a piece. All that decides its numbers must be what
it was: the challenges, the draws, and what each criterion, labeler and filter does, not its name.
A criterion is asked of visits that are always the same, as its program's text changes with JAX.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from boostsim.arguments import as_path
from boostsim.curation.behaviour import behaviour
from boostsim.curation.criteria import uniform
from boostsim.curation.criterion import Criterion
from boostsim.mode import fixed
from boostsim.simulation.tables.prepare import own_parts
from boostsim.store import Store, opened
from boostsim.tournament.challenge import Challenge
from boostsim.versions import Function


def function_of(rule: Criterion, challenges: Mapping[str, Challenge]) -> str:
    """Return what a rule computes in the challenges: equal for rules that are the same function."""
    return " ".join([rule.allocation, *(rule.fingerprint(k) for k in _attempts(challenges))])


@contextmanager
def kept(
    folder: str | os.PathLike[str] | None,
    about: Mapping[str, Any],
    rules: Sequence[Criterion],
    challenges: Mapping[str, Challenge],
) -> Iterator[Store]:
    """Hold a folder for a tournament of these rules on these challenges, and give its store.

    Args:
        folder: None keeps nothing.
        about: what else decides the numbers.
        rules: of different names.
        challenges: by name.

    Raises:
        ValueError: where the folder holds another tournament: what differs is named.
    """
    if folder is None:
        with opened(None, about) as store:
            yield store
        return
    told = {
        name: {**challenge.describe(), **_own(challenge)} for name, challenge in challenges.items()
    }
    criteria = {rule.name: rule.describe() for rule in rules}
    whole = {**about, "challenges": told, "criteria": criteria}
    functions = {
        f"criterion {rule.name!r}": Function(
            function_of(rule, challenges),
            np.concatenate([behaviour(rule, k) for k in _attempts(challenges)]),
        )
        for rule in rules
    }
    with opened(as_path("folder", folder), whole, functions) as store:
        yield store


def _own(challenge: Challenge) -> dict[str, str]:
    """Return what a labeler of one's own does there."""
    with fixed(double=True):
        return own_parts(challenge.procedure(uniform, 1.0), challenge.task)


def _attempts(challenges: Mapping[str, Challenge]) -> list[int]:
    return sorted({challenge.attempts for challenge in challenges.values()})
