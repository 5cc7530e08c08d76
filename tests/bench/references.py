"""What boostsim is measured against: careful NumPy, and plain Python."""

from math import comb

import numpy as np


def dense_exact(rows, accept, labeler, quality, weights, attempts):
    """One dense exact step with its measurements; four passes over the table, two in place."""
    new = rows * accept
    accepted = new.sum(1)
    failed = (1.0 - accepted) ** attempts
    kept = -np.expm1(attempts * np.log1p(-accepted))
    share = failed / (kept + failed)
    new *= ((1.0 - share) / accepted)[:, None]
    new += share[:, None] * labeler
    accuracy = weights @ np.einsum("ij,ij->i", new, quality)
    diversity = weights @ (1.0 - np.einsum("ij,ij->i", new, new))
    return new, accuracy, weights @ failed, diversity


def collapsed_sampled(rng, rows, accept, labeler, visits, attempts):
    """One sampled step of boosting, collapsed over visits by Generator.multinomial."""
    kept = rows * accept
    accepted = kept.sum(1)
    law = np.stack(
        [
            comb(attempts, j) * accepted**j * (1 - accepted) ** (attempts - j)
            for j in range(attempts + 1)
        ],
        axis=1,
    )
    counts = rng.multinomial(visits, law / law.sum(1, keepdims=True))
    examples = rng.multinomial(visits - counts[:, 0], kept / accepted[:, None])
    examples += rng.multinomial(counts[:, 0], labeler)
    return examples / examples.sum(1, keepdims=True)


def drawn_sampled(rng, rows, accept, labeler, visits, attempts):
    """One sampled step that draws every attempt, vectorised over visits, prompt by prompt."""
    new = np.empty_like(rows)
    responses = rows.shape[1]
    for x, row in enumerate(rows):
        answers = np.searchsorted(np.cumsum(row)[:-1], rng.random((visits, attempts)))
        verdicts = rng.random((visits, attempts)) < accept[x, answers]
        passed = verdicts.any(1)
        first = answers[np.arange(visits), verdicts.argmax(1)][passed]
        failing = visits - passed.sum()
        labels = np.searchsorted(np.cumsum(labeler[x])[:-1], rng.random(failing))
        examples = np.bincount(first, minlength=responses) + np.bincount(
            labels, minlength=responses
        )
        new[x] = examples / examples.sum()
    return new


def python_points(points, iterations, attempts):
    """The lumped map of boosting, point by point, in plain Python floats."""
    errors = []
    for beta, gamma, error in points:
        right, wrong = 1.0 - error, error
        for _ in range(iterations):
            accepted = right * (1.0 - gamma) + wrong * gamma
            rejected = right * gamma + wrong * (1.0 - gamma)
            failed, terms = 1.0, 0.0
            for _ in range(attempts):
                terms += failed
                failed *= rejected
            size = terms * accepted + failed
            right = (terms * (1.0 - gamma) * right + failed * beta) / size
            wrong = (terms * gamma * wrong + failed * (1.0 - beta)) / size
        errors.append(wrong)
    return errors
