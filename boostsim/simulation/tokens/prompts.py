"""Which prompts training may see, and which are kept for evaluation.

A hash of a prompt's tokens decides, so that no list has to be kept and every seed, procedure and
first model agrees. Within a stratum each side is drawn from the task's own law, given that side.
"""

from __future__ import annotations

import numpy as np

from boostsim.arguments import Words, refuse
from boostsim.simulation.tokens.verdicts import hashed
from boostsim.tasks.sequences import SequenceTask

SPLIT = np.array([0x5EED, 0x0FF5], np.uint32)
# With a quarter of the mass held out the other side is missed so often in a row once in 10^25.
ROUNDS = 200


def is_held_out(task: SequenceTask, prompts: np.ndarray) -> np.ndarray:
    """Return whether each prompt is kept for evaluation, ``[N]``; a share ``task.held_out`` is."""
    return hashed(SPLIT, prompts) < task.held_out


def draw_prompts(
    task: SequenceTask, rng: np.random.Generator, stratum: np.ndarray, *, held_out: bool = False
) -> np.ndarray:
    """Draw a prompt for each entry of ``stratum`` from one side, ``[N, P]``.

    A task that holds nothing out has one side only: evaluation draws from all of it.

    Raises:
        ValueError: for a stratum whose prompts all fall on the other side.
    """
    prompts = task.prompts(rng, stratum)
    if not task.held_out:
        return prompts
    for _ in range(ROUNDS):
        (wrong,) = np.nonzero(is_held_out(task, prompts) != held_out)
        if not len(wrong):
            return prompts
        prompts[wrong] = task.prompts(rng, stratum[wrong])
    name = task.strata[stratum[wrong[0]]]
    side = "kept for evaluation" if held_out else "left for training"
    raise refuse(
        "task",
        "prompts on both sides in every stratum (or held_out = 0)",
        Words(f"none {side} in {ROUNDS} draws from stratum {name!r}"),
    )
