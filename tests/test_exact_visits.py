"""Claims about finitely many visits, held against the whole law of a run: near falsehoods fail."""

import math
from dataclasses import replace

import pytest

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS

laws = bs.laws


def _fixed(examples, false_accept, false_reject, initial_accuracy):
    """Kimura's diffusion, as if it were the law."""
    strength = 2 * examples * math.log((1 - false_reject) / false_accept)
    if abs(strength) < 1e-9:
        return initial_accuracy
    return math.expm1(-strength * initial_accuracy) / math.expm1(-strength)


# What is false about each, and only a little.
FALSE = {
    "T1.visits": lambda beta, initial_error, iterations: (
        (1 - 0.99 * beta) ** iterations * initial_error
    ),
    "T2": lambda beta, initial_error: initial_error / beta,
    "T2.optimal": lambda initial_error: 1.001 * initial_error + 0.001,
    "T7": lambda beta, labelled_share, initial_error, iterations: (
        (1 - labelled_share * beta) ** iterations * initial_error
    ),
    "T9.never": lambda gamma, attempts, visits, initial_accuracy: (
        1.001 * (1 - (1 - gamma) * initial_accuracy) ** visits
    ),
    "T9.fixation": _fixed,
    "T11": lambda examples, iterations: (1 - 1 / (examples + 1)) ** iterations,
    "T11.accuracy": lambda initial_error, iterations: 1 - initial_error - 1e-6 * iterations,
    "T11.survival": lambda examples, initial_probability, iterations: (
        1 - (1 - initial_probability) ** examples
    ),
    "T11.fixation": lambda examples, initial_accuracy: float(
        laws.fixation_time_diffusion(examples=examples, initial_accuracy=initial_accuracy)
    ),
    "T12": lambda examples, iterations: math.prod(
        1 - 1 / (examples * s**2) for s in range(1, iterations + 1)
    ),
    "T12.first": lambda examples, iterations: float(
        laws.accumulate_diversity(examples=examples, iterations=iterations)
    ),
    "T12.subsample": lambda examples, each, iterations: float(
        laws.accumulate_diversity(examples=examples, iterations=iterations)
        * (1 - (iterations > 0) / (each * examples))
    ),
    "T12.window": lambda examples, window, iterations: float(
        laws.drift_diversity(examples=examples * window**2, iterations=iterations)
    ),
    "T22.diversity": lambda examples, real_share, initial_error, reference_accuracy, iterations: (
        float(
            laws.anchor_diversity(
                examples=examples + 1,
                real_share=real_share,
                initial_diversity=2 * initial_error * (1 - initial_error),
                reference_diversity=2 * reference_accuracy * (1 - reference_accuracy),
                overlap=(1 - initial_error) * reference_accuracy
                + initial_error * (1 - reference_accuracy),
                iterations=iterations,
            )
        )
    ),
    "T12.never": lambda examples: 1 - 0.5 * (math.pi**2 / 6 - 1) / examples,
    "T21": lambda beta, gamma, attempts, initial_accuracy, iterations: float(
        laws.boosting_error(
            beta=beta,
            attempts=attempts,
            initial_error=1 - initial_accuracy,
            iterations=iterations,
        )
    ),
    "T21.rest": lambda beta, gamma, attempts: float(
        1 - laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts)
    ),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_falsehood_near_each_is_caught_exactly(name):
    true, how = bs.claims[name], MEASUREMENTS[name]
    exact = {"levels": "exact", "exact_points": 4, "key": 3}
    assert bs.certify(true, **exact).verdict == "holds"
    false = replace(true, name=f"{name}, but false", law=FALSE[name])
    assert bs.certify(false, how, **exact).verdict == "violated"


def test_what_was_only_sampled_is_exact_now():
    """Budgets, and the limit of what accumulates, are left."""
    finite = ("T2.optimal", "T7", "T11", "T11.accuracy", "T11.fixation", "T12", "T12.never")
    assert all(MEASUREMENTS[name].exact is not False for name in finite)
    assert {name for name in ("T7.budget", "T12.limit") if not MEASUREMENTS[name].exact} == {
        "T7.budget",
        "T12.limit",
    }
