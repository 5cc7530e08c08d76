"""The laws by name, as ``bs.laws``: keyword arguments, float64 NumPy in and out.

Outside the domain on which it was proved a law raises; it never extrapolates.
"""

from __future__ import annotations

from boostsim.theory.convergence import (
    boosting_error,
    budget_error,
    iterations_needed,
    label_cost,
    slack_bound,
    uneven_error,
)
from boostsim.theory.failure import (
    accumulate_diversity,
    accumulate_diversity_limit,
    drift_diversity,
    even_labels_fixed_point,
    filter_only_accuracy,
    fixation_time,
    fixation_time_diffusion,
    necessary_signal,
)
from boostsim.theory.freshness import (
    persistent_filter_ancestry,
    persistent_filter_floor,
    persistent_labels_error,
)
from boostsim.theory.noise import (
    NoisyBoosting,
    attempts_floor,
    attempts_floor_leading,
    majority_noise,
    noisy_boosting,
    votes_needed,
)

__all__ = [
    "NoisyBoosting",
    "accumulate_diversity",
    "accumulate_diversity_limit",
    "attempts_floor",
    "attempts_floor_leading",
    "boosting_error",
    "budget_error",
    "drift_diversity",
    "even_labels_fixed_point",
    "filter_only_accuracy",
    "fixation_time",
    "fixation_time_diffusion",
    "iterations_needed",
    "label_cost",
    "majority_noise",
    "necessary_signal",
    "noisy_boosting",
    "persistent_filter_ancestry",
    "persistent_filter_floor",
    "persistent_labels_error",
    "slack_bound",
    "uneven_error",
    "votes_needed",
]
