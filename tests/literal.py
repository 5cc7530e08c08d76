"""The literal simulator: one visit at a time, plain NumPy, from section 1 of the theory.

Needlessly slow and needlessly plain, so that it can be read beside the definitions. It shares no
code with the package but the containers of the arguments.
"""

from types import SimpleNamespace

import numpy as np


def rates(filt, quality):
    """The chance to accept, and to reject, each response."""
    if getattr(filt, "by_response", False):
        return [np.broadcast_to(side, quality.shape) for side in (filt.accept, filt.reject)]
    return [np.where(quality == 1, *side) for side in (filt.accept, filt.reject)]


def priorities(procedure, accepted, attempts):
    """The criterion's priority of each visit, from its pass count alone."""
    seen = SimpleNamespace(
        accepted=accepted,
        attempts=np.full(len(accepted), attempts),
        pass_rate=accepted / attempts,
        mass=np.full(len(accepted), 1.0 / len(accepted)),
    )
    return np.asarray(procedure.criterion.function(seen), float)


def label_probabilities(priority, mass, budget, allocation):
    """Allocation as the words have it: sort, spend, share the rest among ties."""
    probability = np.zeros(len(priority))
    if budget is None:
        return (priority > 0) * 1.0
    if allocation == "proportional":
        return water_level(priority, mass, budget)
    left = budget
    for level in sorted(set(priority[priority > 0]), reverse=True):
        tied = priority == level
        cost = mass[tied].sum()
        probability[tied] = 1.0 if cost <= left else left / cost
        left = max(0.0, left - cost)
    return probability


def water_level(priority, mass, budget):
    """min(1, c priority) with c found by bisection."""
    eligible = priority > 0
    if mass[eligible].sum() <= budget:
        return eligible * 1.0
    low, high = 0.0, 1.0 / priority[eligible].min()
    for _ in range(200):
        middle = (low + high) / 2
        if (mass * np.minimum(1.0, middle * priority)).sum() < budget:
            low = middle
        else:
            high = middle
    return np.minimum(1.0, high * priority)


def label_worth(procedure, kept, labels):
    """What one label weighs, given how many responses and labels there are in all."""
    if procedure.label_share is None:
        return procedure.label_weight
    if kept == 0 or labels == 0:
        return 1.0
    return procedure.label_share / (1 - procedure.label_share) * kept / labels


def until_accepted(rng, procedure, row, accept):
    """Attempts and verdicts, one by one, up to the first that is accepted."""
    answers, verdicts = [], []
    while len(answers) < procedure.attempts and not any(verdicts):
        answers.append(rng.choice(len(row), p=row))
        verdicts.append(rng.random() < accept[answers[-1]])
    return np.array(answers), np.array(verdicts)


def kept_law(procedure, accepted, prompt):
    """Which of the accepted responses to a prompt are kept, and with what probability."""
    accepted = tuple(int(y) for y in accepted)
    if procedure.keep == "all" or not accepted:
        return [(accepted, 1.0)]
    if procedure.keep == "one":
        return [(accepted[:1], 1.0)]
    scores = np.asarray(procedure.scores.given)
    own = (scores if scores.ndim == 1 else scores[prompt])[list(accepted)]
    weight = np.exp(own) if procedure.keep == "preferred" else (own == own.max()) * 1.0
    return [((y,), p) for y, p in zip(accepted, weight / weight.sum(), strict=True) if p > 0]


def iterate(rng, procedure, task, rows, visits, data=None, tally=None, verdicts=None, answers=None):
    """One iteration: returns the new rows and the labels bought per visit.

    Where examples are kept, ``data``, a list of batches, f_0 the first of them, grows.
    ``tally``, a dict, is filled with the examples ``[prompts, responses]`` kept and labelled, and
    with the attempts made per visit.
    ``verdicts`` (0 or 1 for every response) and ``answers`` (one a prompt) are those that persist.
    """
    prompts, responses = rows.shape
    accept, _ = rates(procedure.filter, task.quality)
    labeler = None if procedure.labeler is None else procedure.labeler.rows_for(task.quality)
    if verdicts is not None:
        accept = verdicts
    if answers is not None:
        labeler = np.eye(responses)[answers]
    examples = np.zeros((prompts, responses))
    seen, tried = [], 0.0
    for prompt in range(prompts):
        for _ in range(visits):
            if procedure.until_accepted:
                answers, verdicts = until_accepted(rng, procedure, rows[prompt], accept[prompt])
            else:
                answers = rng.choice(responses, size=procedure.attempts, p=rows[prompt])
                verdicts = rng.random(procedure.attempts) < accept[prompt, answers]
            tried += task.prompt_weights[prompt] * len(answers) / visits
            may_be_kept = kept_law(procedure, answers[verdicts], prompt)
            # A random number more only where there is something to choose.
            chances = [chance for _, chance in may_be_kept]
            which = 0 if len(chances) == 1 else rng.choice(len(chances), p=chances)
            for answer in may_be_kept[which][0]:
                examples[prompt, answer] += 1
            seen.append((prompt, verdicts.sum()))
    kept_examples, labelled = examples.copy(), np.zeros_like(examples)
    labels = 0.0
    if labeler is not None:
        where, accepted = np.array(seen).T
        mass = task.prompt_weights[where] / visits
        each, trials = procedure.labels_per_visit, procedure.attempts
        priority = priorities(procedure, accepted, 1 if procedure.until_accepted else trials)
        budget = None if procedure.budget is None else procedure.budget / each
        probability = label_probabilities(priority, mass, budget, procedure.criterion.allocation)
        for visit in np.flatnonzero(rng.random(len(seen)) < probability):
            for _ in range(each):
                labelled[where[visit], rng.choice(responses, p=labeler[where[visit]])] += 1
                labels += mass[visit]
    by_prompt = task.prompt_weights @ kept_examples, task.prompt_weights @ labelled
    worth = label_worth(procedure, *(each.sum() for each in by_prompt))
    examples += worth * labelled
    if tally is not None:
        tally.update(kept=kept_examples, labelled=labelled, tried=tried)
    regime = procedure.trained_on
    if np.any(regime.real_share):
        examples += regime.real_share * visits * task.reference
    if regime.accumulates:
        if regime.first == "sampled" and len(data) == 1:
            # Drawn when it is first needed: nothing was trained on it before.
            data[0] = np.array([rng.multinomial(visits, row) for row in task.initial], float)
        data.append(examples)
        examples = sum(data[-(regime.window or len(data)) :])
    if regime.draws is not None:
        law = examples / examples.sum(1, keepdims=True)
        examples = np.array([rng.multinomial(regime.draws * visits, row) for row in law], float)
    new = rows.copy()
    noise = None
    if procedure.learner.slack > 0:
        noise = procedure.learner.noise_rows_for(task.quality)
    for prompt in np.flatnonzero(examples.sum(1)):
        new[prompt] = examples[prompt] / examples[prompt].sum()
        if noise is not None:
            slack = procedure.learner.slack
            new[prompt] = (1 - slack) * new[prompt] + slack * noise[prompt]
    return new, labels
