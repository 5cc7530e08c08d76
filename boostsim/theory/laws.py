"""The laws by name, as ``bs.laws``: keyword arguments, float64 NumPy in and out.

Outside the domain on which it was proved a law raises; it never extrapolates.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from boostsim.theory.absorption import (
    Fixation,
    Stationary,
    fixation,
    fixation_time,
    response_survival,
    stationary_accuracy,
)
from boostsim.theory.attempts import attempts_until_accepted, pass_at, pass_at_estimate
from boostsim.theory.blind_spots import blind_spot, blind_spot_boosting
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
    fixation_time_diffusion,
    growing_diversity,
    linear_diversity,
    necessary_signal,
    scheduled_diversity,
)
from boostsim.theory.freshness import (
    persistent_filter_ancestry,
    persistent_filter_floor,
    persistent_labels_error,
)
from boostsim.theory.neighbours.beirami import (
    best_of_n_divergence,
    best_of_n_probabilities,
    best_of_n_win_rate,
)
from boostsim.theory.neighbours.feng import breakdown_error, majority_error_bound
from boostsim.theory.neighbours.ferbach import (
    curated_probabilities,
    curation_gain,
    tilted_probabilities,
)
from boostsim.theory.neighbours.gerstgrasser import (
    accumulated_gaussian_regression_error,
    accumulated_regression_bound,
    accumulated_regression_error,
    accumulated_reused_regression_error,
    gaussian_regression_error,
    regression_error,
    reused_regression_error,
)
from boostsim.theory.neighbours.seddik import collision_probability
from boostsim.theory.neighbours.shumailov import (
    accumulated_refit_variance,
    accumulated_refit_variance_limit,
    refit_mean_error,
    refit_variance,
)
from boostsim.theory.noise import (
    NoisyBoosting,
    attempts_floor,
    attempts_floor_leading,
    correlated_floor,
    correlated_noise,
    majority_noise,
    noisy_boosting,
    threshold_noise,
    votes_needed,
)
from boostsim.theory.regimes import (
    Anchored,
    accumulate_diversity_drawn,
    accumulate_real_accuracy,
    anchor_accuracy,
    anchor_boosting,
    anchor_diversity,
    anchor_diversity_limit,
    anchor_filter,
    subsample_diversity,
    window_diversity,
    window_equivalent_size,
)
from boostsim.theory.updates import (
    group_advantage,
    group_advantage_limit,
    partial_boosting_error,
    partial_filter_accuracy,
    partial_noisy_boosting,
    policy_gradient_accuracy,
    policy_gradient_limit,
)
from boostsim.theory.visits import FewVisits, few_visits_error, few_visits_filtering, few_visits_law
from boostsim.theory.weights import (
    share_stall,
    weighted_boosting_error,
    weighted_boosting_limit,
    weighted_floor,
    weighted_floor_leading,
    weighted_iterations_needed,
)

__all__ = [
    "Anchored",
    "FewVisits",
    "Fixation",
    "NoisyBoosting",
    "Stationary",
    "accumulate_diversity",
    "accumulate_diversity_drawn",
    "accumulate_diversity_limit",
    "accumulate_real_accuracy",
    "accumulated_gaussian_regression_error",
    "accumulated_refit_variance",
    "accumulated_refit_variance_limit",
    "accumulated_regression_bound",
    "accumulated_regression_error",
    "accumulated_reused_regression_error",
    "anchor_accuracy",
    "anchor_boosting",
    "anchor_diversity",
    "anchor_diversity_limit",
    "anchor_filter",
    "attempts_floor",
    "attempts_floor_leading",
    "attempts_until_accepted",
    "best_of_n_divergence",
    "best_of_n_probabilities",
    "best_of_n_win_rate",
    "blind_spot",
    "blind_spot_boosting",
    "boosting_error",
    "breakdown_error",
    "budget_error",
    "collision_probability",
    "correlated_floor",
    "correlated_noise",
    "curated_probabilities",
    "curation_gain",
    "drift_diversity",
    "even_labels_fixed_point",
    "few_visits_error",
    "few_visits_filtering",
    "few_visits_law",
    "filter_only_accuracy",
    "fixation",
    "fixation_time",
    "fixation_time_diffusion",
    "gaussian_regression_error",
    "group_advantage",
    "group_advantage_limit",
    "growing_diversity",
    "iterations_needed",
    "label_cost",
    "linear_diversity",
    "majority_error_bound",
    "majority_noise",
    "necessary_signal",
    "noisy_boosting",
    "partial_boosting_error",
    "partial_filter_accuracy",
    "partial_noisy_boosting",
    "pass_at",
    "pass_at_estimate",
    "persistent_filter_ancestry",
    "persistent_filter_floor",
    "persistent_labels_error",
    "policy_gradient_accuracy",
    "policy_gradient_limit",
    "refit_mean_error",
    "refit_variance",
    "regression_error",
    "response_survival",
    "reused_regression_error",
    "scheduled_diversity",
    "share_stall",
    "slack_bound",
    "stationary_accuracy",
    "subsample_diversity",
    "threshold_noise",
    "tilted_probabilities",
    "uneven_error",
    "votes_needed",
    "weighted_boosting_error",
    "weighted_boosting_limit",
    "weighted_floor",
    "weighted_floor_leading",
    "weighted_iterations_needed",
    "window_diversity",
    "window_equivalent_size",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Tell of a name that no law has, with the nearest one."""
        told = f"module {__name__!r} has no attribute {name!r}"
        near = [] if name.startswith("_") else get_close_matches(name, __all__, 1)
        if not near:
            raise AttributeError(told)
        # Of an object without near names: the interpreter would add its own guess to this one.
        raise AttributeError(f"{told}. Did you mean {near[0]!r}?", name=name, obj=None)
