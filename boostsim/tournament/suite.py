"""The stress suite: eight challenges, each hard in its own way.

Unless a challenge says otherwise: eight responses to a prompt, one of them right; the first model
solves half of the prompts in part and has no right answer at all for the others; the labeler is
right three times in ten; the filter errs once in twenty; four attempts a visit.
"""

from __future__ import annotations

import jax
import numpy as np

from boostsim.arguments import whole
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import DriftingLabeler, WeakLabeler
from boostsim.keys import as_key, generator
from boostsim.tasks.table import TableTask, random_table, table_task
from boostsim.tournament.challenge import Challenge

RESPONSES, SOLVABLE, BETA = 8, 0.5, 0.3
# Where the labeler is uneven: the share of prompts that it knows, and how well.
KNOWN, BETA_KNOWN = 1.0 / 3.0, 0.8
# Where difficulty has a heavy tail: the smallest first accuracy is 10 to the minus this.
DECADES = 8.0
# Where wrong answers are concentrated: the first model's mass on the one.
CONCENTRATED = 0.9


def stress_suite(key: jax.Array | int = 0, prompts: int = 1000) -> dict[str, Challenge]:
    """Return eight challenges by name.

    Args:
        key: of the tasks.
        prompts: of each task, at least 10.

    Returns:
        ``helpless``, ``uneven``, ``wrong for ever``, ``blind spots``, ``concentrated``,
        ``heavy tail``, ``few labels``, ``drifting``; each says in ``about`` what is hard there.

    Raises:
        ValueError: for a key that is none, or fewer than ten prompts.

    Example:
        >>> len(stress_suite(0, prompts=20))
        8
    """
    keys = [jax.random.fold_in(as_key(key), number) for number in range(4)]
    prompts = whole("prompts", prompts, 10)
    plain = random_table(keys[0], prompts=prompts, responses=RESPONSES, solvable=SOLVABLE)
    weak = WeakLabeler(BETA)
    known = generator(keys[1]).permutation(prompts)
    beta = np.where(known < KNOWN * prompts, BETA_KNOWN, 0.0)
    return {
        "helpless": Challenge(plain, weak, about="half of the prompts have no right answer at all"),
        "uneven": Challenge(
            plain,
            WeakLabeler(beta),
            about="the labeler knows a third of the prompts well, and nothing of the others",
        ),
        "wrong for ever": Challenge(
            plain,
            WeakLabeler(0.5, persistent=True),
            about="the labeler has one answer to a prompt, and half of them are wrong for ever",
        ),
        "blind spots": Challenge(
            plain,
            weak,
            NoisyFilter(0.1, persistent=True),
            about="the filter has one verdict on a response, and one in ten is wrong for ever",
        ),
        "concentrated": Challenge(
            _concentrated(keys[2], prompts),
            WeakLabeler(BETA, wrong="concentrated"),
            NoisyFilter(0.05, persistent=True),
            about="model and labeler share one wrong answer, and the filter may like it for ever",
        ),
        "heavy tail": Challenge(
            _heavy_tailed(keys[3], prompts),
            weak,
            about=f"first accuracies are spread evenly in their logarithm over {DECADES:g} decades",
        ),
        "few labels": Challenge(
            plain, weak, labels=0.1, about="as many prompts, but a tenth of the labels"
        ),
        "drifting": Challenge(
            plain,
            DriftingLabeler(0.6, later=WeakLabeler(0.05), between=(5, 25)),
            about="the labeler is right six times in ten at first, and one in twenty in the end",
        ),
    }


def _with_accuracy(accuracy: np.ndarray, favourite: float) -> TableTask:
    """Return a task whose first answer is right, whose second has that share of the wrong mass."""
    quality = np.zeros((len(accuracy), RESPONSES))
    quality[:, 0] = 1.0
    shares = np.full(RESPONSES - 1, (1.0 - favourite) / (RESPONSES - 2))
    shares[0] = favourite
    wrong = (1.0 - accuracy)[:, None] * shares
    return table_task(quality, initial=np.concatenate([accuracy[:, None], wrong], axis=1))


def _concentrated(key: jax.Array, prompts: int) -> TableTask:
    rng = generator(key)
    solvable = rng.permutation(prompts) < SOLVABLE * prompts
    return _with_accuracy(np.where(solvable, 1.0 - CONCENTRATED, 0.0), CONCENTRATED)


def _heavy_tailed(key: jax.Array, prompts: int) -> TableTask:
    rng = generator(key)
    return _with_accuracy(10.0 ** (-DECADES * rng.random(prompts)), 1.0 / (RESPONSES - 1))
