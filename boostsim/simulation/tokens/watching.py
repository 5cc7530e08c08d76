"""The functions that a run consists of: what each says, so that a folder knows it again."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from boostsim.curation.behaviour import behaviour
from boostsim.curation.filters import judges
from boostsim.keys import as_key, generator
from boostsim.objects import is_own
from boostsim.simulation.tokens import judging
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.resuming import Watched
from boostsim.simulation.tokens.structure import Run


def watched(run: Run) -> tuple[Watched, ...]:
    """Return the functions of a run: the criterion, and the user's own task, filter and so on."""
    procedure, task = run.procedure, run.task
    rule, trials = procedure.criterion, procedure.trials
    asked = rule.name, behaviour(rule, trials), rule.fingerprint(trials)
    parts = [Watched("criterion", *asked, "h_behaviour", "program")]
    if is_own(task):
        # Its fields do not tell what it asks and answers.
        few = Evaluation(task, 8).prompts
        frames = np.concatenate([few, task.solve(few)], axis=1)
        said = [frames, np.asarray(task.verify(*map(jnp.asarray, judging.frames(task))))]
        said += [task.mistake(noise, generator(as_key(0)), few) for noise in task.noises]
        known = np.concatenate([np.ravel(each).astype(float) for each in said])
        parts.append(Watched("task", type(task).__name__, known, "", "h_task", "no program"))
    filt = procedure.filter
    if judges(filt):
        judged = judging.behaviour(filt, task), judging.program_of(filt, task)
        parts.append(
            Watched("filter", judging.name_of(filt), *judged, "h_filter", "filter_program")
        )
    if answers := run.answers:
        told = type(procedure.labeler).__name__, *answers
        parts.append(Watched("labeler", *told, "h_labeler", "labeler_program"))
    if procedure.scores is not None:
        # Of any kind, so there is no program to speak of.
        worth = procedure.scores.of(*judging.frames(task))
        parts.append(Watched("scores", procedure.scores.name, worth, "", "h_scores", "no program"))
    return tuple(parts)
