"""The law of one sampled iteration on one prompt, by enumerating every outcome."""

import itertools
import math

import literal
import numpy as np
from alarms import assert_law
from scipy.stats import binom


def visits_law(procedure, task, visits, accept, correct_label):
    """The law of what visits to one prompt give, by every outcome of every attempt and label.

    Outcomes are (correct, wrong) kept, (correct, wrong) labels, attempts made. ``accept`` is the
    chance that each response is accepted, ``correct_label`` that a label is correct.
    """
    k, many = procedure.attempts, procedure.labels_per_visit
    labelled = np.zeros(k + 1)
    if procedure.labeler:
        trials = 1 if procedure.until_accepted else k
        labelled = literal.priorities(procedure, np.arange(trials + 1), trials) > 0
    one_visit = {}

    def attempt(left, probability, accepted):
        if probability == 0.0:
            return
        if left and not (procedure.until_accepted and accepted):
            for y, share in enumerate(task.initial[0]):
                attempt(left - 1, probability * share * accept[y], (*accepted, y))
                attempt(left - 1, probability * share * (1 - accept[y]), accepted)
            return
        outcomes = [((0, 0), 1.0)]
        if labelled[len(accepted)]:
            outcomes = [
                ((right, many - right), binom.pmf(right, many, correct_label))
                for right in range(many + 1)
            ]
        for (kept, chance), (labels, mass) in itertools.product(
            literal.kept_law(procedure, accepted, 0), outcomes
        ):
            right = sum(int(task.quality[0, y]) for y in kept)
            outcome = (right, len(kept) - right, *labels, k - left)
            one_visit[outcome] = one_visit.get(outcome, 0.0) + probability * chance * mass

    attempt(k, 1.0, ())
    law = {(0, 0, 0, 0, 0): 1.0}
    for _ in range(visits):
        convolved = {}
        for one, p in law.items():
            for other, q in one_visit.items():
                both = tuple(a + b for a, b in zip(one, other, strict=True))
                convolved[both] = convolved.get(both, 0.0) + p * q
        law = convolved
    return law


def examples_law(procedure, task, visits, accept, correct_label):
    """The law of (correct, wrong) examples of one prompt, labels by their weight."""
    weight, law = procedure.label_weight, {}
    outcomes = visits_law(procedure, task, visits, accept, correct_label)
    for (right, wrong, label, mistake, _), mass in outcomes.items():
        examples = right + weight * label, wrong + weight * mistake
        law[examples] = law.get(examples, 0.0) + mass
    return law


def accuracy_law(procedure, task, visits):
    """The law of the new correct mass, also over the verdicts and the answer that persist."""
    stay = (task.initial * task.quality).sum()
    filt, share = procedure.filter, float(procedure.filter.persistent)
    fresh, once = (
        literal.rates(getattr(filt, kind, filt), task.quality)[0][0]
        for kind in ("fresh", "lasting")
    )
    # Of each response: accepted for ever, rejected for ever, or judged anew each time.
    verdicts = [
        [(share * for_ever, 1.0), (share * (1 - for_ever), 0.0), (1 - share, anew)]
        for for_ever, anew in zip(once, fresh, strict=True)
    ]
    tables = itertools.product(*verdicts)
    parts = [list(zip(*table, strict=True)) for table in tables]
    filters = [(math.prod(chances), np.array(accept)) for chances, accept in parts]
    labels = [(1.0, 0.0)]
    if procedure.labeler is not None:
        beta = procedure.labeler.masses_for(task.quality)[0, 0]
        labels = [(1.0, beta)]
        if procedure.labeler.persistent:
            labels = [(beta, 1.0), (1.0 - beta, 0.0)]
    law = {}
    for (first, accept), (second, correct_label) in itertools.product(filters, labels):
        if first * second == 0.0:
            continue
        examples = examples_law(procedure, task, visits, accept, correct_label)
        for (right, wrong), probability in examples.items():
            share = round(right / (right + wrong) if right + wrong else stay, 9)
            law[share] = law.get(share, 0.0) + first * second * probability
    return law


def assert_accuracies(test, accuracies, law):
    """Independent copies of the prompt have that law."""
    shares, counts = np.unique(np.asarray(accuracies).round(9), return_counts=True)
    found = dict(zip(shares.tolist(), counts.tolist(), strict=True))
    assert set(found) <= set(law)
    values = sorted(law)
    assert_law(test, [found.get(v, 0) for v in values], [law[v] for v in values])
