"""Whom a transformer's run asks for labels, and what these weigh in training.

A weak labeler is asked about every visit, which costs nothing; a model only where its labels are
needed. Either way a label does not depend on who else gets one.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from boostsim.arguments import Words, first_line, refuse, shape_of
from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.sharpening import Sharpening
from boostsim.keys import as_key
from boostsim.learners.generate import generate
from boostsim.learners.network import Parameters, Trained
from boostsim.simulation.tokens.judging import known_prompts
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


def ask_own(
    task: SequenceTask, labeler: Any, each: int, prompts: np.ndarray, key: jax.Array
) -> Labels:
    """Ask a labeler of the user's for m labels to each prompt.

    Args:
        task: what knows which are right.
        labeler: with ``answers``, see :class:`boostsim.Labeler`.
        each: m; where answers persist one of them, m times.
        prompts: tokens ``[N, P]``.
        key: of this iteration, or of the seed where they persist.

    Returns:
        Arrays ``[N, m, ...]``, but the chance ``[N]``: the share of its labels that are right.

    Raises:
        ValueError: for what are no responses.
    """
    drawn, length = 1 if labeler.persistent else each, task.response_length
    asked = np.repeat(prompts, drawn, axis=0).astype(np.int32)
    said = answered(task, labeler, key, asked)
    right = verifier(task)(asked, said)
    same = right_tokens(task.solve(asked), said)
    shape = (len(prompts), drawn)
    responses, right, same = (
        part.reshape(*shape, *part.shape[1:]).repeat(each // drawn, axis=1)
        for part in (said, right, same)
    )
    assert responses.shape[1:] == (each, length)
    return Labels(responses, right, same, right.mean(1))


def answered(task: SequenceTask, labeler: Any, key: jax.Array, prompts: np.ndarray) -> np.ndarray:
    """Return what a labeler of the user's answers, once, ``[N, R]``.

    Raises:
        ValueError: for what are no responses.
    """
    wanted = f"tokens [N, {task.response_length}], whole numbers in [0, {len(task.symbols)})"
    told = f"{type(labeler).__name__}.answers(key, prompts)"
    try:
        said = np.asarray(labeler.answers(key, prompts.copy()))
    except Exception as error:
        raise ValueError(f"{told} must return {wanted}; it raised {first_line(error)}") from error
    if said.shape != (len(prompts), task.response_length):
        raise refuse(told, wanted, shape_of(said))
    if said.dtype.kind not in "iu":
        raise refuse(told, wanted, Words(f"numbers of {said.dtype}"))
    bad = np.argwhere((said < 0) | (said >= len(task.symbols)))
    if len(bad):
        where = f"See the response to prompt {prompts[bad[0][0]].tolist()}."
        raise refuse(told, wanted, int(said[tuple(bad[0])]), where)
    return said.astype(np.int32)


def check_answers(task: SequenceTask, labeler: Any) -> np.ndarray:
    """Return what a labeler of the user's answers to prompts that are always the same.

    Raises:
        ValueError: where it has no answers, they are no responses, or it says something else when
            it is asked again.
    """
    told = f"{type(labeler).__name__}.answers(key, prompts)"
    if not callable(getattr(labeler, "answers", None)):
        raise refuse(
            "labeler", "one with answers(key, prompts) where the task is in tokens", labeler
        )
    prompts, key = known_prompts(task), as_key(0)
    said = answered(task, labeler, key, prompts)
    if not np.array_equal(said, answered(task, labeler, key, prompts)):
        raise ValueError(
            f"{told} must depend on key and prompts alone: asked again it says something else"
        )
    if labeler.persistent:
        turned = answered(task, labeler, key, prompts[::-1])[::-1]
        if not np.array_equal(said, turned):
            raise ValueError(
                f"{told} must answer each prompt by itself where answers persist: in another order "
                "it says something else"
            )
    return said


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
