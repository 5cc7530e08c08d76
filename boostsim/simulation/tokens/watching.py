"""The functions that a run consists of: what each says, so that a folder knows it again."""

from __future__ import annotations

from boostsim.curation.behaviour import behaviour
from boostsim.curation.filters import judges
from boostsim.simulation.tokens import judging
from boostsim.simulation.tokens.resuming import Watched
from boostsim.simulation.tokens.structure import Run


def watched(run: Run) -> tuple[Watched, ...]:
    """Return the functions of a run: its criterion, and the user's filter, labeler and scores."""
    procedure, task = run.procedure, run.task
    rule, trials = procedure.criterion, procedure.trials
    told = rule.name, behaviour(rule, trials), rule.fingerprint(trials)
    parts = [Watched("criterion", *told, "h_behaviour", "program")]
    filt = procedure.filter
    if judges(filt):
        said = judging.name_of(filt), judging.behaviour(filt, task), judging.program_of(filt, task)
        parts.append(Watched("filter", *said, "h_filter", "filter_program"))
    if answers := run.answers:
        told = type(procedure.labeler).__name__, *answers
        parts.append(Watched("labeler", *told, "h_labeler", "labeler_program"))
    if procedure.scores is not None:
        # Of any kind, so there is no program to speak of.
        worth = procedure.scores.of(*judging.frames(task))
        parts.append(Watched("scores", procedure.scores.name, worth, "", "h_scores", "no program"))
    return tuple(parts)
