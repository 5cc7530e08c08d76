"""Whom a transformer's run asks for labels, and what these weigh in training.

A weak labeler is asked about every visit, which costs nothing; a model only where its labels are
needed. Either way a label does not depend on who else gets one.
"""

from __future__ import annotations

import jax
import numpy as np

from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.sharpening import Sharpening
from boostsim.learners.generate import generate
from boostsim.learners.network import Parameters, Trained
from boostsim.simulation.tokens.verdicts import Labels, label, right_tokens, verifier
from boostsim.tasks.sequences import SequenceTask


def ask(
    task: SequenceTask,
    labeler: WeakLabeler,
    each: int,
    prompts: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
    iteration: int,
) -> Labels:
    """Ask a weak labeler for m labels to each prompt: m draws, or m times the one that persists.

    Args:
        each: m.
        task, labeler, prompts, fresh, lasting, iteration: see
            :func:`boostsim.simulation.tokens.verdicts.label`.

    Returns:
        Arrays ``[N, m, ...]``, but the chance ``[N]``.
    """
    drawn = 1 if labeler.persistent else each
    said = label(task, labeler, np.repeat(prompts, drawn, axis=0), fresh, lasting, iteration)
    responses, right, same, chance = (
        part.reshape(len(prompts), drawn, *part.shape[1:]).repeat(each // drawn, axis=1)
        for part in said
    )
    return Labels(responses, right, same, chance[:, 0])


def ask_model(
    task: SequenceTask,
    model: Trained,
    parameters: Parameters,
    labeler: FirstModel,
    each: int,
    prompts: np.ndarray,
    who: np.ndarray,
    key: jax.Array,
) -> Labels:
    """Draw m labels of a model to some of the prompts.

    Args:
        task: what knows which are right.
        model, parameters: the first model.
        labeler: at what temperature it is asked.
        each: m.
        prompts: tokens ``[N, P]``.
        who: which of them are asked about, ``[N]``; the others have empty labels.
        key: label j to prompt i depends on it, on i and on j.

    Returns:
        Arrays ``[N, m, ...]``, but the chance ``[N]``: the share of its labels that are right.
    """
    (visit,) = np.nonzero(who)
    rows = (visit[:, None] * each + np.arange(each)).ravel()
    asked, length = prompts[rows // each], task.response_length
    decode = None if labeler.temperature == 1.0 else Sharpening(labeler.temperature)
    said, _ = generate(
        model, parameters, asked, length, key, decode, rows, among=len(prompts) * each
    )
    responses = np.zeros((len(prompts) * each, length), np.int32)
    right, same = np.zeros(len(responses), bool), np.zeros(len(responses))
    responses[rows] = said
    if len(rows):
        right[rows] = verifier(task)(asked, said)
        same[rows] = right_tokens(task.solve(asked), said)
    shape = (len(prompts), each)
    right = right.reshape(shape)
    return Labels(responses.reshape(*shape, length), right, same.reshape(shape), right.mean(1))


def label_weight(procedure: Procedure, accepted: int, labels: int) -> float:
    """Return what a label weighs in an iteration that kept so many responses and bought labels.

    Args:
        procedure: as it is in this iteration.
        accepted, labels: their numbers; without any of either kind there is nothing to mix.
    """
    share = procedure.label_share
    if share is None:
        assert isinstance(procedure.label_weight, float)
        return procedure.label_weight
    assert isinstance(share, float)
    return share / (1.0 - share) * (accepted / labels) if accepted and labels else 1.0
