"""One false-alarm budget for the whole suite.

Every statistical test names itself here, with the number of comparisons it makes. The suite reports
a true statement as false with probability at most ``SUITE`` (union bound; every comparison is exact
or distribution-free). ``test_alarms.py`` holds the table against the tests.
"""

import math
from collections import Counter

import numpy as np
from scipy.stats import binomtest

SUITE = 1e-3

# test -> most comparisons it makes
LOOKS = {
    "sampled_against_exact": 200,
    "literal_against_exact": 500,
    "sampled_against_enumeration": 600,
    "sampled_against_literal_under_a_budget": 18,
    "budget_on_average": 4,
    "solving_times": 40,
    "finite_visits": 200,
    "finite_visits_mean": 6,
    "few_visits_figure": 24,
    "fixation": 60,
    "fates": 3,
    "fixation_laws": 6,
    "conditional_law": 40,
    "affine_mean": 4,
    "bias_of_small_samples": 3,
    "budget_error": 6,
    "visited_share": 2,
    "binomial_sampler": 600,
    "multinomial_sampler": 300,
    "host_counts": 600,
    "filter_only_fixation": 40,
    "accumulated_diversity": 4,
    "drifting_diversity": 4,
    "persistent_draws": 10,
    "persistent_enumeration": 400,
    "persistent_literal": 4,
    "persistent_labels": 3,
    "persistent_budget": 1,
    "persistent_filter": 2,
    "sharpened_attempts": 39,
    "chosen_attempts": 120,
    "chosen_rows": 48,
    "preferred_in_tokens": 1,
    "cached_sampling": 200,
    "spread_answers": 1,
    "neural_verdicts": 6,
    "neural_labels": 4,
    "labels_by_difficulty": 2,
    "drifting_labels": 3,
    "equal_rules": 1,
    "confidence_sequence": 1,
    "bounded_sequence": 3,
    "rare_differences": 4,
    "false_selection": 5,
    "held_out": 48,
    "rows_of_a_transformer": 40,
    "laws_of_mistakes": 3,
    "shuffled_labels": 6,
    "table_one": 4,
    "labels_of_a_visit": 8,
    "labels_under_a_budget": 1,
    "first_model_labels": 24,
    "four_cells": 8,
    "coverage": 3,
    "claims": 112,
    "correlated_votes": 1,
    "rates_by_prompt": 9,
    "drifting_filter": 3,
    "collapse_measures": 2,
    "false_alarms": 1,
    "power": 1,
    "power_by_law": 5,
    "corner_of_freshness": 1,
    "classes_enumeration": 60,
    "persistent_share": 6,
    "weighed_enumeration": 600,
    "weighed_literal": 12,
    "written_attempts": 7,
    "written_audit": 3,
    "written_labels": 7,
    "written_stops": 2,
    "proportions": 4,
    "proportions_in_many_worlds": 126,
    "homogeneity": 3,
    "homogeneity_rates": 4,
    "homogeneity_in_many_worlds": 48,
    "trend": 2,
    "repeated_errors": 3,
    "sequential_labels": 1,
    "flagged": 6,
    "flagged_often": 6,
    "silent": 1,
    "silent_often": 4,
    "rates_of_logs": 12,
    "bands": 30,
    "some_bands": 12,
    "drawn_prompts": 40,
    "better_advice": 4,
    "policy_gradient": 400,
    "policy_gradient_mean": 4,
    "statistics": 1,
    "migration": 4,
    "changing_visits": 1,
    "speed_intervals": 15,
    "speed_intervals_by_day": 3,
    "speed_intervals_of_few": 12,
    "rates_intervals": 10,
    "rates_intervals_by_day": 2,
    "totals_intervals": 3,
    "regimes_against_enumeration": 12,
    "regimes_literal": 2,
    "anchored_diversity": 2,
}


_spent = Counter()


def alpha(test, looks=1):
    """The error probability of one comparison of a test, and a note that it was spent."""
    _spent[test] += looks
    assert _spent[test] <= LOOKS[test], f"{test} makes more than {LOOKS[test]} comparisons"
    return SUITE / len(LOOKS) / LOOKS[test]


def assert_law(test, counts, probabilities):
    """Every cell's count is binomial: an exact two-sided test each."""
    counts = np.asarray(counts, int)
    assert len(counts) == len(probabilities)
    assert math.isclose(sum(probabilities), 1.0, abs_tol=1e-9)
    # Of two complementary cells one is the other.
    looks = len(counts) if len(counts) > 2 else 1
    level = alpha(test, looks)
    for cell, (count, probability) in enumerate(zip(counts, probabilities, strict=True)):
        p = binomtest(int(count), int(counts.sum()), min(float(probability), 1.0)).pvalue
        assert p >= level, (test, cell, count / counts.sum(), probability, p)


def assert_share(test, hits, trials, probability):
    """One binomial proportion, exactly."""
    if trials:
        assert_law(test, [hits, trials - hits], [probability, 1.0 - probability])


def hoeffding(test, samples, spread=1.0):
    """Half-width for the mean of independent samples within an interval of length ``spread``."""
    return spread * math.sqrt(math.log(2.0 / alpha(test)) / (2.0 * samples))
