"""The dense population map: every response of every prompt, from section 2 of the theory."""

import dataclasses
import itertools
from math import comb, factorial

import numpy as np
from literal import label_probabilities, label_worth, priorities, rates

import boostsim as bs


def sharpen(rows, temperature):
    """f^(1/temperature), normalised."""
    powers = rows ** (1.0 / temperature)
    return powers / powers.sum(1, keepdims=True)


def realise(procedure, task, verdicts=None):
    """Put what persists into the task: a prompt for each answer, a table of verdicts."""
    labeler = procedure.labeler
    if labeler is not None and labeler.persistent:
        rows = labeler.rows_for(task.quality)
        answers = task.responses
        task = bs.table_task(
            np.repeat(task.quality, answers, 0),
            (task.prompt_weights[:, None] * rows).ravel(),
            np.repeat(task.initial, answers, 0),
            reference=np.repeat(task.reference, answers, 0),
        )
        if verdicts is not None:
            verdicts = np.repeat(verdicts, answers, 0)
        fresh = bs.WeakLabeler(rows=np.tile(np.eye(answers), (len(rows), 1)))
        filt = procedure.filter
        if np.ndim(filt.accept) == 2:
            accept, reject = (np.repeat(side, answers, 0) for side in (filt.accept, filt.reject))
            filt = dataclasses.replace(filt, accept=accept, reject=reject)
        procedure = dataclasses.replace(procedure, labeler=fresh, filter=filt)
    return procedure, task, verdicts


def chosen_law(procedure, accepted, rejected, scores):
    """What is kept in one visit of each response, by every way in which k attempts may turn out.

    ``accepted`` is the chance that an attempt is each response and accepted.
    """
    law, k = np.zeros(len(accepted)), procedure.attempts
    chances = np.append(accepted, rejected)
    for drawn in itertools.combinations_with_replacement(range(len(chances)), k):
        counts = np.bincount(drawn, minlength=len(chances))
        ways = factorial(k) / np.prod([float(factorial(count)) for count in counts])
        counts = counts[:-1]
        if not counts.any():
            continue
        weight = counts * np.exp(scores)
        if procedure.keep == "best":
            weight = counts * (scores == scores[counts > 0].max())
        law += ways * np.prod(chances[list(drawn)]) * weight / weight.sum()
    return law


def iterate(procedure, task, rows, data=None, verdicts=None):
    """One iteration: returns the new rows and the labels bought per visit.

    Where examples are kept, ``data``, a list of batches, f_0 the first of them, grows.
    """
    k = procedure.attempts
    accept, reject = rates(procedure.filter, task.quality)
    if verdicts is not None:
        accept, reject = verdicts, 1.0 - verdicts
    model = rows
    if procedure.sharpening is not None:
        rows = sharpen(rows, procedure.sharpening.temperature)
    accepted, rejected = (rows * accept).sum(1), (rows * reject).sum(1)
    # [k + 1, prompts]
    law = np.array([comb(k, j) * accepted**j * rejected ** (k - j) for j in range(k + 1)])
    kept = k * accepted if procedure.keep == "all" else law[1:].sum(0)
    bought = np.zeros(task.prompts)
    labeler = np.zeros_like(rows)
    if procedure.labeler is not None:
        labeler = procedure.labeler.rows_for(task.quality)
        trials, each = k, procedure.labels_per_visit
        if procedure.until_accepted:
            # What is seen is whether one was accepted.
            trials, law = 1, np.array([law[0], law[1:].sum(0)])
        priority = np.repeat(priorities(procedure, np.arange(trials + 1), trials), task.prompts)
        mass = (task.prompt_weights * law).ravel()
        budget = None if procedure.budget is None else procedure.budget / each
        probability = label_probabilities(priority, mass, budget, procedure.criterion.allocation)
        bought = each * (law * probability.reshape(law.shape)).sum(0)
    worth = label_worth(procedure, kept @ task.prompt_weights, bought @ task.prompt_weights)
    examples = np.zeros_like(rows)
    for x in range(task.prompts):
        if kept[x] > 0 and procedure.scores is not None:
            scores = np.broadcast_to(procedure.scores.given, rows.shape)[x]
            examples[x] += chosen_law(procedure, rows[x] * accept[x], rejected[x], scores)
        elif kept[x] > 0:
            examples[x] += kept[x] * rows[x] * accept[x] / accepted[x]
        examples[x] += worth * bought[x] * labeler[x]
    if np.any(procedure.trained_on.real_share):
        examples += procedure.trained_on.real_share * task.reference
    if procedure.trained_on.accumulates:
        data.append(examples)
        examples = sum(data[-(procedure.trained_on.window or len(data)) :])
    new = model.copy()
    for x in np.flatnonzero(examples.sum(1) > 0):
        new[x] = examples[x] / examples[x].sum()
        if procedure.learner.slack > 0:
            slack, noise = procedure.learner.slack, procedure.learner.noise_rows_for(task.quality)
            new[x] = (1 - slack) * new[x] + slack * noise[x]
    return new, (task.prompt_weights * bought).sum()
